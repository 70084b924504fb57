"""Write tokens by a Transformer: embeddings, positions, blocks, scores.

Radford et al. (2019) without a memory; the decoder of Vaswani et al. (2017, section 3) with one.
Shapes: batch B, tokens T, steps of the memory S, width W, words V.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lab.sequence.choices import make_positions
from lab.sequence.embeddings import TokenEmbedding
from lab.sequence.positions import count_up
from lab.sequence.states import State
from lab.sequence.transformer import BlockConfig, Decoder


class TokenDecoder(nn.Module):
    """Tokens [B, T] -> logits [B, T, V] of the token that follows each.

    words: how many are scored. extra: tokens that are read and never written, numbered behind the
    words: what begins a sentence, say. positions: a name of POSITIONS; capacity: as many learned
    ones there are. cross: whether there is a memory. tied: score by the embeddings' own weights.
    Embeddings are scaled where positions are sinusoidal, to their size.
    """

    def __init__(
        self,
        words: int,
        layers: int,
        block: BlockConfig,
        *,
        positions: str,
        capacity: int,
        extra: int = 0,
        cross: bool = False,
        tied: bool = False,
    ) -> None:
        super().__init__()
        width = block.width
        self.words = words
        self.embed = TokenEmbedding(words + extra, width, scaled=positions == "sinusoidal")
        self.pos_embed = make_positions(positions, width, capacity)
        self.dropout = nn.Dropout(block.dropout)
        self.blocks = Decoder(layers, block, cross=cross)
        self.head = None if tied else nn.Linear(width, words, bias=False)

    def forward(
        self, tokens: Tensor, memory: Tensor | None = None, memory_keep: Tensor | None = None
    ) -> Tensor:
        """Return logits [B, T, V]. memory: [B, S, W], of which memory_keep [B, S] says what there
        is."""
        embedded = self._embedded(tokens, count_up(tokens))
        return self._scores(self.blocks(embedded, memory, memory_keep=memory_keep))

    def start(
        self,
        batch: int,
        capacity: int,
        memory: Tensor | None = None,
        memory_keep: Tensor | None = None,
    ) -> dict[str, Any]:
        """Return the state of `batch` rows before the first of `capacity` tokens: what there is to
        know of the memory, and places for keys and values."""
        position = torch.zeros(batch, dtype=torch.long, device=self.embed.weight.device)
        state = {"cache": self.blocks.start(batch, capacity, memory), "position": position}
        return state if memory_keep is None else {**state, "memory_keep": memory_keep}

    def read(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read tokens [B, T] behind those before; return logits [B, T, V], and the state after."""
        positions = state["position"][:, None] + count_up(tokens)  # (B, T)
        outputs = self.blocks(
            self._embedded(tokens, positions),
            memory_keep=state.get("memory_keep"),
            positions=positions,
            cache=state["cache"],
        )
        return self._scores(outputs), {**state, "position": state["position"] + tokens.shape[1]}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read one token a row [B]; return logits [B, V] of the next, and the state."""
        logits, state = self.read(tokens[:, None], state)
        return logits[:, 0], state

    def _embedded(self, tokens: Tensor, positions: Tensor) -> Tensor:
        embedded = self.embed(tokens)
        if self.pos_embed is not None:
            embedded = embedded + self.pos_embed(positions)
        dropped: Tensor = self.dropout(embedded)
        return dropped

    def _scores(self, outputs: Tensor) -> Tensor:
        if self.head is None:
            return self.embed.logits(outputs)[..., : self.words]
        scores: Tensor = self.head(outputs)
        return scores
