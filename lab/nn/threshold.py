"""The unit step, as a module."""

from __future__ import annotations

from torch import Tensor, nn


class Threshold(nn.Module):
    """The unit step: 1 where x >= 0, else 0 (McCulloch & Pitts, 1943).

    Its derivative is 0 wherever it has one, and that is what flows back: layers before it learn
    nothing, as those before any other saturated unit.
    """

    def forward(self, x: Tensor) -> Tensor:
        # of functions whose derivative torch takes as 0, so that the graph is not cut
        return ((x.sign() + 1) / 2).ceil()
