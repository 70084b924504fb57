"""Print data on stdout, as aligned columns or as JSON, and messages on stderr."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.errors import UsageError
from lab.messages import duration
from lab.outputs import check_folder

if TYPE_CHECKING:
    from lab.engine.session import RunResult

PICTURES = (".png", ".svg", ".pdf", ".jpg")
SUFFIXES = {".gif", ".png", ".txt", ".csv", ".mp4", ".jpg", ".webp"}  # that mean a kind of file

WIDTH = 120  # columns of a table, at most
READABLE = 1e15  # whole numbers from here on are written with an exponent


def say(message: str) -> None:
    """Print a message for the person, on stderr."""
    click.echo(message, err=True)


def print_json(data: Any) -> None:
    click.echo(json.dumps(data, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns under bold heads; numbers are right-aligned."""
    table = [list(columns), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in table) for i in range(len(columns))]
    for number, row in enumerate(table):
        cells = [
            cell.rjust(width) if number and _is_number(cell) else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        line = "  ".join(cells).rstrip()
        click.echo(click.style(line, bold=True) if number == 0 else line)


def width_of(columns: Mapping[str, Sequence[str]]) -> int:
    """Return how many characters wide `print_table` prints columns by their names."""
    return sum(max(map(len, [name, *cells])) for name, cells in columns.items()) + 2 * len(columns)


def print_pairs(pairs: Mapping[str, Any] | Sequence[tuple[str, Any]]) -> None:
    """Print names and values in two columns."""
    rows = list(pairs.items()) if isinstance(pairs, Mapping) else pairs
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {value}")


def number(value: float | None) -> str:
    """Return a metric as people read it, or a dash."""
    if value is None:
        return "-"
    whole = float(value).is_integer() and abs(value) < READABLE
    return f"{value:,.0f}" if whole else f"{value:,.4g}"


def middle_out(name: str, length: int) -> str:
    """Shorten a name in its middle: names differ at their ends."""
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def size(count: int) -> str:
    """Return bytes as people read them."""
    for power, unit in ((3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:.1f} {unit}"
    return f"{count} bytes"


def age(updated: float | None) -> str:
    return f"{duration(time.time() - updated)} ago" if updated else "-"


def result_json(result: RunResult) -> dict[str, Any]:
    """Return the one object that `lab run --json` prints."""
    return {
        "dir": str(result.dir),
        "state": result.state,
        "summary": result.summary,
        "objective": result.objective,
    }


def _is_number(cell: str) -> bool:
    return cell == "-" or cell.replace(",", "").replace(".", "").lstrip("-").isdigit()


def check_picture(out: Path) -> None:
    """Raise UsageError where `--out` cannot be a picture: before the work that it is to show."""
    if out.suffix.lower() not in PICTURES:
        raise UsageError(f"--out {out}: the name must end in {', '.join(PICTURES)}")
    check_folder("--out", out)


def write_media(out: Path, content: Any) -> Path:
    """Write what people look at to `--out`, whose suffix may be left out; return the path.

    Raises UsageError where the suffix is that of another kind of file.
    """
    from lab.storage import media

    suffix = media.suffix(content)
    if out.suffix in SUFFIXES - {suffix}:
        raise UsageError(f"--out {out}: this is written as {suffix}. Name it {out.stem}{suffix}")
    check_folder("--out", out, made=True)
    stem = out.with_suffix("") if out.suffix == suffix else out
    stem.parent.mkdir(parents=True, exist_ok=True)
    return media.write(stem, content)
