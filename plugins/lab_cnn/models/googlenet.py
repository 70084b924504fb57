"""GoogLeNet (Szegedy et al., 2015, table 1), with batch normalization after each convolution.

Two departures are those of the published weights, so that they fit: the branch for 5 x 5 has
3 x 3 windows, and the auxiliary heads begin at a fixed 4 x 4. Those weights want pixels scaled to
[-1, 1]. Convolutions and linear layers start from a normal distribution of standard
deviation 0.01, cut off at 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.init import trunc_normal_

from lab_cnn.models.classifier import Classifier, Map, WithAux
from lab_cnn.models.names import Family, Spec
from lab_cnn.models.pooling import AdaptiveAveragePool, pooling


class ConvNorm(nn.Module):
    """A convolution, batch normalization and a ReLU."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, padding: int = 0
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """Four parallel branches over one map, concatenated (figure 2b).

    The numbers are table 1's, in its order: 1 x 1, two reduced and full pairs, and the channels
    after pooling.
    """

    def __init__(
        self,
        inputs: int,
        full1: int,
        reduce3: int,
        three: int,
        reduce5: int,
        five: int,
        pooled: int,
    ) -> None:
        super().__init__()
        self.branch1 = ConvNorm(inputs, full1, 1)
        self.branch2 = nn.Sequential(
            ConvNorm(inputs, reduce3, 1), ConvNorm(reduce3, three, 3, padding=1)
        )
        self.branch3 = nn.Sequential(
            ConvNorm(inputs, reduce5, 1), ConvNorm(reduce5, five, 3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1), ConvNorm(inputs, pooled, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        branches = (self.branch1, self.branch2, self.branch3, self.branch4)
        return torch.cat([branch(x) for branch in branches], dim=1)


class AuxiliaryHead(nn.Module):
    """Predict from the middle of the net, so that its gradient starts there too (section 5)."""

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.avgpool = AdaptiveAveragePool(4)
        self.conv = ConvNorm(inputs, 128, 1)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(self.avgpool(x)).flatten(1)  # [B, 2048]
        logits: Tensor = self.fc2(self.dropout(relu(self.fc1(x))))
        return logits


class GoogLeNet(Classifier):
    """Nine Inception modules in three stages: maps of stride 8, 16 and 32, or 2, 4 and 8 if small.

    In training with auxiliary heads it returns `WithAux`; the paper adds their losses times 0.3.
    The small stem is one 3 x 3 layer of stride 1 without the first pooling.
    """

    HEAD = ("aux1", "aux2", "fc")
    OFF_PATH = ("aux1", "aux2")

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        kind = spec.pool or "max"
        dropout = 0.2 if spec.dropout is None else spec.dropout
        if spec.small:
            self.conv1 = ConvNorm(spec.channels, 64, 3, padding=1)
            self.maxpool1: nn.Module = nn.Identity()
        else:
            self.conv1 = ConvNorm(spec.channels, 64, 7, stride=2, padding=3)
            self.maxpool1 = pooling(kind, 64, 3, 2, ceil=True)
        self.conv2 = ConvNorm(64, 64, 1)
        self.conv3 = ConvNorm(64, 192, 3, padding=1)
        self.maxpool2 = pooling(kind, 192, 3, 2, ceil=True)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = Inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = pooling(kind, 480, 3, 2, ceil=True)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = Inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = pooling(kind, 832, 2, 2, ceil=True)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128)
        with_aux = spec.aux is not False
        self.aux1 = AuxiliaryHead(512, spec.classes) if with_aux else None
        self.aux2 = AuxiliaryHead(528, spec.classes) if with_aux else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, spec.classes)
        first = 2 if spec.small else 8
        self.maps = (Map(first, 480), Map(2 * first, 832), Map(4 * first, 1024))
        self._initialize()

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        third, _, _, fourth, fifth = self._path(images)
        return [third, fourth, fifth]

    def classify(self, last: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.dropout(self.avgpool(last).flatten(1)))
        return logits

    def forward(self, images: Tensor) -> Tensor | WithAux:
        _, after_4a, after_4d, _, last = self._path(images)
        logits = self.classify(last)
        if self.training and self.aux1 is not None and self.aux2 is not None:
            return WithAux(logits, self.aux1(after_4a), self.aux2(after_4d))
        return logits

    def _path(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Return the maps after modules 3b, 4a, 4d, 4e and 5b."""
        x = self.maxpool1(self.conv1(images))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        third = self.inception3b(self.inception3a(x))
        after_4a = self.inception4a(self.maxpool3(third))
        after_4d = self.inception4d(self.inception4c(self.inception4b(after_4a)))
        fourth = self.inception4e(after_4d)
        fifth = self.inception5b(self.inception5a(self.maxpool4(fourth)))
        return third, after_4a, after_4d, fourth, fifth

    def _initialize(self) -> None:
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                trunc_normal_(layer.weight, std=0.01)


def build(spec: Spec) -> GoogLeNet:
    """Return GoogLeNet, with auxiliary heads unless they are declined."""
    return GoogLeNet(spec)


FAMILY = Family(("googlenet",), build, ("pool", "stem", "dropout", "aux"))
