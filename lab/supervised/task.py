"""Combine what families of supervised networks have in common: data, loss and metrics.

No trainer: an experiment's `step` takes a batch from here, updates, and logs.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lab.data.augment import Augment
from lab.data.batches import IGNORED, Batch
from lab.data.dataset_info import DatasetInfo
from lab.engine.context import Context
from lab.errors import UsageError
from lab.metrics.metrics import Classification, Regression, Segmentation
from lab.nn.gradients import draw_layers, layer_statistics, metric_names
from lab.nn.losses import CrossEntropy, Loss, class_weights
from lab.spec import import_object
from lab.supervised import padding
from lab.supervised.config import REGRESSION_LOSSES, SupervisedConfig
from lab.supervised.data_task import DataTask
from lab.supervised.pictures import Answers, draw_confusion

EVALUATED = 512  # examples in a batch that is only measured


class Metrics(Protocol):
    """Metrics of a split, fed batch by batch: `Classification` and the others of `lab.metrics`."""

    def add(self, outputs: Tensor, targets: Tensor, /) -> None:
        """Add a batch; with `mask=` too where a source pads its sequences."""

    def compute(self, split: str) -> dict[str, float]: ...


def call(model: Any, batch: Batch) -> Tensor:
    """Return what a model gives for a prepared batch: `model(inputs)`, or `model(inputs, mask)`
    where the source has a mask."""
    outputs: Tensor = model(*(batch[name] for name in ("inputs", "mask") if name in batch))
    return outputs


def regression_loss(name: str) -> Loss:
    """Return the loss of values that an option `loss` names."""
    loss: Loss = import_object(REGRESSION_LOSSES[name])()
    return loss


def check_classes(info: DatasetInfo) -> None:
    """Raise UsageError where all examples are of one class: every answer would be right."""
    if info.task != "regress" and len(info.classes) == 1:
        target = f" of {info.target[0]}" if info.target else ""
        raise UsageError(
            f"{info.name} has one class{target}, {info.classes[0]!r}: nothing is to be told apart"
        )


class SupervisedTask(DataTask):
    """A supervised task on a source: batches, training loss and evaluation metrics.

    loss: the training loss, called with outputs and prepared targets; by default cross-entropy of
        classes and squared error of values, by the options. metrics: makes the object to which an
        evaluation adds outputs and targets, values in their own units; by default the task's.
    Batches come prepared: inputs [B, ...] as floats of mean 0 and standard deviation 1,
    augmented in training, or tokens [B, T], of texts as many as the longest has; targets as class
    indices [B], [B, T] or [B, H, W], class probabilities [B, K] after mixup, or standardized values
    [B, D].
    """

    def __init__(
        self,
        config: SupervisedConfig,
        ctx: Context,
        *,
        loss: Loss | None = None,
        metrics: Callable[[], Metrics] | None = None,
    ) -> None:
        super().__init__(config, ctx)
        self.config = config
        self._loss, self._metrics = loss, metrics
        if self.info.task == "regress" and config.label_smoothing:
            raise UsageError(f"--label-smoothing is for classes; {self.info.name} has none")
        if self.info.task == "regress" and config.class_weights != "none":
            raise UsageError(f"--class-weights is for classes; {self.info.name} has none")
        if self.info.task != "regress" and config.loss != "mse":
            raise UsageError(f"--loss {config.loss} is for values; {self.info.name} has classes")
        check_classes(self.info)
        self._trims = self.info.text is not None and padding.costs_nothing(ctx)
        self._augment = Augment(config.augment, self.info, ctx.generator)

    # -- training

    def next(self) -> Batch:
        """Return the next training batch, prepared and augmented."""
        _ = self.criterion  # made here: within a compiled update it could not be
        return self._augment(self.prepare(self.batches.next()))

    def prepare(self, batch: Batch) -> Batch:
        """Return a batch of the source as networks and the loss take it."""
        prepared = self.info.prepare(batch)
        return padding.trimmed(prepared, self.info) if self._trims else prepared

    def loss(self, model: Any, batch: Batch) -> tuple[Tensor, Any]:
        """Return the training loss, and the accuracy where there are classes."""
        outputs, targets = call(model, batch), batch["targets"]
        return self.criterion(outputs, targets), self.accuracy(outputs, targets)

    def weight(self, batch: Batch) -> Tensor:
        """Return the divisor of a batch's mean loss, for batches that are computed in parts."""
        return self.criterion.weight(batch["targets"])

    def accuracy(self, outputs: Tensor, targets: Tensor) -> Tensor | None:
        """Return the accuracy [], detached, over the classes that are not IGNORED; None in a
        regression."""
        if self.info.task == "regress":
            return None
        classes = targets.argmax(1) if targets.is_floating_point() else targets
        right = outputs.detach().argmax(1) == classes  # which IGNORED never is
        return right.sum() / (classes != IGNORED).sum().clamp(min=1)

    def log(self, loss: Tensor, accuracy: Tensor | None) -> None:
        self.ctx.log("loss", loss)
        if accuracy is not None:
            self.ctx.log("accuracy", accuracy)

    @cached_property
    def criterion(self) -> Loss:
        """The training loss: cross-entropy of classes, squared error of values, or another one."""
        if self._loss is not None:
            return self._loss
        if self.info.task == "regress":
            return regression_loss(self.config.loss)
        weights = None
        if self.config.class_weights == "balanced":
            labels = self.data.dataset.labels(self.data.parts["train"])
            classes = torch.from_numpy(labels).long().to(self.ctx.device)
            weights = class_weights(classes, self.info.outputs)
        return CrossEntropy(self.config.label_smoothing, weights, IGNORED)

    # -- measuring

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return the metrics of the entire split; pictures go to `ctx.media`."""
        metrics: Any = self._make_metrics()
        answers = Answers()
        for batch in self.data.part(split).batches(EVALUATED):
            with self.ctx.autocast():
                outputs = call(model, self.prepare(batch))
            if self.info.task == "regress":
                values = self.info.restore_targets(outputs.float())
                metrics.add(values, batch["targets"])
                answers.add(values, batch["targets"])
            elif "mask" in batch and batch["mask"].shape == batch["targets"].shape:
                metrics.add(outputs.float(), batch["targets"].long(), mask=batch["mask"])
            else:
                metrics.add(outputs.float(), batch["targets"].long())
        found: dict[str, float] = metrics.compute(split)
        if split == "test" and isinstance(metrics, Classification):
            self.ctx.media("confusion", draw_confusion(metrics.confusion(), self.info.classes))
        if split == "test" and answers:
            self.ctx.media("predicted_and_true", answers.draw(self.info.target))
        if split == "eval" and self.config.layer_stats:
            found |= self._look_inside(model)
        return found

    def _make_metrics(self) -> Metrics:
        if self._metrics is not None:
            return self._metrics()
        if self.info.task == "regress":
            return Regression()
        if self.info.task == "segment":
            return Segmentation(self.info.outputs)
        return Classification(self.info.outputs)

    def _look_inside(self, model: nn.Module) -> dict[str, float]:
        """Return gradient norms by layer on the first eval batch, and draw the layer statistics."""
        batch = self.info.prepare(next(self.data.eval.batches(self.config.batch_size)))
        layers = layer_statistics(model, self.loss, batch)
        self.ctx.media("layers", draw_layers(layers))
        norms = {
            row.name or row.type: row.gradient_norm
            for row in layers
            if row.gradient_norm is not None
        }
        return metric_names(norms, "gradient")
