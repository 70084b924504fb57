"""Say what the two players want, by the discriminator's outputs: logits, or a critic's values.

Each loss takes the outputs on reals and on fakes [B] and returns a term for each pair [B]. None is
a probability before it enters a logarithm: log sigmoid(x) = -softplus(-x) holds its precision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import relu, softplus

Pairs = Callable[[Tensor, Tensor], Tensor]


class Loss(NamedTuple):
    """discriminator, generator: terms [B] of outputs on reals and fakes. compares: the generator's
    terms look at reals, too. threshold: above it an example is taken for real; None where the
    outputs tell nothing of a single example. distance: outputs measure how far apart the two are;
    the better, the more the generator learns."""

    discriminator: Pairs
    generator: Pairs
    compares: bool = False
    threshold: float | None = 0.0
    distance: bool = False


def _classify(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z)))"""
    return softplus(-real) + softplus(fake)


def _hinge(real: Tensor, fake: Tensor) -> Tensor:
    return relu(1 - real) + relu(1 + fake)


def _squares(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square() + fake.square()) / 2


def _distance(real: Tensor, fake: Tensor) -> Tensor:
    return fake - real


LOSSES: Mapping[str, Loss] = {
    # Goodfellow et al. (2014), section 3: the generator maximises log D(G(z)) ...
    "non-saturating": Loss(_classify, lambda real, fake: softplus(-fake)),
    # ... instead of what equation 1 says, whose gradient vanishes where D is sure
    "minimax": Loss(_classify, lambda real, fake: -softplus(fake)),
    # Mao et al., "Least squares generative adversarial networks" (2017), equation 9
    "lsgan": Loss(_squares, lambda real, fake: (fake - 1).square() / 2, threshold=0.5),
    # Arjovsky et al., "Wasserstein GAN" (2017), algorithm 1; Gulrajani et al. (2017), algorithm 1
    "wgan": Loss(_distance, lambda real, fake: -fake, threshold=None, distance=True),
    "wgan-gp": Loss(_distance, lambda real, fake: -fake, threshold=None, distance=True),
    # Lim and Ye, "Geometric GAN" (2017); Miyato et al. (2018), equations 16 and 17
    "hinge": Loss(_hinge, lambda real, fake: -fake),
    # Jolicoeur-Martineau (2018) in the form of Huang et al., "The GAN is dead; long live the GAN!"
    # (2024), equation 2: only how much more real the reals are matters
    "relativistic": Loss(
        lambda real, fake: softplus(fake - real),
        lambda real, fake: softplus(real - fake),
        compares=True,
        threshold=None,
    ),
}
