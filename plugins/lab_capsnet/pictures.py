"""Draw what capsules hold: reconstructions, what each dimension changes, where parts are routed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

import lab
from lab_capsnet.board import Board
from lab_capsnet.model import lengths, longest

EXAMPLES = 16
ROUTED = 5  # pictures whose routing is drawn, and classes beside each
CHANGES = tuple(round(0.05 * step, 2) for step in range(-5, 6))  # the paper's figure 4
DIMENSIONS = 32  # of a capsule that are drawn, at most

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


def perturbations(net: Any, image: Tensor, info: lab.DatasetInfo, number: int | None = None) -> Any:
    """Return a figure of a picture [1, C, H, W] as its capsule of a class, or the longest one, is
    changed: a row for each dimension, a column for each change (Sabour et al., 2017, figure 4)."""
    capsules, _ = net.capsules(info.prepare_inputs(image))
    chosen = longest(capsules)
    if number is not None:
        chosen = torch.eye(info.outputs, device=image.device)[number : number + 1]
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
    count, highest = min(ROUTED, info.outputs), float(maps.max())
    title = "the longest capsules, their lengths, and where their parts are taken from"
    board = Board(len(images), 1 + count, title, side=1.5)
    for row, image in enumerate(images):
        board.show(row, 0, in_unit(image), "picture")
        for column, which in enumerate(order[row, :count].tolist()):
            caption = f"{info.classes[which]}: {float(found[row, column]):.2f}"
            board.map(row, 1 + column, maps[row, which], highest, caption)
    board.explain("routing coefficient")
    return board.figure


def in_unit(images: Tensor) -> Tensor:
    """Return pictures as the decoder makes them: bytes as numbers in [0, 1]."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()
