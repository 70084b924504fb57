"""Classes and values: of pictures (ViT), of sentences and sequences, or of each of their steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.nn.export import export
from lab.nn.standalone import answering
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab.supervised.task import SupervisedTask
from lab_transformer import pictures
from lab_transformer.config import Config
from lab_transformer.networks.answers import Labeler

Array = np.ndarray[Any, np.dtype[Any]]


class Labels:
    """Shapes: B examples, K classes or values; T steps where each has a label."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.supervision = SupervisedTask(config, ctx)
        self.info = self.supervision.info
        self.by_step: bool = ctx.run_constant("a label for each step", self._is_by_step)

    def _is_by_step(self) -> bool:
        targets = self.supervision.data.dataset.targets
        return self.info.task == "classify" and targets is not None and targets.ndim == 2

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return Labeler(config, info)

    def build(self) -> nn.Module:
        return Labeler(self.config, self.info, by_step=self.by_step)

    # -- training and measuring

    def next(self) -> lab.Batch:
        return self.supervision.next()

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        return self.supervision.loss(model, batch)

    def weight(self, batch: lab.Batch) -> Tensor:
        return self.supervision.weight(batch)

    def log(self, loss: Tensor, extra: Any) -> None:
        self.supervision.log(loss, extra)

    def stop_early(self, experiment: Any, moved: int) -> bool:
        return self.supervision.stop_early(experiment, moved)

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        return self.supervision.measure(model, split)

    def draw(self, model: nn.Module) -> None:
        """Draw where the network looks, in an example of the test split."""
        batch = self.supervision.data.test.first(1)
        for name, figure in pictures.looks(model, batch, self.info):
            self.ctx.media(name, figure)

    # -- answering

    def predict(self, model: nn.Module, inputs: Any) -> Array:
        """Return the probabilities of the classes, or the values, [B, K] or by step [B, K, T], for
        inputs [B, ...] as the source gives them."""
        prepared = self.info.prepare_inputs(as_inputs(inputs, self.info, self.ctx.device))
        outputs: Tensor = model(prepared)
        answers = outputs.softmax(1) if self.info.classes else self.info.restore_targets(outputs)
        return answers.cpu().numpy()

    def example(self, number: int) -> Tensor:
        return self.supervision.example(number)

    def predict_command(self, model: nn.Module, options: Predict) -> list[dict[str, Any]]:
        inputs = read_inputs(options.inputs, self.info)
        answers = inputs.answers(lambda values: self.predict(model, values))
        return ranked(answers, inputs, options, self.info)

    def export(self, model: nn.Module, options: Export, folder: Path) -> Path:
        return export(answering(model, self.info), options, folder)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return self.supervision.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.supervision.load_state_dict(state)
