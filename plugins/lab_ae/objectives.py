"""Make of a batch what a network learns from, and the loss of what it answers.

A lesson is called as `Updater` calls a loss: `lesson(net, batch)`. It returns the loss, the parts
that are logged, and what else the experiment needs back, detached. All of them reconstruct the
batch's `inputs`; where the network is told classes, those are its `classes`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Generator, Tensor

from lab import Batch
from lab_ae.codebook import perplexity
from lab_ae.config import Config
from lab_ae.losses import (
    Distance,
    cross_entropy,
    gaussian,
    kl_divergence,
    sparsity,
    squared_error,
)

THRESHOLD = 0.5

Answer = tuple[Tensor, dict[str, Any]]


class Objective(Protocol):
    """What every lesson of this file is."""

    def prepare(self, batch: Batch) -> Batch:
        """Return what the loss is computed from; chance is drawn here."""

    def __call__(self, net: Any, batch: Batch) -> Answer: ...


class Reconstructing:
    """Plain autoencoders: the loss of the reconstruction and penalties of the code.

    What is corrupted is what the encoder sees, `corrupted`; the target stays clean (Vincent et al.,
    2008).
    """

    def __init__(self, config: Config, bits: bool, draw: Generator) -> None:
        self.config, self.draw = config, draw
        self.distance: Distance = cross_entropy if bits else squared_error

    def prepare(self, batch: Batch) -> Batch:
        if self.config.noise == "none":
            return batch
        return {**batch, "corrupted": corrupted(batch["inputs"], self.config, self.draw)}

    def __call__(self, net: Any, batch: Batch) -> Answer:
        c, inputs = self.config, batch["inputs"]
        found = net(batch.get("corrupted", inputs))
        loss = self.distance(found.outputs, inputs)
        parts = {"reconstruction_loss": loss.detach()}
        if found.jacobian is not None:
            jacobian = found.jacobian / len(inputs)
            loss, parts["jacobian"] = loss + c.contractive * jacobian, jacobian.detach()
        if c.sparsity is not None:
            dense = sparsity(found.code, c.sparsity)
            loss, parts["sparsity"] = loss + c.sparsity_cost * dense, dense.detach()
        if c.l1:
            size = found.code.abs().sum() / len(inputs)
            loss, parts["l1"] = loss + c.l1 * size, size.detach()
        return loss, parts


class Variational:
    """-ELBO, where the KL divergence may count for more, or for less at first (Higgins et al.,
    2017; Bowman et al., 2016)."""

    def __init__(
        self, config: Config, bits: bool, draw: Generator, progress: Callable[[], float]
    ) -> None:
        self.config, self.bits, self.draw, self.progress = config, bits, draw, progress

    @property
    def weight(self) -> float:
        """What the KL divergence counts for now."""
        if not self.config.kl_warmup_fraction:
            return self.config.beta
        return self.config.beta * min(1.0, self.progress() / self.config.kl_warmup_fraction)

    def prepare(self, batch: Batch) -> Batch:
        inputs = binarized(batch["inputs"], self.config, self.draw)
        noise = inputs.new_empty(len(inputs), self.config.latent_dim).normal_(generator=self.draw)
        prepared = {**batch, "inputs": inputs, "noise": noise}
        if self.config.kl_warmup_fraction:
            # a tensor, as a compiled update would be compiled anew for each number
            prepared["kl_weight"] = inputs.new_full((), self.weight)
        return prepared

    def __call__(self, net: Any, batch: Batch) -> Answer:
        inputs, weight = batch["inputs"], batch.get("kl_weight", self.config.beta)
        found = net(inputs, batch["noise"], batch.get("classes"))
        if self.bits:
            missed = cross_entropy(found.outputs, inputs)
        else:
            missed = gaussian(found.outputs, inputs, found.log_sigma)
        apart = kl_divergence(found.mean, found.logvar).mean()
        loss = missed + weight * apart
        return loss, {"reconstruction_loss": missed.detach(), "kl": apart.detach()}


class Quantizing:
    """The loss of the reconstruction, the pull of codes towards their entries, and, unless those
    are running means, of entries towards their codes (van den Oord et al., 2017, equation 3)."""

    def __init__(self, config: Config, bits: bool) -> None:
        self.config = config
        self.distance: Distance = cross_entropy if bits else squared_error

    def prepare(self, batch: Batch) -> Batch:
        return batch

    def __call__(self, net: Any, batch: Batch) -> Answer:
        c, inputs = self.config, batch["inputs"]
        found = net(inputs)
        missed = self.distance(found.outputs, inputs)
        vectors, entries = found.vectors, found.entries
        apart = (vectors - entries.detach()).square().sum() / len(inputs)
        loss = missed + c.commitment * apart
        if c.codebook == "gradient":
            loss = loss + (vectors.detach() - entries).square().sum() / len(inputs)
        parts = {
            "reconstruction_loss": missed.detach(),
            "commitment": apart.detach(),
            "perplexity": perplexity(found.numbers, c.entries),
        }
        return loss, {**parts, "vectors": vectors.detach(), "numbers": found.numbers}


def corrupted(inputs: Tensor, config: Config, draw: Generator) -> Tensor:
    """Return inputs [B, ...] of which a share is 0, or with gaussian noise added."""
    noise = torch.empty_like(inputs)
    if config.noise == "masking":
        return inputs * (noise.uniform_(generator=draw) >= config.noise_level)
    return torch.add(inputs, noise.normal_(generator=draw), alpha=config.noise_level)


def binarized(inputs: Tensor, config: Config, draw: Generator) -> Tensor:
    """Return intensities [B, ...] as the bits that were asked for, or as they are."""
    if config.binarize == "none":
        return inputs
    if config.binarize == "threshold":
        return (inputs >= THRESHOLD).to(inputs.dtype)
    return (torch.empty_like(inputs).uniform_(generator=draw) < inputs).to(inputs.dtype)
