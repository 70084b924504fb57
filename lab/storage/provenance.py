"""Record where a run's results come from: versions, commit, command line."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Any

from lab.plugins import DISTRIBUTION


def versions() -> dict[str, str]:
    """Return the versions that decide a result, without importing any of the packages."""
    packages = (DISTRIBUTION, *requirements())
    return {"python": platform.python_version(), **{name: _version(name) for name in packages}}


@cache
def requirements() -> tuple[str, ...]:
    """Return the distributions that the lab needs, whatever extras are installed."""
    with suppress(PackageNotFoundError):
        needed = [line for line in requires(DISTRIBUTION) or () if "extra ==" not in line]
        return tuple(re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in needed)
    return ()


@cache  # what is imported by then stays as it is
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


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
