"""The plugin keeps the contract that every tracker and every command keeps."""

from __future__ import annotations

from collections.abc import Callable

from lab.testing import parametrize_with_checks


@parametrize_with_checks("wandb", kind="tracker")
def test_tracker(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("sync", kind="command")
def test_sync(check: Callable[[], None]) -> None:
    check()


@parametrize_with_checks("wandb", kind="command")
def test_wandb(check: Callable[[], None]) -> None:
    check()
