"""Fixtures: a fixed seed, and one thread as the runner has it."""

from block_fixtures import seeded, threads

__all__ = ["seeded", "threads"]
