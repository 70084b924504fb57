"""AlexNet in the form for one GPU (Krizhevsky, 2014, footnote 1), after Krizhevsky et al. (2012).

Weights start as torch does it: the paper's own, with a standard deviation of 0.01 and biases of 1,
train only at the paper's pace. With the small stem they start as He et al. (2015) draw them, by
fan-in, and learn a few pictures in a few epochs.
"""

from __future__ import annotations

from torch import nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec
from lab_cnn.models.pooling import pooling
from lab_cnn.models.stems import poolings_that_fit

SIDE = 6  # of the last map at 224 pixels
UNITS = 4096  # of the hidden layers
SMALL_UNITS = 512  # with the small stem


def build(spec: Spec) -> Chain:
    """Return AlexNet; the small stem has a 3 x 3 first layer and the poolings that fit."""
    fit, left = [True] * 3, (SIDE, SIDE)
    if spec.small:
        fit, left = poolings_that_fit(spec.size, kernel=3, count=3)

    def pool(number: int, channels: int) -> nn.Module:
        return pooling(spec.pool or "max", channels, 3, 2) if fit[number] else nn.Identity()

    features = nn.Sequential(
        _first(spec),
        nn.ReLU(),
        pool(0, 64),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        pool(1, 192),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
        pool(2, 256),
    )
    first = 1 if spec.small else 4
    ends = {
        index: Map(first * 2 ** sum(fit[: number + 1]), channels)
        for number, (index, channels) in enumerate([(2, 64), (5, 192), (12, 256)])
    }
    height, width = min(SIDE, left[0]), min(SIDE, left[1])
    net = Chain(features, ends, (height, width), _classifier(spec, 256 * height * width))
    if spec.small:
        he(net, nn.Conv2d, "fan_in")
        he(net, nn.Linear, "fan_in")
    return net


def _first(spec: Spec) -> nn.Conv2d:
    if spec.small:
        return nn.Conv2d(spec.channels, 64, 3, padding=1)
    return nn.Conv2d(spec.channels, 64, 11, stride=4, padding=2)


def _classifier(spec: Spec, inputs: int) -> nn.Sequential:
    dropout = 0.5 if spec.dropout is None else spec.dropout
    units = SMALL_UNITS if spec.small else UNITS
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(inputs, units),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(units, units),
        nn.ReLU(),
        nn.Linear(units, spec.classes),
    )


FAMILY = Family(("alexnet",), build, ("pool", "stem", "dropout"), full_needs=63)
