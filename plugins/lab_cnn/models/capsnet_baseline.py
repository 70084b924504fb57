"""The convolutional network that Sabour, Frosst and Hinton (2017, section 5) compare capsules with.

Three convolutions of 5 x 5 that keep the picture's size, two hidden layers, and a dropout before
the last one: 35.4 million parameters for 28 x 28 pixels. Most are in the first hidden layer, so
`--width` scales the size by its square. Weights start as He et al. (2015) draw them, by fan-in.
"""

from __future__ import annotations

from torch import nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec

CHANNELS = (256, 256, 128)
UNITS = (328, 192)
DROPOUT = 0.5  # the paper gives no number


def build(spec: Spec) -> Chain:
    """Return the network: feature maps of stride 1."""
    layers: list[nn.Module] = []
    ends: dict[int, Map] = {}
    inputs = spec.channels
    for outputs in scaled(CHANNELS, spec.width):
        layers += [nn.Conv2d(inputs, outputs, 5, padding=2), nn.ReLU()]
        ends[len(layers) - 1] = Map(1, outputs)
        inputs = outputs
    net = Chain(nn.Sequential(*layers), ends, spec.size, classifier(spec, inputs))
    he(net, nn.Conv2d, "fan_in")
    he(net, nn.Linear, "fan_in")
    return net


def classifier(spec: Spec, channels: int) -> nn.Sequential:
    first, second = scaled(UNITS, spec.width)
    height, width = spec.size
    return nn.Sequential(
        nn.Linear(channels * height * width, first),
        nn.ReLU(),
        nn.Linear(first, second),
        nn.ReLU(),
        nn.Dropout(DROPOUT if spec.dropout is None else spec.dropout),
        nn.Linear(second, spec.classes),
    )


def scaled(sizes: tuple[int, ...], width: float) -> list[int]:
    """Return numbers of channels or units, `width` times as many."""
    return [max(1, round(size * width)) for size in sizes]


FAMILY = Family(("capsnet_baseline",), build, ("width", "dropout"))
