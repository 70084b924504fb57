"""Show samples, and draw those that a person asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import lab
from lab.kit import Sample, generative
from lab.kit.generative import showable
from lab_gan import words

if TYPE_CHECKING:
    from lab_gan.gan import GAN

SHOWN, BESIDE, LINES = 64, 16, 8
STEPS = 8  # of a way from one sample to another
REACH = 2.0  # deviations of the noise that a traversal goes through
POINTS = 2_000
SPOKEN = 30


def show(gan: GAN, samples: Tensor, split: str) -> None:
    """Record samples, and beside them the training examples that they are nearest to."""
    media, kind = gan.ctx.media, gan.about.kind
    if kind == "tokens":
        media("samples", "\n".join(words.spoken(samples[:SPOKEN], gan.about.vocabulary)))
    elif kind == "image":
        media("samples", generative.sample_grid(showable(samples[:SHOWN])))
        few = samples[:BESIDE]
        beside, _, _ = gan.figures.domain.nearest(few, 3)
        flat = showable(beside.flatten(0, 1))
        neighbours = flat.view(*beside.shape[:2], *flat.shape[1:])
        media("samples_and_nearest", generative.neighbour_grid(showable(few), neighbours))
    elif kind == "sequence":
        media("samples", lines(samples[: LINES * 2]))
    elif gan.about.shape == (2,):
        media("samples", points(samples, gan.figures.some(split, most=POINTS).inputs))


def points(samples: Tensor, real: Tensor) -> Any:
    """Return a figure of samples [N, 2] over real points [M, 2]."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for cloud, colour, name in ((real, "0.75", "real"), (samples, "tab:blue", "samples")):
        x, y = cloud.cpu().float().T.numpy()
        axes.scatter(x, y, s=4, color=colour, label=name, linewidths=0)
    axes.legend(frameon=False, fontsize="small", markerscale=3)
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def lines(samples: Tensor) -> Any:
    """Return a figure with a panel for each sequence [N, T, F], a line for each feature."""
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(samples) // columns)
    figure = Figure(figsize=(8, 1.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    for axes, sample in zip(panels.flat, samples.cpu(), strict=False):
        axes.plot(sample.numpy(), linewidth=1)
    return figure


# -- what a person asks for


def sampled(gan: GAN, asked: Sample) -> Any:
    if asked.interpolate or asked.traverse:
        return ways(gan, asked)
    samples = gan.generate(gan.codes.draw(labels(gan, asked, asked.n), gan.ctx.generator))
    if gan.about.kind == "tokens":
        return "\n".join(words.spoken(samples, gan.about.vocabulary))
    if gan.about.kind == "image":
        by_class = gan.codes.classes and asked.class_ is None
        return generative.sample_grid(showable(samples), gan.codes.classes if by_class else None)
    return generative.sample_table(samples)


def ways(gan: GAN, asked: Sample) -> Any:
    """Return lines of samples that lead from one to another, or along one number of a code."""
    if gan.about.kind != "image":
        raise lab.UsageError(f"--interpolate and --traverse draw images, not {gan.about.kind}s")
    count = max(1, asked.n // STEPS)
    codes = gan.codes.draw(labels(gan, asked, count), gan.ctx.generator)
    noise, rest = codes[:, : gan.codes.noise], codes[:, gan.codes.noise :]
    if asked.traverse:
        numbers = range(gan.codes.width - gan.codes.numbers, gan.codes.width)
        dimensions = list(numbers or range(gan.codes.noise))[:count]
        reach = 1.0 if numbers else REACH
        values = torch.linspace(-reach, reach, STEPS).tolist()
        return generative.traversal_grid(
            lambda rows: showable(gan.generate(rows)), codes[0], dimensions, values
        )
    ends = torch.randn(noise.shape, generator=gan.ctx.generator, device=noise.device)
    fixed = rest.repeat_interleave(STEPS, 0)
    return generative.interpolation_grid(
        lambda rows: showable(gan.generate(torch.cat([rows, fixed], 1))),
        noise, ends, STEPS, spherical=True,
    )  # fmt: skip


def labels(gan: GAN, asked: Sample, count: int) -> Tensor:
    """Return the classes that are asked for [count, K]: one, or all in turn."""
    turn = torch.arange(count, device=gan.ctx.device) % max(1, gan.codes.classes)
    if asked.class_ is not None:
        if not gan.codes.classes:
            raise lab.UsageError("This network was not told classes: train it with --conditional")
        turn = torch.full_like(turn, generative.class_number(asked.class_, gan.about.classes))
    return gan.codes.label(turn, count, gan.ctx.device)
