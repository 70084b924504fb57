"""Fixtures: a context without a runner, and one thread as the runner has it."""

from block_fixtures import ctx, make_ctx, seeded, threads

__all__ = ["ctx", "make_ctx", "seeded", "threads"]
