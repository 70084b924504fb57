"""Lay out the row of numbers that a generator makes an example of: noise, and what is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from lab import About
from lab_gan.config import Config


class Meaning(NamedTuple):
    """What a row asks for: a class [B, K], and for InfoGAN a category [B, C] and numbers [B, N];
    classes and categories are one-hot, and a part that there is not has no columns."""

    classes: Tensor
    category: Tensor
    numbers: Tensor


@dataclass(frozen=True)
class Codes:
    """A row is [noise | class, one-hot | category, one-hot | numbers]."""

    noise: int
    classes: int
    categories: int
    numbers: int

    @classmethod
    def of(cls, config: Config, about: About) -> Codes:
        classes = len(about.classes) if config.conditional != "none" else 0
        return cls(config.latent, classes, config.info_categories, config.info_numbers)

    @property
    def width(self) -> int:
        return self.noise + self.classes + self.categories + self.numbers

    def draw(self, labels: Tensor, draw: Generator) -> Tensor:
        """Return random rows [B, width] for labels [B, K], one-hot, or [B, 0] where no class is
        asked for: noise is normal, categories are even, numbers lie between -1 and 1."""
        count, device = len(labels), labels.device
        parts = [torch.randn(count, self.noise, generator=draw, device=device), labels]
        if self.categories:
            drawn = torch.randint(self.categories, (count,), generator=draw, device=device)
            parts.append(one_hot(drawn, self.categories).float())
        if self.numbers:
            drawn = torch.rand(count, self.numbers, generator=draw, device=device)
            parts.append(2 * drawn - 1)
        return torch.cat(parts, 1)

    def read(self, rows: Tensor) -> Meaning:
        """Return what rows [B, width] ask for."""
        sizes = [self.noise, self.classes, self.categories, self.numbers]
        return Meaning(*torch.split(rows, sizes, 1)[1:])

    def label(self, classes: Tensor | None, count: int, device: torch.device) -> Tensor:
        """Return class numbers [B] as one-hot rows [B, K]; without columns where no class is asked
        for."""
        if not self.classes or classes is None:
            return torch.zeros(count, 0, device=device)
        return one_hot(classes.long(), self.classes).float()
