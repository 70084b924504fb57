"""Measure a set batch by batch: metrics of the entire set, not means of batch means.

Sums stay on the device and are transferred at once, when the metrics are computed. The names are
plain, as `evaluate` returns them; on "test" they come with n, and with a 95 % interval where there
is one.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.nn.losses import CrossEntropy, Loss
from lab.statistics import bounds, student, wilson

Array = np.ndarray[Any, np.dtype[Any]]
BINS = 15  # of confidence, as in Guo et al. (2017), section 2
TOP = 5


class Moments:
    """Count, mean and sum of squared deviations of each column, merged over batches by the formula
    of Chan, Golub & LeVeque (1983): no difference of large sums."""

    def __init__(self) -> None:
        self.number = 0
        self.mean: Tensor | None = None  # [K]
        self.squares: Tensor | None = None  # [K]

    def add(self, rows: Tensor) -> None:
        """Add rows [B, K]."""
        rows = rows.to(widest(rows))
        number, mean = len(rows), rows.mean(0)
        squares = (rows - mean).square().sum(0)
        if self.mean is None or self.squares is None:
            self.number, self.mean, self.squares = number, mean, squares
            return
        total, step = self.number + number, mean - self.mean
        self.squares = self.squares + squares + step.square() * (self.number * number / total)
        self.mean = self.mean + step * (number / total)
        self.number = total

    def flat(self) -> Tensor | None:
        """Return the means, then the sums of squares [2 K]; None where nothing was added."""
        if self.mean is None or self.squares is None:
            return None
        return torch.cat([self.mean, self.squares])


class Confusion:
    """Confusion matrix [classes, classes]: rows are true classes, columns predicted ones."""

    def __init__(self, classes: int, ignore: int | None = None) -> None:
        self.classes, self.ignore = classes, ignore
        self.counts: Tensor | None = None

    def add(self, predicted: Tensor, targets: Tensor) -> None:
        """Add classes of one shape."""
        size = self.classes**2
        if self.counts is None:
            self.counts = torch.zeros(size + 1, dtype=torch.long, device=targets.device)
        cells = targets * self.classes + predicted
        if self.ignore is not None:  # a cell of its own: to select rows would wait for the device
            cells = cells.where(targets != self.ignore, size)
        cells = cells.flatten()
        self.counts.index_add_(0, cells, torch.ones_like(cells))

    def flat(self) -> Tensor | None:
        """Return the counts [classes * classes]; None where nothing was added."""
        return None if self.counts is None else self.counts[:-1]

    def array(self) -> Array:
        """Return the counts [classes, classes] on the CPU."""
        (counts,) = fetch(self.flat())
        return counts.reshape(self.classes, self.classes).astype(np.int64)


class Classification:
    """Metrics of a classifier: loss, accuracy, macro F1, expected calibration error, and top 5
    where there are more classes. An example may have one label or several, of its frames or steps.

    loss: the loss that `loss` reports; by default plain cross-entropy.
    """

    def __init__(self, classes: int, loss: Loss | None = None) -> None:
        self.classes, self.loss = classes, loss or CrossEntropy()
        self._table = Confusion(classes)
        self._sums: Tensor | None = None  # loss, its weight, top 5, then bins [3, BINS]
        self._examples, self._alone = 0, True  # alone: every example has one label

    @torch.no_grad()
    def add(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> None:
        """Add a batch: logits [B, C] and classes [B], or [B, C, T] and [B, T], or [B, C, H, W] and
        [B, H, W]; where `mask`, shaped as the classes, is False, neither counts. Raises ValueError
        where the shapes do not belong together."""
        _check_classes(logits, targets, self.classes)
        self._examples += len(targets)
        self._alone = self._alone and targets.ndim == 1
        if mask is not None:
            logits, targets = logits.movedim(1, -1)[mask], targets[mask]
        predicted = logits.argmax(1)
        self._table.add(predicted, targets)
        weight = self.loss.weight(targets)
        top = min(TOP, self.classes)
        hits = (logits.topk(top, dim=1).indices == targets.unsqueeze(1)).any(1)
        wide = widest(logits)
        heads = torch.stack([self.loss(logits, targets).to(wide) * weight, weight, hits.sum()])
        sums = torch.cat([heads.to(wide), _bins(logits, predicted == targets).flatten()])
        self._sums = sums if self._sums is None else self._sums + sums

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return the metrics of all that was added. Raises ValueError where nothing was.

        F1 is the mean over the classes that occur, among targets or predictions. On "test" n is the
        number of examples. There is no interval where they have several labels each: steps of one
        sequence are no independent trials.
        """
        table, sums = fetch(self._table.flat(), self._sums)
        counts = table.reshape(self.classes, self.classes)
        labels = counts.sum()
        bins, confidence, right = sums[3:].reshape(3, BINS)
        metrics = {
            "loss": sums[0] / max(sums[1], np.finfo(float).tiny),
            "accuracy": np.trace(counts) / labels,
            "macro_f1": macro_f1(counts),
            "ece": np.abs(right - confidence).sum() / bins.sum(),
        }
        if self.classes > TOP:
            metrics["top5"] = sums[2] / labels
        if split == "test":
            for name in ("accuracy", "top5") if self._alone else ():
                if name in metrics:
                    metrics |= bounds(name, wilson(float(metrics[name]), self._examples))
            metrics["n"] = self._examples
        return {name: float(value) for name, value in metrics.items()}

    def confusion(self) -> Array:
        """Return the counts [classes, classes]: rows are true classes, columns predictions."""
        return self._table.array()


