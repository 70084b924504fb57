"""Stack RBMs into a deep belief network, and unroll it into networks for backpropagation.

Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets" (2006); Hinton and
Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Generator, Tensor, nn

from lab import DatasetInfo
from lab_dbn.config import Config
from lab_dbn.likelihood import entropy, log_conditional, top_log_probability
from lab_dbn.rbm import RBM, bits_


class Recognition(nn.Module):
    """The upward weights [V, H] and biases [H] of a layer that up-down learning has untied."""

    def __init__(self, units: int, hidden: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(units, hidden), requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(hidden), requires_grad=False)

    def forward(self, below: Tensor) -> Tensor:
        """Return the logits of the layer above [B, H]."""
        return torch.addmm(self.bias, below, self.weight)


class DBN(nn.Module):
    """Shapes: L layers of H_1 ... H_L units over V = H_0 visible ones; K classes.

    rbms: the generative weights; all but the top one are directed downwards once they are stacked.
    recognition: untied upward weights, for up-down learning. unrolled: a copy
    for backpropagation, so that the generative weights stay those of a generative model.
    phase: the present phase of training, from 0: the first layer.
    """

    phase: Tensor

    def __init__(self, config: Config, info: DatasetInfo, gaussian: bool) -> None:
        super().__init__()
        widths = (prod(info.shape), *config.layers)
        self.finetune = config.finetune
        labels = info.outputs if config.label_units else 0
        top = len(config.layers) - 1
        self.rbms = nn.ModuleList(
            RBM(below, above, labels if level == top else 0, gaussian and level == 0)
            for level, (below, above) in enumerate(pairwise(widths))
        )
        below_top = list(pairwise(widths))[:-1] if config.finetune == "up-down" else []
        self.recognition = nn.ModuleList(Recognition(*sizes) for sizes in below_top)
        self.unrolled = nn.Sequential()
        if config.finetune == "classify":
            self.unrolled = _classifier(widths, info.outputs)
        if config.finetune == "autoencode":
            self.unrolled = _autoencoder(widths)
        if config.init == "glorot":
            self.unrolled.apply(_glorot)
        self.register_buffer("phase", torch.tensor(0 if config.pretrain else len(config.layers)))

    def _apply(self, fn: Any, recurse: bool = True) -> DBN:
        """Move to a device or to a format; the phase stays on the CPU: training reads it at
        every step, and reading from an accelerator would synchronize."""
        phase = self.phase
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.phase = phase
        return self

    @property
    def machines(self) -> list[RBM]:
        return list(self.rbms)  # type: ignore[arg-type]

    @property
    def top(self) -> RBM:
        return self.machines[-1]

    @property
    def untied(self) -> bool:
        """Tell whether upward weights are the recognition's own."""
        return len(self.recognition) > 0 and int(self.phase) >= len(self.rbms)

    # -- up and down

    def logits(self, level: int, below: Tensor) -> Tensor:
        """Return the inputs of hidden layer `level` [B, H], from the states below it [B, V]."""
        if self.untied and level < len(self.recognition):
            logits: Tensor = self.recognition[level](below)
            return logits
        rbm = self.machines[level]
        return torch.addmm(rbm.hidden_bias, below, rbm.weight[: rbm.units])

    def up(self, visible: Tensor, levels: int) -> Tensor:
        """Return the means of layer `levels` [B, H], by a mean-field pass from [B, V]; label units
        count as absent."""
        for level in range(levels):
            visible = self.logits(level, visible).sigmoid_()
        return visible

    def down(self, hidden: Tensor, levels: int) -> Tensor:
        """Return the means of visible units [B, V], by a pass from layer `levels` [B, H]."""
        for rbm in reversed(self.machines[:levels]):
            hidden = rbm.visible_mean(hidden)[:, : rbm.units]
        return hidden

    # -- the generative model

    def generate(
        self, chains: Tensor, steps: int, generator: Generator, labels: Tensor | None
    ) -> Tensor:
        """Return the means of visible units [B, V], after Gibbs steps in the top RBM from its
        hidden bits [B, H] and a drawn pass downwards. `labels` [B, K] clamp its label units."""
        top, hidden = self.top, chains
        for _ in range(steps):
            states = top.draw_visible(hidden, generator)
            if labels is not None:
                states[:, top.units :] = labels
            hidden = top.draw_hidden(states, generator)
        for rbm in reversed(self.machines[1:]):
            hidden = rbm.draw_visible(hidden, generator)[:, : rbm.units]
        lowest = self.machines[0]
        return lowest.visible_mean(hidden)[:, : lowest.units]

    def log_likelihood(self, visible: Tensor, log_z: Tensor, generator: Generator) -> Tensor:
        """Return log p(v) [B] of one layer, or a lower bound of it, estimated by one drawn
        state of each hidden layer: E_q[log p(v, h)] + H(q), with log Z of the top RBM."""
        log_p = visible.new_zeros(len(visible))
        for level, rbm in enumerate(self.machines[:-1]):
            logits = self.logits(level, visible)
            hidden = bits_(logits.sigmoid(), generator)
            log_p = log_p + log_conditional(rbm, visible, rbm.visible_logits(hidden))
            log_p = log_p + entropy(logits)
            visible = hidden
        return log_p + top_log_probability(self.top, visible, log_z)

    # -- networks for backpropagation

    @torch.no_grad()
    def unroll(self) -> None:
        """Initialize fine-tuning with the weights of the greedy phases."""
        for rbm, above in zip(self.machines, self.recognition, strict=False):
            assert isinstance(above, Recognition)
            above.weight.copy_(rbm.weight)
            above.bias.copy_(rbm.hidden_bias)
        for level, rbm in enumerate(self.machines):
            for name, part in self.unrolled.named_children():
                if name == f"encode{level}":
                    _set(part, rbm.weight[: rbm.units].T, rbm.hidden_bias)
                if name == f"decode{level}":
                    _set(part, rbm.weight[: rbm.units], rbm.visible_bias[: rbm.units])
        if self.finetune == "classify" and self.top.labels:
            # p(y | h) of label units is softmax(d + h U), so they are the output layer
            units = self.top.units
            _set(
                self.unrolled.get_submodule("output"),
                self.top.weight[units:],
                self.top.visible_bias[units:],
            )


