"""Learn of returns their mean, or their distribution by quantiles.

A network's outputs are [B, A] for A actions, or [B, A, N] for N quantiles of each.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import huber_loss, mse_loss

from lab_dqn.config import Config
from lab_dqn.replay import Batch

LOSSES: Mapping[str, Callable[..., Tensor]] = {"huber": huber_loss, "mse": mse_loss}


class Returns(Protocol):
    def q(self, outputs: Tensor) -> Tensor:
        """Return Q-values [B, A]."""

    def target(self, batch: Batch, outputs: Tensor, by: Tensor) -> Tensor:
        """Return what the outputs for the actions taken are to become, from `outputs` for the next
        observations, of the actions that are best by other ones."""

    def losses(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Return losses, TD errors and Q-values [B] of the actions taken, toward `target`."""


class Mean:
    """Q-values themselves (Mnih et al., 2015)."""

    def __init__(self, loss: str) -> None:
        self.loss = LOSSES[loss]

    def q(self, outputs: Tensor) -> Tensor:
        return outputs

    def target(self, batch: Batch, outputs: Tensor, by: Tensor) -> Tensor:
        best = outputs.amax(1) if by is outputs else _taken(outputs, by.argmax(1))
        return batch["reward"] + batch["discount"] * best

    def losses(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        q, target = _taken(outputs, batch["action"]), batch["target"]
        return self.loss(q, target, reduction="none"), (target - q).detach(), q.detach()


class Quantiles:
    """N quantiles of the return, at the middles of N equal parts of its probability (Dabney et al.,
    "Distributional reinforcement learning with quantile regression", 2018)."""

    def __init__(self, number: int, device: torch.device) -> None:
        self.levels = (torch.arange(number, device=device) + 0.5) / number  # their tau-hat, [N]

    def q(self, outputs: Tensor) -> Tensor:
        return outputs.mean(2)

    def target(self, batch: Batch, outputs: Tensor, by: Tensor) -> Tensor:
        best = _taken(outputs, by.mean(2).argmax(1))  # [B, N]
        return batch["reward"][:, None] + batch["discount"][:, None] * best

    def losses(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        quantiles, target = _taken(outputs, batch["action"]), batch["target"]
        q = quantiles.mean(1)
        return (
            quantile_huber(quantiles, target, self.levels),
            (target.mean(1) - q).detach(),
            q.detach(),
        )


def quantile_huber(quantiles: Tensor, samples: Tensor, levels: Tensor) -> Tensor:
    """Return the loss [B] of quantiles [B, N] at levels [N] toward samples [B, M]: the sum over
    quantiles of the mean over samples (equation 10, with kappa 1)."""
    error = samples[:, None] - quantiles[:, :, None]  # [B, N, M]
    huber = torch.where(error.abs() <= 1, 0.5 * error.square(), error.abs() - 0.5)
    weight = (levels[:, None] - (error.detach() < 0).to(error.dtype)).abs()
    loss: Tensor = (weight * huber).mean(2).sum(1)
    return loss


def make_returns(config: Config, device: torch.device) -> Returns:
    return Quantiles(config.quantiles, device) if config.quantiles else Mean(config.loss)


def _taken(outputs: Tensor, action: Tensor) -> Tensor:
    """Return the outputs of one action each, [B] or [B, N]."""
    if outputs.dim() == 2:
        return outputs.gather(1, action[:, None])[:, 0]
    return outputs[torch.arange(len(action), device=action.device), action]
