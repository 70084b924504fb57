"""Refuse, in plain words, what these models cannot learn from."""

from __future__ import annotations

import lab
from lab import Data, DatasetInfo
from lab.generative import check_size, check_variety
from lab_diffusion.config import ARCHITECTURES, Config

USED = {
    "mlp": ("hidden", "frequencies"),
    "unet": ("width", "blocks", "patch"),
    "transformer": ("width", "blocks", "heads"),
}


def fits(config: Config, info: DatasetInfo) -> None:
    """Raise UsageError where the data lack what the options need."""
    if info.kind not in ARCHITECTURES:
        raise lab.UsageError(
            f"{info.name} is {info.kind} data; noise is added to numbers: images, tables and "
            "sequences of them. Words are for lab run transformer --task lm, or gan"
        )
    arch, own = config.architecture(info.kind), ARCHITECTURES[info.kind]
    if arch not in (own, "mlp"):
        raise lab.UsageError(f"--arch {arch} cannot make {info.name}; leave it to {own}, or mlp")
    for name in sorted({name for names in USED.values() for name in names} - set(USED[arch])):
        if config.is_set(name):
            raise lab.UsageError(f"--{name} does nothing for {info.name}, which {arch} makes")
    if info.kind == "image" and config.patch > min(info.shape[1:]):
        sides = " x ".join(map(str, info.shape[1:]))
        raise lab.UsageError(f"--patch {config.patch} is larger than {info.name}: {sides}")
    if arch == "transformer" and config.width % config.heads:
        raise lab.UsageError(f"--heads {config.heads} do not divide --width {config.width}")
    if arch == "transformer" and config.width % 2:
        raise lab.UsageError(f"positions are pairs: --width {config.width} is odd")
    if config.conditional and (info.task != "classify" or info.per_step):
        one = "has one for each of its steps" if info.per_step else "has none"
        raise lab.UsageError(f"--conditional needs a class for each example; {info.name} {one}")


def examples(data: Data, samples: int) -> None:
    """Raise UsageError where the examples themselves do not allow it, or to be measured beside so
    many samples."""
    check_variety(data)
    check_size(data, samples)
    if data.train.mask is not None:
        raise lab.UsageError(
            f"{data.info.name}: its sequences differ in length, and what is made here is of "
            "one: take a source like waves or gunpoint"
        )
