"""Write what people would rather look at: pictures, animations, text."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Picture = np.ndarray[Any, np.dtype[np.uint8]]  # [H, W, 3] or [H, W]

DPI = 120
PALETTE_FRAMES = 8  # of a clip


@dataclass(frozen=True)
class Clip:
    """A sequence of pictures, shown at `fps` frames a second."""

    frames: Sequence[Picture]
    fps: int = 30


@dataclass(frozen=True)
class Table:
    """Rows of plain values under named columns."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]


def suffix(content: Any) -> str:
    """Return the suffix of a file that holds `content`.

    A picture (uint8 [H, W, 3] or [H, W]) or a matplotlib figure becomes PNG, a Clip an animated
    GIF, a Table a CSV file, a string a text file. Raises TypeError for anything else.
    """
    if isinstance(content, str):
        return ".txt"
    if hasattr(content, "savefig") or (isinstance(content, np.ndarray) and content.ndim in (2, 3)):
        return ".png"
    if isinstance(content, Clip):
        return ".gif"
    if isinstance(content, Table):
        return ".csv"
    raise TypeError(f"a {type(content).__name__} is no picture, figure, Clip, Table or text")


def write(stem: Path, content: Any) -> Path:
    """Write `content` to `stem` plus the suffix of its kind, and return the path."""
    path = stem.with_name(stem.name + suffix(content))
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif isinstance(content, Clip):
        write_gif(path, content)
    elif isinstance(content, Table):
        write_csv(path, content)
    elif hasattr(content, "savefig"):
        _save_figure(path, content)
    else:
        _image(content).save(path)
    return path


def write_gif(path: Path, clip: Clip) -> None:
    """Write a clip as a GIF that loops. GIF counts hundredths of a second, so fps is rounded."""
    if not clip.frames:
        raise ValueError("a clip needs at least one frame")
    images = _with_one_palette([_image(frame) for frame in clip.frames])
    duration = max(20, round(100 / clip.fps) * 10)
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, loop=0)


def _with_one_palette(images: list[Any]) -> list[Any]:
    """Return images with the colors that a few of them have: a palette for each takes 20 times as
    long, and flickers."""
    from PIL import Image

    width, height = images[0].size
    few = images[:: -(-len(images) // PALETTE_FRAMES)]
    together = Image.new("RGB", (width, height * len(few)))
    for number, image in enumerate(few):
        together.paste(image, (0, height * number))
    palette = together.quantize(256)
    return [image.convert("RGB").quantize(palette=palette, dither=0) for image in images]


def _save_figure(path: Path, figure: Any) -> None:
    """Write a matplotlib figure, or what has its `savefig`."""
    with warnings.catch_warnings():
        # a character that the font lacks is a box in the picture; a warning each says no more
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        _draw_to(path, figure)


def _draw_to(path: Path, figure: Any) -> None:
    if not hasattr(figure, "get_layout_engine"):
        figure.savefig(path, dpi=DPI)
        return
    engine = figure.get_layout_engine()
    if engine is None:
        figure.savefig(path, dpi=DPI, bbox_inches="tight")
        return
    # once and here: savefig would lay it out and draw it to no end before it does so to the file
    figure.set_dpi(DPI)
    engine.execute(figure)
    figure.set_layout_engine(None)
    figure.savefig(path, dpi=DPI)


def write_csv(path: Path, table: Table) -> None:
    """Write a table as CSV with a heading. Raises ValueError where a row does not fit it."""
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(f"a row of {len(row)} values under {len(table.columns)} columns")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([table.columns, *table.rows])


def _image(picture: Picture) -> Any:
    from PIL import Image

    return Image.fromarray(np.ascontiguousarray(picture))
