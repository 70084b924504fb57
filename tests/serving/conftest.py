"""Fixtures: a browser, the command line, and one thread as the runner has it."""

from browser_fixtures import browser, chrome
from shared_fixtures import cli, threads

__all__ = ["browser", "chrome", "cli", "threads"]
