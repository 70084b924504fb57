"""Say how much memory is free, before something large is allocated."""

from __future__ import annotations

from pathlib import Path

import torch

from lab.errors import UsageError

MEMINFO = Path("/proc/meminfo")
CGROUP = Path("/sys/fs/cgroup")
PAGE = 1024  # bytes of /proc/meminfo's unit


def free_bytes(device: torch.device) -> int | None:
    """Return the bytes that may still be allocated on a device; None where nobody says."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free = [value for value in (_of_machine(), _of_container()) if value is not None]
    return min(free) if free else None


def _of_machine() -> int | None:
    """Return what Linux can hand out without swapping."""
    try:
        lines = dict(line.split(":", 1) for line in MEMINFO.read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) * PAGE
    except (OSError, KeyError, ValueError):
        return None


def _of_container() -> int | None:
    """Return what is left of the limit of the container that this runs in, if it has one. Files
    that it keeps in memory only for later count as free."""
    try:
        limit, used = ((CGROUP / f"memory.{name}").read_text() for name in ("max", "current"))
        lines = (CGROUP / "memory.stat").read_text().splitlines()
        files = dict(line.split() for line in lines)["inactive_file"]
        return int(limit) - int(used) + int(files)
    except (OSError, KeyError, ValueError):  # "max": none
        return None


def check_room(needed: int, device: torch.device, what: str, advice: str) -> None:
    """Raise UsageError where `what` needs more bytes than are free: it is known now, and not when
    the memory is full."""
    free = free_bytes(device)
    if free is not None and needed > free:
        place = "this machine" if device.type == "cpu" else str(device)
        raise UsageError(
            f"{what} needs {in_gigabytes(needed)}; {place} has {in_gigabytes(free)} free. {advice}"
        )


def in_gigabytes(number: int) -> str:
    """Return a number of bytes as a person reads it."""
    return f"{number / 2**30:,.1f} GiB"
