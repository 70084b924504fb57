"""Train feed-forward networks: by backpropagation (Rumelhart et al., 1986), or, for threshold
units, which have no gradient, by Rosenblatt's own rule (1958)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.capabilities import Export, Predict
from lab.nn.export import export
from lab.nn.standalone import answering
from lab.optim import Updater
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab.supervised.task import SupervisedTask
from lab_mlp.boundary import Picture, draw
from lab_mlp.config import Config
from lab_mlp.model import build

Array = np.ndarray[Any, np.dtype[Any]]

FRAMES = 30  # of the animated boundary
FPS = 8
POINTS = 2_000  # training examples that a picture shows


class MLP:
    """Shapes: B examples, K classes or values."""

    network = staticmethod(build)  # what `lab model` lists

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.supervision = SupervisedTask(config, ctx)
        info = self.supervision.info
        if config.arch == "perceptron" and info.task != "classify":
            raise lab.UsageError(f"Threshold units tell classes apart; {info.name} has none")
        self.net = ctx.wrap(build(config, info))
        self.drawn = config.boundary and info.task == "classify" and info.shape == (2,)
        self.frames: list[Picture] = []
        self.stopped = False
        self.updater = None
        if config.arch != "perceptron":
            task = self.supervision
            self.updater = Updater(ctx, self.net, config, task.loss, weight=task.weight)

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        self.keep_frame()
        batch = self.supervision.next()
        if self.updater is None:
            loss, accuracy = self.net.learn(batch["inputs"], batch["targets"], self.config.lr)
        else:
            loss, accuracy = self.updater(batch)
            self.ctx.log("lr", self.updater.lr)
        self.supervision.log(loss, accuracy)
        moved = len(batch["inputs"])
        self.stopped = self.supervision.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.averaged():
            metrics = self.supervision.measure(self.net, split)
            if self.drawn:
                picture = self.boundary()
                if split == "eval":
                    self.ctx.media("boundary", picture)
                else:  # of the selected weights comes last
                    self.ctx.media("boundary_in_training", lab.Clip([*self.frames, picture], FPS))
        return metrics

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return the probabilities of the classes, or the values [B, K], for inputs [B, ...] as
        the source gives them."""
        info = self.supervision.info
        with self.averaged():
            prepared = info.prepare_inputs(as_inputs(inputs, info, self.ctx.device))
            return self.answer(prepared).cpu().numpy()

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.supervision.example(number)

    def answer(self, prepared: Tensor) -> Tensor:
        outputs: Tensor = self.net(prepared)
        info = self.supervision.info
        return outputs.softmax(1) if info.classes else info.restore_targets(outputs)

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes, or the values, of images, rows of a table or texts."""
        info = self.supervision.info
        inputs = read_inputs(options.inputs, info)
        return ranked(inputs.answers(self.predict), inputs, options, info)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's inputs to what `predict` returns."""
        with self.averaged():
            return export(answering(self.net, self.supervision.info), options, self.ctx.dir)

    def averaged(self) -> AbstractContextManager[None]:
        return nullcontext() if self.updater is None else self.updater.averaged()

    # -- pictures of data with two columns

    def boundary(self) -> Picture:
        """Draw the predictions over training examples."""
        batch = self.supervision.data.train.first(POINTS)
        return draw(self.answer, self.supervision.info, batch["inputs"], batch["targets"])

    def keep_frame(self) -> None:
        """Draw the boundary at even steps of the budget, for the animation."""
        due = self.ctx.clock * FRAMES // self.ctx.budget
        if self.drawn and due >= len(self.frames):
            with self.ctx.compute.evaluating(), self.averaged():
                self.frames.append(self.boundary())

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        model = {"model": self.net.state_dict()}
        return {
            **(model if self.updater is None else self.updater.state_dict()),
            **self.supervision.state_dict(),
            "frames": lab.to_plain(self.frames),
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.updater is None:
            self.net.load_state_dict(state["model"])
        else:
            self.updater.load_state_dict(state)
        self.supervision.load_state_dict(state)
        if "frames" in state:  # a model alone leaves the frames that the animation is made of
            self.frames = lab.from_plain(state["frames"])
            self.stopped = state["stopped"]
