"""Stop training early when a metric has not improved for a while."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from lab.engine.context import Context
from lab.engine.experiment import Experiment


class EarlyStop:
    """Counts values without a gain, which is an improvement on the best by more than `min_delta`.

    `step` feeds it, at intervals of the experiment's own: how often `evaluate` is called is an
    option, and may not change training.
    """

    def __init__(
        self,
        patience: int | None,
        direction: Literal["min", "max"] = "min",
        min_delta: float = 0.0,
    ) -> None:
        self.patience, self.direction, self.min_delta = patience, direction, min_delta
        self.best: float | None = None
        self.waited = 0

    def add(self, value: float) -> bool:
        """Take the next value, and tell whether training should end."""
        if self.best is None or self._gain(value) > self.min_delta:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return self.stopped

    def _gain(self, value: float) -> float:
        assert self.best is not None
        return value - self.best if self.direction == "max" else self.best - value

    @property
    def stopped(self) -> bool:
        """Tell whether `patience` values in a row brought no gain; never without a patience."""
        return self.patience is not None and self.waited >= self.patience

    def state_dict(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]


def validate(experiment: Experiment, ctx: Context, metric: str) -> float:
    """Return a metric of `experiment.evaluate("eval")` by bare name, in the middle of training and
    without a trace in it: eval mode, no gradients, and all random generators are restored."""
    before, media = ctx.randomness.state_dict(), list(ctx.shown)
    try:
        with ctx.compute.evaluating():
            return float(experiment.evaluate("eval")[metric])
    finally:
        ctx.randomness.load_state_dict(before)
        ctx.shown = media
