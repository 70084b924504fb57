"""Draw codes: from the prior of a variational autoencoder, or from a mixture of Gaussians fitted to
the training codes of one that has no prior (Ghosh et al., 2020, section 4)."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

COMPONENTS, PER_DIMENSION = 10, 10  # at most; codes for each of them by dimension of a code
LEAST_VARIANCE = 1e-3  # of a component, in units of the codes' own


@dataclass(frozen=True)
class Mixture:
    """Shapes: K components, Z dimensions of a code. weights [K], means [K, Z], factors [K, Z, Z]:
    Cholesky's, of the covariances; center and spread [Z]: its mean and standard
    deviation."""

    weights: Tensor
    means: Tensor
    factors: Tensor
    center: Tensor
    spread: Tensor

    def draw(self, n: int, generator: Generator) -> Tensor:
        """Return codes [n, Z]."""
        which = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        noise = self.means.new_empty(n, self.means.shape[1], 1).normal_(generator=generator)
        return self.means[which] + (self.factors[which] @ noise)[:, :, 0]


def standard_normal(size: int, device: torch.device) -> Mixture:
    """Return the prior of codes of `size` dimensions."""
    zeros, ones = torch.zeros(1, size, device=device), torch.ones(1, device=device)
    factor = torch.eye(size, device=device)[None]
    return Mixture(ones, zeros, factor, zeros[0], ones.expand(size))


def fitted(codes: Tensor) -> Mixture:
    """Return a mixture of Gaussians for codes [N, Z], the same for the same codes."""
    from sklearn.mixture import GaussianMixture

    # scikit-learn brings it
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    center, spread = codes.mean(0), codes.std(0, correction=0).clamp(min=1e-6)
    x = ((codes - center) / spread).cpu().double().numpy()
    number = max(1, min(COMPONENTS, len(x) // (PER_DIMENSION * x.shape[1])))
    model = GaussianMixture(number, reg_covar=LEAST_VARIANCE, random_state=0)
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")  # one that has not settled draws well enough
        model.fit(x)
    parameters = (model.weights_, model.means_, model.covariances_)
    weights, means, covariances = (torch.from_numpy(array).to(codes) for array in parameters)
    factors = spread[:, None] * torch.linalg.cholesky(covariances)
    return Mixture(weights, means * spread + center, factors, center, spread)
