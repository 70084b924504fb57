"""Train capsule networks to classify pictures.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (NeurIPS 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.capabilities import Export, Predict
from lab.optim import Updater
from lab_capsnet.config import Config, Sample
from lab_capsnet.model import build
from lab_capsnet.sampling import Sampler
from lab_capsnet.startup import STEPS, Startup
from lab_capsnet.task import Classes

Array = np.ndarray[Any, np.dtype[Any]]


class CapsNet:
    """Shapes: B pictures [B, C, H, W], K classes."""

    network = staticmethod(build)  # what `lab model` lists

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = Classes(config, ctx)
        self.net: Any = ctx.wrap(build(config, self.task.info))
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.startup = Startup(routed=config.routings > 1)
        self.sampler = Sampler(self.task, ctx, self.net)
        self.stopped = False

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        loss, logged = self.updater(batch)
        self.ctx.log("loss", loss)
        self.ctx.log("lr", self.updater.lr)
        for name, value in logged.items():
            self.ctx.log(name, value)
        self.watch(logged)
        moved = len(batch["inputs"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def watch(self, logged: Mapping[str, Tensor]) -> None:
        """Warn once where the first steps changed nothing."""
        stuck = self.startup.add(logged)
        if stuck:
            self.ctx.warn(
                f"In {STEPS} steps {' and '.join(stuck)} did not move: the weights between "
                f"capsules are too small or too large. Change --init-scale "
                f"({self.config.init_scale:g}), or --lr."
            )

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            return self.task.measure(self.net, split)

    # -- using the network

    @torch.no_grad()
    def predict(self, images: Any) -> Array:
        """Return probabilities [B, K] of images as the source gives them: the lengths of the
        capsules over their sum."""
        with self.updater.averaged():
            return self.task.predict(self.net, images)

    def example(self, number: int) -> Tensor:
        """Return images that `predict` takes [number, ...]."""
        return self.task.example(number)

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes of image files, with their probabilities."""
        with self.updater.averaged():
            return self.task.predict_command(self.net, options)

    @torch.no_grad()
    def sample(self, n: int = 64, class_: str | None = None) -> Array:
        """Return pictures [n, C, H, W] that the decoder makes of capsules drawn for a class, or for
        all in turn; in [0, 1] where the source's are bytes."""
        with self.updater.averaged():
            return self.sampler.generate(n, class_).cpu().numpy()

    @torch.no_grad()
    def sample_command(self, options: Sample) -> Any:
        """Return such pictures as one; with --perturb what each dimension of a capsule changes."""
        with self.updater.averaged():
            return self.sampler.show(options)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's images to what `predict` returns."""
        with self.updater.averaged():
            return self.task.export(self.net, options)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.task.state_dict()}
        return {**state, "startup": self.startup.state_dict(), "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        if "startup" in state:  # a model alone predicts
            self.startup.load_state_dict(state["startup"])
            self.stopped = state["stopped"]
