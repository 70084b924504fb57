"""Hide words that a network is to guess (Devlin et al., 2019, section 3.1, task 1)."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.data.batches import IGNORED
from lab.data.tokens import END

HIDDEN, REPLACED = 0.8, 0.1  # of the words that are asked for; the others stay as they are


def hide(
    tokens: Tensor, present: Tensor, words: int, fraction: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return tokens [B, T] to read, and the words to guess [B, T], IGNORED where none is asked.

    Each token that is `present` [B, T] is asked for with a probability of `fraction`. Of these,
    80 % become the mask, the token numbered `words`, 10 % any word, and 10 % stay.
    """

    def uniform() -> Tensor:
        drawn = torch.rand(tokens.shape, generator=generator, device=generator.device)
        return drawn.to(tokens.device)

    asked = (uniform() < fraction) & present
    fate = uniform()
    anything = END + 1 + (uniform() * (words - END - 1)).long()
    read = tokens.masked_fill(asked & (fate < HIDDEN), words)
    replaced = asked & (fate >= HIDDEN) & (fate < HIDDEN + REPLACED)
    return read.where(~replaced, anything), tokens.masked_fill(~asked, IGNORED)
