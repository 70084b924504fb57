"""Report the result of each part: as a line of JSON between processes, as a line of the table."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

OK, FAILED, SKIPPED, LATE = "ok", "failed", "skipped", "late"
WIDTH = 120
MARK = "ROW "  # what a line begins with that holds a row: libraries print, too


@dataclass(frozen=True)
class Row:
    """status: ok, failed, skipped (it does not apply here) or late (there was no time left)."""

    family: str
    part: str
    status: str
    said: str
    seconds: float = 0.0
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_line(self) -> str:
        return MARK + json.dumps(asdict(self))

    @classmethod
    def from_line(cls, line: str) -> Row | None:
        """Return the row that a line holds; None for what somebody else printed."""
        return cls(**json.loads(line.removeprefix(MARK))) if line.startswith(MARK) else None


def heading() -> str:
    return _line("family", "part", "status", "seconds", "what came of it")


def table_lines(row: Row) -> Iterator[str]:
    """Yield the lines of the table that a row takes; none is longer than `WIDTH`."""
    room = WIDTH - len(_line("", "", "", "", "|")) + 1
    first, *rest = textwrap.wrap(row.said, room) or [""]
    yield _line(row.family, row.part, row.status, f"{row.seconds:.1f}", first)
    for line in rest:
        yield _line("", "", "", "", line)


def summary_lines(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a small table of families and parts, and counts of each status."""
    parts = list(dict.fromkeys(row.part for row in rows))
    status = {(row.family, row.part): row.status for row in rows}
    yield "".join([f"{'':12}", *(f"{part:>11}" for part in parts)])
    for family in dict.fromkeys(row.family for row in rows):
        yield "".join(
            [f"{family:12}", *(f"{status.get((family, part), '-'):>11}" for part in parts)]
        )
    counted = [f"{sum(row.status == s for row in rows)} {s}" for s in (OK, FAILED, SKIPPED, LATE)]
    yield ", ".join(counted)


def _line(family: str, part: str, status: str, seconds: str, text: str) -> str:
    return f"{family:12}{part:11}{status:9}{seconds:>7}  {text}"
