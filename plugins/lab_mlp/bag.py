"""Read texts as bags of words: what comes first does not count."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lab.data.tokens import END

STD = 0.1  # of the vectors in the beginning


class TokenBag(nn.Module):
    """Tokens [B, T] of `words` words -> the mean of their vectors [B, width], which are learned.

    Joulin et al., "Bag of tricks for efficient text classification" (2017), section 2. What fills a
    text up does not count. Written out, as nn.EmbeddingBag becomes a loop in `vmap` and ONNX.
    """

    def __init__(self, words: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, width, padding_idx=END)
        with torch.no_grad():
            self.embedding.weight *= STD

    def forward(self, tokens: Tensor) -> Tensor:
        vectors = self.embedding(tokens)  # (B, T, width), 0 behind the end
        lengths = (tokens != END).sum(1, keepdim=True).clamp(min=1)
        means: Tensor = vectors.sum(1) / lengths
        return means
