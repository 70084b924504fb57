"""The residual networks for 32 x 32 pictures and their plain twins (He et al., 2016, section 4.2).

6n + 2 layers: a first convolution, three stages of n blocks, a linear layer. Shortcuts have no
weights (option A), so a plain twin has exactly as many parameters. Convolutions start as He et al.
(2015) draw them, by fan-out; norms as the identity; the last layer as torch does it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad, relu

from lab_cnn.models.classifier import Classifier, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec, each
from lab_cnn.models.resnet import conv3x3

BASE = 16  # channels of the first stage at width 1


class Block(nn.Module):
    """Two 3 x 3 convolutions, with or without a shortcut."""

    def __init__(self, inputs: int, planes: int, stride: int, residual: bool) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, planes, stride)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes)
        self.bn2 = nn.BatchNorm2d(planes)
        self.stride = stride
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn2(self.conv2(relu(self.bn1(self.conv1(x)))))
        if self.residual:
            out = out + shortcut(x, out.shape[1], self.stride)
        return relu(out)


def shortcut(x: Tensor, channels: int, stride: int) -> Tensor:
    """Pass every `stride`-th pixel on, with channels of zeros behind its own (option A)."""
    if stride == 1 and x.shape[1] == channels:
        return x
    return pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, channels - x.shape[1]))


class CifarResNet(Classifier):
    """Three stages of blocks: maps of stride 1, 2 and 4."""

    HEAD = ("fc",)

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        residual = spec.arch.startswith("resnet")
        count = (int(spec.arch.removeprefix("resnet").removeprefix("plain")) - 2) // 6
        base = max(1, round(BASE * spec.width))
        self.conv1 = conv3x3(spec.channels, base)
        self.bn1 = nn.BatchNorm2d(base)
        self.layer1 = _stage(base, base, count, 1, residual)
        self.layer2 = _stage(base, 2 * base, count, 2, residual)
        self.layer3 = _stage(2 * base, 4 * base, count, 2, residual)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * base, spec.classes)
        self.maps = (Map(1, base), Map(2, 2 * base), Map(4, 4 * base))
        he(self, nn.Conv2d, "fan_out")

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        first = self.layer1(relu(self.bn1(self.conv1(images))))
        second = self.layer2(first)
        return [first, second, self.layer3(second)]

    def classify(self, last: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.avgpool(last).flatten(1))
        return logits


def _stage(inputs: int, planes: int, count: int, stride: int, residual: bool) -> nn.Sequential:
    first = Block(inputs, planes, stride, residual)
    return nn.Sequential(first, *(Block(planes, planes, 1, residual) for _ in range(count - 1)))


def build(spec: Spec) -> CifarResNet:
    """Return a residual network, or its plain twin without shortcuts."""
    return CifarResNet(spec)


DEPTHS = (8, 14, 20, 32, 44, 56, 110)
FAMILY = Family((*each("resnet", *DEPTHS), *each("plain", *DEPTHS)), build, ("width",))
