"""Build any of the networks by name."""

from __future__ import annotations

from lab_cnn.models.classifier import (
    Classifier,
    Map,
    WithAux,
    head_name,
    last_convolution,
    last_stages,
    stages,
)
from lab_cnn.models.fcn import FCN, SKIPS, DilatedFCN
from lab_cnn.models.names import Spec, check_fcn, family_of, names, resolve
from lab_cnn.models.resnet import ResNet

__all__ = [
    "FCN",
    "Classifier",
    "DilatedFCN",
    "Map",
    "WithAux",
    "build",
    "build_fcn",
    "head_name",
    "last_convolution",
    "last_stages",
    "names",
    "stages",
]


def build(
    arch: str,
    *,
    channels: int,
    size: tuple[int, int],
    classes: int,
    width: float = 1.0,
    pool: str | None = None,
    stem: str = "auto",
    dropout: float | None = None,
    aux: bool | None = None,
) -> Classifier:
    """Return the network of that name for images [B, channels, *size] and `classes` logits.

    `width` multiplies channel numbers. `pool`, `dropout` and `aux` are the paper's own if None.
    `stem` "full" is the paper's, "small" the one for small pictures, "auto" goes by the size. What
    the architecture cannot use or the size does not allow raises ValueError.
    """
    spec = resolve(
        arch,
        channels=channels,
        size=size,
        classes=classes,
        width=width,
        pool=pool,
        stem=stem,
        dropout=dropout,
        aux=aux,
    )
    return _construct(spec)


def build_fcn(
    variant: str,
    arch: str,
    *,
    channels: int,
    size: tuple[int, int],
    classes: int,
    width: float = 1.0,
    pool: str | None = None,
    stem: str = "auto",
    aux: bool = False,
) -> FCN | DilatedFCN:
    """Return a network that gives logits [B, classes, H, W] for images [B, channels, H, W].

    `variant` is "fcn32s", "fcn16s" or "fcn8s" on any architecture, or "dilated" on a ResNet, which
    alone can have an auxiliary head. The other options are those of `build`.
    """
    check_fcn(variant, arch, aux)
    spec = resolve(
        arch, channels=channels, size=size, classes=classes, width=width, pool=pool, stem=stem
    )
    if variant == "dilated":
        return DilatedFCN(ResNet(spec, dilated=True), classes, aux)
    return FCN(_construct(spec), classes, SKIPS[variant])


def _construct(spec: Spec) -> Classifier:
    return family_of(spec.arch).build(spec)
