"""Count on the clock: when something done at every multiple of an interval is due."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Every:
    """The multiples of `every`."""

    every: int | None  # None: never

    def reached(self, before: int, now: int) -> int | None:
        """Return the last grid point in (before, now], or None. The step that reaches a point
        serves it, and the row carries the point, so that curves of different seeds align."""
        if self.every is None:
            return None
        point = now // self.every * self.every
        return point if point > before else None
