"""Turn tokens into vectors, and vectors back into scores of tokens."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional


class TokenEmbedding(nn.Embedding):
    """Embeddings of `vocab_size` tokens as vectors of `width`, drawn with a standard deviation of
    1 / sqrt(width).

    scaled: multiply them by sqrt(width) (Vaswani et al., 2017, section 3.4), to the size of
    positions that are added.
    """

    def __init__(self, vocab_size: int, width: int, *, scaled: bool = False) -> None:
        super().__init__(vocab_size, width)
        self.scale = math.sqrt(width) if scaled else 1.0
        nn.init.normal_(self.weight, std=1 / math.sqrt(width))

    def forward(self, tokens: Tensor) -> Tensor:
        """Return vectors [..., width] of tokens [...]."""
        vectors = super().forward(tokens)
        return vectors * self.scale if self.scale != 1 else vectors

    def logits(self, outputs: Tensor) -> Tensor:
        """Score each token by the same weights, unscaled: [..., vocab_size] of outputs [..., width]
        (tied weights; Press & Wolf, 2017)."""
        return functional.linear(outputs, self.weight)
