"""Draw samples from a trained autoencoder, and lay them out."""

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
STEPS = 8  # from one sample to another, and along a dimension of the code
REACH = 3.0  # standard deviations of the traversal, to both sides
LINES = 32  # dimensions of the code that are traversed


class Sampler:
    """Shapes: n samples, as the source gives its inputs; codes [n, Z], classes [n]."""

    def __init__(self, config: Config, ctx: lab.Context, examples: Examples, net: Any) -> None:
        self.config, self.ctx, self.examples, self.net = config, ctx, examples, net

    @property
    def info(self) -> lab.DatasetInfo:
        return self.examples.data.info

    def prior(self) -> Mixture:
        """Return the distribution of codes. One that is fitted needs the training data."""
        if isinstance(self.net, Variational):
            return standard_normal(self.config.latent_dim, self.ctx.device)
        inputs = self.examples.inputs(self.examples.some_training(FITTED))
        if isinstance(self.net, Quantized):
            return fitted(self.net.encoder(inputs).float())
        return fitted(self.net.encode(inputs).float())

    def decode(self, codes: Tensor, classes: Tensor | None = None) -> Tensor:
        """Return the decoded codes [n, ...], in the source's units."""
        if isinstance(self.net, Quantized):
            codes = self.net.snap(codes)
        with self.ctx.autocast():
            means = self.net.mean(self.net.decode(codes, classes))
        return restored(means.float(), self.info)

    def generate(self, n: int, number: int | None = None) -> Tensor:
        """Return samples [n, ...]; of class `number`, or of all in turn, if conditional."""
        codes = self.prior().draw(n, self.ctx.generator)
        return self.decode(codes, self.classes(n, number))

    def classes(self, n: int, number: int | None) -> Tensor | None:
        if not self.config.conditional:
            return None
        turns = torch.arange(n, device=self.ctx.device) % len(self.info.classes)
        return turns if number is None else torch.full_like(turns, number)

    # -- of the command `sample`

    def show(self, options: Sample) -> Any:
        """Return a picture, or a table where the data are none."""
        number = self.class_number(options.class_)
        if self.info.kind != "image":
            return self.table(options, number)
        if options.interpolate:
            return self.interpolation(math.ceil(options.n / STEPS), number)
        if options.traverse:
            return self.traversal(number)
        columns = len(self.info.classes) if self.config.conditional and number is None else None
        return sample_grid(showable(self.generate(options.n, number)), columns)

    def table(self, options: Sample, number: int | None) -> lab.Table:
        if options.interpolate or options.traverse:
            raise lab.UsageError(f"--interpolate and --traverse draw; {self.info.name} is a table")
        return sample_table(self.generate(options.n, number), self.info)

    def interpolation(self, lines: int, number: int | None) -> Any:
        """Draw interpolations between samples: along the sphere where the prior is normal."""
        starts, ends = self.prior().draw(2 * lines, self.ctx.generator).chunk(2)
        spherical = isinstance(self.net, Variational)
        return interpolation_grid(self.painter(number), starts, ends, STEPS, spherical)

    def traversal(self, number: int | None) -> Any:
        """Traverse each dimension of one sample's code, over some standard deviations."""
        prior, paint = self.prior(), self.painter(number)
        start = (prior.draw(1, self.ctx.generator)[0] - prior.center) / prior.spread
        values = torch.linspace(-REACH, REACH, STEPS).tolist()
        lines = range(min(LINES, self.config.latent_dim))
        return traversal_grid(
            lambda codes: paint(prior.center + prior.spread * codes), start, lines, values
        )

    def painter(self, number: int | None) -> Any:
        """Return the function from codes to images, all of one class."""
        class_ = 0 if number is None else number
        return lambda codes: showable(self.decode(codes, self.classes(len(codes), class_)))

    def class_number(self, name: str | None) -> int | None:
        """Return the number of the class of this name, if there is one."""
        if name is None:
            return None
        if not self.config.conditional:
            raise lab.UsageError(
                "This network does not know classes: train it with --kind vae --conditional"
            )
        return class_number(name, self.info.classes)
