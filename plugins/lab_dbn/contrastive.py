"""Train one RBM: contrastive divergence, with chains that start anew or persist.

    W <- W + lr (<v h>_data - <v h>_model)

where <.>_model is measured after k Gibbs steps that began at the data (CD-k: Hinton, 2002) or where
the last batch's chains ended (PCD: Tieleman, 2008). Which states are drawn and which are means
follows section 3 of Hinton's "A practical guide to training restricted Boltzmann machines" (2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Generator, Tensor

from lab_dbn.config import Config
from lab_dbn.rbm import RBM, bits_

ACTIVITY_MEMORY = 0.9  # of the mean activity that the sparsity target looks at


class Contrastive:
    """Shapes: B examples in a batch and as many chains, V visible units with labels, H hidden ones.

    Data and chains lie one below the other, so that both phases of the gradient are one product of
    matrices, and momentum a factor of it.
    """

    def __init__(self, rbm: RBM, config: Config, batch: int, draw: Generator) -> None:
        self.rbm, self.config, self.draw = rbm, config, draw
        new, (visible, hidden) = rbm.weight.new_zeros, rbm.weight.shape
        self.states, self.means = new(2 * batch, visible), new(2 * batch, hidden)
        self.sign = new(2 * batch).fill_(1.0)
        self.sign[batch:] = -1.0
        self.velocity = [new(visible, hidden), new(visible), new(hidden)]
        self.activity = None if config.sparsity is None else new(hidden).fill_(config.sparsity)
        self.chains = None
        if config.persistent:
            self.chains = bits_(new(batch, hidden).fill_(0.5), draw)

    @torch.no_grad()
    def update(self, data: Tensor, lr: float, momentum: float) -> Tensor | None:
        """Learn from data [B, V], and return the squared error of their reconstruction, by example;
        None where chains persist, as they reconstruct nothing."""
        rbm, (weight, above) = self.rbm, (self.rbm.weight, self.rbm.hidden_bias)
        self.states.chunk(2)[0].copy_(data)
        positive = torch.addmm(above, data, weight, out=self.means.chunk(2)[0]).sigmoid_()
        hidden = bits_(positive.clone(), self.draw) if self.chains is None else self.chains
        error = self.walk(hidden, data)
        if self.activity is not None:
            self.make_sparse(positive)
        self.means.chunk(2)[1].neg_()  # now the sum over both halves is data minus model
        share, decay = lr / len(data), self.config.weight_decay
        of_weight, of_visible, of_hidden = self.velocity
        of_weight.addmm_(self.states.T, self.means, beta=momentum, alpha=share)
        of_visible.addmv_(self.states.T, self.sign, beta=momentum, alpha=share)
        of_hidden.mul_(momentum).add_(self.means.sum(0), alpha=share)
        if decay:
            of_weight.add_(weight, alpha=-lr * decay)
        for parameter, velocity in zip(
            (weight, rbm.visible_bias, rbm.hidden_bias), self.velocity, strict=True
        ):
            parameter.add_(velocity)
        return error

    def walk(self, hidden: Tensor, data: Tensor) -> Tensor | None:
        """Take k Gibbs steps from hidden bits [B, H] to the model's half of states and means."""
        rbm, error = self.rbm, None
        states, means = self.states.chunk(2)[1], self.means.chunk(2)[1]
        for step in range(self.config.k):
            torch.addmm(rbm.visible_bias, hidden, rbm.weight.T, out=states)
            rbm.mean_(states)
            if step == 0 and self.chains is None:
                error = (data - states).square_().sum() / len(data)
            if self.config.sample_visible:
                rbm.draw_visible_(states, self.draw)
            torch.addmm(rbm.hidden_bias, states, rbm.weight, out=means).sigmoid_()
            if step + 1 < self.config.k or self.chains is not None:
                hidden = bits_(means.clone(), self.draw)
        if self.chains is not None:
            self.chains = hidden
        return error

    def make_sparse(self, positive: Tensor) -> None:
        """Pull the input of each hidden unit towards the activity that is wanted: the gradient of
        the cross-entropy between it and the running mean (Hinton's guide, section 11)."""
        assert self.activity is not None
        assert self.config.sparsity is not None
        self.activity.lerp_(positive.mean(0), 1 - ACTIVITY_MEMORY)
        positive.add_(self.config.sparsity - self.activity, alpha=self.config.sparsity_cost)

    def state_dict(self) -> dict[str, Any]:
        return {"velocity": self.velocity, "activity": self.activity, "chains": self.chains}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for own, saved in zip(self.velocity, state["velocity"], strict=True):
            own.copy_(saved)
        if self.activity is not None:
            self.activity.copy_(state["activity"])
        if self.chains is not None:
            self.chains = torch.empty_like(self.chains).copy_(state["chains"])
