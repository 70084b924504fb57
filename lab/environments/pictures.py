"""Tell pictures from vectors, and where a picture has its channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces


def is_picture(space: spaces.Space[Any], stack: int = 1) -> bool:
    """Tell pictures, bytes as of a screen or bits as of MinAtar's, from vectors; with `stack` above
    1 the first axis is that of the stacked frames."""
    if not isinstance(space, spaces.Box) or space.dtype not in (np.uint8, np.bool_):
        return False
    return len(space.shape) - (stack > 1) in (2, 3)


def channels_first(frame: Sequence[int], channels: str | None = None) -> bool:
    """Tell whether a frame is [C, H, W] rather than [H, W, C] or [H, W]: as `channels` ("first",
    "last") says, else by there being fewer channels than pixels a side."""
    if len(frame) < 3:
        return False
    return channels == "first" if channels else frame[0] < frame[2]


def doubt(frame: Sequence[int], channels_first: bool) -> str | None:
    """Say how a frame is read whose shape does not tell; None where it does."""
    if len(frame) < 3:
        return None
    first, middle, last = frame
    if first != last and min(first, last) <= middle:
        return None
    read = "channels, height, width" if channels_first else "height, width, channels"
    shape = " x ".join(map(str, frame))
    return f"shows {shape}, read as {read}: --channels first or last decides"
