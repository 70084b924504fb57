"""Learn labels of sequences: a class or values for each, or a class for each step."""

from __future__ import annotations

from typing import Any

from lab.supervised.label_task import LabelTask
from lab_rnn import pictures
from lab_rnn.config import Config


class Labels(LabelTask):
    """Shapes: B sequences of T steps, K classes or values."""

    config: Config

    def measure(self, model: Any, split: str) -> dict[str, float]:
        """Return the metrics of a split; draw what happens over the steps, before and after."""
        metrics = super().measure(model, split)
        if self.config.plots and (split == "test" or self.ctx.clock == 0):
            batch = self.info.prepare(self.data.part(split).first(pictures.EXAMPLES))
            for name, figure in pictures.looks(model, self.criterion, batch, self.info):
                self.ctx.media(name, figure)
        return metrics
