"""Build recurrent networks: what reads steps, and what answers from what was read.

Shapes: batch B, steps T, outputs K, units D = directions * hidden size.
"""

from __future__ import annotations

from torch import Tensor, nn

import lab
from lab.sequence import Recurrent, StepInputs
from lab_rnn.config import Config


class Reader(nn.Module):
    """Prepared inputs [B, ...] -> outputs of the last recurrent layer [B, T, D], and the units that
    know the whole sequence [B, D].

    Numbers go into the cells as they are, tokens and frames as vectors that are learned.
    """

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.inputs = StepInputs(info, config.embedding_dim, scan=config.scan, project=False)
        self.layers = Recurrent(
            config.cell,
            self.inputs.width,
            config.hidden_size,
            config.layers,
            bidirectional=config.bidirectional,
            dropout=config.dropout if config.layers > 1 else 0.0,
            forget_bias=config.forget_bias,
            gate_steepness=config.gate_steepness,
            identity_init=config.identity_init,
            fused=config.fused,
        )
        self.width = config.hidden_size * len(self.layers.directions)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.read(*self.inputs(inputs, mask))

    def read(self, steps: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return outputs [B, T, D] and last units [B, D] of steps [B, T, ...]."""
        outputs, state = self.layers(steps, lengths)
        return outputs, self.layers.last(state)


class Labeler(nn.Module):
    """One answer [B, K] for a sequence, by the units that have read all of it."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.reader = Reader(config, info)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.reader.width, info.outputs)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.answer(*self.reader(inputs, mask))

    def answer(self, outputs: Tensor, last: Tensor) -> Tensor:
        """Return what is answered to what was read."""
        answers: Tensor = self.head(self.dropout(last))
        return answers


class StepLabeler(Labeler):
    """An answer for each step, [B, K, T]."""

    def answer(self, outputs: Tensor, last: Tensor) -> Tensor:
        answers: Tensor = self.head(self.dropout(outputs))
        return answers.mT
