"""Make the layer that shrinks a feature map by windows, in the kinds that textbooks compare."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad, relu


def pooling(
    kind: str, channels: int, kernel: int, stride: int, padding: int = 0, ceil: bool = False
) -> nn.Module:
    """Return a layer [B, channels, H, W] -> [B, channels, H', W'], the same H' for every kind.

    "sum" is the average without its division, and so makes activations grow by `kernel`² each
    time. "strided" learns its windows. `ceil` rounds H' up where the windows do not divide H.
    """
    if kind == "max":
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil)
    if kind == "average":
        # the border's zeros are not pixels: they do not count in the mean
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, count_include_pad=False)
    if kind == "sum":
        return nn.AvgPool2d(kernel, stride, padding, ceil_mode=ceil, divisor_override=1)
    if kind == "strided":
        return StridedConvolution(channels, kernel, stride, padding, ceil)
    raise ValueError(f"No pooling is called {kind!r}.")


class StridedConvolution(nn.Conv2d):
    """A strided convolution and ReLU in place of pooling (Springenberg et al., 2015, section 2)."""

    def __init__(self, channels: int, kernel: int, stride: int, padding: int, ceil: bool) -> None:
        super().__init__(channels, channels, kernel, stride, padding)
        self.ceil = ceil

    def forward(self, images: Tensor) -> Tensor:
        if self.ceil:
            images = pad(
                images, (0, self._missing(images.shape[3]), 0, self._missing(images.shape[2]))
            )
        return relu(super().forward(images))

    def _missing(self, side: int) -> int:
        """Return how many pixels the last, partly filled window lacks."""
        kernel, stride, padding = self.kernel_size[0], self.stride[0], int(self.padding[0])
        return -(side + 2 * padding - kernel) % stride
