"""Know what a perfect network would answer, for data that are a mixture of Gaussians."""

from __future__ import annotations

import torch
from torch import Tensor

from lab import Data
from lab.generative import mixture_of
from lab_diffusion.process import Process


class Mixture:
    """centers: [K, D], all as likely; std: [D], the same around each of them. Centered units."""

    def __init__(self, centers: Tensor, std: Tensor) -> None:
        self.centers, self.std = centers.double(), std.double()

    @classmethod
    def of(cls, data: Data) -> Mixture | None:
        """Return the mixture that a source tells it is, or None."""
        if "center" not in data.dataset.factors or data.info.kind != "table":
            return None
        centers, std = mixture_of(data)
        return cls(data.info.prepare_inputs(centers), std / torch.tensor(data.info.std))

    def clean(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Return E[x_0 | x_t] [B, D] at alpha and sigma [B, 1]: the mean of the components' own,
        each weighted by its posterior probability."""
        x, alpha, sigma = x.double(), alpha.double(), sigma.double()
        variance = ((alpha * self.std).square() + sigma.square())[:, None]  # [B, 1, D]
        gap = x[:, None] - alpha[:, None] * self.centers  # [B, K, D]
        weight = (-0.5 * gap.square() / variance).sum(2).softmax(1)  # [B, K]
        means = self.centers + alpha[:, None] * self.std.square() / variance * gap
        return (weight[:, :, None] * means).sum(1)

    def noise(self, x: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """Return E[noise | x_t] [B, D], which is -sigma times the score of p(x_t)."""
        return (x - alpha * self.clean(x, alpha, sigma)) / sigma


def score_errors(
    mixture: Mixture, process: Process, x: Tensor, output: Tensor, time: Tensor
) -> Tensor:
    """Return the squared error [B], mean over dimensions, of the noise that outputs stand for: of
    sigma times the score, so that noise levels compare."""
    alpha, sigma = (scale.cpu() for scale in process.scales(time, x))
    learned = process.parts(x, output, time)[1].cpu().double()
    return (learned - mixture.noise(x.cpu(), alpha, sigma)).square().mean(1)
