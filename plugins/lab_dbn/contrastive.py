"""Train one RBM: contrastive divergence, with chains that start anew or persist.

    W <- W + lr (<v h>_data - <v h>_model)
    b <- b + lr (<v>_data - <v>_model)          visible biases
    c <- c + lr (<h>_data - <h>_model)          hidden biases

Hinton, "Training products of experts by minimizing contrastive divergence" (2002). <.>_data has the
visible units clamped to the data. <.>_model would be of equilibrium in exact learning; here it is
of the states after k Gibbs steps, by chains that start at the data (CD-k) or go on from the last
batch (PCD: Tieleman, 2008). Which states are drawn and which are means follows section 3 of
Hinton's "A practical guide to training restricted Boltzmann machines" (2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor

from lab_dbn.config import Config
from lab_dbn.rbm import RBM, bits

ACTIVITY_MEMORY = 0.9  # of the mean activity that the sparsity target compares


class Phase(NamedTuple):
    """The states that one of the two averages is over."""

    visible: Tensor  # [B, V] states
    hidden: Tensor  # [B, H] means, given those


class Update(NamedTuple):
    """Results of an update."""

    fantasy: Tensor  # [B, V] visible states at the end of the chains
    error: Tensor | None  # squared error of the reconstruction, by example; PCD has none


class Contrastive:
    """Shapes: B examples in a batch and as many chains, V visible units with labels, H hidden ones.

    chains: the hidden bits [B, H] that persistent chains are at; None for CD-k.
    """

    def __init__(self, rbm: RBM, config: Config, batch: int, generator: Generator) -> None:
        self.rbm, self.config, self.generator = rbm, config, generator
        new, (visible, hidden) = rbm.weight.new_zeros, rbm.weight.shape
        self.velocity = [new(visible, hidden), new(visible), new(hidden)]
        self.activity = None if config.sparsity is None else new(hidden).fill_(config.sparsity)
        self.chains: Tensor | None = None
        if config.persistent:
            self.chains = bits(new(batch, hidden).fill_(0.5), generator)

    @torch.no_grad()
    def update(self, data: Tensor, lr: float, momentum: float) -> Update:
        """Train on data [B, V]."""
        positive = Phase(data, self.rbm.hidden_mean(data))
        error = None
        if self.chains is None:  # CD-k
            reconstruction = self.rbm.visible_mean(bits(positive.hidden, self.generator))
            error = (data - reconstruction).square().sum() / len(data)
            negative = self.gibbs(reconstruction)
        else:  # PCD
            negative = self.gibbs(self.rbm.visible_mean(self.chains))
            self.chains = bits(negative.hidden, self.generator)
        if self.activity is not None:
            self.make_sparse(positive.hidden, self.activity)
        self.ascend(positive, negative, lr, momentum)
        return Update(negative.visible, error)

    def gibbs(self, mean: Tensor) -> Phase:
        """Take k Gibbs steps; the first starts from the visible means [B, V]."""
        end = self.go_up(mean)
        for _ in range(self.config.cd_k - 1):
            end = self.go_up(self.rbm.visible_mean(bits(end.hidden, self.generator)))
        return end

    def go_up(self, mean: Tensor) -> Phase:
        """Return visible states around these means, or the means themselves, and the
        means of the hidden units."""
        visible = mean
        if self.config.sample_visible:
            visible = self.rbm.draw_visible_(mean, self.generator)
        return Phase(visible, self.rbm.hidden_mean(visible))

    def ascend(self, data: Phase, model: Phase, lr: float, momentum: float) -> None:
        """Take a step along <.>_data - <.>_model, with momentum, and let weights decay."""
        weight, visible_bias, hidden_bias = self.velocity
        rate = lr / len(data.visible)  # the averages are sums over the batch, times this
        weight.addmm_(data.visible.T, data.hidden, beta=momentum, alpha=rate)
        weight.addmm_(model.visible.T, model.hidden, alpha=-rate)
        visible_bias.mul_(momentum).add_((data.visible - model.visible).sum(0), alpha=rate)
        hidden_bias.mul_(momentum).add_((data.hidden - model.hidden).sum(0), alpha=rate)
        # decay in the same pass over the weights; momentum would add it up to this
        decay = 1 - lr * self.config.weight_decay / (1 - momentum)
        torch.add(weight, self.rbm.weight, alpha=decay, out=self.rbm.weight)
        self.rbm.visible_bias.add_(visible_bias)
        self.rbm.hidden_bias.add_(hidden_bias)

    def make_sparse(self, hidden: Tensor, activity: Tensor) -> None:
        """Pull the input of each hidden unit towards the target activity: the gradient of
        the cross-entropy between it and the running mean (Hinton's guide, section 11)."""
        assert self.config.sparsity is not None
        activity.lerp_(hidden.mean(0), 1 - ACTIVITY_MEMORY)
        hidden.add_(self.config.sparsity - activity, alpha=self.config.sparsity_cost)

    def state_dict(self) -> dict[str, Any]:
        return {"velocity": self.velocity, "activity": self.activity, "chains": self.chains}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for buffer, saved in zip(self.velocity, state["velocity"], strict=True):
            buffer.copy_(saved)
        if self.activity is not None:
            self.activity.copy_(state["activity"])
        if self.chains is not None:
            self.chains.copy_(state["chains"])
