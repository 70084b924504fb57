"""Decode image files: the pictures of a source and those to predict from are read alike."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.data.dataset import Array

Encoded = bytes | Path
BROKEN = (OSError, SyntaxError, ValueError)  # what pillow raises for files that it cannot read
SIXTEEN_BITS = 2**16 - 1


@dataclass(frozen=True)
class Decoder:
    """Turn a file or its bytes into an image uint8 [C, H, W] of this size (width, height); C is 1
    in gray, else 3.

    The image is turned as its EXIF orientation says. What is transparent lies on white, of several
    frames the first is taken, and of sixteen bits the upper eight.
    """

    size: tuple[int, int]
    is_gray: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        return (1 if self.is_gray else 3, self.size[1], self.size[0])

    def __call__(self, encoded: Encoded) -> Array:
        """Raises one of BROKEN."""
        from PIL import Image, ImageOps

        with open_image(encoded) as image:
            # a large JPEG is decoded at a fraction of its size, many times as fast
            image.draft(None, (2 * max(self.size), 2 * max(self.size)))
            image = _on_white(_eight_bits(ImageOps.exif_transpose(image)))
            image = image.convert("L" if self.is_gray else "RGB")
            if image.size != self.size:
                image = image.resize(self.size, Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(self.size[1], self.size[0], -1).transpose(2, 0, 1)


def open_image(encoded: Encoded) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(encoded) if isinstance(encoded, bytes) else encoded)


def _on_white(image: Any) -> Any:
    """Return an image without transparency."""
    if not image.has_transparency_data:
        return image
    from PIL import Image

    color = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", color.size, "white"), color)


def _eight_bits(image: Any) -> Any:
    """Return an image whose values are 0 to 255: sixteen bits lose the lower eight. Raises
    ValueError for values that have no such range."""
    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    from PIL import Image

    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > SIXTEEN_BITS:
        raise ValueError(f"its values (mode {image.mode}) are no bytes; save it in 8 or 16 bits")
    return Image.fromarray((values.astype(np.int64) >> 8).astype(np.uint8))
