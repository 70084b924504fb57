"""Weigh what a policy gains, what its values miss and its entropy, as one loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from lab_pg.actions import Actions, forbid
from lab_pg.config import Config

SMALLEST_STD = 1e-8  # that advantages are divided by


class Loss:
    """A callable `loss(network, batch) -> (loss, figures)`: of PPO its equation 7 with the values'
    error and the entropy as in equation 9, else the policy gradient with the same two.

    A batch has tensors [B, ...]; means are of the rows that are `learned`. Figures are detached.
    """

    def __init__(self, config: Config, actions: Actions) -> None:
        self.config, self.actions = config, actions
        self.clip = config.algorithm.clip_range

    def __call__(
        self, network: Any, batch: Mapping[str, Tensor]
    ) -> tuple[Tensor, dict[str, Tensor]]:
        outputs, value = network(batch["obs"])
        if "mask" in batch:
            outputs = forbid(outputs, batch["mask"])
        log_prob, entropies = self.actions.log_prob_and_entropy(outputs, batch["action"])
        log_ratio = log_prob - batch["log_prob"]
        ratio, mean = log_ratio.exp(), mean_over(batch["learned"])
        policy_loss = -mean(self.gain(log_prob, ratio, batch["advantage"]))
        entropy = mean(entropies)
        loss = policy_loss - batch["entropy_coef"] * entropy
        figures = {"policy_loss": policy_loss, "entropy": entropy}
        if value is not None:
            figures["value_loss"] = mean(self.value_error(value, batch))
            loss = loss + self.config.value_coef * figures["value_loss"]
        with torch.no_grad():
            figures["approx_kl"] = mean(ratio - 1 - log_ratio)  # Schulman's k3
            if self.clip is not None:
                figures["clip_fraction"] = mean(((ratio - 1).abs() > self.clip).float())
        return loss, {name: figure.detach() for name, figure in figures.items()}

    def gain(self, log_prob: Tensor, ratio: Tensor, advantage: Tensor) -> Tensor:
        """Return what is gained [B]: the smaller of the ratio's and the clipped one's."""
        if self.clip is None:
            return log_prob * advantage
        clipped = ratio.clamp(1 - self.clip, 1 + self.clip)
        return torch.min(ratio * advantage, clipped * advantage)

    def value_error(self, value: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return squared errors of values [B]: the larger one where moving is clipped."""
        error = (value - batch["target"]).square()
        if self.config.clip_value is None:
            return error
        bound, old = self.config.clip_value, batch["value"]
        near = old + (value - old).clamp(-bound, bound)
        return torch.max(error, (near - batch["target"]).square())


def mean_over(learned: Tensor) -> Callable[[Tensor], Tensor]:
    """Return what takes the mean of values [B] over the rows that are learned from; 0 of none."""
    share = learned / learned.sum().clamp(min=1)
    return lambda values: torch.where(learned, values, 0.0).dot(share)


def standardized(advantage: Tensor, learned: Tensor) -> Tensor:
    """Return advantages [B] with mean 0 and standard deviation 1 over the rows learned from."""
    mean = mean_over(learned)
    centered = advantage - mean(advantage)
    return centered / (mean(centered.square()).sqrt() + SMALLEST_STD)