class Segmentation:
    """Metrics of a segmentation: loss, pixel accuracy, mean intersection over union.

    ignore: the class of void pixels, which count for nothing. There is no interval: pixels of one
    picture are no independent trials.
    """

    def __init__(self, classes: int, ignore: int | None = None, loss: Loss | None = None) -> None:
        self.classes, self.loss = classes, loss or CrossEntropy(ignore=ignore)
        self._table = Confusion(classes, ignore)
        self._sums: Tensor | None = None  # loss, its weight, pictures

    @torch.no_grad()
    def add(self, logits: Tensor, targets: Tensor) -> None:
        """Add a batch: logits [B, C, H, W], classes [B, H, W]. Raises ValueError where the shapes
        do not belong together."""
        _check_classes(logits, targets, self.classes)
        self._table.add(logits.argmax(1), targets)
        weight = self.loss.weight(targets)
        pictures = torch.full_like(weight, len(targets))
        value = self.loss(logits, targets)
        sums = torch.stack([value * weight, weight, pictures]).to(widest(logits))
        self._sums = sums if self._sums is None else self._sums + sums

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return the metrics; mIoU is the mean over the classes that occur, among targets or
        predictions (Long et al., 2015, section 5). On "test" n is the number of pictures."""
        table, sums = fetch(self._table.flat(), self._sums)
        counts = table.reshape(self.classes, self.classes)
        hits, either = np.diag(counts), counts.sum(0) + counts.sum(1) - np.diag(counts)
        metrics = {
            "loss": sums[0] / max(sums[1], np.finfo(float).tiny),
            "pixel_accuracy": hits.sum() / max(counts.sum(), 1),
            "miou": _mean(hits[either > 0] / either[either > 0]),
        }
        if split == "test":
            metrics["n"] = sums[2]
        return {name: float(value) for name, value in metrics.items()}

    def confusion(self) -> Array:
        """Return the counts of pixels [classes, classes]: rows are true, columns predicted."""
        return self._table.array()


class Regression:
    """Metrics of a regression: mean squared and absolute error, and the fraction of the variance
    that is explained, the mean over outputs."""

    def __init__(self) -> None:
        self._targets, self._squared, self._errors = Moments(), Moments(), Moments()
        self._absolute: list[Tensor] = []  # errors [B] where there is one output

    @torch.no_grad()
    def add(self, outputs: Tensor, targets: Tensor) -> None:
        """Add a batch: outputs and targets [B] or [B, K]. Raises ValueError where they differ."""
        if outputs.shape != targets.shape:
            raise ValueError(f"outputs are {tuple(outputs.shape)}, targets {tuple(targets.shape)}")
        rows = targets.reshape(len(targets), -1).to(widest(targets))
        error = outputs.reshape(len(targets), -1).to(rows.dtype) - rows
        self._targets.add(rows)
        self._squared.add(error.square())
        self._errors.add(torch.stack([error.square().mean(1), error.abs().mean(1)], dim=1))
        if error.shape[1] == 1:
            self._absolute.append(error.abs().flatten())

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return mse, mae and r2; an output whose targets are all alike has r2 1 where it is met
        exactly and else 0. On "test" also intervals, n and, of one output, error_90: a new value
        lies within that of its prediction with a probability of at least 0.9, if it is drawn as the
        test examples were (split conformal; Lei et al., 2018, section 2.2)."""
        parts = self._errors, self._squared, self._targets
        errors, squared, targets = fetch(*(part.flat() for part in parts))
        n = self._errors.number
        residual, total = np.split(squared, 2)[0] * n, np.split(targets, 2)[1]
        exact = (residual == 0).astype(float)
        explained = np.where(total > 0, 1 - residual / np.where(total > 0, total, 1), exact)
        metrics = {"mse": errors[0], "mae": errors[1], "r2": explained.mean()}
        if split == "test":
            stds = np.sqrt(errors[2:] / max(n - 1, 1))
            for name, mean, std in zip(("mse", "mae"), errors[:2], stds, strict=True):
                metrics |= bounds(name, student(float(mean), float(std), n))
            rank = ceil(0.9 * (n + 1))
            if self._absolute and rank <= n:
                metrics["error_90"] = torch.cat(self._absolute).kthvalue(rank).values
            metrics["n"] = n
        return {name: float(value) for name, value in metrics.items()}


