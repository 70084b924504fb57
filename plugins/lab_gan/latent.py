"""Lay out a generator's latent vector: noise, labels and InfoGAN's codes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn.functional import one_hot

from lab import DatasetInfo
from lab_gan.config import Config


@dataclass(frozen=True)
class LatentSpec:
    """A row is [noise | class, one-hot | category, one-hot | continuous], as far as there are such
    parts. Category and continuous codes are InfoGAN's."""

    noise: int
    classes: int
    categories: int
    continuous: int

    @classmethod
    def of(cls, config: Config, info: DatasetInfo) -> LatentSpec:
        classes = len(info.classes) if config.conditional != "none" else 0
        return cls(config.latent_dim, classes, config.info_categorical, config.info_continuous)

    @property
    def width(self) -> int:
        return self.noise + self.classes + self.categories + self.continuous

    def draw(
        self, count: int, labels: Tensor | None, generator: Generator, device: torch.device
    ) -> Tensor:
        """Return random rows [count, width], with labels [count, K], one-hot, where there are
        classes: noise is normal, categories are uniform, continuous codes uniform in [-1, 1]."""
        parts = [torch.randn(count, self.noise, generator=generator, device=device)]
        if labels is not None:
            parts.append(labels)
        if self.categories:
            drawn = torch.randint(self.categories, (count,), generator=generator, device=device)
            parts.append(one_hot(drawn, self.categories).float())
        if self.continuous:
            drawn = torch.rand(count, self.continuous, generator=generator, device=device)
            parts.append(2 * drawn - 1)
        return torch.cat(parts, 1)

    def read(self, rows: Tensor) -> dict[str, Tensor]:
        """Return the parts of rows [B, width]: `labels` [B, K] and `category` [B, C], one-hot, and
        `numbers` [B, N]; parts of width 0 have no key."""
        names = ("noise", "labels", "category", "numbers")
        sizes = [self.noise, self.classes, self.categories, self.continuous]
        parts = dict(zip(names, torch.split(rows, sizes, 1), strict=True))
        return {name: part for name, part in parts.items() if name != "noise" and part.shape[1]}

    def label(self, classes: Tensor) -> Tensor:
        """Return class numbers [B] as one-hot rows [B, K]."""
        return one_hot(classes.long(), self.classes).float()
