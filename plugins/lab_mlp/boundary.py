"""Draw the decision regions of a network with two input features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab import DatasetInfo

Picture = np.ndarray[Any, np.dtype[np.uint8]]

SIDE = 120  # pixels
MARGIN = 0.1  # of the range of the data, around it
PALETTE = np.array(
    [
        [0, 114, 178], [213, 94, 0], [0, 158, 115], [204, 121, 167], [230, 159, 0],
        [86, 180, 233], [240, 228, 66], [90, 90, 90],
    ],
    float,
)  # fmt: skip


def draw(
    predict: Callable[[Tensor], Tensor], info: DatasetInfo, points: Tensor, classes: Tensor
) -> Picture:
    """Return a picture [SIDE, SIDE, 3]: the color of a place is a mixture of the classes' colors
    by their probability, and the points lie over it.

    answer: prepared inputs [B, 2] -> probabilities [B, K]. points [N, 2] as the source gives them.
    """
    low, high = points.amin(0), points.amax(0)
    room = MARGIN * (high - low).clamp(min=1e-6)
    low, high = low - room, high + room
    fraction = torch.linspace(0, 1, SIDE, device=points.device)
    across = low[0] + fraction * (high[0] - low[0])
    up = (low[1] + fraction * (high[1] - low[1])).flip(0)
    grid = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1)  # [SIDE, SIDE, 2]
    probabilities = predict(info.prepare_inputs(grid.reshape(-1, 2))).cpu().double().numpy()
    colors = PALETTE[np.arange(probabilities.shape[1]) % len(PALETTE)]
    picture = (0.55 * probabilities @ colors + 0.45 * 255).reshape(SIDE, SIDE, 3)
    place = ((points - low) / (high - low) * (SIDE - 1)).round().long().cpu().numpy()
    dots = colors[classes.cpu().numpy()]
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        rows = np.clip(SIDE - 1 - place[:, 1] + down, 0, SIDE - 1)
        picture[rows, np.clip(place[:, 0] + right, 0, SIDE - 1)] = 0.8 * dots
    pixels: Picture = picture.astype(np.uint8)
    return pixels
