"""Train Transformers (Vaswani et al., 2017). What one is follows from the source: its kind says how
inputs are read (`networks/reader.py`), and what is learned of it, the task (`tasks/`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

import lab
from lab.capabilities import Export, PredictAny, Write
from lab.optim import Updater
from lab.supervised.language import language_task
from lab_transformer.config import Config
from lab_transformer.origin import begin
from lab_transformer.tasks.names import task_of


class Transformer:
    """One network, one task, one optimizer."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = task_of(config, ctx.task)(config, ctx)
        self.net: Any = ctx.wrap(begin(self.network(config, self.task.info), config, ctx))
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.stopped = False

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        """Return the network for such data, with its initial weights: what `lab model` lists."""
        return task_of(config, info.task).network(config, info)

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        loss, extra = self.updater(batch)
        self.task.log(loss, extra)
        self.ctx.log("lr", self.updater.lr)
        moved = len(batch["inputs"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            metrics = self.task.measure(self.net, split)
            if split == "test" and self.config.plots:
                self.task.draw(self.net)
        return metrics

    # -- answering

    @torch.no_grad()
    def predict(self, inputs: Any) -> Any:
        """Return what the task answers to inputs [B, ...] as the source gives them."""
        with self.updater.averaged():
            return self.task.predict(self.net, inputs)

    def example(self, number: int) -> Any:
        """Return inputs that `predict` takes [number, ...]."""
        return self.task.example(number)

    @torch.no_grad()
    def predict_command(self, options: PredictAny) -> list[dict[str, Any]]:
        """Return an answer for each input that a person gave."""
        options.check_are_of(self.task.asked, self.task.answers)
        with self.updater.averaged():
            return self.task.predict_command(self.net, options)

    def sample(self, **options: Any) -> list[str]:
        """Return texts that are written; the options are those of `lab.capabilities.Write`."""
        with self.updater.averaged():
            return language_task(self.task).sample(self.net, **options)

    def sample_command(self, options: Write) -> str:
        """Return texts, which are shown while they are written."""
        with self.updater.averaged():
            return language_task(self.task).sample_command(self.net, options)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's inputs to what `predict` returns."""
        with self.updater.averaged():
            return self.task.export(self.net, options)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.task.state_dict()}
        return {**state, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        self.stopped = state.get("stopped", False)
