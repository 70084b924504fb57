"""Decode encoded images to one size, all at once or by batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import lab
from lab.data.image_files import BROKEN, Decoder, Encoded, open_image
from lab_sources.sdf import Array

Fetch = Callable[[Any], Sequence[Encoded]]
GRAY = ("1", "L", "LA", "La", "I", "F")  # and I;16 in its byte orders
SIDEWAYS = (5, 6, 7, 8)  # orientations in which width and height change places
AT_ONCE = 100  # images that are fetched, or looked at instead of all
LARGEST = 64  # side in pixels, where none is asked for


@dataclass(frozen=True)
class Head:
    """What is known of an image before it is decoded. size: width and height as it is seen."""

    is_gray: bool
    size: tuple[int, int]


@dataclass(frozen=True)
class Pictures:
    """Images that were read. kept: their places among all. bad: a line for each other one."""

    inputs: Array | Encodings
    kept: Array
    bad: tuple[str, ...]
    notes: tuple[str, ...]


class Encodings:
    """A column of images uint8 [N, C, H, W] that are decoded when they are read."""

    dtype = np.dtype(np.uint8)

    def __init__(self, fetch: Fetch, names: Sequence[str], decode: Decoder) -> None:
        self._fetch, self._names, self._decode = fetch, names, decode
        self.shape = (len(names), *decode.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Array:
        """Return the images at an array of indices or a slice, uint8 [B, C, H, W].

        Raises UsageError for a file that turns out broken only now.
        """
        rows: Array = np.arange(len(self))[index]
        images = np.empty((len(rows), *self.shape[1:]), np.uint8)
        for place, (row, encoded) in enumerate(zip(rows.tolist(), self._fetch(rows), strict=True)):
            try:
                images[place] = self._decode(encoded)
            except BROKEN as error:
                raise lab.UsageError(f"{self._names[row]} cannot be read: {error}") from error
        return images


def read(
    fetch: Fetch, names: Sequence[str], size: int, max_eager_mb: int, trusted: bool = False
) -> Pictures:
    """Return the images that can be read.

    `fetch` returns the encoded images at some places, `names` tells them apart. `size` is the side
    that all get; 0 is for `_common_size`, which a note tells. Up to `max_eager_mb` MB are decoded
    here, of more only the heads are read; and where all are `trusted`, those of a hundred.
    Raises UsageError where none can be read.
    """
    heads = _heads(fetch, len(names), AT_ONCE if trusted else len(names))
    sound = [head for head in heads.values() if head is not None]
    if not sound:
        raise lab.UsageError(f"None of the {len(names):,} images can be read, {names[0]} for one")
    target = (size, size) if size else _common_size(sound)
    decode = Decoder(target, all(head.is_gray for head in sound))
    notes = () if size else _size_note(sound, target)
    if len(names) * int(np.prod(decode.shape)) <= max_eager_mb * 2**20:
        return _read_eagerly(fetch, names, decode, notes)
    broken = [row for row, head in heads.items() if head is None]
    kept = np.setdiff1d(np.arange(len(names)), broken)
    column = Encodings(
        lambda rows: fetch(kept[rows]), [names[row] for row in kept.tolist()], decode
    )
    return Pictures(column, kept, tuple(f"{names[row]} cannot be read" for row in broken), notes)


def look(encoded: Encoded) -> Head | None:
    """Return what the head of an image says, or None where it is broken."""
    from PIL.ExifTags import Base

    try:
        with open_image(encoded) as image:
            # where a head has no EXIF, to ask for it would decode the pixels
            turned = "exif" in image.info and image.getexif().get(Base.Orientation) in SIDEWAYS
            is_gray = image.mode in GRAY or image.mode.startswith("I;16")
            return Head(is_gray, image.size[::-1] if turned else image.size)
    except BROKEN:
        return None


def _heads(fetch: Fetch, count: int, looked_at: int) -> dict[int, Head | None]:
    """Return the heads of evenly spaced images, by their places."""
    places = np.unique(np.linspace(0, count - 1, min(count, looked_at)).astype(int))
    heads: dict[int, Head | None] = {}
    for start in range(0, len(places), AT_ONCE):
        rows = places[start : start + AT_ONCE]
        heads |= zip(rows.tolist(), map(look, fetch(rows)), strict=True)
    return heads


def _common_size(heads: Sequence[Head]) -> tuple[int, int]:
    """Return the medians of the widths and of the heights, shrunk alike to at most LARGEST."""
    width, height = np.median([head.size for head in heads], axis=0)
    scale = min(1.0, LARGEST / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _size_note(heads: Sequence[Head], size: tuple[int, int]) -> tuple[str, ...]:
    """Say what size was chosen, if not all images have it."""
    others = sum(head.size != size for head in heads)
    if not others:
        return ()
    width, height = size
    return (
        f"images are resized to {width} x {height} pixels (their median, at most {LARGEST} a "
        f"side); {others:,} of {len(heads):,} have another size. --data-args size=SIDE changes it",
    )


def _read_eagerly(
    fetch: Fetch, names: Sequence[str], decode: Decoder, notes: tuple[str, ...]
) -> Pictures:
    images, places, bad = [], [], []
    for start in range(0, len(names), AT_ONCE):
        rows = np.arange(start, min(start + AT_ONCE, len(names)))
        for row, encoded in zip(rows.tolist(), fetch(rows), strict=True):
            try:
                images.append(decode(encoded))
                places.append(row)
            except BROKEN as error:
                bad.append(f"{names[row]} cannot be read: {error}")
    if not images:
        raise lab.UsageError(f"None of the {len(names):,} images can be read: {bad[0]}")
    return Pictures(np.stack(images), np.array(places), tuple(bad), notes)
