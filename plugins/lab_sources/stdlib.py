"""Read the source of Python's standard library as one text."""

from __future__ import annotations

import sysconfig
from collections.abc import Iterator
from pathlib import Path

import lab
from lab_sources.texts import pieces

# what others wrote, what tests, and what is written by programs
LEFT_OUT = {
    "site-packages", "dist-packages", "test", "tests", "idle_test", "__pycache__", "lib-dynload",
    "encodings", "pydoc_data",
}  # fmt: skip
GENERATED = ("_sysconfigdata", "config-")


def stdlib(n: int) -> lab.Dataset:
    """Return the library of the python that runs, files by name, as a stream of lines; the first
    `n` characters at most, up to the end of a line, or all for n = 0.

    Each version of Python has another text. Raises UsageError where its source is not there.
    """
    root = Path(sysconfig.get_path("stdlib"))
    text = _joined(root, n) if root.is_dir() else ""
    if not text:
        raise lab.UsageError(f"stdlib: there is no source of Python in {root}")
    return lab.Dataset(list(pieces(text)), stream=True)


def files(root: Path) -> Iterator[Path]:
    """Yield the source files under a library's folder, by name, those of a folder in its place."""
    for path in sorted(root.iterdir()):
        if path.name in LEFT_OUT or path.name.startswith(GENERATED):
            continue
        if path.is_dir():
            yield from files(path)
        elif path.suffix == ".py":
            yield path


def _joined(root: Path, n: int) -> str:
    """Return the files one after the other: no more of them are read than are needed."""
    parts: list[str] = []
    size = 0
    for path in files(root):
        if n and size >= n:
            break
        parts.append(path.read_text(encoding="utf-8", errors="replace"))
        size += len(parts[-1])
    text = "".join(parts)
    if not n or len(text) <= n:
        return text
    return text[: text.rfind("\n", 0, n) + 1] or text[:n]
