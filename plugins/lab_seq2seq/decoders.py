"""Write a target token by token, of what an encoder knows.

Shapes: batch B, steps of the source S and of the target U, width W, words V. A decoder has one
embedding more than words: that of the token which begins a sentence and is never written.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from lab.sequence import (
    Alignment,
    BlockConfig,
    Recurrent,
    TokenDecoder,
    TokenEmbedding,
    attention_maps,
)
from lab.sequence.states import State
from lab_seq2seq.encoders import Encoding


class RecurrentDecoder(nn.Module):
    """Layers of a cell that begin where the encoder ended.

    Each begins from tanh of a linear layer on the summary (Cho et al., 2014, section 2.2). With an
    alignment, the state h of a step and the context c that it attends to give the scores, by
    tanh(W [c; h]) (Luong et al., 2015, equation 5); without one the summary is all there is to know
    (Sutskever et al., 2014). A state does not depend on earlier contexts, so that under teacher
    forcing all steps are computed at once.
    """

    def __init__(
        self,
        cell: str,
        words: int,
        width: int,
        layers: int,
        *,
        alignment: Alignment | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.words = words
        self.embedding = TokenEmbedding(words + 1, width)
        self.dropout = nn.Dropout(dropout)
        self.cells = Recurrent(cell, width, width, layers, dropout=dropout)
        self.begin = nn.Linear(width, len(self.cells.cell.state) * layers * width)
        self.alignment = alignment
        if alignment is not None:
            self.combine = nn.Linear(2 * width, width, bias=False)
        self.scores = nn.Linear(width, words)

    def forward(self, tokens: Tensor, encoding: Encoding) -> Tensor:
        """Return logits [B, U, V] of what follows each of the tokens [B, U]."""
        logits, _ = self._read(tokens, self.start(encoding))
        return logits

    def start(self, encoding: Encoding, capacity: int | None = None) -> dict[str, Any]:
        """Return the state before the first token."""
        cells, width = self.cells, self.cells.hidden_size
        values = self.begin(encoding.summary).tanh().unflatten(1, (-1, width))
        parts = values.chunk(len(cells.cell.state), 1)  # (B, layers, W) each
        state: dict[str, Any] = {"cells": dict(zip(cells.cell.state, parts, strict=True))}
        if self.alignment is not None:
            state |= {"memory": encoding.memory, "keys": self.alignment.keys(encoding.memory)}
            state |= {} if encoding.keep is None else {"keep": encoding.keep}
        return state

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read one token a row [B]; return logits [B, V] of the next, and the state after it."""
        logits, after = self._read(tokens[:, None], state)
        return logits[:, 0], after

    def weights(self, tokens: Tensor, encoding: Encoding) -> Tensor | None:
        """Return what each step attends to [B, U, S]; None where it attends to nothing."""
        state = self.start(encoding)
        hidden, _ = self.cells(self.dropout(self.embedding(tokens)), state=state["cells"])
        return None if self.alignment is None else self._attend(hidden, state)[1]

    def _read(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read tokens [B, U]; return logits [B, U, V] and the state after them."""
        embedded = self.dropout(self.embedding(tokens))
        hidden, cells = self.cells(embedded, state=state["cells"])
        if self.alignment is not None:
            context, _ = self._attend(hidden, state)
            hidden = self.combine(torch.cat([context, hidden], -1)).tanh()
        return self.scores(self.dropout(hidden)), {**state, "cells": cells}

    def _attend(self, hidden: Tensor, state: State) -> tuple[Tensor, Tensor]:
        """Return contexts [B, U, W] of states [B, U, W], and their weights [B, U, S]."""
        assert self.alignment is not None
        context, weights = self.alignment(hidden, state["memory"], state.get("keep"), state["keys"])
        return context, weights


class TransformerDecoder(nn.Module):
    """Blocks that look at the tokens before and at the memory (Vaswani et al., 2017, section 3.1,
    with norms before each sublayer)."""

    def __init__(
        self, words: int, layers: int, block: BlockConfig, *, positions: str, capacity: int
    ) -> None:
        super().__init__()
        self.words = words
        self.tokens = TokenDecoder(
            words, layers, block, positions=positions, capacity=capacity, extra=1, cross=True
        )

    def forward(self, tokens: Tensor, encoding: Encoding) -> Tensor:
        """Return logits [B, U, V] of what follows each of the tokens [B, U]."""
        logits: Tensor = self.tokens(tokens, encoding.memory, encoding.keep)
        return logits

    def start(self, encoding: Encoding, capacity: int) -> dict[str, Any]:
        """Return the state before the first of `capacity` tokens: keys and values of the memory,
        and places for those of the tokens."""
        rows = len(encoding.memory)
        return self.tokens.start(rows, capacity, encoding.memory, encoding.keep)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read one token a row [B]; return logits [B, V] of the next, and the state after it."""
        return self.tokens.step(tokens, state)

    def weights(self, tokens: Tensor, encoding: Encoding) -> Tensor | None:
        """Return what each step attends to in the last block [B, U, S], the mean of its heads."""
        with attention_maps(self) as maps:
            self(tokens, encoding)
        return list(maps.values())[-1].mean(1)
