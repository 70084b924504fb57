"""Fixtures: a run for trackers to follow."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.tracking.tracker import RunInfo


@pytest.fixture
def make_run(run_info: Callable[..., RunInfo]) -> Callable[..., RunInfo]:
    """Return a maker of RunInfo; its folder exists."""
    return run_info
