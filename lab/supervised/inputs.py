"""Read what a person wants predicted: image files, or rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.capabilities import Predict
from lab.data.about import About
from lab.errors import UsageError


def read_inputs(words: Sequence[str], about: About) -> Tensor:
    """Return inputs [B, ...] as the source of a run gives them.

    Images are brought to the run's size and channels. Raises UsageError that names what cannot be
    read.
    """
    if about.kind not in ("image", "table"):
        raise UsageError(
            f"{about.name} is {about.kind} data; images and rows of numbers can be predicted from"
        )
    if not words:
        wanted = "image files" if about.kind == "image" else f"{about.shape[0]} numbers: 1,2.5,..."
        raise UsageError(f"Nothing to predict. Give {wanted}.")
    read = _image if about.kind == "image" else _row
    return torch.from_numpy(np.stack([read(word, about) for word in words]))


def ranked(probabilities: Tensor, asked: Predict, about: About) -> list[dict[str, Any]]:
    """Return for each input its likeliest classes, or its values where there are no classes."""
    found = []
    for word, row in zip(asked.inputs, probabilities.cpu(), strict=True):
        if not about.classes:
            found.append({"input": word, "values": row.tolist()})
            continue
        chances, numbers = row.topk(min(asked.top, len(about.classes)))
        named = zip(numbers.tolist(), chances.tolist(), strict=True)
        found.append({"input": word, "classes": {about.classes[n]: c for n, c in named}})
    return found


def _image(word: str, about: About) -> Any:
    from PIL import Image

    channels, height, width = about.shape
    try:
        with Image.open(Path(word)) as picture:
            shown = picture.convert("L" if channels == 1 else "RGB").resize((width, height))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        why = getattr(error, "strerror", None) or "it is no image"
        raise UsageError(f"{word} cannot be read: {why}") from error
    return np.asarray(shown, np.uint8).reshape(height, width, -1).transpose(2, 0, 1)


def _row(word: str, about: About) -> Any:
    try:
        numbers = [float(part) for part in word.split(",")]
    except ValueError as error:
        raise UsageError(f"{word!r} is no row of numbers: write 5.1,3.5,1.4") from error
    if len(numbers) != about.shape[0]:
        wanted = about.shape[0]
        raise UsageError(f"{word!r} has {len(numbers)} numbers; the run learnt from {wanted}")
    row = np.array(numbers, np.float32)
    if not np.isfinite(row).all():
        raise UsageError(f"{word!r} holds what is no finite number")
    return row
