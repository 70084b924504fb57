"""Say what a way from data to noise offers: training pairs, and the way back.

All processes are of one form, x_t = alpha_t x_0 + sigma_t noise with noise ~ N(0, I), at times t
from 0, the data, to 1, noise. Networks are told x_t and t, and learn a mix of x_0 and the noise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

Model = Callable[[Tensor, float], Tensor]  # x_t [B, ...], t -> the network's output [B, ...]


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn.

    steps: from noise to data. guidance: 0 asks for no class, 1 for the class, more exaggerates it.
    eta: noise that DDIM adds on the way. solver: of a flow's equation, "euler" or "heun". bound:
    beyond which data are known not to go, or None.
    """

    steps: int = 50
    guidance: float = 1.0
    eta: float = 0.0
    solver: str = "euler"
    bound: float | None = None


class Process(ABC):
    """Shapes: B examples; what holds for each of them is [B]. first: the earliest time that a
    network is asked about."""

    first = 0.0

    def times(self, count: int, generator: Generator, device: torch.device) -> Tensor:
        """Return random times [B] in (0, 1], each uniform, and together evenly spread (Kingma et
        al., 2021, appendix I.1), which makes losses vary less."""
        first = torch.rand((), generator=generator, device=device)
        return 1 - (first + torch.arange(count, device=device) / count) % 1

    def rising(self, steps: int) -> list[float]:
        """Return times from data to noise, closer to each other near the data."""
        return [(number / steps) ** 2 for number in range(steps + 1)]

    def noised(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return x_t [B, ...] of data x_0 and noise [B, ...]."""
        alpha, sigma = self.scales(time, clean)
        return alpha * clean + sigma * noise

    @abstractmethod
    def scales(self, time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """Return alpha and sigma at times [B], with as many axes as `like` [B, ...]."""

    @abstractmethod
    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return what the network is to answer [B, ...]."""

    @abstractmethod
    def parts(self, noised: Tensor, output: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        """Return the data and the noise [B, ...] that an output takes x_t to be made of."""

    @abstractmethod
    def path(
        self, model: Model, noise: Tensor, how: Sampling, generator: Generator
    ) -> Iterator[Tensor]:
        """Yield x_t [B, ...] after each step from noise to data: the last one is a sample."""


def spread(values: Tensor, like: Tensor) -> Tensor:
    """Return values [B] with as many axes as `like` [B, ...]."""
    return values.view(-1, *[1] * (like.dim() - 1))


def at(time: float, like: Tensor) -> Tensor:
    """Return one time for all examples [B]."""
    return torch.full((len(like),), time, device=like.device)
