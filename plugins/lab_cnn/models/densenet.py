"""DenseNet-121, 169 and 201, with bottlenecks and compression (Huang et al., 2017, table 1).

Convolutions start as He et al. (2015) draw them, by fan-in; norms as the identity; the last bias
at 0. Without data augmentation the paper drops 0.2 after each convolution (section 4.2).
"""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, relu
from torch.nn.init import zeros_

from lab_cnn.models.classifier import Chain, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec, each
from lab_cnn.models.pooling import pooling

GROWTH = 32  # channels that each layer adds
BLOCKS = {  # layers in each of the four blocks
    121: (6, 12, 24, 16),
    169: (6, 12, 32, 32),
    201: (6, 12, 48, 32),
}
FIRST = 64  # channels before the first block
OLD_NAME = re.compile(r"(denselayer\d+\.(?:norm|conv))\.([12]\.)")


class DenseLayer(nn.Module):
    """Add `GROWTH` channels to a map: what two convolutions make of all channels so far."""

    def __init__(self, inputs: int, rate: float) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, 4 * GROWTH, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * GROWTH)
        self.conv2 = nn.Conv2d(4 * GROWTH, GROWTH, 3, padding=1, bias=False)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        new = self.conv2(relu(self.norm2(self.conv1(relu(self.norm1(x))))))
        return torch.cat([x, dropout(new, self.rate, self.training)], dim=1)


class Transition(nn.Module):
    """Halve the channels and the size between two blocks (section 3: compression of 0.5)."""

    def __init__(self, inputs: int, kind: str) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(inputs)
        self.conv = nn.Conv2d(inputs, inputs // 2, 1, bias=False)
        self.pool = pooling(kind, inputs // 2, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.pool(self.conv(relu(self.norm(x))))
        return out


def build(spec: Spec) -> Chain:
    """Return a DenseNet; the small stem is one 3 x 3 layer of stride 1 without pooling.

    Maps have stride 4, 8, 16 and 32, or 1, 2, 4 and 8 with the small stem.
    """
    features = _stem(spec)
    ends: dict[int, Map] = {}
    channels, stride = FIRST, 1 if spec.small else 4
    for number, count in enumerate(BLOCKS[int(spec.arch.removeprefix("densenet"))], start=1):
        features.add_module(f"denseblock{number}", _block(channels, count, spec.dropout or 0.0))
        channels += count * GROWTH
        if number < 4:
            ends[len(features) - 1] = Map(stride, channels)
            transition = Transition(channels, spec.pool or "average")
            features.add_module(f"transition{number}", transition)
            channels, stride = channels // 2, stride * 2
    features.add_module("norm5", nn.BatchNorm2d(channels))
    features.add_module("relu5", nn.ReLU())
    ends[len(features) - 1] = Map(stride, channels)
    classifier = nn.Linear(channels, spec.classes)
    zeros_(classifier.bias)
    net = Chain(features, ends, (1, 1), classifier)
    he(net, nn.Conv2d, "fan_in")
    net.register_load_state_dict_pre_hook(_rename)  # type: ignore[no-untyped-call]
    return net


def _stem(spec: Spec) -> nn.Sequential:
    features = nn.Sequential()
    if spec.small:
        features.add_module("conv0", nn.Conv2d(spec.channels, FIRST, 3, padding=1, bias=False))
    else:
        features.add_module("conv0", nn.Conv2d(spec.channels, FIRST, 7, 2, 3, bias=False))
    features.add_module("norm0", nn.BatchNorm2d(FIRST))
    features.add_module("relu0", nn.ReLU())
    if not spec.small:
        features.add_module("pool0", pooling(spec.pool or "max", FIRST, 3, 2, padding=1))
    return features


def _block(inputs: int, count: int, rate: float) -> nn.Sequential:
    block = nn.Sequential()
    for number in range(count):
        layer = DenseLayer(inputs + number * GROWTH, rate)
        block.add_module(f"denselayer{number + 1}", layer)
    return block


def _rename(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Read the published files too, which were written before a name could hold no dot."""
    for name in [name for name in state if OLD_NAME.search(name)]:
        state[OLD_NAME.sub(r"\1\2", name)] = state.pop(name)


FAMILY = Family(each("densenet", 121, 169, 201), build, ("pool", "stem", "dropout"))
