"""Make the layer that shrinks a feature map by windows, in the kinds that textbooks compare."""

from __future__ import annotations

import torch
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


class AdaptiveAveragePool(nn.AdaptiveAvgPool2d):
    """torch's own [B, C, H, W] -> [B, C, H', W'], with a gradient that repeats itself on any device
    where only deterministic kernels are allowed: torch has none on CUDA."""

    def forward(self, images: Tensor) -> Tensor:
        size = self.output_size
        height, width = size if isinstance(size, tuple) else (size, size)
        repeats = images.device.type == "cpu" or (height, width) == (1, 1)  # that is a mean
        if repeats or not torch.are_deterministic_algorithms_enabled():
            return super().forward(images)
        down = windows(images.shape[2], height or images.shape[2], images)
        across = windows(images.shape[3], width or images.shape[3], images)
        pooled: Tensor = down @ images @ across.T
        return pooled


def windows(inputs: int, outputs: int, like: Tensor) -> Tensor:
    """Return the matrix [outputs, inputs] that averages adaptive windows: output i is the mean of
    the inputs from floor(i inputs / outputs) up to ceil((i + 1) inputs / outputs)."""
    place = torch.arange(inputs, device=like.device)
    number = torch.arange(outputs, device=like.device)[:, None]
    first, end = number * inputs // outputs, -(-(number + 1) * inputs // outputs)
    inside = (place >= first) & (place < end)
    return inside.to(like.dtype) / (end - first)