def _set(linear: nn.Module, weight: Tensor, bias: Tensor) -> None:
    linear.weight.copy_(weight)  # type: ignore[operator]
    linear.bias.copy_(bias)  # type: ignore[operator]


def _classifier(widths: Sequence[int], classes: int) -> nn.Sequential:
    """Return layers of sigmoid units and a linear output, which begins at 0."""
    net = nn.Sequential(OrderedDict(_encoder(widths)))
    output = nn.Linear(widths[-1], classes)
    nn.init.zeros_(output.weight)
    nn.init.zeros_(output.bias)
    net.add_module("output", output)
    return net


def _autoencoder(widths: Sequence[int]) -> nn.Sequential:
    """Return the encoder and its mirror image, whose outputs are logits or gaussian means."""
    net = nn.Sequential(OrderedDict(_encoder(widths)))
    for level in reversed(range(len(widths) - 1)):
        net.add_module(f"decode{level}", nn.Linear(widths[level + 1], widths[level]))
        if level:
            net.add_module(f"unsquash{level}", nn.Sigmoid())
    return net


def _glorot(part: nn.Module) -> None:
    """Start a layer of sigmoid units at 4 times the usual range (Glorot and Bengio, 2010)."""
    if isinstance(part, nn.Linear):
        nn.init.xavier_uniform_(part.weight, gain=4.0)
        nn.init.zeros_(part.bias)


def _encoder(widths: Sequence[int]) -> Iterator[tuple[str, nn.Module]]:
    for level, (below, above) in enumerate(pairwise(widths)):
        yield f"encode{level}", nn.Linear(below, above)
        yield f"squash{level}", nn.Sigmoid()
