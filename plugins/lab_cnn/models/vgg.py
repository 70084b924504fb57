"""VGG-11, 13, 16 and 19 (Simonyan and Zisserman, 2015, table 1: columns A, B, D and E).

The names that end in _bn normalize each convolution by its batch. Convolutions start as He et al.
(2015) draw them, by fan-out, and linear layers with a standard deviation of 0.01. With the
small stem both start as He et al. do by fan-in: so few units would let the signal of smaller
weights die.
"""

from __future__ import annotations

from torch import nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import gaussian, he
from lab_cnn.models.names import Family, Spec, each
from lab_cnn.models.pooling import pooling
from lab_cnn.models.stems import poolings_that_fit

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = {  # in each of the five stages
    11: (1, 1, 2, 2, 2),
    13: (2, 2, 2, 2, 2),
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}
SIDE = 7  # of the last map at 224 pixels
UNITS = 4096  # of the hidden layers
SMALL_UNITS = 512  # as Liu and Deng (2015) for 32 pixels


def build(spec: Spec) -> Chain:
    """Return a VGG; the small stem keeps the poolings that fit and has fewer units on top."""
    depth, _, norm = spec.arch.removeprefix("vgg").partition("_")
    fit, left = [True] * 5, (SIDE, SIDE)
    if spec.small:
        fit, left = poolings_that_fit(spec.size, kernel=2, count=5)
    layers: list[nn.Module] = []
    ends: dict[int, Map] = {}
    inputs = spec.channels
    for stage, (channels, count) in enumerate(zip(CHANNELS, CONVOLUTIONS[int(depth)], strict=True)):
        for _ in range(count):
            layers.append(nn.Conv2d(inputs, channels, 3, padding=1))
            layers.extend([nn.BatchNorm2d(channels)] if norm else [])
            layers.append(nn.ReLU())
            inputs = channels
        # where no window fits, a placeholder keeps the numbers of the layers behind it
        pool = pooling(spec.pool or "max", channels, 2, 2) if fit[stage] else nn.Identity()
        layers.append(pool)
        ends[len(layers) - 1] = Map(2 ** sum(fit[: stage + 1]), channels)
    height, width = min(SIDE, left[0]), min(SIDE, left[1])
    classifier = _classifier(spec, CHANNELS[-1] * height * width)
    net = Chain(nn.Sequential(*layers), ends, (height, width), classifier)
    if spec.small:
        he(net, nn.Conv2d, "fan_in")
        he(net, nn.Linear, "fan_in")
    else:
        he(net, nn.Conv2d, "fan_out")
        gaussian(net, nn.Linear, 0.01)
    return net


def _classifier(spec: Spec, inputs: int) -> nn.Sequential:
    dropout = 0.5 if spec.dropout is None else spec.dropout
    units = SMALL_UNITS if spec.small else UNITS
    return nn.Sequential(
        nn.Linear(inputs, units),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(units, units),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(units, spec.classes),
    )


DEPTHS = (11, 13, 16, 19)
FAMILY = Family(
    (*each("vgg", *DEPTHS), *each("vgg", *DEPTHS, suffix="_bn")),
    build,
    ("pool", "stem", "dropout"),
)
