"""Name the architectures and validate their options, without importing torch."""

from __future__ import annotations

from difflib import get_close_matches
from typing import NamedTuple

from lab_cnn.models.stems import FULL_FROM, SMALLEST, STEMS, choose_stem

POOLS = ("max", "average", "sum", "strided")


class Family(NamedTuple):
    """The architectures that one module builds, and the options that they can use.

    `full_only` are those that the small stem has no use for. `full_from` is the shorter side in
    pixels from which "auto" takes the paper's own stem, `full_needs` the least that it can take.
    """

    module: str
    names: tuple[str, ...]
    options: tuple[str, ...]
    full_only: tuple[str, ...] = ()
    full_from: int = FULL_FROM
    full_needs: int = 32


class Spec(NamedTuple):
    """One network to build: a request whose values were checked and whose stem was chosen."""

    arch: str
    channels: int
    size: tuple[int, int]
    classes: int
    width: float
    pool: str | None
    small: bool
    dropout: float | None
    aux: bool | None


def _each(prefix: str, *depths: int, suffix: str = "") -> tuple[str, ...]:
    return tuple(f"{prefix}{depth}{suffix}" for depth in depths)


VGG_DEPTHS = (11, 13, 16, 19)
CIFAR_DEPTHS = (8, 14, 20, 32, 44, 56, 110)

FAMILIES = (
    Family("lenet", ("lenet5",), ("pool", "stem"), full_from=28, full_needs=12),
    Family("alexnet", ("alexnet",), ("pool", "stem", "dropout"), full_needs=63),
    Family(
        "vgg",
        (*_each("vgg", *VGG_DEPTHS), *_each("vgg", *VGG_DEPTHS, suffix="_bn")),
        ("pool", "stem", "dropout"),
    ),
    Family("googlenet", ("googlenet",), ("pool", "stem", "dropout", "aux")),
    Family("resnet", _each("resnet", 18, 34, 50, 101, 152), ("pool", "stem"), full_only=("pool",)),
    Family(
        "cifar_resnet",
        (*_each("resnet", *CIFAR_DEPTHS), *_each("plain", *CIFAR_DEPTHS)),
        ("width",),
    ),
    Family("mobilenet", ("mobilenet_v1", "mobilenet_v2"), ("width", "stem", "dropout")),
    Family("densenet", _each("densenet", 121, 169, 201), ("pool", "stem", "dropout")),
    Family("small", ("simple", "separable", "spatial"), ("width", "pool", "dropout")),
)

FCN_VARIANTS = ("fcn32s", "fcn16s", "fcn8s", "dilated")


def names() -> tuple[str, ...]:
    """Return the names of all architectures, family by family."""
    return tuple(name for family in FAMILIES for name in family.names)


def family_of(arch: str) -> Family:
    """Return the family of an architecture; ValueError for an unknown name."""
    for family in FAMILIES:
        if arch in family.names:
            return family
    close = get_close_matches(arch, names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names())}."
    raise ValueError(f"No architecture is called {arch!r}; {hint}")


def able_to(option: str) -> tuple[str, ...]:
    """Return the names of the architectures that can use an option."""
    return tuple(name for family in FAMILIES if option in family.options for name in family.names)


def resolve(
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
) -> Spec:
    """Check a request and choose the stem; ValueError says in a sentence what cannot be.

    `size` is height and width in pixels; an option at its default is not set.
    """
    family = family_of(arch)
    requested = {
        "width": width != 1.0,
        "pool": pool is not None,
        "stem": stem != "auto",
        "dropout": dropout is not None,
        "aux": aux is not None,
    }
    for option, is_set in requested.items():
        if is_set and option not in family.options:
            raise ValueError(f"{arch} has no option {option}; {', '.join(able_to(option))} have.")
    _check_values(channels, classes, width, pool, stem, dropout)
    small = "stem" in family.options and choose_stem(size, stem, family.full_from) == "small"
    for option in family.full_only if small else ():
        if requested[option]:
            raise ValueError(f"{arch} uses {option} in its full stem only; this is the small one.")
    _check_size(family, arch, size, small)
    return Spec(arch, channels, size, classes, width, pool, small, dropout, aux)


def check_fcn(variant: str, arch: str, aux: bool = False) -> None:
    """Check that a segmentation network can stand on that backbone; ValueError says why not."""
    if variant not in FCN_VARIANTS:
        raise ValueError(f"No FCN is called {variant!r}; there are {', '.join(FCN_VARIANTS)}.")
    family_of(arch)
    resnets = next(each.names for each in FAMILIES if each.module == "resnet")
    if variant == "dilated" and arch not in resnets:
        raise ValueError(f"Only {', '.join(resnets)} can be dilated, not {arch}.")
    if aux and variant != "dilated":
        raise ValueError(f"{variant} has no auxiliary head; only dilated has.")


def _check_values(
    channels: int,
    classes: int,
    width: float,
    pool: str | None,
    stem: str,
    dropout: float | None,
) -> None:
    if channels < 1 or classes < 1:
        raise ValueError(f"Channels and classes count from 1; got {channels} and {classes}.")
    if width <= 0:
        raise ValueError(f"The width multiplies channel numbers: it is above 0, not {width}.")
    if pool is not None and pool not in POOLS:
        raise ValueError(f"No pooling is called {pool!r}; there are {', '.join(POOLS)}.")
    if stem not in STEMS:
        raise ValueError(f"No stem is called {stem!r}; there are {', '.join(STEMS)}.")
    if dropout is not None and not 0 <= dropout < 1:
        raise ValueError(f"Dropout is a probability from 0 to below 1, not {dropout}.")


def _check_size(family: Family, arch: str, size: tuple[int, int], small: bool) -> None:
    full = "stem" in family.options and not small
    least = family.full_needs if full else SMALLEST
    if min(size) < least:
        name = f"{arch} with its full stem" if full else arch
        raise ValueError(
            f"{name} needs pictures of at least {least} x {least} pixels; "
            f"these have {size[0]} x {size[1]}."
        )
