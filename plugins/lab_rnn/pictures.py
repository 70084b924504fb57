"""Draw what happens over the steps: how far gradients reach back, and what the units do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.nn.eager import as_written
from lab.nn.losses import Loss
from lab_rnn.networks import Labeler

EXAMPLES = 32
MOST_TICKS = 40  # steps whose words or numbers are written at an axis
MOST_UNITS = 64


def looks(
    net: Labeler, loss: Loss, batch: lab.Batch, info: lab.DatasetInfo
) -> Iterator[tuple[str, Any]]:
    """Yield a name and a figure for each look at a network, on a prepared batch."""
    yield "gradient_through_time", draw_gradient(gradient_through_time(net, loss, batch))
    steps, lengths = net.reader.inputs(batch["inputs"], batch.get("mask"))
    outputs, _ = net.reader.read(steps, lengths)
    length = steps.shape[1] if lengths is None else int(lengths[0])
    words = _words(batch["inputs"][0, :length], info)
    yield "hidden_units", draw_units(outputs[0, :length], words)


def gradient_through_time(net: Labeler, loss: Loss, batch: lab.Batch) -> Tensor:
    """Return the norm of the gradient of the loss with respect to what is read at each step [T],
    by how many steps it lies before the last: [0] is that of the last step itself, a mean over the
    examples that are so long (Hochreiter, 1991; Pascanu et al., 2013, section 2)."""
    steps, lengths = net.reader.inputs(batch["inputs"], batch.get("mask"))
    with torch.enable_grad(), as_written(net):
        steps = steps.detach().requires_grad_()
        value = loss(net.answer(*net.reader.read(steps, lengths)), batch["targets"])
        (gradient,) = torch.autograd.grad(value, steps)
    norms: Tensor = gradient.float().norm(dim=2)  # [B, T]
    if lengths is None:
        return norms.mean(0).flip(0)
    before = lengths[:, None] - 1 - torch.arange(norms.shape[1], device=norms.device)
    there = before >= 0
    sums = norms.new_zeros(norms.shape[1]).index_add_(0, before[there], norms[there])
    counts = torch.bincount(before[there], minlength=norms.shape[1])
    means: Tensor = sums / counts.clamp(min=1)
    return means[: int(lengths.max())]


def draw_gradient(norms: Tensor) -> Any:
    """Return a matplotlib figure of gradient norms [T], relative to that of the last step."""
    from matplotlib.figure import Figure

    values = norms.cpu().numpy()
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(-np.arange(len(values)), values / max(values[0], np.finfo(np.float32).tiny))
    if (values > 0).any():
        axes.set_yscale("log")
    axes.set(xlabel="steps before the last", ylabel="gradient norm / that of the last step")
    return figure


def draw_units(outputs: Tensor, words: list[str]) -> Any:
    """Return a matplotlib figure of hidden units [T, D] over the steps of one example."""
    from matplotlib.figure import Figure

    values = outputs[:, :MOST_UNITS].float().cpu().numpy().T
    most = float(np.abs(values).max()) or 1.0
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.add_subplot()
    shown = axes.imshow(values, aspect="auto", cmap="RdBu_r", vmin=-most, vmax=most)
    figure.colorbar(shown, ax=axes, label="output")
    axes.set(xlabel="step", ylabel="unit")
    if words and len(words) <= MOST_TICKS:
        axes.set_xticks(range(len(words)), words, rotation=90)
    return figure


def _words(tokens: Tensor, info: lab.DatasetInfo) -> list[str]:
    return [info.vocabulary[token] for token in tokens.tolist()] if info.kind == "tokens" else []
