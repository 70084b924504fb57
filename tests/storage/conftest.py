"""Fixtures: the toys as installed plugins, and the command line."""

from toy_fixtures import cli, site, spawn, toys, train

__all__ = ["cli", "site", "spawn", "toys", "train"]
