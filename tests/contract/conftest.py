"""Let the children of the contract start warm, as other children of the tests do.

Not those that show what a start imports.
"""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import helpers
import pytest

from lab.testing import resuming, sources


@pytest.fixture(autouse=True)
def warm_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server that they are forks of hashes words in another way than this process."""

    def run(args: list[str], **options: Any) -> CompletedProcess[str]:
        env = options.get("env", os.environ)
        return helpers.run_child(
            args, Path.cwd(), env, options.get("timeout", helpers.LONG), warm=True
        )

    for module in (resuming, sources):
        monkeypatch.setattr(module, "subprocess", SimpleNamespace(run=run))
