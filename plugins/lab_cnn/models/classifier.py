"""Define the interface of every network here: feature maps, logits, and names of layers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from lab_cnn.models.pooling import AdaptiveAveragePool


class Map(NamedTuple):
    """A feature map: input pixels from one position to the next, and channels."""

    stride: int
    channels: int


class WithAux(NamedTuple):
    """What GoogLeNet returns in training: three predictions [B, classes]."""

    logits: Tensor
    aux1: Tensor
    aux2: Tensor


class Classifier(nn.Module):
    """Map images [B, C, H, W] to logits [B, classes], by way of feature maps.

    `maps` describes what `feature_maps` returns, in order; strides never fall and the last map is
    the one that `classify` reads, so Grad-CAM is the gradient of the one by the other.
    """

    HEAD: ClassVar[tuple[str, ...]]  # what comes after the last feature map, and auxiliary heads
    OFF_PATH: ClassVar[tuple[str, ...]] = ()  # no part of the way from image to logits
    maps: tuple[Map, ...]

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        """Return one map [B, channels, H / stride, W / stride] for each of `maps`."""
        raise NotImplementedError

    def classify(self, last: Tensor) -> Tensor:
        """Return logits [B, classes] from the last feature map."""
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor | WithAux:
        return self.classify(self.feature_maps(images)[-1])

    def drop_head(self) -> None:
        """Forget the layers that only classify: what remains is a backbone of `feature_maps`."""
        for name in self.HEAD:
            if hasattr(self, name):
                delattr(self, name)


class Chain(Classifier):
    """A network of one chain of layers, pooled to a fixed size, and a classifier on top.

    `ends` says after which layers of the chain a feature map is ready.
    """

    HEAD = ("classifier",)

    def __init__(
        self,
        features: nn.Sequential,
        ends: Mapping[int, Map],
        pooled: tuple[int, int],
        classifier: nn.Module,
    ) -> None:
        super().__init__()
        self.features = features
        self.avgpool = AdaptiveAveragePool(pooled)
        self.classifier = classifier
        self.ends = frozenset(ends)
        self.maps = tuple(ends.values())

    def feature_maps(self, images: Tensor) -> list[Tensor]:
        maps = []
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.ends:
                maps.append(x)
        return maps

    def classify(self, last: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.avgpool(last).flatten(1))
        return logits


def head_name(module: nn.Module) -> str:
    """Return the qualified name of the final linear layer: "fc", "classifier.6", ..."""
    linear: list[str] = [n for n, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not linear:
        raise ValueError(f"{type(module).__name__} has no linear layer that could be its head.")
    return linear[-1]


def last_convolution(module: nn.Module) -> str:
    """Return the qualified name of the last convolution before the head, or of its block."""
    convolutions = [
        name
        for name, stage in stages(module)
        if any(isinstance(part, nn.Conv2d) for part in stage.modules())
    ]
    if not convolutions:
        raise ValueError(f"{type(module).__name__} has no convolution.")
    return convolutions[-1]


def stages(module: nn.Module) -> list[tuple[str, nn.Module]]:
    """List the layers and blocks that have weights by qualified name, from input to output.

    A residual, inverted-residual, dense or Inception block counts as one, and so does each norm
    outside a block. Auxiliary heads are off the main path and left out.
    """
    return [(name, part) for name, part in _units(module) if any(True for _ in part.parameters())]


def last_stages(module: nn.Module, count: int) -> list[tuple[str, nn.Module]]:
    """Return the last `count` stages, norms not counted but among them: what transfer trains."""
    all_stages = stages(module)
    counted = [i for i, (_, part) in enumerate(all_stages) if not isinstance(part, nn.BatchNorm2d)]
    if not 0 <= count <= len(counted):
        raise ValueError(
            f"{type(module).__name__} has {len(counted)} stages; the last {count} were asked for."
        )
    return all_stages[counted[-count] :] if count else []


def _units(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    skipped = module.OFF_PATH if isinstance(module, Classifier) else ()
    for name, part in module.named_children():
        if name in skipped:
            continue
        if type(part) in (nn.Sequential, nn.ModuleList) or isinstance(part, Classifier):
            yield from _units(part, f"{prefix}{name}.")
        else:  # a layer, or a block: a class of its own
            yield f"{prefix}{name}", part
