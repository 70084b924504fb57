"""Draw reconstructions, codes, filters and samples of the eval split."""

from __future__ import annotations

from typing import Any

import torch

import lab
from lab.generative import (
    FeatureMetrics,
    code_map,
    filter_grid,
    neighbor_grid,
    restored,
    sample_grid,
    showable,
)
from lab_ae.layers import first_filters
from lab_ae.loader import Examples
from lab_ae.model import Variational
from lab_ae.sampling import Sampler

EXAMPLES = 32  # and samples
NEIGHBORS = 8  # samples with neighbors, and how many of those
NEAR = 4
MAPPED = 2_000  # codes as points


class Plots:
    """Evaluations start from the same random state, and samples are drawn first: they are of the
    same codes every time."""

    def __init__(
        self,
        ctx: lab.Context,
        examples: Examples,
        net: Any,
        sampler: Sampler,
        domain: FeatureMetrics,
    ) -> None:
        self.ctx, self.examples, self.net = ctx, examples, net
        self.sampler, self.domain = sampler, domain

    def show(self) -> None:
        if self.examples.data.info.kind == "image":
            if isinstance(self.net, Variational):
                self.samples()
            self.reconstructions()
            self.filters()
        self.codes()

    def samples(self) -> None:
        """Draw samples, and some of them with their nearest training examples."""
        samples = self.sampler.generate(EXAMPLES)
        nearest, _, _ = self.domain.nearest(samples[:NEIGHBORS], NEAR)
        scale = 255 if nearest.dtype == torch.uint8 else 1
        tiles = showable((nearest / scale).flatten(0, 1))
        tiles = tiles.view(*nearest.shape[:2], *tiles.shape[1:])
        self.ctx.media("samples", sample_grid(showable(samples), 8))
        self.ctx.media("samples_and_nearest", neighbor_grid(showable(samples[:NEIGHBORS]), tiles))

    def reconstructions(self) -> None:
        """Draw examples, each with its reconstruction to the right."""
        batch = next(self.examples.batches("eval", EXAMPLES))
        read = self.examples.read(batch)
        inputs = read["inputs"]
        with self.ctx.autocast():
            again = self.net.reconstruct(inputs, read.get("classes")).float()
        pairs = torch.stack([inputs, again], 1).flatten(0, 1)
        images = showable(restored(pairs, self.examples.data.info))
        self.ctx.media("reconstructions", sample_grid(images, 8))

    def filters(self) -> None:
        weights = first_filters(self.net.encoder)
        if weights is not None:
            info = self.examples.data.info
            pixels = weights[:, : weights.shape[1] - self.net.labels]
            self.ctx.media("filters", filter_grid(pixels, info.shape))

    def codes(self) -> None:
        """Draw codes as points, colored by class."""
        codes, labels = [], []
        info = self.examples.data.info
        for batch in self.examples.batches("eval", MAPPED):
            read = self.examples.read(batch)
            with self.ctx.autocast():
                codes.append(self.net.encode(read["inputs"], read.get("classes")).float())
            if info.task == "classify":
                labels.append(batch["targets"])
        targets = torch.cat(labels) if labels else None
        self.ctx.media("codes", code_map(torch.cat(codes), targets, info.classes))
