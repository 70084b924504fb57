"""Read a source: every step of it, and one vector of it all.

Shapes: batch B, steps S, width W.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from lab.sequence import BlockConfig, Encoder, Recurrent, count_up, keep_mask


class Encoding(NamedTuple):
    """memory: [B, S, W], what is known of each step. keep: bool [B, S], the steps that there are,
    or None for all. summary: [B, W], what is known of the whole."""

    memory: Tensor
    keep: Tensor | None
    summary: Tensor

    def as_vector(self) -> Encoding:
        """Return the same through the bottleneck of one vector, a memory of a single step."""
        return Encoding(self.summary[:, None], None, self.summary)


class RecurrentEncoder(nn.Module):
    """Layers of a cell. The summary is the state of the last one after the last step (Sutskever et
    al., 2014); both ways, each of W / 2 units, those of the two ends (Bahdanau et al., 2015,
    section 3.2)."""

    def __init__(
        self, cell: str, width: int, layers: int, *, bidirectional: bool, dropout: float
    ) -> None:
        super().__init__()
        units = width // 2 if bidirectional else width
        self.dropout = nn.Dropout(dropout)
        self.cells = Recurrent(
            cell, width, units, layers, bidirectional=bidirectional, dropout=dropout
        )

    def forward(self, steps: Tensor, lengths: Tensor | None) -> Encoding:
        memory, state = self.cells(self.dropout(steps), lengths)
        keep = None if lengths is None else keep_mask(lengths, steps.shape[1])
        return Encoding(memory, keep, self.cells.last(state))


class TransformerEncoder(nn.Module):
    """Blocks in which every step sees every other (Vaswani et al., 2017, section 3.1, with norms
    before each sublayer). The summary is the mean of all steps."""

    def __init__(self, layers: int, block: BlockConfig, positions: nn.Module | None) -> None:
        super().__init__()
        self.positions = positions
        self.dropout = nn.Dropout(block.dropout)
        self.blocks = Encoder(layers, block)

    def forward(self, steps: Tensor, lengths: Tensor | None) -> Encoding:
        if self.positions is not None:
            steps = steps + self.positions(count_up(steps))
        if lengths is None:
            memory = self.blocks(self.dropout(steps))
            return Encoding(memory, None, memory.mean(1))
        keep = keep_mask(lengths, steps.shape[1])
        memory = self.blocks(self.dropout(steps), keep)
        total = memory.masked_fill(~keep[:, :, None], 0).sum(1)
        return Encoding(memory, keep, total / lengths[:, None])
