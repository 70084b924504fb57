"""One small network in three kinds of convolution, so that the kinds can be compared.

`simple` convolves as usual. `separable` convolves each channel by itself and then mixes channels at
each pixel (Howard et al., 2017, section 3.1). `spatial` looks along columns and then along rows
(Szegedy et al., 2016, section 3.2). Nothing stands between the halves: each pair is a convolution
with a kernel that factors. Weights start as He et al. (2015) draw them, by fan-in.
"""

from __future__ import annotations

from torch import nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec
from lab_cnn.models.pooling import pooling

KERNEL = 5  # at 3, a spatial pair that doubles its channels would save nothing
CHANNELS = (32, 64, 128)


def build(spec: Spec) -> Chain:
    """Return three convolutions, each with a norm, ReLU and pooling: maps of stride 2, 4 and 8."""
    layers: list[nn.Module] = []
    ends: dict[int, Map] = {}
    inputs = spec.channels
    for number, base in enumerate(CHANNELS, start=1):
        outputs = max(1, round(base * spec.width))
        layers.append(convolution(spec.arch, inputs, outputs))
        layers.extend([nn.BatchNorm2d(outputs), nn.ReLU()])
        layers.append(pooling(spec.pool or "max", outputs, 2, 2))
        ends[len(layers) - 1] = Map(2**number, outputs)
        inputs = outputs
    classifier = nn.Sequential(nn.Dropout(spec.dropout or 0.0), nn.Linear(inputs, spec.classes))
    net = Chain(nn.Sequential(*layers), ends, (1, 1), classifier)
    he(net, nn.Conv2d, "fan_in")
    return net


def convolution(kind: str, inputs: int, outputs: int, kernel: int = KERNEL) -> nn.Module:
    """Return a convolution that keeps the size, of the named kind and without a bias."""
    half = kernel // 2
    if kind == "simple":
        return nn.Conv2d(inputs, outputs, kernel, padding=half, bias=False)
    if kind == "separable":
        depthwise = nn.Conv2d(inputs, inputs, kernel, padding=half, groups=inputs, bias=False)
        return Pair(depthwise, nn.Conv2d(inputs, outputs, 1, bias=False))
    columns = nn.Conv2d(inputs, outputs, (kernel, 1), padding=(half, 0), bias=False)
    rows = nn.Conv2d(outputs, outputs, (1, kernel), padding=(0, half), bias=False)
    return Pair(columns, rows)


class Pair(nn.Sequential):
    """Two convolutions that stand for one."""


FAMILY = Family(("simple", "separable", "spatial"), build, ("width", "pool", "dropout"))
