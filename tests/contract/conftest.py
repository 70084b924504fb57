"""Let the runs that the contract kills start warm, as other children of the tests do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from subprocess import CompletedProcess
from types import SimpleNamespace
from typing import Any

import helpers
import pytest

from lab.testing import resuming


@pytest.fixture(autouse=True)
def warm_victims(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(args: list[str], env: Mapping[str, str], **options: Any) -> CompletedProcess[str]:
        return helpers.run_child(args, Path.cwd(), env, warm=True)

    monkeypatch.setattr(resuming, "subprocess", SimpleNamespace(run=run))
