"""Read `--stop-at` criteria: `eval/return>=475`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.errors import UsageError

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
PATTERN = re.compile(r"\s*(eval/[a-z0-9_]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*")


@dataclass(frozen=True)
class StopAt:
    """A comparison of one evaluation metric with a number."""

    metric: str  # full name
    sign: str
    value: float

    @classmethod
    def parse(cls, text: str) -> StopAt:
        """Raises UsageError where `text` is no criterion."""
        match = PATTERN.fullmatch(text)
        try:
            if match and math.isfinite(value := float(match[3])):
                return cls(match[1], match[2], value)
        except ValueError:
            pass
        raise UsageError(
            f"--stop-at {text!r} is no criterion. Write 'eval/<metric>>=<number>' "
            "(or <=, >, <), or a goal of the task by its name."
        )

    def met(self, metrics: Mapping[str, float]) -> bool:
        """Tell whether `metrics`, meet the criterion; an absent one does not."""
        return self.metric in metrics and COMPARE[self.sign](metrics[self.metric], self.value)

    def __str__(self) -> str:
        return f"{self.metric}{self.sign}{self.value:g}"
