"""Read the lines of a text file."""

from __future__ import annotations

from pathlib import Path

import lab


def text(path: str) -> lab.Dataset:
    """Return the lines of a UTF-8 file that are not empty, in order."""
    try:
        lines = Path(path).expanduser().read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise lab.UsageError(f"text: cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise lab.UsageError(f"text: {path} is no UTF-8 text (byte {error.start})") from error
    return lab.Dataset([line for line in lines if line.strip()])
