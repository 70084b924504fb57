"""Denoise step by step, by a chain or without its randomness.

Ho et al., "Denoising diffusion probabilistic models" (2020); Song et al., "Denoising diffusion
implicit models" (2021).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Generator, Tensor

from lab_diffusion.process import Model, Process, Sampling, at, spread


class DDPM(Process):
    """Noise comes in T steps; time t is step t T.

    alpha_bar: float64 [T + 1], see `schedules.py`. prediction: "epsilon", the noise (Ho et al.), or
    "v", alpha noise - sigma x_0 (Salimans and Ho, 2022), which stays meaningful where next to
    nothing of the data is left.
    """

    def __init__(self, alpha_bar: Tensor, prediction: str, device: torch.device) -> None:
        self.alpha_bar: list[float] = alpha_bar.tolist()
        self.timesteps = len(alpha_bar) - 1
        self.prediction = prediction
        self.first = 1 / self.timesteps
        self._scales = torch.stack([alpha_bar.sqrt(), (1 - alpha_bar).sqrt()]).float().to(device)

    def times(self, count: int, generator: Generator, device: torch.device) -> Tensor:
        """Return random times [B] of steps 1..T."""
        return (super().times(count, generator, device) * self.timesteps).ceil() / self.timesteps

    def rising(self, steps: int) -> list[float]:
        """Return times of whole steps."""
        whole = {round(time * self.timesteps) for time in super().rising(steps)}
        return [step / self.timesteps for step in sorted(whole)]

    def scales(self, time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self._scales[:, (time * self.timesteps).round().long()]
        return spread(alpha, like), spread(sigma, like)

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        if self.prediction == "epsilon":
            return noise
        alpha, sigma = self.scales(time, clean)
        return alpha * noise - sigma * clean

    def parts(self, noised: Tensor, output: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.scales(time, noised)
        if self.prediction == "epsilon":
            return (noised - sigma * output) / alpha, output
        return alpha * noised - sigma * output, sigma * noised + alpha * output

    def path(
        self, model: Model, noise: Tensor, how: Sampling, generator: Generator
    ) -> Iterator[Tensor]:
        """Yield x_t by DDIM over evenly spaced steps of the T, `how.steps` of them. With eta 1 and
        all T it is the chain of Ho et al. (algorithm 2, of variance beta-tilde)."""
        x = noise
        every = [round(self.timesteps * n / how.steps) for n in range(how.steps, -1, -1)]
        for now, then in pairwise(every):
            output = model(x, now / self.timesteps)
            clean, noise = self.bounded(x, output, now, how.bound)
            x = self.step(clean, noise, now, then, how.eta, generator)
            yield x

    def bounded(
        self, x: Tensor, output: Tensor, now: int, bound: float | None
    ) -> tuple[Tensor, Tensor]:
        """Return data and noise of x_t, as `parts` does; data beyond the bound are cut to it, and
        the noise is then what is left."""
        time = at(now / self.timesteps, x)
        clean, noise = self.parts(x, output, time)
        if bound is None:
            return clean, noise
        alpha, sigma = self.scales(time, x)
        clean = clean.clamp(-bound, bound)
        return clean, (x - alpha * clean) / sigma

    def step(
        self, clean: Tensor, noise: Tensor, now: int, then: int, eta: float, generator: Generator
    ) -> Tensor:
        """Return x at step `then` < `now` (Song et al., 2021, equations 12 and 16)."""
        before, after = self.alpha_bar[now], self.alpha_bar[then]
        variance = eta**2 * (1 - after) / (1 - before) * (1 - before / after)
        x = math.sqrt(after) * clean + math.sqrt(max(0.0, 1 - after - variance)) * noise
        if not variance:
            return x
        fresh = torch.empty_like(x).normal_(generator=generator)
        return x + math.sqrt(variance) * fresh
