"""Define the restricted Boltzmann machine: its energy and distributions.

    E(v, h) = -b·v - c·h - v W h              visible units of one bit
    E(v, h) = |v - b|²/2 - c·h - v W h        gaussian visible units of variance 1

Smolensky (1986); Hinton, "Training products of experts by minimizing contrastive divergence"
(2002); for gaussian units, Hinton and Salakhutdinov (2006). The last visible units may be a
one-hot class (Hinton, Osindero and Teh, 2006, section 6).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

INITIAL_STD = 0.01  # Hinton's guide (2010), section 8


def bits(probability: Tensor, generator: Generator) -> Tensor:
    """Return bits [...] that are 1 with these probabilities."""
    # four times as fast as torch.bernoulli
    return torch.empty_like(probability).uniform_(generator=generator).lt_(probability)


def bits_(probability: Tensor, generator: Generator) -> Tensor:
    """Replace probabilities [...] by bits that are 1 with them."""
    return torch.lt(
        torch.empty_like(probability).uniform_(generator=generator), probability, out=probability
    )


def sample_one_hot_(probability: Tensor, generator: Generator) -> Tensor:
    """Replace the probabilities of classes [B, K] by a drawn class, one-hot."""
    # the first of K exponential waiting times is class k with its probability
    waits = torch.empty_like(probability).exponential_(generator=generator)
    winner = (probability / waits).argmax(1, keepdim=True)
    return probability.zero_().scatter_(1, winner, 1.0)


class RBM(nn.Module):
    """Shapes: V visible units, K label units after them (or 0), H hidden units.

    weight [V + K, H], visible_bias [V + K], hidden_bias [H]. Their gradient is never autograd's.
    """

    def __init__(self, units: int, hidden: int, labels: int = 0, gaussian: bool = False) -> None:
        super().__init__()
        self.units, self.hidden, self.labels, self.gaussian = units, hidden, labels, gaussian
        weight = INITIAL_STD * torch.randn(units + labels, hidden)
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.visible_bias = nn.Parameter(torch.zeros(units + labels), requires_grad=False)
        self.hidden_bias = nn.Parameter(torch.zeros(hidden), requires_grad=False)

    # -- conditional distributions

    def hidden_logits(self, visible: Tensor) -> Tensor:
        """Return c + v W [B, H]."""
        return torch.addmm(self.hidden_bias, visible, self.weight)

    def visible_logits(self, hidden: Tensor) -> Tensor:
        """Return b + W h [B, V + K]."""
        return torch.addmm(self.visible_bias, hidden, self.weight.T)

    def hidden_mean(self, visible: Tensor) -> Tensor:
        """Return p(h = 1 | v) [B, H]."""
        return self.hidden_logits(visible).sigmoid_()

    def visible_mean(self, hidden: Tensor) -> Tensor:
        """Return E[v | h] [B, V + K]."""
        return self.mean_(self.visible_logits(hidden))

    def mean_(self, logits: Tensor) -> Tensor:
        """Turn the input of visible units [B, V + K] into their mean, in place."""
        if not self.gaussian:
            logits[:, : self.units].sigmoid_()
        if self.labels:
            classes = logits[:, self.units :]
            classes.copy_(classes.softmax(1))
        return logits

    def draw_visible_(self, mean: Tensor, generator: Generator) -> Tensor:
        """Draw visible states [B, V + K] around their mean, in place."""
        units = mean[:, : self.units]
        if self.gaussian:
            units.add_(torch.empty_like(units).normal_(generator=generator))
        else:
            bits_(units, generator)
        if self.labels:
            sample_one_hot_(mean[:, self.units :], generator)
        return mean

    def draw_hidden(self, visible: Tensor, generator: Generator) -> Tensor:
        """Draw h ~ p(h | v) [B, H]."""
        return bits_(self.hidden_mean(visible), generator)

    def draw_visible(self, hidden: Tensor, generator: Generator) -> Tensor:
        """Draw v ~ p(v | h) [B, V + K]."""
        return self.draw_visible_(self.visible_mean(hidden), generator)

    # -- free energy

    def free_energy(self, visible: Tensor) -> Tensor:
        """Return F(v) = -log sum_h exp(-E(v, h)) [B]."""
        return -self.visible_term(visible) - softplus(self.hidden_logits(visible)).sum(1)

    def visible_term(self, visible: Tensor) -> Tensor:
        """Return what -E(v, h) has of v alone [B]: b·v, or -|v - b|²/2."""
        if not self.gaussian:
            return visible @ self.visible_bias
        units, bias = visible[:, : self.units], self.visible_bias[: self.units]
        classes = visible[:, self.units :] @ self.visible_bias[self.units :]
        return classes - (units - bias).square().sum(1) / 2

    def class_energies(self, units: Tensor) -> Tensor:
        """Return F(v, y) for each class y [B, K], of visible states [B, V] without a label."""
        bias, label_bias = self.visible_bias[: self.units], self.visible_bias[self.units :]
        below, above = self.weight[: self.units], self.weight[self.units :]
        shared = torch.addmm(self.hidden_bias, units, below)  # [B, H]
        alone = -(units - bias).square().sum(1) / 2 if self.gaussian else units @ bias
        terms = [softplus(shared + label).sum(1) for label in above]
        return -(torch.stack(terms, 1) + label_bias + alone[:, None])

    # -- initialization

    def biases_at(self, mean: Tensor) -> Tensor:
        """Return the visible biases [V + K] with which, without hidden units, E[v] is the mean of
        the data [V + K] (Hinton's guide, section 8.1). A unit that never varies keeps a finite one.
        """
        units, classes = mean[: self.units], mean[self.units :]
        if not self.gaussian:
            units = units.clamp(1e-3, 1 - 1e-3).logit()
        return torch.cat([units, classes.clamp(min=1e-6).log()])
