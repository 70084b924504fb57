"""Record where a run's figures come from: versions, commit, command line."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("rl-gen-lab", "torch", "numpy", "gymnasium", "wandb")


def versions() -> dict[str, str]:
    """Return the versions that decide a result, without importing any of the packages."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def commit() -> str | None:
    """Return the commit of the working directory, with `+dirty` where it has changes."""
    head = _git("rev-parse", "HEAD")
    if head is None:
        return None
    return head + ("+dirty" if _git("status", "--porcelain", "--untracked-files=no") else "")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def provenance() -> dict[str, Any]:
    """Return all of it, with the time."""
    return {
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "command": sys.argv,
        "commit": commit(),
        "platform": platform.platform(),
        "versions": versions(),
    }
