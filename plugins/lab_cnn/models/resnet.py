"""ResNet-18, 34, 50, 101 and 152 (He et al., 2016, table 1).

Bottlenecks stride in their 3 x 3 convolution, as the published weights do. Convolutions start as
He et al. (2015) draw them, by fan-out; norms as the identity; the last layer as torch does it.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import relu

from lab_cnn.models.classifier import Classifier, Map
from lab_cnn.models.initial import he
from lab_cnn.models.names import Family, Spec, each
from lab_cnn.models.pooling import pooling

BLOCKS = {  # in each of the four stages
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}
PLANES = (64, 128, 256, 512)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with a shortcut (figure 5, left)."""

    expansion = 1

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int) -> None:
        super().__init__()
        self.conv1 = conv3x3(inputs, planes, stride, dilation)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes, 1, dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = projection(inputs, planes, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = relu(self.bn1(self.conv1(x)))
        return relu(self.bn2(self.conv2(out)) + shortcut)


class Bottleneck(nn.Module):
    """1 x 1, 3 x 3 and 1 x 1 convolutions with a shortcut (figure 5, right)."""

    expansion = 4

    def __init__(self, inputs: int, planes: int, stride: int, dilation: int) -> None:
        super().__init__()
        outputs = planes * self.expansion
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = conv3x3(planes, planes, stride, dilation)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = projection(inputs, outputs, stride)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        out = relu(self.bn1(self.conv1(x)))
        out = relu(self.bn2(self.conv2(out)))
        return relu(self.bn3(self.conv3(out)) + shortcut)


class ResNet(Classifier):
    """Four stages of residual blocks: maps of stride 4, 8, 16 and 32, or 1, 2, 4 and 8 if small.

    The small stem is one 3 x 3 layer of stride 1 without pooling. `dilated` widens the windows of
    the last two stages instead of striding, which keeps them at stride 8 (Yu et al., 2017).
    """

    HEAD = ("fc",)

    def __init__(self, spec: Spec, dilated: bool = False) -> None:
        super().__init__()
        depth = int(spec.arch.removeprefix("resnet"))
        block = BasicBlock if depth < 50 else Bottleneck
        if spec.small:
            self.conv1 = conv3x3(spec.channels, 64)
            self.maxpool: nn.Module = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(spec.channels, 64, 7, 2, 3, bias=False)
            self.maxpool = pooling(spec.pool or "max", 64, 3, 2, padding=1)
        self.bn1 = nn.BatchNorm2d(64)
        self.inputs = 64
        counts = BLOCKS[depth]
        step = 1 if dilated else 2
        self.layer1 = self._stage(block, 64, counts[0], stride=1)
        self.layer2 = self._stage(block, 128, counts[1], stride=2)
        self.layer3 = self._stage(block, 256, counts[2], step, (1, 2) if dilated else (1, 1))
        self.layer4 = self._stage(block, 512, counts[3], step, (2, 4) if dilated else (1, 1))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, spec.classes)
        first = 1 if spec.small else 4
        strides = (1, 2, 2, 2) if dilated else (1, 2, 4, 8)
        self.maps = tuple(
            Map(first * stride, planes * block.expansion)
            for stride, planes in zip(strides, PLANES, strict=True)
        )
        he(self, nn.Conv2d, "fan_out")

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        x = self.maxpool(relu(self.bn1(self.conv1(images))))
        maps = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            maps.append(x)
        return maps

    def classify(self, last: Tensor) -> Tensor:
        logits: Tensor = self.fc(self.avgpool(last).flatten(1))
        return logits

    def _stage(
        self,
        block: type[BasicBlock | Bottleneck],
        planes: int,
        count: int,
        stride: int,
        dilations: tuple[int, int] = (1, 1),
    ) -> nn.Sequential:
        """Return `count` blocks; the first one strides, and has its own dilation."""
        blocks = [block(self.inputs, planes, stride, dilations[0])]
        self.inputs = planes * block.expansion
        blocks += [block(self.inputs, planes, 1, dilations[1]) for _ in range(count - 1)]
        return nn.Sequential(*blocks)


def conv3x3(inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a 3 x 3 convolution that keeps the size at stride 1, without a bias."""
    return nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False)


def projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """Return the shortcut where sizes differ (option B), None where the input passes as it is."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))


def build(spec: Spec) -> ResNet:
    """Return a residual network."""
    return ResNet(spec)


FAMILY = Family(
    each("resnet", 18, 34, 50, 101, 152),
    build,
    ("pool", "stem"),
    full_only=("pool",),
    dilates=True,
)