def macro_f1(counts: Array) -> float:
    """Return the mean F1 over the classes that occur in a confusion matrix."""
    hits, totals = np.diag(counts), counts.sum(0) + counts.sum(1)
    return _mean(2 * hits[totals > 0] / totals[totals > 0])


def _check_classes(logits: Tensor, targets: Tensor, classes: int) -> None:
    """Raise ValueError where logits [B, C, ...] are not for the labels [B, ...]."""
    shape, expected = tuple(logits.shape), (*targets.shape[:1], classes, *targets.shape[1:])
    if not targets.ndim or shape != expected:
        raise ValueError(f"logits are {shape}; {tuple(targets.shape)} labels need {expected}")


def _bins(logits: Tensor, right: Tensor) -> Tensor:
    """Return by bin of confidence the number of predictions, their summed confidence and how many
    are right [3, BINS]. Bin m is (m / BINS, (m + 1) / BINS]. logits [B, C, ...], right [B, ...]."""
    confidence = logits.float().softmax(1).amax(1).flatten()
    which = (confidence * BINS).ceil().long().clamp(1, BINS) - 1
    member = which == torch.arange(BINS, device=logits.device)[:, None]  # [BINS, labels]
    values = torch.stack([torch.ones_like(confidence), confidence, right.flatten().float()])
    return values.to(widest(logits)) @ member.T.to(widest(logits))


def fetch(*tensors: Tensor | None) -> list[Array]:
    """Bring flat tensors to the CPU at once. Raises ValueError where nothing was added."""
    present = [tensor for tensor in tensors if tensor is not None]
    if len(present) < len(tensors):
        raise ValueError("nothing was added: an empty set has no metrics")
    wide = widest(present[0])
    flat = torch.cat([tensor.to(wide) for tensor in present]).cpu().double().numpy()
    return np.split(flat, np.cumsum([len(tensor) for tensor in present])[:-1])


def widest(tensor: Tensor) -> torch.dtype:
    """Return the widest format that the tensor's device adds in."""
    return torch.float32 if tensor.device.type == "mps" else torch.float64


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else 0.0
