"""Play the game: what each of the two players is to make small.

Goodfellow et al., "Generative adversarial networks" (2014), algorithm 1, with the losses, penalties
and heads of those who came after. Nothing is logged here, read or written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss, relu, softplus

from lab import Batch
from lab_gan.augment import differentiable
from lab_gan.config import Config
from lab_gan.discriminator import DiscriminatorOutput
from lab_gan.latent import LatentSpec

Pairs = Callable[[Tensor, Tensor], Tensor]
Terms = dict[str, Tensor]


class Loss(NamedTuple):
    """discriminator, generator: terms [B] of D's outputs on reals and fakes [B]: logits, or a
    critic's values. compares: the generator's terms look at reals, too. threshold: above it an
    example is taken for real; None where the outputs tell nothing of a single example. distance:
    outputs measure how far apart the two are; the better, the more the generator learns."""

    discriminator: Pairs
    generator: Pairs
    compares: bool = False
    threshold: float | None = 0.0
    distance: bool = False


# None is a probability before it enters a logarithm: -log sigmoid(x) = softplus(-x) is precise.
LOSSES: Mapping[str, Loss] = {
    # Goodfellow et al. (2014), section 3: D minimizes -log D(x) - log(1 - D(G(z))), and the
    # generator -log D(G(z)) ...
    "non-saturating": Loss(lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f)),
    # ... instead of equation 1's log(1 - D(G(z))), whose gradient vanishes where D is sure
    "minimax": Loss(lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f)),
    # Mao et al., "Least squares generative adversarial networks" (2017), equation 9
    "lsgan": Loss(
        lambda r, f: ((r - 1).square() + f.square()) / 2,
        lambda r, f: (f - 1).square() / 2,
        threshold=0.5,
    ),
    # Arjovsky et al., "Wasserstein GAN" (2017), algorithm 1; Gulrajani et al. (2017), algorithm 1
    "wgan": Loss(lambda r, f: f - r, lambda r, f: -f, threshold=None, distance=True),
    "wgan-gp": Loss(lambda r, f: f - r, lambda r, f: -f, threshold=None, distance=True),
    # Lim and Ye, "Geometric GAN" (2017); Miyato et al. (2018), equations 16 and 17
    "hinge": Loss(lambda r, f: relu(1 - r) + relu(1 + f), lambda r, f: -f),
    # Jolicoeur-Martineau (2018) in the form of Huang et al., "The GAN is dead; long live the GAN!"
    # (2024), equation 2: only how much more real the reals are matters
    "relativistic": Loss(
        lambda r, f: softplus(f - r), lambda r, f: softplus(r - f), compares=True, threshold=None
    ),
}


class Adversarial:
    """Batches hold `real` and `fake` examples [B, ...] in the players' units, the `codes` [B, D]
    that fakes are made of, and where classes are asked for `labels` [B, K]."""

    def __init__(
        self, config: Config, codes: LatentSpec, judge: nn.Module, draw: Generator
    ) -> None:
        self.config, self.codes, self.judge, self.draw = config, codes, judge, draw
        self.loss = LOSSES[config.loss]

    def discriminator_loss(self, judge: Any, batch: Batch) -> tuple[Tensor, Terms]:
        """Return what D makes small. It pays for steep slopes where the batch holds their
        `penalty_weight` [], and learns the classes `known_classes` [B] of `known` examples."""
        config, labels = self.config, batch.get("labels")
        real, fake = self.augment(batch["real"]), self.augment(batch["fake"])
        x, twice = torch.cat([real, fake]), None if labels is None else torch.cat([labels, labels])
        pays, (r1, r2) = "penalty_weight" in batch, config.gammas
        if pays and (r1 or r2):
            x.requires_grad_()
        said = judge(x, twice)
        d_real, d_fake = said.score.chunk(2)
        loss = self.loss.discriminator(d_real, d_fake).mean()
        seen = {"real": d_real.detach(), "fake": d_fake.detach()}
        if pays:
            penalty = loss.new_zeros(())
            if r1 or r2:  # gamma / 2 E|grad D|^2 (Mescheder et al., 2018, equation 9)
                on_real, on_fake = squared_slopes(said.score, x, config.packing).chunk(2)
                penalty = (r1 * on_real.mean() + r2 * on_fake.mean()) / 2
            if config.penalty:  # lambda E(|grad D| - 1)^2 (Gulrajani et al., 2017, equation 3)
                between = interpolated(real, fake, config.packing, self.draw)
                squares = squared_slopes(judge(between, labels).score, between, config.packing)
                penalty = penalty + config.penalty * ((squares + 1e-12).sqrt() - 1).square().mean()
            loss, seen["penalty"] = loss + batch["penalty_weight"] * penalty, penalty.detach()
        if config.conditional == "auxiliary":  # L_C of Odena et al. (2017), equation 3
            assert twice is not None
            loss = loss + config.class_weight * cross_entropy(said.classes, twice)
        if "known" in batch:  # L_supervised of Salimans et al. (2016), section 5
            named, classes = judge(self.augment(batch["known"])).classes, batch["known_classes"]
            seen["named"] = (named.argmax(1) == classes).float().mean()
            loss = loss + config.class_weight * cross_entropy(named, classes)
        if config.informed:
            loss = loss + self.info_loss(said, batch["codes"], first=len(real))
        return loss, seen

    def generator_loss(self, generator: Any, batch: Batch) -> tuple[Tensor, Terms]:
        """Return what G makes small."""
        config, labels = self.config, batch.get("labels")
        said: DiscriminatorOutput = self.judge(self.augment(generator(batch["codes"])), labels)
        d_real = said.score
        if self.loss.compares:
            with torch.no_grad():
                d_real = self.judge(self.augment(batch["real"]), labels).score
        loss = self.loss.generator(d_real, said.score).mean()
        if config.conditional == "auxiliary":
            assert said.classes is not None
            assert labels is not None
            loss = loss + config.class_weight * cross_entropy(said.classes, labels)
        if config.informed:
            loss = loss + self.info_loss(said, batch["codes"], first=0)
        return loss, {}

    def info_loss(self, said: DiscriminatorOutput, codes: Tensor, first: int) -> Tensor:
        """Return how badly codes are read from fakes, which begin at row `first`: the bound of
        their mutual information (Chen et al., 2016, equation 5), numbers by a Gaussian of
        deviation 1."""
        meant = self.codes.read(codes)
        value = codes.new_zeros(())
        if said.category is not None:
            value = value + cross_entropy(said.category[first:], meant["category"])
        if said.numbers is not None:
            value = value + mse_loss(said.numbers[first:], meant["numbers"]) / 2
        return self.config.info_weight * value

    def augment(self, examples: Tensor) -> Tensor:
        if not self.config.diffaug:
            return examples
        return differentiable(examples, self.config.diffaug, self.draw)


# -- slopes


def squared_slopes(scores: Tensor, examples: Tensor, pack: int = 1) -> Tensor:
    """Return |dD/dx|² of each thing that is judged, an example or a pack of them [B], to be
    differentiated again. The sum keeps them apart: no score depends on another one's examples, as
    long as there is no BatchNorm."""
    slopes = torch.autograd.grad(scores.sum(), examples, create_graph=True)[0]
    return slopes.reshape(len(slopes) // pack, -1).square().sum(1)


def interpolated(real: Tensor, fake: Tensor, pack: int, draw: Generator) -> Tensor:
    """Return random places between reals and fakes [B, ...], those of a pack on one line, to be
    differentiated by (Gulrajani et al., "Improved training of Wasserstein GANs", 2017, section 4).
    """
    share = torch.rand(
        (len(real) // pack, *[1] * (real.ndim - 1)), generator=draw, device=draw.device
    )
    shares = share.repeat_interleave(pack, 0)
    return torch.lerp(real.detach(), fake.detach(), shares).requires_grad_()


@torch.no_grad()
def clip_weights(module: nn.Module, bound: float) -> None:
    """Bring each weight into [-bound, bound] (Arjovsky et al., 2017, algorithm 1, line 7)."""
    weights: list[Tensor] = [weight for weight in module.parameters() if weight.requires_grad]
    torch._foreach_clamp_min_(weights, -bound)
    torch._foreach_clamp_max_(weights, bound)
