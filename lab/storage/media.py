"""Write what people would rather look at: pictures, animations, text."""

from __future__ import annotations

import csv
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lab.storage.store import replacing

Picture = np.ndarray[Any, np.dtype[np.uint8]]  # [H, W, 3] or [H, W]

DPI = 120
WIDTH = 640  # pixels of a picture with a title, at least
LEGIBLE = 240  # pixels that a caption takes
LETTERS = 18  # pixels that a title's letters are high
PALETTE_FRAMES = 8  # of a clip


@dataclass(frozen=True)
class Clip:
    """A sequence of pictures, shown at `fps` frames a second; captions: a line above each."""

    frames: Sequence[Picture]
    fps: int = 30
    captions: Sequence[str] = ()


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


def write(stem: Path, content: Any, title: str = "") -> Path:
    """Write `content` to `stem` plus the suffix of its kind, and return the path.

    With a title, pictures and clips are made at least 640 pixels wide, and have it above them; a
    figure that has one of its own keeps that.
    """
    path = stem.with_name(stem.name + suffix(content))
    with replacing(path) as file:
        _write(file, content, title)
    return path


def _write(path: Path, content: Any, title: str) -> None:
    if isinstance(content, str):
        path.write_text(content, encoding="utf-8")
    elif isinstance(content, Clip):
        write_gif(path, Clip(_captioned(content, title), content.fps))
    elif isinstance(content, Table):
        write_csv(path, content)
    elif hasattr(content, "savefig"):
        _save_figure(path, content, title)
    else:
        _image(_framed(content, title, WIDTH) if title else content).save(path)


def _captioned(clip: Clip, title: str) -> Sequence[Picture]:
    """Return the frames under their captions, and the title, if there are any."""
    small = clip.frames and clip.frames[0].shape[1] < LEGIBLE
    if not title and (small or not clip.captions):
        return clip.frames
    captions = clip.captions or [""] * len(clip.frames)
    lines = [", ".join(filter(None, (title, caption))) for caption in captions]
    width = WIDTH if title else 1
    return [_framed(frame, line, width) for frame, line in zip(clip.frames, lines, strict=True)]


def _framed(picture: Picture, line: str, least: int) -> Picture:
    """Return a picture enlarged, pixel by pixel, to a width of at least so much, under a line."""
    from PIL import Image, ImageDraw, ImageFont

    times = max(1, -(-least // picture.shape[1]))
    large = np.asarray(picture).repeat(times, 0).repeat(times, 1)
    height, width = large.shape[:2]
    framed = Image.new("RGB", (width, height + 2 * LETTERS), "white")
    framed.paste(_image(large), (0, 2 * LETTERS))
    font = ImageFont.load_default(size=LETTERS)
    ImageDraw.Draw(framed).text((LETTERS // 2, LETTERS // 3), line, fill="black", font=font)
    return np.asarray(framed)


def write_gif(path: Path, clip: Clip) -> None:
    """Write a clip as a GIF that loops. GIF counts hundredths of a second, and viewers take two at
    least: fps is rounded, and above 50 it is 50."""
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


def _save_figure(path: Path, figure: Any, title: str) -> None:
    """Write a matplotlib figure, or what becomes one by its method `figure`."""
    if not hasattr(figure, "get_layout_engine"):
        figure = figure.figure()
    dpi = DPI
    if title:
        dpi = max(DPI, math.ceil(1.1 * WIDTH / figure.get_figwidth()))  # edges may be cut off
        if not figure.get_suptitle() and not any(axes.get_title() for axes in figure.axes):
            figure.suptitle(title, wrap=True)
    with warnings.catch_warnings():
        # a character that the font lacks is a box in the picture; a warning each says no more
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        _draw_to(path, figure, dpi)


def _draw_to(path: Path, figure: Any, dpi: float) -> None:
    engine = figure.get_layout_engine()
    if engine is None:
        figure.savefig(path, dpi=dpi, bbox_inches="tight")
        return
    # once and here: savefig would lay it out and draw it to no end before it does so to the file
    figure.set_dpi(dpi)
    engine.execute(figure)
    figure.set_layout_engine(None)
    figure.savefig(path, dpi=dpi)


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
