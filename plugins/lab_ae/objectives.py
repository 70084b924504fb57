"""Prepare batches, and compute the losses of the three kinds of autoencoders.

An objective is called as `Updater` calls a loss: `objective(net, batch)`. It returns the loss, the
terms that are logged, and what else the experiment needs back, detached. All of them reconstruct
the batch's `inputs`; a conditional network gets its `classes`.
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

LossAndTerms = tuple[Tensor, dict[str, Any]]


class Objective(Protocol):
    """The interface of the objectives below."""

    def prepare(self, batch: Batch) -> Batch:
        """Return the batch that the loss is computed from; random numbers are drawn here."""

    def __call__(self, net: Any, batch: Batch) -> LossAndTerms: ...


class Reconstructing:
    """Plain autoencoders: the loss of the reconstruction and penalties of the code.

    A denoising encoder gets `corrupted` inputs; the target stays clean (Vincent et al., 2008).
    """

    def __init__(self, config: Config, bits: bool, generator: Generator) -> None:
        self.config, self.generator = config, generator
        self.distance: Distance = cross_entropy if bits else squared_error

    def prepare(self, batch: Batch) -> Batch:
        if self.config.noise == "none":
            return batch
        return {**batch, "corrupted": corrupted(batch["inputs"], self.config, self.generator)}

    def __call__(self, net: Any, batch: Batch) -> LossAndTerms:
        c, inputs = self.config, batch["inputs"]
        output = net(batch.get("corrupted", inputs))
        loss = self.distance(output.outputs, inputs)
        parts = {"reconstruction_loss": loss.detach()}
        if output.jacobian is not None:
            jacobian = output.jacobian / len(inputs)
            loss, parts["jacobian"] = loss + c.contractive * jacobian, jacobian.detach()
        if c.sparsity is not None:
            dense = sparsity(output.code, c.sparsity)
            loss, parts["sparsity"] = loss + c.sparsity_cost * dense, dense.detach()
        if c.l1:
            size = output.code.abs().sum() / len(inputs)
            loss, parts["l1"] = loss + c.l1 * size, size.detach()
        return loss, parts


class Variational:
    """-ELBO, with a weight of the KL divergence that may be warmed up (Higgins et al., 2017;
    Bowman et al., 2016)."""

    def __init__(
        self, config: Config, bits: bool, generator: Generator, progress: Callable[[], float]
    ) -> None:
        self.config, self.bits, self.generator, self.progress = config, bits, generator, progress

    @property
    def weight(self) -> float:
        """The current weight of the KL divergence."""
        if not self.config.kl_warmup_fraction:
            return self.config.beta
        return self.config.beta * min(1.0, self.progress() / self.config.kl_warmup_fraction)

    def prepare(self, batch: Batch) -> Batch:
        inputs = binarized(batch["inputs"], self.config, self.generator)
        noise = inputs.new_empty(len(inputs), self.config.latent_dim).normal_(
            generator=self.generator
        )
        prepared = {**batch, "inputs": inputs, "noise": noise}
        if self.config.kl_warmup_fraction:
            # a tensor, as a compiled update would be compiled anew for each number
            prepared["kl_weight"] = inputs.new_full((), self.weight)
        return prepared

    def __call__(self, net: Any, batch: Batch) -> LossAndTerms:
        inputs, weight = batch["inputs"], batch.get("kl_weight", self.config.beta)
        output = net(inputs, batch["noise"], batch.get("classes"))
        if self.bits:
            reconstruction_loss = cross_entropy(output.outputs, inputs)
        else:
            reconstruction_loss = gaussian(output.outputs, inputs, output.log_sigma)
        kl = kl_divergence(output.mean, output.logvar).mean()
        loss = reconstruction_loss + weight * kl
        return loss, {"reconstruction_loss": reconstruction_loss.detach(), "kl": kl.detach()}


class Quantizing:
    """The loss of the reconstruction, the commitment loss of codes, and, unless entries
    are running means, the codebook loss (van den Oord et al., 2017, equation 3)."""

    def __init__(self, config: Config, bits: bool) -> None:
        self.config = config
        self.distance: Distance = cross_entropy if bits else squared_error

    def prepare(self, batch: Batch) -> Batch:
        return batch

    def __call__(self, net: Any, batch: Batch) -> LossAndTerms:
        c, inputs = self.config, batch["inputs"]
        output = net(inputs)
        reconstruction_loss = self.distance(output.outputs, inputs)
        vectors, entries = output.vectors, output.entries
        commitment = (vectors - entries.detach()).square().sum() / len(inputs)
        loss = reconstruction_loss + c.commitment * commitment
        if c.codebook == "gradient":
            loss = loss + (vectors.detach() - entries).square().sum() / len(inputs)
        parts = {
            "reconstruction_loss": reconstruction_loss.detach(),
            "commitment": commitment.detach(),
            "perplexity": perplexity(output.indices, c.entries),
        }
        return loss, {**parts, "vectors": vectors.detach(), "numbers": output.indices}


def corrupted(inputs: Tensor, config: Config, generator: Generator) -> Tensor:
    """Return inputs [B, ...] of which a fraction is 0, or with gaussian noise added."""
    noise = torch.empty_like(inputs)
    if config.noise == "masking":
        return inputs * (noise.uniform_(generator=generator) >= config.noise_level)
    return torch.add(inputs, noise.normal_(generator=generator), alpha=config.noise_level)


def binarized(inputs: Tensor, config: Config, generator: Generator) -> Tensor:
    """Return intensities [B, ...] binarized as the config says, or as they are."""
    if config.binarize == "none":
        return inputs
    if config.binarize == "threshold":
        return (inputs >= THRESHOLD).to(inputs.dtype)
    return (torch.empty_like(inputs).uniform_(generator=generator) < inputs).to(inputs.dtype)
