"""Flow from noise to data along straight lines.

Lipman et al., "Flow matching for generative modeling" (2023), with conditional optimal-transport
paths that end in the data themselves; Liu et al., "Flow straight and fast" (2023), section 2. As
everywhere here time 0 is the data, where both papers have the noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import Generator, Tensor

from lab_diffusion.process import Model, Process, Sampling, spread


class Flow(Process):
    """x_t = (1 - t) x_0 + t noise; the network answers with the velocity noise - x_0."""

    def scales(self, time: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        return spread(1 - time, like), spread(time, like)

    def target(self, clean: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        return noise - clean

    def parts(self, noised: Tensor, output: Tensor, time: Tensor) -> tuple[Tensor, Tensor]:
        alpha, sigma = self.scales(time, noised)
        return noised - sigma * output, noised + alpha * output

    def path(
        self, model: Model, noise: Tensor, how: Sampling, generator: Generator
    ) -> Iterator[Tensor]:
        """Yield x_t by steps of Euler's or of Heun's method; the latter asks the network twice in
        each but the last, whose end is the data themselves, and has an error of second order
        (Karras et al., 2022, algorithm 1). Nothing is drawn on the way, and no bound is needed."""
        x = noise
        times = [1 - n / how.steps for n in range(how.steps + 1)]
        for now, then in pairwise(times):
            velocity = model(x, now)
            if how.solver == "heun" and then > 0:
                ahead = model(x + (then - now) * velocity, then)
                velocity = (velocity + ahead) / 2
            x = x + (then - now) * velocity
            yield x
