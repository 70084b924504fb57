"""Generate and score sequences step by step.

Generators feed their output of a step back into the next one, as Mogren, "C-RNN-GAN" (2016), and
for words Kusner and Hernandez-Lobato, "GANs for sequences of discrete elements with the
Gumbel-softmax distribution" (2016).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import gumbel_softmax

from lab import DatasetInfo


class RecurrentGenerator(nn.Module):
    """Codes [B, D] -> sequences [B, T, F] of real values."""

    def __init__(self, inputs: int, shape: Sequence[int], units: int) -> None:
        super().__init__()
        self.steps, self.features = shape
        self.start = nn.Linear(inputs, units)
        self.cell = nn.GRUCell(self.features + inputs, units)
        self.output = nn.Linear(units, self.features)

    def forward(self, codes: Tensor) -> Tensor:
        state = self.start(codes).tanh()
        value = codes.new_zeros(len(codes), self.features)
        steps = []
        for _ in range(self.steps):
            state = self.cell(torch.cat([value, codes], 1), state)
            value = self.emit(self.output(state))
            steps.append(value)
        return torch.stack(steps, 1)

    def emit(self, outputs: Tensor) -> Tensor:
        return outputs


class WordGenerator(RecurrentGenerator):
    """Codes [B, D] -> one-hot words [B, T, V]. Words are drawn; the gradient is that of a softmax
    of Gumbel noise at a temperature (Jang et al., 2017, section 2.2, straight through)."""

    def __init__(self, inputs: int, info: DatasetInfo, units: int, temperature: float) -> None:
        super().__init__(inputs, (info.shape[0], len(info.vocabulary)), units)
        self.temperature = temperature

    def emit(self, outputs: Tensor) -> Tensor:
        # in half precision its noise has infinities
        return gumbel_softmax(outputs.float(), self.temperature, hard=True)


class RecurrentBody(nn.Module):
    """Sequences [B, T, F] -> features [B, 2 units], read forwards and backwards."""

    def __init__(self, features: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.forwards = nn.GRUCell(features, units)
        self.backwards = nn.GRUCell(features, units)

    def forward(self, sequences: Tensor) -> Tensor:
        steps = sequences.unbind(1)
        ends = (self.read(self.forwards, steps), self.read(self.backwards, steps[::-1]))
        return torch.cat(ends, 1)

    def read(self, cell: nn.GRUCell, steps: Sequence[Tensor]) -> Tensor:
        """Return the last state [B, units]. Cells, not cuDNN's layers, which cannot be
        differentiated twice, as gradient penalties must be."""
        state = steps[0].new_zeros(len(steps[0]), self.units)
        for step in steps:
            state = cell(step, state)
        return state
