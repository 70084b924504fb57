"""Find the architectures in the files beside this one, and validate their options.

A file offers architectures by a `FAMILY`: to add one, a file is all it takes.
"""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple

from lab_cnn import models
from lab_cnn.models.stems import FULL_FROM, SMALLEST, STEMS, choose_stem

if TYPE_CHECKING:
    from lab_cnn.models.classifier import Classifier

POOLS = ("max", "average", "sum", "strided")


class Family(NamedTuple):
    """The architectures of one file, and the options that they can use.

    `full_only` are those that the small stem has no use for. `full_from` is the shorter side in
    pixels from which "auto" takes the paper's own stem, `full_needs` the least that it can take.
    `dilates` tells whether `DilatedFCN` can stand on it.
    """

    names: tuple[str, ...]
    build: Callable[[Spec], Classifier]
    options: tuple[str, ...]
    full_only: tuple[str, ...] = ()
    full_from: int = FULL_FROM
    full_needs: int = 32
    dilates: bool = False


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


FCN_VARIANTS = ("fcn32s", "fcn16s", "fcn8s", "dilated")


def each(prefix: str, *depths: int, suffix: str = "") -> tuple[str, ...]:
    """Return the names of networks that differ by their depth."""
    return tuple(f"{prefix}{depth}{suffix}" for depth in depths)


@cache
def families() -> tuple[Family, ...]:
    """Return the `FAMILY` of each file in this folder that has one; torch is loaded with them."""
    files = [module.name for module in iter_modules(models.__path__)]
    modules = [import_module(f"{models.__name__}.{name}") for name in files]
    return tuple(module.FAMILY for module in modules if hasattr(module, "FAMILY"))


def names() -> tuple[str, ...]:
    """Return the names of all architectures, family by family."""
    return tuple(name for family in families() for name in family.names)


def family_of(arch: str) -> Family:
    """Return the family of an architecture; ValueError for an unknown name."""
    for family in families():
        if arch in family.names:
            return family
    close = get_close_matches(arch, names(), n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(names())}."
    raise ValueError(f"No architecture is called {arch!r}; {hint}")


def able_to(option: str) -> tuple[str, ...]:
    """Return the names of the architectures that can use an option."""
    return tuple(name for family in families() if option in family.options for name in family.names)


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
    if variant == "dilated" and not family_of(arch).dilates:
        able = [name for family in families() if family.dilates for name in family.names]
        raise ValueError(f"Only {', '.join(able)} can be dilated, not {arch}.")
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
