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
        self.noise = new(batch, visible), new(batch, hidden)
        self.bits = new(batch, hidden)  # of hidden units: where the next Gibbs step begins
        self.velocity = [new(visible, hidden), new(visible), new(hidden)]
        self.activity = None if config.sparsity is None else new(hidden).fill_(config.sparsity)
        if config.persistent:
            bits_(self.bits.fill_(0.5), draw)

    @torch.no_grad()
    def update(self, data: Tensor, lr: float, momentum: float) -> Tensor | None:
        """Learn from data [B, V], and return the squared error of their reconstruction, by example;
        None where chains persist, as they reconstruct nothing."""
        rbm, weight = self.rbm, self.rbm.weight
        self.states.chunk(2)[0].copy_(data)
        positive = torch.addmm(rbm.hidden_bias, data, weight, out=self.means.chunk(2)[0]).sigmoid_()
        if not self.config.persistent:
            self.draw_hidden(positive)
        error = self.walk(data)
        if self.activity is not None:
            self.make_sparse(positive)
        self.means.chunk(2)[1].neg_()  # now the sum over both halves is data minus model
        share = lr / len(data)
        of_weight, of_visible, of_hidden = self.velocity
        of_weight.addmm_(self.states.T, self.means, beta=momentum, alpha=share)
        of_visible.addmv_(self.states.T, self.sign, beta=momentum, alpha=share)
        of_hidden.mul_(momentum).add_(self.means.sum(0), alpha=share)
        # decay in the same pass over the weights; momentum would add it up to this
        kept = 1 - lr * self.config.weight_decay / (1 - momentum)
        torch.add(of_weight, weight, alpha=kept, out=weight)
        rbm.visible_bias.add_(of_visible)
        rbm.hidden_bias.add_(of_hidden)
        return error

    def walk(self, data: Tensor) -> Tensor | None:
        """Take k Gibbs steps from the hidden bits to the model's half of states and means."""
        rbm, config, error = self.rbm, self.config, None
        states, means = self.states.chunk(2)[1], self.means.chunk(2)[1]
        for step in range(config.k):
            torch.addmm(rbm.visible_bias, self.bits, rbm.weight.T, out=states)
            rbm.mean_(states)
            if step == 0 and not config.persistent:
                missed = torch.sub(data, states, out=self.noise[0]).view(-1)
                error = missed.dot(missed) / len(data)
            if config.sample_visible:
                rbm.draw_visible_(states, self.draw, self.noise[0])
            torch.addmm(rbm.hidden_bias, states, rbm.weight, out=means).sigmoid_()
            if step + 1 < config.k or config.persistent:
                self.draw_hidden(means)
        return error

    def draw_hidden(self, means: Tensor) -> None:
        bits_(means, self.draw, out=self.bits, noise=self.noise[1])

    def make_sparse(self, positive: Tensor) -> None:
        """Pull the input of each hidden unit towards the activity that is wanted: the gradient of
        the cross-entropy between it and the running mean (Hinton's guide, section 11)."""
        assert self.activity is not None
        assert self.config.sparsity is not None
        self.activity.lerp_(positive.mean(0), 1 - ACTIVITY_MEMORY)
        positive.add_(self.config.sparsity - self.activity, alpha=self.config.sparsity_cost)

    def state_dict(self) -> dict[str, Any]:
        chains = self.bits if self.config.persistent else None
        return {"velocity": self.velocity, "activity": self.activity, "chains": chains}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for own, saved in zip(self.velocity, state["velocity"], strict=True):
            own.copy_(saved)
        if self.activity is not None:
            self.activity.copy_(state["activity"])
        if self.config.persistent:
            self.bits.copy_(state["chains"])
