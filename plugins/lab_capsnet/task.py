"""Learn the classes of pictures, and the pictures from the capsules of their classes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import lab
from lab.metrics import Classification
from lab.supervised.label_task import LabelTask
from lab.supervised.task import EVALUATED
from lab_capsnet import pictures
from lab_capsnet.config import Config
from lab_capsnet.losses import MarginLoss, memberships


class Classes(LabelTask):
    """Shapes: B pictures [B, C, H, W], K classes."""

    config: Config

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx, loss=MarginLoss(), metrics=self.make_metrics)
        self.mean, self.std = (
            torch.tensor(values, device=ctx.device).view(-1, 1, 1)
            for values in (self.info.mean, self.info.std)
        )

    def make_metrics(self) -> Classification:
        return Classification(self.info.outputs, MarginLoss())

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        """Return the loss, with the reconstruction from the capsules of the true classes, and what
        is logged of it."""
        images, targets = batch["inputs"], batch["targets"]
        answer = model(images, memberships(targets, self.info.outputs))
        loss = margin = self.criterion(answer.logits, targets)
        logged = {"accuracy": self.accuracy(answer.logits, targets)}
        logged |= {"margin_loss": margin.detach(), "routing_entropy": answer.entropy}
        if answer.reconstruction is not None:
            error = self.squared_error(answer.reconstruction, images).mean()
            loss = margin + self.config.reconstruction * error
            logged["reconstruction"] = error.detach()
        return loss, logged

    def squared_error(self, reconstruction: Tensor, images: Tensor) -> Tensor:
        """Return the sums of squares [B] over pixels; images as they are prepared."""
        pixels = images * self.std + self.mean
        return (reconstruction - pixels).square().flatten(1).sum(1)

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return the metrics of a split; after the last one draw what the capsules hold."""
        metrics = super().measure(model, split)
        if split == "test" and self.config.reconstruction:
            metrics["reconstruction"] = self.reconstruction_error(model)
        if split == "test" and self.config.plots:
            batch = self.data.test.first(pictures.EXAMPLES)
            for name, figure in pictures.looks(model, batch, self.info):
                self.ctx.media(name, figure)
        return metrics

    def reconstruction_error(self, model: Any) -> float:
        """Return the mean over test pictures of the squared errors of their pixels, summed, each
        drawn from the capsule of the answer."""
        errors = []
        for batch in self.data.test.batches(EVALUATED):
            images = self.info.prepare_inputs(batch["inputs"])
            with self.ctx.autocast():
                again = model.reconstruct(images)
            errors.append(self.squared_error(again.float(), images))
        return float(torch.cat(errors).mean())
