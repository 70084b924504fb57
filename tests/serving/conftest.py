"""Fixtures: the command line, and one thread as the runner has it."""

from shared_fixtures import cli, threads

__all__ = ["cli", "threads"]
