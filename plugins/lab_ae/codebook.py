"""Replace vectors by the nearest entries of a codebook, and let the entries learn.

van den Oord, Vinyals and Kavukcuoglu, "Neural discrete representation learning" (2017).
"""

from __future__ import annotations

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import one_hot

DEAD = 0.01  # of a uniform frequency, below which an entry counts as unused
TINY = 1e-12


class Codebook(nn.Module):
    """Shapes: N vectors of d dimensions, K entries.

    entries [K, d]: a parameter, or, with running means, a buffer. usage [K]: running fraction
    of the vectors that each entry stands for. sums [K, d]: running sum of those vectors over N.
    Both begin at 0, and so does the bias that their ratio cancels.
    """

    entries: Tensor
    usage: Tensor
    sums: Tensor

    def __init__(self, entries: int, size: int, means: bool, restart: bool, decay: float) -> None:
        super().__init__()
        self.means, self.restart, self.decay = means, restart, decay
        start = torch.randn(entries, size)
        if means:
            self.register_buffer("entries", start)
            self.register_buffer("sums", torch.zeros(entries, size))
        else:
            self.entries = nn.Parameter(start)
        if means or restart:
            self.register_buffer("usage", torch.zeros(entries))

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the index of the entry nearest to each vector [N]."""
        with torch.no_grad(), torch.autocast(vectors.device.type, enabled=False):
            lengths = self.entries.square().sum(1)
            return torch.addmm(lengths, vectors, self.entries.T, alpha=-2).argmin(1)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Return the nearest entries [N, d], and their indices [N]."""
        indices = self.nearest(vectors)
        return self.entries[indices], indices

    @torch.no_grad()
    def learn(self, vectors: Tensor, indices: Tensor, generator: Generator) -> None:
        """Move entries after an update on vectors [N, d], quantized to entries `indices` [N]: to
        running means (appendix A.1), and where they are hardly used, to vectors drawn of these."""
        if not self.means and not self.restart:
            return
        uses = one_hot(indices, len(self.entries)).to(vectors.dtype)  # [N, K]
        self.usage.lerp_(uses.mean(0), 1 - self.decay)
        if self.means:
            self.sums.lerp_(uses.T @ vectors / len(vectors), 1 - self.decay)
            usage = self.usage[:, None]
            self.entries.copy_(
                (self.sums / usage.clamp(min=TINY)).where(usage > TINY, self.entries)
            )
        if self.restart:
            self._restart(vectors, generator)

    def _restart(self, vectors: Tensor, generator: Generator) -> None:
        """Move unused entries, as if they had been used evenly. Nothing waits for the device."""
        even = 1 / len(self.entries)
        dead = self.usage < DEAD * even
        chosen = torch.randint(
            len(vectors), (len(dead),), generator=generator, device=vectors.device
        )
        fresh = vectors[chosen]
        self.entries.copy_(fresh.where(dead[:, None], self.entries))
        if self.means:
            self.sums.copy_((fresh * even).where(dead[:, None], self.sums))
        self.usage.masked_fill_(dead, even)


def perplexity(indices: Tensor, entries: int) -> Tensor:
    """Return the exponential of the entropy of how often entries are used []: how many there are in
    effect, from 1 to all."""
    frequencies = one_hot(indices, entries).float().mean(0)
    return (-(frequencies * frequencies.clamp(min=TINY).log()).sum()).exp()
