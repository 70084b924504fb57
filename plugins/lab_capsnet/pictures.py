"""Draw what capsules hold: reconstructions, what each dimension changes, where parts are routed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.generative import showable
from lab_capsnet.model import lengths, longest

EXAMPLES = 16
ROUTED = 5  # pictures whose routing is drawn, and classes beside each
CHANGES = tuple(round(0.05 * step, 2) for step in range(-5, 6))  # the paper's figure 4
DIMENSIONS = 32  # of a capsule that are drawn, at most
TALL, CAPTION, GAP = 1.2, 0.22, 0.03  # of a tile 1 wide: its height with a caption, that, a margin

Looks = Iterator[tuple[str, Any]]


def looks(net: Any, batch: lab.Batch, info: lab.DatasetInfo) -> Looks:
    """Yield figures, by name, of pictures as the source gives them."""
    images = batch["inputs"]
    if net.decoder is not None:
        yield "reconstructions", reconstructions(net, images, batch["targets"], info)
        yield "capsule_dimensions", perturbations(net, images[:1], info)
    yield "routing", routing(net, images[:ROUTED], info)


def reconstructions(net: Any, images: Tensor, targets: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a figure of pictures, each above what the capsule of its answer makes of it."""
    capsules, _ = net.capsules(info.prepare_inputs(images))
    chosen = longest(capsules)
    again = net.decode(capsules, chosen)
    across = -(-len(images) // 2)
    board = Board(4, across, "pictures, and below them what is made of the longest capsule")
    for number, answer in enumerate(chosen.argmax(1).tolist()):
        row, column = 2 * (number // across), number % across
        true = info.classes[int(targets[number])]
        board.show(row, column, in_unit(images[number]), true)
        board.show(row + 1, column, again[number], f"as {info.classes[answer]}")
    return board.figure


def perturbations(net: Any, image: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a figure of a picture [1, C, H, W] as its longest capsule is changed: a row for each
    dimension, a column for each change (Sabour et al., 2017, figure 4)."""
    capsules, _ = net.capsules(info.prepare_inputs(image))
    chosen = longest(capsules)
    dimensions = min(capsules.shape[2], DIMENSIONS)
    changed = capsules.repeat(dimensions, len(CHANGES), 1, 1)  # [rows, columns, K, E]
    for row in range(dimensions):
        changed[row, :, :, row] += changed.new_tensor(CHANGES)[:, None]
    codes = changed.flatten(0, 1)
    drawn = net.decode(codes, chosen.expand(len(codes), -1))
    tiles = drawn.unflatten(0, (dimensions, len(CHANGES)))
    name = info.classes[int(chosen.argmax())]
    title = f"the capsule of {name}, changed in one dimension"
    board = Board(dimensions, 1 + len(CHANGES), title)
    for row in range(dimensions):
        board.show(row, 0, in_unit(image[0]), f"dimension {row + 1}")
        for column, change in enumerate(CHANGES):
            board.show(row, 1 + column, tiles[row, column], f"{change:+.2f}")
    return board.figure


def routing(net: Any, images: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a figure of pictures, each beside maps for its longest capsules: the coefficients by
    which the primary capsules of a position go there, their mean over types."""
    capsules, coefficients = net.capsules(info.prepare_inputs(images))
    maps = coefficients.unflatten(2, (-1, *net.grid)).mean(2).cpu()  # [B, K, H', W']
    found, order = lengths(capsules).sort(1, descending=True)
    count = min(ROUTED, info.outputs)
    title = "the longest capsules, their lengths, and where their parts are taken from"
    board = Board(len(images), 1 + count, title, side=1.5)
    for row, image in enumerate(images):
        board.show(row, 0, in_unit(image), "picture")
        for column, (which, length) in enumerate(
            zip(order[row, :count].tolist(), found[row].tolist(), strict=False)
        ):
            caption = f"{info.classes[which]}: {length:.2f}"
            board.map(row, 1 + column, maps[row, which], float(maps.max()), caption)
    board.explain("routing coefficient")
    return board.figure


def in_unit(images: Tensor) -> Tensor:
    """Return pictures as the decoder makes them: bytes as numbers in [0, 1]."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


class Board:
    """A figure of captioned tiles in rows and columns. One pair of axes holds all of them: two
    hundred would take seconds. `side` of a tile: in inches."""

    def __init__(self, rows: int, columns: int, title: str, side: float = 1.0) -> None:
        from matplotlib.figure import Figure

        size = side * columns + 0.4, side * rows * TALL + 0.5
        self.figure = Figure(figsize=size, layout="constrained")
        self.axes = self.figure.add_subplot()
        self.axes.set(xlim=(0, columns), ylim=(rows * TALL, 0), aspect="equal")
        self.axes.axis("off")
        self.axes.set_title(title)
        self.last: Any = None

    def show(self, row: int, column: int, image: Tensor, caption: str) -> None:
        """Draw a picture [C, H, W] of numbers in [0, 1]."""
        pixels = showable(image[None].float())[0].clamp(0, 1).movedim(0, -1).cpu().numpy()
        colored = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
        self._place(row, column, colored, caption)

    def map(self, row: int, column: int, values: Tensor, highest: float, caption: str) -> None:
        """Draw numbers [H, W] from 0 to `highest` as colors."""
        self._place(row, column, values.numpy(), caption, vmin=0, vmax=highest, cmap="viridis")

    def explain(self, label: str) -> None:
        """Draw beside the tiles what the colors of maps say."""
        self.figure.colorbar(self.last, ax=self.axes, shrink=0.6, label=label)

    def _place(self, row: int, column: int, pixels: Any, caption: str, **colors: Any) -> None:
        left, top = column + GAP, row * TALL + CAPTION
        extent = (left, column + 1 - GAP, (row + 1) * TALL - GAP, top)
        self.last = self.axes.imshow(pixels, extent=extent, interpolation="nearest", **colors)
        self.axes.text(column + 0.5, top - GAP, caption, ha="center", fontsize="x-small")
        self.axes.set(xlim=self.axes.get_xlim(), ylim=self.axes.get_ylim())
