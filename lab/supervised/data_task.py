"""Learn from a split of a source: what every supervised task does, whatever its targets are."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from torch import Tensor

from lab.data.batches import Batches
from lab.data.dataset_info import DatasetInfo
from lab.data.options import DataOptions
from lab.engine.context import Context
from lab.engine.experiment import Experiment
from lab.supervised.early_stop import EarlyStop, validate
from lab.supervised.options import LabelOptions
from lab.supervised.sequence_inputs import filled


class DataTask:
    """The data of a run, its batches in order, and early stopping by epochs."""

    def __init__(self, config: Any, ctx: Context) -> None:
        """config: `DataOptions` and `LabelOptions` in one."""
        options: DataOptions = config
        labels: LabelOptions = config
        self.ctx = ctx
        self.data = ctx.data(options)
        self.early = EarlyStop(labels.patience, "min" if ctx.objective[1] == "min" else "max")

    @property
    def info(self) -> DatasetInfo:
        """Shapes, classes and scales: a `lab.DatasetInfo`."""
        return self.data.info

    @cached_property
    def batches(self) -> Batches:
        return self.data.batches()

    def stop_early(self, experiment: Experiment, moved: int) -> bool:
        """Tell, after a step, whether `patience` epochs brought no gain on the eval split."""
        if self.early.patience is None:
            return False
        size = len(self.data.train)
        seen = round(self.batches.epoch * size)
        if seen // size == (seen - moved) // size:
            return False
        metric = self.ctx.objective[0].removeprefix("eval/")
        return self.early.add(validate(experiment, self.ctx, metric))

    def example(self, number: int) -> Tensor:
        """Return the first inputs of the eval split [number, ...], as the source gives them; steps
        of numbers that only fill up are NaN."""
        return filled(self.data.eval.first(number))

    def state_dict(self) -> dict[str, Any]:
        return {"batches": self.batches.state_dict(), "early": self.early.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy a state in; a model alone, as it predicts, has none."""
        if "batches" in state:
            self.batches.load_state_dict(state["batches"])
            self.early.load_state_dict(state["early"])
