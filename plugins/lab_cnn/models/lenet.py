"""LeNet-5 (LeCun, Bottou, Bengio and Haffner, 1998, section II.B).

As usually rebuilt: every plane of the third layer sees all planes before it, subsampling is a mean
without coefficients, and a linear layer stands for the radial basis functions at the end. Weights
start as torch does it, uniform within one over the root of the fan-in, which suits tanh.
"""

from __future__ import annotations

from torch import nn

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.names import Family, Spec
from lab_cnn.models.pooling import pooling

SIDE = 5  # of the last map at the paper's size


def build(spec: Spec) -> Chain:
    """Return LeNet-5; the small stem pads the second convolution, which has no room otherwise."""
    kind = spec.pool or "average"
    features = nn.Sequential(
        nn.Conv2d(spec.channels, 6, 5, padding=2),  # [B, 6, H, W]: 28 pixels padded to the 32
        nn.Tanh(),
        pooling(kind, 6, 2, 2),
        nn.Conv2d(6, 16, 5, padding=2 if spec.small else 0),
        nn.Tanh(),
        pooling(kind, 16, 2, 2),
    )
    height, width = (min(SIDE, side // 4) if spec.small else SIDE for side in spec.size)
    classifier = nn.Sequential(
        nn.Linear(16 * height * width, 120),
        nn.Tanh(),
        nn.Linear(120, 84),
        nn.Tanh(),
        nn.Linear(84, spec.classes),
    )
    return Chain(features, {2: Map(2, 6), 5: Map(4, 16)}, (height, width), classifier)


FAMILY = Family(("lenet5",), build, ("pool", "stem"), full_from=28, full_needs=12)
