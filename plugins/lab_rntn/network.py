"""Read trees: compute a vector for each node, its class, and the score of a merge.

Shapes: B trees over T tokens, 2T - 1 nodes, K classes, M nodes at a time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from lab_rntn.cells import CELLS
from lab_rntn.levels import plan

WORDS = 0.1  # standard deviation of the words' embeddings at the start


class Read(NamedTuple):
    """logits: [B, K, 2T - 1], classes of the nodes. scores: [B, 2T - 1], of the merges that inner
    nodes are. Both are 0 where there is no such node."""

    logits: Tensor
    scores: Tensor


class TreeNet(nn.Module):
    """Tokens int [B, T] and trees int [B, T - 1, 2] -> `Read`."""

    def __init__(self, cell: str, width: int, words: int, classes: int, scored: bool) -> None:
        super().__init__()
        self.cell: Any = CELLS[cell](width)
        self.embed = nn.Embedding(words, self.cell.embedding)
        nn.init.normal_(self.embed.weight, std=WORDS)
        self.head = nn.Linear(width, classes) if classes else None
        self.score = nn.Linear(width, 1, bias=False) if scored else None

    def forward(self, tokens: Tensor, trees: Tensor) -> Read:
        vectors, places, leaves = self.nodes(tokens, trees)
        shape = (len(tokens), 2 * tokens.shape[1] - 1)
        logits = self.classify(vectors)
        scattered = _scattered(logits, places, shape).movedim(-1, 1)
        if self.score is None:
            return Read(scattered, vectors.new_zeros(shape))
        scores = self.score(vectors[leaves:])
        return Read(scattered, _scattered(scores, places[leaves:], shape)[..., 0])

    def nodes(self, tokens: Tensor, trees: Tensor) -> tuple[Tensor, Tensor, int]:
        """Return the vectors of all nodes [nodes, D], leaves first, the places of each in
        [B * (2T - 1)], and how many leaves there are. The shape of trees decides what is computed,
        so it is read back from the device, once."""
        order = plan(tokens.cpu().numpy(), trees.cpu().numpy())
        places = torch.from_numpy(order.places).to(tokens.device)
        words = functional.pad(tokens, (0, tokens.shape[1] - 1)).flatten()
        states = self.cell.leaf(self.embed(words[places[: order.leaves]]))
        waiting: dict[int | None, list[Tensor]] = {}
        vectors = []
        for number, level in enumerate(order.levels):
            if number:
                joined = torch.cat(waiting.pop(number))
                chosen = joined[torch.from_numpy(level.children).to(tokens.device)]
                states = self.cell.compose(*chosen.chunk(2))
            vectors.append(self.cell.vector(states))
            for taker, piece in zip(level.takers, states.split(level.sizes), strict=True):
                waiting.setdefault(taker, []).append(piece)
        return torch.cat(vectors), places, order.leaves

    def leaves(self, tokens: Tensor) -> Tensor:
        """Return the states of tokens [B, T] by themselves [B, T, S]."""
        states: Tensor = self.cell.leaf(self.embed(tokens).flatten(0, 1))
        return states.view(*tokens.shape, -1)

    def merge(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        """Return the state [..., S] that joins two [..., S], and the score [...] of doing so."""
        assert self.score is not None
        states: Tensor = self.cell.compose(left.flatten(0, -2), right.flatten(0, -2))
        scores = self.score(self.cell.vector(states)).float()
        return states.to(left.dtype).view(left.shape), scores.view(left.shape[:-1])

    def classify(self, vectors: Tensor) -> Tensor:
        """Return class logits [M, K] of vectors [M, D]; K = 0 where nothing has a class."""
        return vectors[:, :0] if self.head is None else self.head(vectors)


def _scattered(values: Tensor, places: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return values [M, C] at their places of [B, 2T - 1, C], 0 elsewhere."""
    empty = values.new_zeros(shape[0] * shape[1], values.shape[1])
    return empty.index_copy(0, places, values).view(*shape, -1)
