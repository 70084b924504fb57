"""Decode encoded images to one size, all at once or by batch."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lab
from lab_sources.sdf import Array

Encoded = bytes | Path
Fetch = Callable[[Any], Sequence[Encoded]]
BROKEN = (OSError, SyntaxError, ValueError)  # what pillow raises for files that it cannot read
GRAY = ("1", "L", "I", "F", "I;16")
PROBED = 100  # images that are looked at for colors


class Decoder:
    """Turn a file or its bytes into an image uint8 [C, size, size]; C is 1 where all are gray."""

    def __init__(self, first: Sequence[Encoded], size: int) -> None:
        """Settle the shape by the `first` images that can be read; `size` 0 takes that of the very
        first. Raises UsageError where none can be read."""
        headers = [facts for encoded in first if (facts := look(encoded)) is not None]
        if not headers:
            raise lab.UsageError(f"None of the first {len(first)} images can be read")
        self.size = (size, size) if size else headers[0][1]  # width, height
        self.mode = "L" if all(mode in GRAY for mode, _ in headers) else "RGB"

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1 if self.mode == "L" else 3, self.size[1], self.size[0])

    def __call__(self, encoded: Encoded) -> Array:
        """Raises one of BROKEN."""
        with _open(encoded) as image:
            image = _eight_bits(image).convert(self.mode)
            if image.size != self.size:
                from PIL import Image

                image = image.resize(self.size, Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(self.size[1], self.size[0], -1).transpose(2, 0, 1)


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
) -> tuple[Array | Encodings, Array, tuple[str, ...]]:
    """Return the images that can be read, their places among all, and a line for each other one.

    `fetch` returns the encoded images at some places, `names` tells them apart. Up to
    `max_eager_mb` MB are decoded here. Of more, only the heads are looked at, and not even those if
    `trusted`.
    Raises UsageError where the first ones are all broken.
    """
    decode = Decoder(fetch(np.arange(min(PROBED, len(names)))), size)
    if len(names) * int(np.prod(decode.shape)) <= max_eager_mb * 2**20:
        return _read_eagerly(fetch, names, decode)
    sound = np.array([trusted or look(fetch([row])[0]) is not None for row in range(len(names))])
    kept = np.flatnonzero(sound)
    column = Encodings(
        lambda rows: fetch(kept[rows]), [names[row] for row in kept.tolist()], decode
    )
    return (
        column,
        kept,
        tuple(f"{names[row]} cannot be read" for row in np.flatnonzero(~sound).tolist()),
    )


def _read_eagerly(
    fetch: Fetch, names: Sequence[str], decode: Decoder
) -> tuple[Array, Array, tuple[str, ...]]:
    images, places, bad = [], [], []
    for start in range(0, len(names), PROBED):
        rows = np.arange(start, min(start + PROBED, len(names)))
        for row, encoded in zip(rows.tolist(), fetch(rows), strict=True):
            try:
                images.append(decode(encoded))
                places.append(row)
            except BROKEN as error:
                bad.append(f"{names[row]} cannot be read: {error}")
    return np.stack(images), np.array(places), tuple(bad)


def look(encoded: Encoded) -> tuple[str, tuple[int, int]] | None:
    """Return the mode and the size of an image by its head, or None where it is broken."""
    try:
        with _open(encoded) as image:
            return image.mode, image.size
    except BROKEN:
        return None


def _open(encoded: Encoded) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded)


def _eight_bits(image: Any) -> Any:
    """Return an image whose values are 0 to 255: sixteen bits lose the lower eight."""
    if image.mode not in ("I", "I;16", "F"):
        return image
    from PIL import Image

    values = np.asarray(image, np.float64)
    if values.size and values.max() > 255:
        values = values / 256
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))
