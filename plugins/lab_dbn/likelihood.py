"""Measure the likelihood of data: exactly, by annealing, and as pseudo-likelihood.

Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks" (2008): the
partition function of an RBM by annealed importance sampling (section 4), and the bound on a deep
network's log-likelihood (section 5).
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Generator, Tensor
from torch.nn.functional import logsigmoid, softplus

from lab_dbn.rbm import RBM, bits_

FEW = 16  # units whose states can all be enumerated
AT_ONCE = 4096  # of those states
LOG_2PI = math.log(2 * math.pi)


def countable(rbm: RBM) -> bool:
    """Tell whether the partition function is a sum over few enough states."""
    return rbm.hidden <= FEW or _by_visible(rbm)


def _by_visible(rbm: RBM) -> bool:
    return rbm.units <= FEW and rbm.hidden > FEW and not rbm.gaussian and not rbm.labels


def exact_log_partition(rbm: RBM) -> Tensor:
    """Return log Z [], in double precision: the other side's units sum up in closed form."""
    weight, below, above = (p.double() for p in (rbm.weight, rbm.visible_bias, rbm.hidden_bias))
    if _by_visible(rbm):
        parts = [
            (v @ below + softplus(v @ weight + above).sum(1)).logsumexp(0)
            for v in _all_states(rbm.units, weight)
        ]
        return torch.stack(parts).logsumexp(0)
    parts = []
    for h in _all_states(rbm.hidden, weight):
        inputs = h @ weight.T  # [B, V + K]
        parts.append((h @ above + _visible_sum(rbm, inputs, below)).logsumexp(0))
    return torch.stack(parts).logsumexp(0)


def _all_states(units: int, like: Tensor) -> list[Tensor]:
    """Return all states of some bits, in pieces [B, units]."""
    indices = torch.arange(2**units, device=like.device)[:, None]
    places = torch.arange(units, device=like.device)
    pieces = torch.split(indices, AT_ONCE)
    return [(piece >> places & 1).to(like.dtype) for piece in pieces]


def _visible_sum(rbm: RBM, inputs: Tensor, bias: Tensor) -> Tensor:
    """Return the log of the sum over all visible states of exp(visible_term + v·inputs) [B]."""
    units, classes = inputs[:, : rbm.units], inputs[:, rbm.units :]
    unit_bias, class_bias = bias[: rbm.units], bias[rbm.units :]
    if rbm.gaussian:
        log_sum = (units * unit_bias + units.square() / 2).sum(1) + rbm.units / 2 * LOG_2PI
    else:
        log_sum = softplus(units + unit_bias).sum(1)
    return log_sum + (classes + class_bias).logsumexp(1) if rbm.labels else log_sum


def log_partition(rbm: RBM, base: Tensor, steps: int, chains: int, generator: Generator) -> Tensor:
    """Estimate log Z [] by annealed importance sampling; the estimate of Z is unbiased.

    Between a machine without weights, whose visible biases are `base` [V + K], and the RBM lie
    `steps` temperatures b:

        log p*_b(v) = (1 - b) base-term(v) + b visible_term(v) + sum_j softplus(b (c + v W)_j)
    """
    start = RBM(rbm.units, rbm.hidden, rbm.labels, rbm.gaussian).to(rbm.weight.device)
    start.weight.zero_()
    start.visible_bias.copy_(base)
    hidden_zero = start.weight.new_zeros(chains, rbm.hidden)
    states = start.draw_visible(hidden_zero, generator)
    log_weight = torch.zeros(chains, dtype=torch.double, device=states.device)
    inputs = rbm.hidden_logits(states)
    slow = torch.linspace(0, 1, steps + 1, dtype=torch.double)
    betas = (1 - (1 - slow) ** 1.5).tolist()  # denser towards the RBM, where more changes
    for before, now in pairwise(betas):
        gain = (now - before) * (rbm.visible_term(states) - start.visible_term(states))
        gain += (softplus(now * inputs) - softplus(before * inputs)).sum(1)
        log_weight += gain
        hidden = bits_((now * inputs).sigmoid_(), generator)
        logits = rbm.visible_logits(hidden).mul_(now).add_(base, alpha=1 - now)
        states = rbm.draw_visible_(rbm.mean_(logits), generator)
        inputs = rbm.hidden_logits(states)
    zero = torch.zeros(1, rbm.units + rbm.labels, dtype=torch.double, device=states.device)
    log_z_start = _visible_sum(start, zero, base.double())[0] + rbm.hidden * math.log(2)
    return log_z_start + log_weight.logsumexp(0) - math.log(chains)


def pseudo_likelihood(rbm: RBM, visible: Tensor, generator: Generator) -> Tensor:
    """Estimate sum_i log p(v_i | all other v) [B], from one bit i of each example drawn at random
    (Besag, 1975). Visible states [B, V + K]."""
    bit = torch.randint(rbm.units, (len(visible), 1), generator=generator, device=visible.device)
    flipped = visible.scatter(1, bit, 1 - visible.gather(1, bit))
    return rbm.units * logsigmoid(rbm.free_energy(flipped) - rbm.free_energy(visible))


def top_log_probability(rbm: RBM, units: Tensor, log_z: Tensor) -> Tensor:
    """Return log p(v) [B] of visible states [B, V] under an RBM; label units are summed out."""
    if rbm.labels:
        return (-rbm.class_energies(units)).logsumexp(1) - log_z
    return -rbm.free_energy(units) - log_z


def log_conditional(rbm: RBM, visible: Tensor, logits: Tensor) -> Tensor:
    """Return log p(v | h) [B] of visible states [B, V], given their inputs b + W h."""
    if rbm.gaussian:
        return -(visible - logits).square().sum(1) / 2 - rbm.units / 2 * LOG_2PI
    return (visible * logits - softplus(logits)).sum(1)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of independent bits [B], from the logits of their probabilities [B, H]."""
    return (softplus(logits) - logits * logits.sigmoid()).sum(1)
