"""Draw pictures from the decoder of a capsule network."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

import lab
from lab.generative import class_number, restored, sample_grid, showable
from lab_capsnet import pictures
from lab_capsnet.config import Sample
from lab_capsnet.task import Classes

FITTED = 2_000  # training pictures whose capsules a normal distribution is fitted to


class Sampler:
    """Shapes: n pictures [n, C, H, W]; capsules of E dimensions."""

    def __init__(self, task: Classes, ctx: lab.Context, net: Any) -> None:
        self.task, self.ctx, self.net = task, ctx, net

    @property
    def info(self) -> lab.DatasetInfo:
        return self.task.info

    def show(self, options: Sample) -> Any:
        """Return samples as one picture, or a figure of what the dimensions of a capsule change."""
        if options.perturb:
            return self.perturbed(options.class_)
        columns = None if options.class_ else len(self.info.classes)
        return sample_grid(showable(self.generate(options.n, options.class_)), columns)

    def generate(self, n: int, class_: str | None = None) -> Tensor:
        """Return pictures of capsules that are drawn for a class, or for all in turn: from the
        normal distribution of the capsules of its training pictures."""
        self.check()
        classes = torch.arange(n, device=self.ctx.device) % self.info.outputs
        if class_ is not None:
            classes = torch.full_like(classes, class_number(class_, self.info.classes))
        there = functional.one_hot(classes, self.info.outputs).float()
        of_class, labels = self.trained_capsules()
        drawn = torch.zeros(n, of_class.shape[1], device=self.ctx.device)
        for number in classes.unique().tolist():
            rows = classes == number
            drawn[rows] = normal(of_class[labels == number], int(rows.sum()), self.ctx.generator)
        return self.decode(drawn[:, None] * there[:, :, None], there)

    def trained_capsules(self) -> tuple[Tensor, Tensor]:
        """Return the capsules of the true classes of training pictures [N, E], and those [N]."""
        batch = self.task.info.prepare(self.task.data.train.first(FITTED))
        capsules, _ = self.net.capsules(batch["inputs"])
        labels = batch["targets"]
        return capsules[torch.arange(len(labels), device=labels.device), labels], labels

    def perturbed(self, class_: str | None) -> Any:
        """Draw a test picture with each dimension of its capsule changed."""
        self.check()
        batch = self.task.data.test.first(FITTED)
        row = 0
        if class_ is not None:
            of_class = batch["targets"] == class_number(class_, self.info.classes)
            row = int(of_class.int().argmax())
        return pictures.perturbations(self.net, batch["inputs"][row : row + 1], self.info)

    def decode(self, capsules: Tensor, there: Tensor) -> Tensor:
        with self.ctx.autocast():
            return restored(self.net.decode(capsules, there).float(), self.info, False)

    def check(self) -> None:
        if self.net.decoder is None:
            raise lab.UsageError("This run has no decoder to draw with: --reconstruction was 0")


def normal(capsules: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n draws [n, E] from the normal distribution of capsules [N, E]; of few of them it has
    fewer directions."""
    mean = capsules.mean(0)
    weights = torch.randn(n, len(capsules), generator=generator, device=capsules.device)
    return mean + weights @ (capsules - mean) / max(len(capsules) - 1, 1) ** 0.5
