"""Denoise sequences by a Transformer whose steps all see each other."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from lab.sequence.positions import Sinusoidal, count_up
from lab.sequence.transformer import BlockConfig, Encoder
from lab_diffusion.networks.conditions import Conditions, silent


class StepTransformer(nn.Module):
    """x_t [B, T, F], times [B], classes [B] -> outputs [B, T, F]. Conditions are added to each
    step, beside its position."""

    def __init__(
        self, shape: Sequence[int], width: int, layers: int, heads: int, classes: int = 0
    ) -> None:
        super().__init__()
        block = BlockConfig(width, heads, activation="gelu", pre_norm=True)
        self.conditions = Conditions(width, classes)
        self.input = nn.Linear(shape[1], width)
        self.positions = Sinusoidal(width)
        self.encoder = Encoder(layers, block)
        self.output = silent(nn.Linear(width, shape[1]))

    def forward(self, x: Tensor, time: Tensor, classes: Tensor | None = None) -> Tensor:
        told = self.conditions(time, classes)[:, None]  # [B, 1, W]
        h = self.encoder(self.input(x) + self.positions(count_up(x)) + told)
        outputs: Tensor = self.output(h)
        return outputs
