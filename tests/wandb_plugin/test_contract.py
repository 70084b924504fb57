"""The plugin keeps the contract that every tracker and every command keeps."""

from __future__ import annotations

from lab.testing import parametrize_with_checks


@parametrize_with_checks("wandb", kind="tracker")
def test_tracker(check) -> None:
    check()


@parametrize_with_checks("sync", kind="command")
def test_sync(check) -> None:
    check()


@parametrize_with_checks("wandb", kind="command")
def test_wandb(check) -> None:
    check()
