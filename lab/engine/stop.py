"""End a run at an evaluation: by a `--stop-at` criterion, `eval/return>=475`, or by a function."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lab.errors import LabError, UsageError
from lab.messages import describe

COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
PATTERN = re.compile(r"\s*(eval/[a-z0-9_]+)\s*(>=|<=|>|<)\s*([-+0-9.eE]+)\s*")

STOPPED = "stopped"  # how a run ended that a function stopped
OnEval = Callable[[int, Mapping[str, float]], bool | None]


def check_function(on_eval: OnEval | None) -> None:
    """Raises UsageError for what cannot be called."""
    if on_eval is not None and not callable(on_eval):
        raise UsageError(
            f"on_eval={on_eval!r} is no function: it is called as on_eval(clock, metrics)"
        )


def goes_on(on_eval: OnEval, clock: int, metrics: Mapping[str, float]) -> bool:
    """Ask a function whether a run goes on after an evaluation. False stops it; None, of a function
    that only looks, does not.

    Raises LabError that names the function where it raises.
    """
    try:
        answer = on_eval(clock, dict(metrics))
        return answer is None or bool(answer)
    except Exception as error:
        name = getattr(on_eval, "__qualname__", None) or type(on_eval).__name__
        raise LabError(f"on_eval={name} failed at clock {clock}: {describe(error)}") from error


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
