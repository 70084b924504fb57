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
    half = -(-len(images) // 2)
    figure, axes = _grid(4, half, 1.1)
    for number, answer in enumerate(chosen.argmax(1).tolist()):
        top, column = 2 * (number // half), number % half
        true = info.classes[int(targets[number])]
        _show(axes[top, column], in_unit(images[number], info), true)
        _show(axes[top + 1, column], again[number], f"as {info.classes[answer]}")
    figure.suptitle("pictures, and below them what is reconstructed of the longest capsule")
    return figure


def perturbations(net: Any, image: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a figure of a picture [1, C, H, W] as its longest capsule is changed: a row for each
    dimension, a column for each change (Sabour et al., 2017, figure 4)."""
    capsules, _ = net.capsules(info.prepare_inputs(image))
    chosen = longest(capsules)
    dimensions = min(capsules.shape[2], DIMENSIONS)
    changed = capsules.repeat(dimensions, len(CHANGES), 1, 1)  # [rows, columns, K, E]
    for row in range(dimensions):
        changed[row, :, :, row] += changed.new_tensor(CHANGES)[:, None]
    drawn = net.decode(
        changed.flatten(0, 1), chosen.expand(changed[..., 0].numel() // chosen.numel(), -1)
    )
    figure, axes = _grid(dimensions, 1 + len(CHANGES), 0.8)
    for row in range(dimensions):
        _show(axes[row, 0], in_unit(image[0], info), "picture" if row == 0 else "")
        axes[row, 0].set_ylabel(row + 1, rotation=0, labelpad=10, va="center")
        for column, change in enumerate(CHANGES):
            tile = drawn[row * len(CHANGES) + column]
            _show(axes[row, 1 + column], tile, f"{change:+.2f}" if row == 0 else "")
    name = info.classes[int(chosen.argmax())]
    figure.suptitle(f"each dimension of the capsule of {name}, changed")
    return figure


def routing(net: Any, images: Tensor, info: lab.DatasetInfo) -> Any:
    """Return a figure of pictures, each beside maps for its longest capsules: the coefficients by
    which the primary capsules of a position go there, their mean over types."""
    capsules, coefficients = net.capsules(info.prepare_inputs(images))
    maps = coefficients.unflatten(2, (-1, *net.grid)).mean(2).cpu()  # [B, K, H', W']
    order = lengths(capsules).sort(1, descending=True)
    count = min(ROUTED, info.outputs)
    figure, axes = _grid(len(images), 1 + count, 1.5)
    highest = float(maps.max())
    for row, image in enumerate(images):
        _show(axes[row, 0], in_unit(image, info), "picture" if row == 0 else "")
        for column in range(count):
            which, length = int(order.indices[row, column]), float(order.values[row, column])
            place = axes[row, 1 + column]
            drawn = place.imshow(maps[row, which].numpy(), vmin=0, vmax=highest, cmap="viridis")
            _bare(place, f"{info.classes[which]}: {length:.2f}")
    figure.colorbar(drawn, ax=axes.ravel().tolist(), shrink=0.6, label="routing coefficient")
    figure.suptitle("the longest capsules, their lengths, and where their parts come from")
    return figure


def in_unit(images: Tensor, info: lab.DatasetInfo) -> Tensor:
    """Return pictures as the decoder makes them: bytes as numbers in [0, 1]."""
    return images.float() / 255 if images.dtype == torch.uint8 else images.float()


def _grid(rows: int, columns: int, side: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * columns + 0.6, side * rows * 1.15 + 0.5), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _show(axes: Any, image: Tensor, title: str) -> None:
    """Draw a picture [C, H, W] of numbers in [0, 1]."""
    pixels = showable(image[None].float())[0].clamp(0, 1).movedim(0, -1).cpu().numpy()
    colored = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    axes.imshow(colored)
    _bare(axes, title)


def _bare(axes: Any, title: str) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    if title:
        axes.set_title(title, fontsize="small")
