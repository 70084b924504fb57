"""Compute the losses of the discriminator and of the generator.

Goodfellow et al., "Generative adversarial networks" (2014), algorithm 1, with the losses, penalties
and heads of later work. Nothing is logged here, read or written.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from lab import Batch
from lab_gan.augment import differentiable
from lab_gan.config import Config
from lab_gan.discriminator import DiscriminatorOutput
from lab_gan.latent import LatentSpec
from lab_gan.losses import LOSSES

Terms = dict[str, Tensor]


class Adversarial:
    """Batches hold `real` and `fake` examples [B, ...] in the networks' units, the latent `codes`
    [B, D] that fakes are made of, and of a conditional network `labels` [B, K]."""

    def __init__(
        self, config: Config, codes: LatentSpec, discriminator: nn.Module, rng: Generator
    ) -> None:
        self.config, self.codes, self.discriminator = config, codes, discriminator
        self.rng = rng
        self.loss = LOSSES[config.loss]

    def discriminator_loss(self, discriminator: Any, batch: Batch) -> tuple[Tensor, Terms]:
        """Return the discriminator's loss. Gradient penalties are added where the batch holds their
        `penalty_weight` [], and the loss of the classes `known_classes` [B] of `known` examples."""
        config, labels = self.config, batch.get("labels")
        real, fake = self.augment(batch["real"]), self.augment(batch["fake"])
        x, x_labels = torch.cat([real, fake]), None if labels is None else torch.cat([labels] * 2)
        penalized, (r1_gamma, r2_gamma) = "penalty_weight" in batch, config.gammas
        if penalized and (r1_gamma or r2_gamma):
            x.requires_grad_()
        output = discriminator(x, x_labels)
        d_real, d_fake = output.score.chunk(2)
        loss = self.loss.discriminator(d_real, d_fake).mean()
        terms = {"real": d_real.detach(), "fake": d_fake.detach()}
        if penalized:
            penalty = loss.new_zeros(())
            if r1_gamma or r2_gamma:  # gamma / 2 E|grad D|^2 (Mescheder et al., 2018, equation 9)
                r1, r2 = squared_gradient_norms(output.score, x, config.packing).chunk(2)
                penalty = (r1_gamma * r1.mean() + r2_gamma * r2.mean()) / 2
            if config.penalty:  # lambda E(|grad D| - 1)^2 (Gulrajani et al., 2017, equation 3)
                x_hat = interpolated(real, fake, config.packing, self.rng)
                d_hat = discriminator(x_hat, labels).score
                squared_norms = squared_gradient_norms(d_hat, x_hat, config.packing)
                gradient_penalty = ((squared_norms + 1e-12).sqrt() - 1).square().mean()
                penalty = penalty + config.penalty * gradient_penalty
            loss, terms["penalty"] = loss + batch["penalty_weight"] * penalty, penalty.detach()
        if config.conditional == "auxiliary":  # L_C of Odena et al. (2017), equation 3
            assert x_labels is not None
            loss = loss + config.class_weight * cross_entropy(output.classes, x_labels)
        if "known" in batch:  # L_supervised of Salimans et al. (2016), section 5
            logits = discriminator(self.augment(batch["known"])).classes
            classes = batch["known_classes"]
            terms["named"] = (logits.argmax(1) == classes).float().mean()
            loss = loss + config.class_weight * cross_entropy(logits, classes)
        if config.informed:
            loss = loss + self.info_loss(output, batch["codes"], first=len(real))
        return loss, terms

    def generator_loss(self, generator: Any, batch: Batch) -> tuple[Tensor, Terms]:
        """Return the generator's loss."""
        config, labels = self.config, batch.get("labels")
        fake = self.augment(generator(batch["codes"]))
        output: DiscriminatorOutput = self.discriminator(fake, labels)
        d_fake = d_real = output.score
        if self.loss.compares:
            with torch.no_grad():
                d_real = self.discriminator(self.augment(batch["real"]), labels).score
        loss = self.loss.generator(d_real, d_fake).mean()
        if config.conditional == "auxiliary":
            assert output.classes is not None
            assert labels is not None
            loss = loss + config.class_weight * cross_entropy(output.classes, labels)
        if config.informed:
            loss = loss + self.info_loss(output, batch["codes"], first=0)
        return loss, {}

    def info_loss(self, output: DiscriminatorOutput, codes: Tensor, first: int) -> Tensor:
        """Return the negative log-likelihood of codes given fakes, which begin at row `first`: the
        bound of their mutual information (Chen et al., 2016, equation 5); continuous codes have a
        Gaussian of standard deviation 1."""
        targets = self.codes.read(codes)
        loss = codes.new_zeros(())
        if output.category is not None:
            loss = loss + cross_entropy(output.category[first:], targets["category"])
        if output.continuous is not None:
            loss = loss + mse_loss(output.continuous[first:], targets["numbers"]) / 2
        return self.config.info_weight * loss

    def augment(self, examples: Tensor) -> Tensor:
        if not self.config.diffaug:
            return examples
        return differentiable(examples, self.config.diffaug, self.rng)


# -- gradients by the input


def squared_gradient_norms(scores: Tensor, examples: Tensor, pack: int = 1) -> Tensor:
    """Return |dD/dx|² of each input of the discriminator, an example or a pack of them [B], to be
    differentiated again. The sum keeps them apart: no score depends on another one's examples, as
    long as there is no BatchNorm."""
    gradients = torch.autograd.grad(scores.sum(), examples, create_graph=True)[0]
    return gradients.reshape(len(gradients) // pack, -1).square().sum(1)


def interpolated(real: Tensor, fake: Tensor, pack: int, generator: Generator) -> Tensor:
    """Return random points between reals and fakes [B, ...], those of a pack on one line, to be
    differentiated by (Gulrajani et al., "Improved training of Wasserstein GANs", 2017, section 4).
    """
    size = (len(real) // pack, *[1] * (real.ndim - 1))
    epsilon = torch.rand(size, generator=generator, device=generator.device)
    epsilon = epsilon.repeat_interleave(pack, 0)
    return torch.lerp(real.detach(), fake.detach(), epsilon).requires_grad_()


@torch.no_grad()
def clip_weights(module: nn.Module, bound: float) -> None:
    """Bring each weight into [-bound, bound] (Arjovsky et al., 2017, algorithm 1, line 7)."""
    weights: list[Tensor] = [weight for weight in module.parameters() if weight.requires_grad]
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)
