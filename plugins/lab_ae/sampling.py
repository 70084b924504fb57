"""Draw samples from what an autoencoder has learned, and lay them out."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

import lab
from lab.capabilities import Sample
from lab.generative import (
    class_number,
    interpolation_grid,
    restored,
    sample_grid,
    sample_table,
    showable,
    traversal_grid,
)
from lab_ae.config import Config
from lab_ae.loader import Examples
from lab_ae.model import Quantized, Variational
from lab_ae.priors import Mixture, fitted, standard_normal

FITTED = 5_000  # training codes that a prior is fitted to
STEPS = 8  # from one sample to another, and along a number of a code
REACH = 3.0  # deviations that this number runs over, to both sides
LINES = 32  # numbers of a code that are shown to run


class Sampler:
    """Shapes: n samples, as the source gives its inputs; codes [n, Z], classes [n]."""

    def __init__(self, config: Config, ctx: lab.Context, examples: Examples, net: Any) -> None:
        self.config, self.ctx, self.examples, self.net = config, ctx, examples, net

    @property
    def info(self) -> lab.DatasetInfo:
        return self.examples.data.info

    def prior(self) -> Mixture:
        """Return what codes are drawn from. One that is fitted needs the training data."""
        if isinstance(self.net, Variational):
            return standard_normal(self.config.latent_dim, self.ctx.device)
        inputs = self.examples.inputs(self.examples.some_training(FITTED))
        if isinstance(self.net, Quantized):
            return fitted(self.net.encoder(inputs).float())
        return fitted(self.net.encode(inputs).float())

    def decode(self, codes: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return what codes stand for [n, ...], in the source's unit."""
        if isinstance(self.net, Quantized):
            codes = self.net.snap(codes)
        with self.ctx.autocast():
            means = self.net.mean(self.net.decode(codes, classes))
        return restored(means.float(), self.info)

    def generate(self, n: int, given: int | None = None) -> Tensor:
        """Return samples [n, ...]; of class `given`, or of all in turn, where classes are known."""
        codes = self.prior().draw(n, self.ctx.generator)
        return self.decode(codes, self.classes(n, given))

    def classes(self, n: int, given: int | None) -> Tensor | None:
        if not self.config.conditional:
            return None
        turns = torch.arange(n, device=self.ctx.device) % len(self.info.classes)
        return turns if given is None else torch.full_like(turns, given)

    # -- what `lab sample` asks

    def show(self, asked: Sample) -> Any:
        """Return a picture, or a table where the data are none."""
        given = self.given(asked.class_)
        if self.info.kind != "image":
            return self.table(asked, given)
        if asked.interpolate:
            return self.interpolation(math.ceil(asked.n / STEPS), given)
        if asked.traverse:
            return self.traversal(given)
        columns = len(self.info.classes) if self.config.conditional and given is None else None
        return sample_grid(showable(self.generate(asked.n, given)), columns)

    def table(self, asked: Sample, given: int | None) -> lab.Table:
        if asked.interpolate or asked.traverse:
            raise lab.UsageError(f"--interpolate and --traverse draw; {self.info.name} is a table")
        return sample_table(self.generate(asked.n, given))

    def interpolation(self, lines: int, given: int | None) -> Any:
        """Draw the way between samples: along the sphere where the prior is a normal one."""
        starts, ends = self.prior().draw(2 * lines, self.ctx.generator).chunk(2)
        spherical = isinstance(self.net, Variational)
        return interpolation_grid(self.painter(given), starts, ends, STEPS, spherical)

    def traversal(self, given: int | None) -> Any:
        """Draw what each number of one sample's code does, over some deviations."""
        prior, paint = self.prior(), self.painter(given)
        start = (prior.draw(1, self.ctx.generator)[0] - prior.center) / prior.spread
        values = torch.linspace(-REACH, REACH, STEPS).tolist()
        lines = range(min(LINES, self.config.latent_dim))
        return traversal_grid(
            lambda codes: paint(prior.center + prior.spread * codes), start, lines, values
        )

    def painter(self, given: int | None) -> Any:
        """Return what makes images of codes, of one class all."""
        one = 0 if given is None else given
        return lambda codes: showable(self.decode(codes, self.classes(len(codes), one)))

    def given(self, name: str | None) -> int | None:
        """Return the number of the class that is asked for, if one is."""
        if name is None:
            return None
        if not self.config.conditional:
            raise lab.UsageError(
                "This network does not know classes: train it with --kind vae --conditional"
            )
        return class_number(name, self.info.classes)
