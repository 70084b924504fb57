"""Read pictures as patches, the words of a Vision Transformer."""

from __future__ import annotations

from torch import Tensor, nn

from lab import UsageError


class Patches(nn.Module):
    """Prepared pictures [B, C, H, W] -> their patches as steps [B, N, width], row by row; used as
    `StepInputs` is.

    One linear map of every patch, which is a convolution with strides (Dosovitskiy et al., 2021,
    section 3.1). Attributes: `grid`, the patches along height and width, and `steps`, all of them.
    Raises UsageError where patches of that side do not tile the picture.
    """

    def __init__(self, shape: tuple[int, ...], side: int, width: int) -> None:
        super().__init__()
        channels, height, breadth = shape
        if height % side or breadth % side:
            fit = [n for n in range(2, min(height, breadth)) if not height % n and not breadth % n]
            raise UsageError(
                f"--patch {side} does not divide pictures of {height} x {breadth}; "
                f"what does: {', '.join(map(str, fit or [1]))}"
            )
        self.grid = (height // side, breadth // side)
        self.steps = self.grid[0] * self.grid[1]
        self.proj = nn.Conv2d(channels, width, side, side)

    def forward(self, pictures: Tensor, mask: None = None) -> tuple[Tensor, None]:
        """Return steps [B, N, width]; all are there, so there are no lengths."""
        return self.proj(pictures).flatten(2).transpose(1, 2), None
