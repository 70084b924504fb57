"""Let a recurrent decoder look at the steps of its memory: additive and multiplicative attention.

Shapes: queries [B, T, Q], the decoder's states; memory [B, S, M], the encoder's outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lab.sequence.attention import masked_softmax


class Alignment(nn.Module):
    """A score of each query and each step of the memory, and the mean that follows from it."""

    def keys(self, memory: Tensor) -> Tensor:
        """Return what queries are scored with, [B, S, ...]: once for a memory."""
        return memory

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """Return the scores [B, T, S]."""
        raise NotImplementedError

    def forward(
        self,
        queries: Tensor,
        memory: Tensor,
        keep: Tensor | None = None,
        keys: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return contexts [B, T, M], means of the memory, and their weights [B, T, S].

        keep: [B, S], the steps that there are. keys: `keys(memory)`, where a decoder that goes step
        by step has them already.
        """
        scores = self.scores(queries, self.keys(memory) if keys is None else keys)
        weights = masked_softmax(scores, None if keep is None else keep[:, None])
        return weights @ memory, weights


class Additive(Alignment):
    """score(q, m) = v . tanh(W q + U m), of `width` hidden units (Bahdanau et al., 2015, appendix
    A.1.2)."""

    def __init__(self, query_size: int, memory_size: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(query_size, width, bias=False)
        self.memory = nn.Linear(memory_size, width, bias=False)
        self.score = nn.Linear(width, 1, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        keys: Tensor = self.memory(memory)
        return keys

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        hidden = torch.tanh(self.query(queries)[:, :, None] + keys[:, None])  # [B, T, S, width]
        scores: Tensor = self.score(hidden).squeeze(-1)
        return scores


class Dot(Alignment):
    """score(q, m) = q . m, of vectors of one size (Luong et al., 2015, equation 8)."""

    def __init__(self, query_size: int, memory_size: int, width: int | None = None) -> None:
        super().__init__()
        if query_size != memory_size:
            raise ValueError(
                f"a dot product needs equal sizes, not {query_size} and {memory_size}: take general"
            )

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2)


class General(Alignment):
    """score(q, m) = q . W m (Luong et al., 2015, equation 8)."""

    def __init__(self, query_size: int, memory_size: int, width: int | None = None) -> None:
        super().__init__()
        self.memory = nn.Linear(memory_size, query_size, bias=False)

    def keys(self, memory: Tensor) -> Tensor:
        keys: Tensor = self.memory(memory)
        return keys

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        return queries @ keys.transpose(1, 2)
