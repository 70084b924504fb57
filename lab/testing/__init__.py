"""Check a plugin against the contract: as a report, as pytest tests, or by `lab check`.

A check is a plain function `check_...(subject)` that raises where a promise is not kept; the
message is a full sentence that names the likely cause.
"""

from __future__ import annotations

from lab.testing.pytest import parametrize_with_checks
from lab.testing.report import Report, Result, check_plugin, checks
from lab.testing.subject import CheckFailed, Skipped, Subject, expect

__all__ = [
    "CheckFailed",
    "Report",
    "Result",
    "Skipped",
    "Subject",
    "check_plugin",
    "checks",
    "expect",
    "parametrize_with_checks",
]
