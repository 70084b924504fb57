"""State the contract between an experiment and the runner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from lab.engine.accumulator import MetricValue
    from lab.engine.context import Context


class Experiment(Protocol):
    """A trainable system. The runner owns the loop; an experiment owns the learning.

    Nothing is inherited: any class with these methods is an experiment.
    """

    def __init__(self, config: Any, ctx: Context) -> None:
        """Build the networks. Data, replay and environments come on first use, so that a
        trained run loads for prediction where they are absent; shapes go through
        `ctx.run_constant`."""

    def step(self) -> int:
        """Do one indivisible piece of learning and return how far the clock moved.

        0 says that nothing is left to do (the last phase is done).
        """

    def evaluate(self, split: str) -> Mapping[str, MetricValue]:
        """Measure on `split`: "eval" (validation, to select by) or "test" (once, at the end).

        Bare metric names (`return`); the runner prefixes the split. A metric is one number, or a
        tensor [S] with one value per lane; a run has one lane, S = 1. No side effects: the runner
        has put wrapped modules in eval mode, turned gradients off and set an evaluation seed.
        """

    def state_dict(self) -> dict[str, Any]:
        """Return everything that training needs to go on: tensors and plain data only.

        `state["model"]` alone must serve prediction.
        """

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy `state` in. Where it holds `model` alone, the rest keeps its initial value."""
