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
from lab.optim import Updater
from lab.supervised.inputs import as_inputs, ranked, read_inputs
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
        about = self.supervision.about
        if config.arch == "perceptron" and about.task != "classify":
            raise lab.UsageError(f"Threshold units tell classes apart; {about.name} has none")
        self.net = ctx.wrap(build(config, about))
        self.drawn = config.boundary and about.task == "classify" and about.shape == (2,)
        self.frames: list[Picture] = []
        self.over = False
        self.updater = None
        if config.arch != "perceptron":
            lesson = self.supervision
            self.updater = Updater(ctx, self.net, config, lesson.loss, weight=lesson.weight)

    def step(self) -> int:
        """Learn from one minibatch."""
        if self.over:
            return 0
        self.keep_frame()
        batch = self.supervision.next()
        if self.updater is None:
            loss, hits = self.net.learn(batch["inputs"], batch["targets"], self.config.lr)
        else:
            loss, hits = self.updater(batch)
            self.ctx.log("lr", self.updater.lr)
        self.supervision.log(loss, hits)
        moved = len(batch["inputs"])
        self.over = self.supervision.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.averaged():
            figures = self.supervision.measure(self.net, split)
            if self.drawn:
                picture = self.boundary()
                if split == "eval":
                    self.ctx.media("boundary", picture)
                else:  # what was selected comes last
                    self.ctx.media("boundary_in_training", lab.Clip([*self.frames, picture], FPS))
        return figures

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return the probabilities of the classes, or the values [B, K], for inputs [B, ...] as
        the source gives them."""
        about = self.supervision.about
        with self.averaged():
            prepared = about.prepare_inputs(as_inputs(inputs, about, self.ctx.device))
            return self.answer(prepared).cpu().numpy()

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.supervision.example(number)

    def answer(self, prepared: Tensor) -> Tensor:
        outputs: Tensor = self.net(prepared)
        about = self.supervision.about
        return outputs.softmax(1) if about.classes else about.restore_targets(outputs)

    def predict_command(self, asked: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes, or the values, of image files or rows of numbers."""
        about = self.supervision.about
        return ranked(self.predict(read_inputs(asked.inputs, about)), asked, about)

    def export_command(self, asked: Export) -> Path:
        """Write the network for other software. It takes prepared inputs."""
        with self.averaged():
            return export(self.net, self.supervision.about, asked, self.ctx.dir)

    def averaged(self) -> AbstractContextManager[None]:
        return nullcontext() if self.updater is None else self.updater.averaged()

    # -- pictures of data with two columns

    def boundary(self) -> Picture:
        """Draw the answers over training examples."""
        shown = self.supervision.data.train.first(POINTS)
        return draw(self.answer, self.supervision.about, shown["inputs"], shown["targets"])

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
            "frames": lab.plain(self.frames),
            "over": self.over,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        if self.updater is None:
            self.net.load_state_dict(state["model"])
        else:
            self.updater.load_state_dict(state)
        self.supervision.load_state_dict(state)
        if "frames" in state:  # a model alone leaves the frames that the animation is made of
            self.frames = lab.unplain(state["frames"])
            self.over = state["over"]
