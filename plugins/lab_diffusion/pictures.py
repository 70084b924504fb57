"""Draw samples, how they come out of noise, and at which times the loss is."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

import lab
from lab.generative import (
    interpolation_grid,
    sample_grid,
    sample_table,
    showable,
    uncentered,
)
from lab_diffusion.config import Sample
from lab_diffusion.process import Sampling
from lab_diffusion.sampling import Sampler

STEPS = 8  # columns: of a way from noise to a sample, or from one sample to another
POINTS = 500  # that are shown on their way
BINS = 20  # of the loss over time


def loss_by_time(time: Tensor, errors: Tensor) -> Any:
    """Return a figure of the mean of errors [B] over bins of their times [B]."""
    from matplotlib.figure import Figure

    number = (time * BINS).ceil().long().sub(1).clamp(0, BINS - 1).cpu()
    count = number.bincount(minlength=BINS)
    mean = number.bincount(errors.double().cpu(), BINS) / count
    middle = (torch.arange(BINS) + 0.5) / BINS
    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(middle[count > 0].numpy(), mean[count > 0].numpy(), marker="o", markersize=3)
    axes.set(xlabel="time: 0 is data, 1 noise", ylabel="squared error", ylim=(0, None))
    axes.spines[["top", "right"]].set_visible(False)
    return figure


# -- from noise to data


def denoising(sampler: Sampler, count: int, classes: Tensor | None, how: Sampling) -> Any:
    """Return a picture with a row for each of `count` images or sequences, from noise to a sample;
    of points a panel for each time. None for rows of a table with other than two columns."""
    info = sampler.info
    if info.kind == "table":
        if info.shape != (2,):
            return None
        count = POINTS
    chosen = None
    if classes is not None:
        chosen = classes[torch.arange(count, device=classes.device) % len(classes)]
    ways = moments(sampler, count, chosen, how)
    if info.kind == "image":
        return sample_grid(showable(ways.flatten(0, 1)), columns=ways.shape[1])
    return curves(ways) if info.kind == "sequence" else clouds(ways)


def moments(sampler: Sampler, count: int, classes: Tensor | None, how: Sampling) -> Tensor:
    """Return x_t [count, times, ...] in the source's units: noise, some on the way, the sample."""
    noise = sampler.noise(count)
    kept = torch.linspace(0, how.steps, min(STEPS, how.steps + 1)).round().long().tolist()
    states = enumerate(chain([noise], sampler.path(noise, classes, how)))
    shown = [uncentered(state, sampler.info) for number, state in states if number in kept]
    return torch.stack(shown, 1)


def clouds(ways: Tensor) -> Any:
    """Return a figure of points [N, times, 2], from left to right."""
    apart = float(ways[..., 0].max() - ways[..., 0].min())
    places = ways.cpu() + apart * torch.arange(ways.shape[1])[:, None] * torch.tensor([1.0, 0.0])
    figure, axes = _bare(2 * ways.shape[1], 2)
    axes.scatter(*places.flatten(0, 1).T.numpy(), s=2, linewidths=0)
    axes.set_aspect("equal")
    return figure


def curves(ways: Tensor) -> Any:
    """Return a figure of sequences [N, times, T, F]: a row for each, from left to right, and a
    color for each feature."""
    apart = float(ways.max() - ways.min())
    below = apart * torch.arange(len(ways))[:, None, None, None]
    lines = pad(ways.cpu() - below, (0, 0, 0, 1), value=torch.nan)  # a gap after each
    figure, axes = _bare(1.2 * ways.shape[1], 1.2 * len(ways))
    for line in lines.flatten(1, 2):
        for number, feature in enumerate(line.T.numpy()):
            axes.plot(feature, linewidth=1, color=f"C{number % 10}")
    return figure


def _bare(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_axis_off()
    return figure, axes


# -- of the command `sample`


def sampled(sampler: Sampler, options: Sample) -> Any:
    """Return what `lab sample` writes."""
    how = sampler.how(
        steps=options.steps, guidance=options.guidance, eta=options.eta, solver=options.solver
    )
    if options.interpolate:
        return interpolation(sampler, options, how)
    classes = sampler.classes(options.n, options.class_)
    if options.denoising:
        return _drawn(denoising(sampler, options.n, classes, how), sampler)
    samples = sampler.generate(options.n, classes, how)
    if sampler.info.kind != "image":
        return sample_table(samples, sampler.info)
    by_class = classes is not None and options.class_ is None
    return sample_grid(showable(samples), len(sampler.info.classes) if by_class else None)


def interpolation(sampler: Sampler, options: Sample, how: Sampling) -> Any:
    """Return lines of samples along the sphere between noises (Song et al., 2021, section 5.3)."""
    if sampler.info.kind != "image":
        raise lab.UsageError(f"--interpolate draws images; {sampler.info.name} has none")
    if how.eta:
        raise lab.UsageError("--interpolate needs samples that noise alone decides: --eta 0")
    count = max(1, options.n // STEPS)
    classes = sampler.classes(count, options.class_)
    each = None if classes is None else classes.repeat_interleave(STEPS)

    def decode(rows: Tensor) -> Tensor:
        noise = rows.view(-1, *sampler.info.shape)
        return showable(sampler.from_noise(noise, each, how))

    starts, ends = sampler.noise(2 * count).flatten(1).chunk(2)
    return interpolation_grid(decode, starts, ends, STEPS, spherical=True)


def _drawn(picture: Any, sampler: Sampler) -> Any:
    if picture is None:
        raise lab.UsageError(
            f"--denoising draws points, images and sequences; {sampler.info.name} has none"
        )
    return picture
