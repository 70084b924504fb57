"""Tell a network the time and the class."""

from __future__ import annotations

from torch import Tensor, nn

from lab.sequence.positions import Sinusoidal

POSITIONS = 1_000  # that times from 0 to 1 are spread over


class Conditions(nn.Module):
    """Times [B] in [0, 1] and, where there are classes, their numbers [B] -> conditions [B, width].
    One number beyond those of the classes stands for none of them. The width is even."""

    def __init__(self, width: int, classes: int = 0) -> None:
        super().__init__()
        self.positions = Sinusoidal(width)
        self.layers = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.classes = nn.Embedding(classes + 1, width) if classes else None

    def forward(self, time: Tensor, classes: Tensor | None = None) -> Tensor:
        conditions: Tensor = self.layers(self.positions(POSITIONS * time[:, None])[:, 0])
        if self.classes is not None:
            conditions = conditions + self.classes(classes)
        return conditions


def silent(layer: nn.Linear | nn.Conv2d) -> nn.Linear | nn.Conv2d:
    """Return a layer that answers 0 at first: the best guess without knowledge."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer
