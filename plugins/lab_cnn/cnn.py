"""Train convolutional networks to classify images, or their pixels.

LeCun et al., "Gradient-based learning applied to document recognition" (1998), section II; each
architecture's own paper stands in its file. Segmentation: Long et al. (2015).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.nn import check_network, load_network
from lab.nn.export import export
from lab.nn.standalone import answering
from lab.optim import Updater
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab.supervised.task import SupervisedTask
from lab_cnn import pictures
from lab_cnn.config import Config
from lab_cnn.model import build, build_fcn
from lab_cnn.transfer import begin

Array = np.ndarray[Any, np.dtype[Any]]

AUX_WEIGHT = {"classify": 0.3, "segment": 0.5}  # Szegedy et al., 2015; Zhao et al., 2017


class CNN:
    """Shapes: B images [B, C, H, W], K classes."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.supervision = SupervisedTask(config, ctx)
        self.info = self.supervision.info
        self.format = torch.channels_last if config.channels_last else torch.contiguous_format
        network = begin(self.build, self.info.outputs, config, ctx)
        network.to(memory_format=self.format)  # type: ignore[call-overload]  # torch's own gap
        self.net: nn.Module = ctx.wrap(network)
        self.updater = Updater(ctx, self.net, config, self.loss, weight=self.supervision.weight)
        self.stopped = False

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        """Return the network for such data, with its initial weights: what `lab model` lists."""
        if info.kind != "image" or info.task not in AUX_WEIGHT:
            raise lab.UsageError(
                f"A convolutional network needs images and their classes; {info.name} is "
                f"{info.kind} data to {info.task}"
            )
        channels, height, width = info.shape
        shape: dict[str, Any] = {"channels": channels, "size": (height, width)}
        shape["classes"] = info.outputs
        if config.model:
            own = load_network(config.model, **shape)
            return own if info.task == "segment" else check_network(own, config.model, info)
        if info.task == "segment" and config.dropout is not None:
            raise lab.UsageError(
                "--dropout is for classifiers: an FCN forgets the layers that drop"
            )
        shape |= {"width": config.width, "pool": config.pool, "stem": config.stem}
        try:
            if info.task == "segment":
                return build_fcn(config.fcn, config.arch, **shape, aux=bool(config.with_aux))
            return build(config.arch, **shape, dropout=config.dropout, aux=config.with_aux)
        except ValueError as error:
            raise lab.UsageError(str(error)) from error

    def build(self, classes: int) -> nn.Module:
        """Return the network for `classes`, as those of somebody's weights may be others."""
        return self.network(self.config, replace(self.info, outputs=classes))

    # -- training

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.supervision.next()
        batch["inputs"] = images = batch["inputs"].contiguous(memory_format=self.format)
        loss, accuracy = self.updater(batch)
        self.supervision.log(loss, accuracy)
        self.ctx.log("lr", self.updater.lr)
        self.stopped = self.supervision.stop_early(self, len(images))
        return len(images)

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        """Return the loss, auxiliary heads' at their weight, and the accuracy of the main one."""
        outputs, targets = model(batch["inputs"]), batch["targets"]
        main, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
        value = self.supervision.criterion(main, targets)
        for logits in auxiliary:
            weight = AUX_WEIGHT[self.info.task]
            value = value + weight * self.supervision.criterion(logits, targets)
        return value, self.supervision.accuracy(main, targets)

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            metrics = self.supervision.measure(self.net, split)
            if split == "test" and self.config.plots:
                self.draw()
        return metrics

    # -- drawing and predicting

    def draw(self) -> None:
        """Draw what the network computes on examples of the test split."""
        batch = self.supervision.data.test.first(pictures.EXAMPLES)
        images, prepared = batch["inputs"], self.info.prepare_inputs(batch["inputs"])
        if self.info.task == "segment":
            masks = self.net(prepared).argmax(1)
            overlay = pictures.overlay(images, batch["targets"], masks, self.info)
            self.ctx.media("segmentation", overlay)
        targets = batch["targets"] if self.info.task == "classify" else None
        for name, picture in pictures.looks(self.net, images, prepared, self.info, targets):
            self.ctx.media(name, picture)

    @torch.no_grad()
    def predict(self, images: Any) -> Array:
        """Return the probabilities [B, K] of images as the source gives them; [B, K, H, W] of their
        pixels in a segmentation."""
        prepared = self.info.prepare_inputs(as_inputs(images, self.info, self.ctx.device))
        with self.updater.averaged():
            return self.net(prepared).softmax(1).cpu().numpy()  # type: ignore[no-any-return]

    def example(self, number: int) -> Tensor:
        """Return images that `predict` takes [number, ...]."""
        return self.supervision.example(number)

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes of image files, with their probabilities."""
        if self.info.task == "segment":
            raise lab.UsageError("A segmentation answers with a picture: see the run's media.")
        inputs = read_inputs(options.inputs, self.info)
        return ranked(inputs.answers(self.predict), inputs, options, self.info)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's images to what `predict` returns."""
        with self.updater.averaged():
            return export(answering(self.net, self.info), options, self.ctx.dir)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.supervision.state_dict()}
        return {**state, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.supervision.load_state_dict(state)
        self.stopped = state.get("stopped", False)
