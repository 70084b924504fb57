"""MobileNet (Howard et al., 2017, table 1) and MobileNetV2 (Sandler et al., 2018, table 2).

Both factor a convolution into one over each channel by itself and one that mixes channels
at each pixel. Convolutions start as He et al. (2015) draw them, by fan-out; the last layer with
standard deviation 0.01; biases at 0. The small stem does without the first two of the five strides.
"""

from __future__ import annotations

from torch import Tensor, nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import gaussian, he
from lab_cnn.models.names import Family, Spec

V1 = (  # output channels and stride of each separable convolution
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),  # table 1 prints a stride of 2, but the size stays 7 x 7
)
V2 = (  # expansion, output channels, repetitions and first stride of each sequence
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)
STEM = 32  # channels of the first convolution


class ConvNorm(nn.Sequential):
    """A convolution that keeps the size at stride 1, batch normalization and a rectifier."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        rectifier: type[nn.Module],
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            rectifier(),
        )


class Separable(nn.Sequential):
    """A depthwise and a pointwise convolution (Howard et al., 2017, figure 3, right)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__(
            ConvNorm(inputs, inputs, 3, nn.ReLU, stride, groups=inputs),
            ConvNorm(inputs, outputs, 1, nn.ReLU),
        )


class InvertedResidual(nn.Module):
    """Expand, convolve each channel, project linearly (Sandler et al., 2018, section 3.3).

    The shortcut joins the narrow ends, where nothing is cut off at zero: linear bottlenecks.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        widen = [ConvNorm(inputs, wide, 1, nn.ReLU6)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *widen,
            ConvNorm(wide, wide, 3, nn.ReLU6, stride, groups=wide),
            nn.Conv2d(wide, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.conv(x)
        return x + out if self.residual else out


def rounded(channels: float) -> int:
    """Return the multiple of 8 nearest to `channels`, but no less than nine tenths of it."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def build(spec: Spec) -> Chain:
    """Return either MobileNet; `width` multiplies the channels of all layers."""
    make = _v1 if spec.arch == "mobilenet_v1" else _v2
    net = make(spec)
    he(net, nn.Conv2d, "fan_out")
    gaussian(net, nn.Linear, 0.01)
    return net


def _v1(spec: Spec) -> Chain:
    strides = Strides(spec.small)
    outputs = rounded(STEM * spec.width)
    layers: list[nn.Module] = [ConvNorm(spec.channels, outputs, 3, nn.ReLU, strides.next(2))]
    ends: dict[int, Map] = {}
    for channels, stride in V1:
        if stride == 2:
            ends[len(layers) - 1] = Map(strides.total, outputs)
        inputs, outputs = outputs, rounded(channels * spec.width)
        layers.append(Separable(inputs, outputs, strides.next(stride)))
    ends[len(layers) - 1] = Map(strides.total, outputs)
    return Chain(nn.Sequential(*layers), ends, (1, 1), _classifier(spec, outputs, 0.001))


def _v2(spec: Spec) -> Chain:
    strides = Strides(spec.small)
    outputs = rounded(STEM * spec.width)
    layers: list[nn.Module] = [ConvNorm(spec.channels, outputs, 3, nn.ReLU6, strides.next(2))]
    ends: dict[int, Map] = {}
    for expansion, channels, count, first in V2:
        if first == 2:
            ends[len(layers) - 1] = Map(strides.total, outputs)
        for stride in (first, *[1] * (count - 1)):
            inputs, outputs = outputs, rounded(channels * spec.width)
            layers.append(InvertedResidual(inputs, outputs, strides.next(stride), expansion))
    last = rounded(1280 * max(1.0, spec.width))  # section 5: narrower nets keep the wide end
    layers.append(ConvNorm(outputs, last, 1, nn.ReLU6))
    ends[len(layers) - 1] = Map(strides.total, last)
    return Chain(nn.Sequential(*layers), ends, (1, 1), _classifier(spec, last, 0.2))


class Strides:
    """Hand out strides and keep their product; the small stem turns the first two 2s into 1s."""

    def __init__(self, small: bool) -> None:
        self.total = 1
        self.dropped = 2 if small else 0

    def next(self, stride: int) -> int:
        if stride == 2 and self.dropped:
            self.dropped -= 1
            return 1
        self.total *= stride
        return stride


def _classifier(spec: Spec, inputs: int, dropout: float) -> nn.Sequential:
    rate = dropout if spec.dropout is None else spec.dropout
    return nn.Sequential(nn.Dropout(rate), nn.Linear(inputs, spec.classes))


FAMILY = Family(("mobilenet_v1", "mobilenet_v2"), build, ("width", "stem", "dropout"))
