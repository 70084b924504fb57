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

SPOKEN = 30  # sentences that are shown
STEPS = 8  # of a way from one sample to another
REACH = 2.0  # standard deviations of the noise that a traversal covers


def text(samples: Tensor, info: lab.DatasetInfo) -> str:
    """Return sentences as lines."""
    return "\n".join(tokens.spoken(samples[:SPOKEN], info.vocabulary))


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
