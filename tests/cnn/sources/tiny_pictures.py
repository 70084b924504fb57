"""Offer tiny pictures of any size: a bright bar, whose place is its class, on dark noise."""

from __future__ import annotations

from typing import Literal

import numpy as np

import lab


@lab.hookimpl
def lab_sources():
    yield lab.SourceSpec(
        name="bars",
        summary="Bars in one of several places",
        load="tiny_pictures:bars",
        options="tiny_pictures:Options",
        task="",
    )
    yield lab.SourceSpec(
        name="flat", summary="Bars without masks", load="tiny_pictures:flat", task="classify"
    )
    yield lab.SourceSpec(
        name="rows", summary="Rows of numbers", load="tiny_pictures:rows", task="classify"
    )


class Options(lab.Options):
    n: int = 120
    side: int = 8
    channels: int = 1
    kinds: int = 3
    task: Literal["classify", "segment"] = "classify"


def bars(n: int, side: int, channels: int, kinds: int, task: str) -> lab.Dataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 90, (n, channels, side, side), dtype=np.uint8)
    masks = np.zeros((n, side, side), np.uint8)
    kind = np.arange(n) % kinds
    thick = side // kinds
    for number in range(kinds):
        band = slice(number * thick, (number + 1) * thick)
        images[kind == number, :, band] += 120
        masks[kind == number, band] = number + 1
    names = tuple(f"bar{number}" for number in range(kinds))
    if task == "segment":
        return lab.Dataset(images, masks, ("ground", *names))
    return lab.Dataset(images, kind, names)


def flat() -> lab.Dataset:
    return bars(120, 8, 1, 3, "classify")


def rows() -> lab.Dataset:
    features = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    return lab.Dataset(features, np.arange(60) % 2, ("no", "yes"))
