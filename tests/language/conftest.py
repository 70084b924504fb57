"""Fixtures: one thread as the runner has it, the command line."""

from shared_fixtures import cli, threads

__all__ = ["cli", "threads"]
