"""List the losses of the game, `--loss`, and what goes with each by default.

A new one is a new entry of `LOSSES`. Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

    Pairs = Callable[[Tensor, Tensor], Tensor]


class Loss(NamedTuple):
    """discriminator, generator: terms [B] of D's outputs on reals and fakes [B], logits or a
    critic's values, that each of the two makes small. compares: the generator's terms depend on
    reals, too. logits: a sigmoid of the outputs is the probability of being real. threshold: above
    it an example is classified as real; None where a single output has no meaning of its own.
    distance: outputs estimate a distance of the two distributions, so that an accurate D does no
    harm. The others are the defaults of options: critic_steps, gradient_penalty, gammas of R1 and
    R2, spectral_norm; clips: the critic's weights are clipped."""

    discriminator: Pairs
    generator: Pairs
    compares: bool = False
    logits: bool = False
    threshold: float | None = 0.0
    distance: bool = False
    critic_steps: int = 1
    gradient_penalty: float = 0.0
    gammas: tuple[float, float] = (0.0, 0.0)
    spectral_norm: bool = False
    clips: bool = False


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)): no probability before it enters a logarithm, -log sigmoid(x) =
    softplus(-x) is precise."""
    from torch.nn import functional

    return functional.softplus(x)


LOSSES: Mapping[str, Loss] = {
    # Goodfellow et al. (2014), section 3: D minimizes -log D(x) - log(1 - D(G(z))), and the
    # generator -log D(G(z)) ...
    "non-saturating": Loss(
        lambda r, f: softplus(-r) + softplus(f), lambda r, f: softplus(-f), logits=True
    ),
    # ... instead of equation 1's log(1 - D(G(z))), whose gradient vanishes where D is sure
    "minimax": Loss(
        lambda r, f: softplus(-r) + softplus(f), lambda r, f: -softplus(f), logits=True
    ),
    # Mao et al., "Least squares generative adversarial networks" (2017), equation 9
    "lsgan": Loss(
        lambda r, f: ((r - 1).square() + f.square()) / 2,
        lambda r, f: (f - 1).square() / 2,
        threshold=0.5,
    ),
    # Arjovsky et al., "Wasserstein GAN" (2017), algorithm 1
    "wgan": Loss(
        lambda r, f: f - r,
        lambda r, f: -f,
        threshold=None,
        distance=True,
        critic_steps=5,
        clips=True,
    ),
    # Gulrajani et al., "Improved training of Wasserstein GANs" (2017), algorithm 1
    "wgan-gp": Loss(
        lambda r, f: f - r,
        lambda r, f: -f,
        threshold=None,
        distance=True,
        critic_steps=5,
        gradient_penalty=10.0,
    ),
    # Lim and Ye, "Geometric GAN" (2017); Miyato et al. (2018), equations 16 and 17
    "hinge": Loss(
        lambda r, f: (1 - r).relu() + (1 + f).relu(), lambda r, f: -f, spectral_norm=True
    ),
    # Jolicoeur-Martineau (2018) in the form of Huang et al., "The GAN is dead; long live the GAN!"
    # (2024), equation 2: only how much more real the reals are matters
    "relativistic": Loss(
        lambda r, f: softplus(f - r),
        lambda r, f: softplus(r - f),
        compares=True,
        threshold=None,
        gammas=(1.0, 1.0),
    ),
}


def losses_with(has: Callable[[Loss], object], joint: str = " and ") -> str:
    """Return the names of the losses that have something, for help and messages."""
    return joint.join(name for name, loss in LOSSES.items() if has(loss))
