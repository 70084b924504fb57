"""Draw samples, and those of the command `sample`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

import lab
from lab import generative
from lab.capabilities import Sample
from lab.generative import showable
from lab_gan import tokens
from lab_gan.players import Players

IMAGES, LINES, SPOKEN = 64, 16, 30  # samples in a picture of each kind
STEPS = 8  # of a way from one sample to another
REACH = 2.0  # standard deviations of the noise that a traversal covers


def picture(samples: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a picture of images or sequences, or sentences as lines."""
    if info.kind == "tokens":
        return "\n".join(tokens.spoken(samples[:SPOKEN], info.vocabulary))
    if info.kind == "sequence":
        return lines(samples[:LINES])
    return generative.sample_grid(showable(samples[:IMAGES]))


def neighbors(samples: Tensor, nearest: Tensor) -> Any:
    """Return a picture of images [N, C, H, W], each in a line with its neighbors [N, M, C, H,
    W]."""
    flat = showable(nearest.flatten(0, 1))
    in_lines = flat.view(*nearest.shape[:2], *flat.shape[1:])
    return generative.neighbor_grid(showable(samples), in_lines)


def points(samples: Tensor, real: Tensor) -> Any:
    """Return a figure of samples [N, 2] over real points [M, 2]."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for cloud, color, name in ((real, "0.75", "real"), (samples, "tab:blue", "samples")):
        x, y = cloud.cpu().float().T.numpy()
        axes.scatter(x, y, s=4, color=color, label=name, linewidths=0)
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


# -- of the command `sample`


def sampled(players: Players, options: Sample) -> Any:
    if options.interpolate or options.traverse:
        return ways(players, options)
    samples = players.generate(players.draw(options.n, labels(players, options.class_, options.n)))
    if players.info.kind == "tokens":
        return "\n".join(tokens.spoken(samples, players.info.vocabulary))
    if players.info.kind == "image":
        by_class = players.codes.classes and options.class_ is None
        return generative.sample_grid(
            showable(samples), players.codes.classes if by_class else None
        )
    return generative.sample_table(samples, players.info)


def ways(players: Players, options: Sample) -> Any:
    """Return lines of samples that lead from one to another, or along one number of a code."""
    if players.info.kind != "image":
        raise lab.UsageError(
            f"--interpolate and --traverse draw images; {players.info.name} has none"
        )
    count = max(1, options.n // STEPS)
    codes = players.draw(count, labels(players, options.class_, count))
    noise, rest = codes[:, : players.codes.noise], codes[:, players.codes.noise :]
    if options.traverse:
        continuous = range(players.codes.width - players.codes.continuous, players.codes.width)
        dimensions = list(continuous or range(players.codes.noise))[:count]
        reach = 1.0 if continuous else REACH
        values = torch.linspace(-reach, reach, STEPS).tolist()
        return generative.traversal_grid(
            lambda rows: showable(players.generate(rows)), codes[0], dimensions, values
        )
    ends = torch.randn(noise.shape, generator=players.ctx.generator, device=noise.device)
    fixed = rest.repeat_interleave(STEPS, 0)
    return generative.interpolation_grid(
        lambda rows: showable(players.generate(torch.cat([rows, fixed], 1))),
        noise, ends, STEPS, spherical=True,
    )  # fmt: skip


def labels(players: Players, name: str | None, count: int) -> Tensor | None:
    """Return one-hot classes [count, K]: that of the name, or all in turn; None where the network
    is not conditional."""
    if not players.codes.classes:
        if name is not None:
            raise lab.UsageError("This network was not told classes: train it with --conditional")
        return None
    turn = torch.arange(count, device=players.ctx.device) % players.codes.classes
    if name is not None:
        turn = torch.full_like(turn, generative.class_number(name, players.info.classes))
    return players.codes.label(turn)
