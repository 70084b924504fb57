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

FITTED = 200  # training pictures of a class whose capsules a normal distribution is fitted to


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
        drawn = there.new_zeros(n, self.task.config.class_dim)
        for number in classes.unique().tolist():
            rows = classes == number
            drawn[rows] = normal(self.capsules_of(number), int(rows.sum()), self.ctx.generator)
        with self.ctx.autocast():
            pictures = self.net.decode(drawn[:, None].expand(-1, self.info.outputs, -1), there)
        return restored(pictures.float(), self.info, False)

    def capsules_of(self, number: int) -> Tensor:
        """Return the capsules of a class for training pictures of it [N, E]."""
        batch = self.pictures_of(number, self.task.data.train, FITTED)
        with self.ctx.autocast():
            capsules, _ = self.net.capsules(self.info.prepare_inputs(batch["inputs"]))
        return capsules[:, number]  # type: ignore[no-any-return]

    def perturbed(self, class_: str | None) -> Any:
        """Draw a test picture with each dimension of its capsule changed."""
        self.check()
        test, number = self.task.data.test, None
        batch = test.first(1)
        if class_ is not None:
            number = class_number(class_, self.info.classes)
            batch = self.pictures_of(number, test, 1)
        return pictures.perturbations(self.net, batch["inputs"], self.info, number)

    def pictures_of(self, number: int, split: Any, most: int) -> lab.Batch:
        """Return the first pictures of a class. Raises UsageError where there is none."""
        rows = (split.targets == number).nonzero()[:most, 0]
        if not len(rows):
            raise lab.UsageError(f"No picture is of class {self.info.classes[number]!r} there")
        batch: lab.Batch = split.take(rows)
        return batch

    def check(self) -> None:
        if self.net.decoder is None:
            raise lab.UsageError("This run has no decoder to draw with: --reconstruction was 0")


def normal(capsules: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n draws [n, E] from the normal distribution of capsules [N, E]; of few of them it has
    fewer directions."""
    mean: Tensor = capsules.mean(0)
    weights = torch.randn(n, len(capsules), generator=generator, device=capsules.device)
    spread: Tensor = (capsules - mean) / max(len(capsules) - 1, 1) ** 0.5
    return mean + weights @ spread
