"""Fixtures: a context without a runner, one thread as the runner has it, the command line."""

from block_fixtures import ctx, make_ctx, seeded, threads
from shared_fixtures import cli

__all__ = ["cli", "ctx", "make_ctx", "seeded", "threads"]
