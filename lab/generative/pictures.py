"""Lay samples, neighbors, interpolations and codes out as pictures.

Images are uint8 or floats in [0, 1], [N, 1 or 3, H, W]; pictures uint8 [H, W, 3], for `ctx.media`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab.generative.principal_components import principal
from lab.generative.scaling import showable
from lab.generative.vectors import Array, Examples, rows

SMALLEST_SIDE = 32  # of an image on the screen: smaller ones are enlarged
GAP = 2  # pixels between images
WIDE_GAP = 8
WHITE = 255
LABELED = 20

Decode = Callable[[Tensor], Tensor]


def sample_grid(images: Examples, columns: int | None = None) -> Array:
    """Return images [N, C, H, W] side by side, about as many across as down."""
    tiles = _tiles(images)
    columns = columns or math.ceil(math.sqrt(len(tiles)))
    return _lay([list(tiles[start : start + columns]) for start in range(0, len(tiles), columns)])


def filter_grid(weights: Tensor, shape: Sequence[int], most: int = 64) -> Array:
    """Return the weights [H, D] by which units see images of a shape [C, H, W], side by side, each
    stretched from its lowest to its highest."""
    weights = weights[:most]
    low, high = weights.amin(1, keepdim=True), weights.amax(1, keepdim=True)
    scaled = (weights - low) / (high - low).clamp(min=1e-12)
    return sample_grid(showable(scaled.view(-1, *shape)))


def neighbor_grid(samples: Examples, neighbors: Examples) -> Array:
    """Return a line for each sample [N, C, H, W]: it, a gap, and its neighbors [N, K, C, H, W]."""
    ours = _tiles(samples)
    others = torch.as_tensor(neighbors)
    theirs = _tiles(others.flatten(0, 1))
    count = others.shape[1]
    gap = np.full((ours.shape[1], WIDE_GAP, 3), WHITE, np.uint8)
    lines = [
        [tile, gap, *theirs[index * count : (index + 1) * count]] for index, tile in enumerate(ours)
    ]
    return _lay(lines)


@torch.no_grad()
def interpolation_grid(
    decode: Decode, starts: Tensor, ends: Tensor, steps: int = 8, spherical: bool = False
) -> Array:
    """Return a row for each pair of codes [N, D]: what `decode` returns along the interpolation
    between them. `spherical` keeps to the shell where Gaussian codes lie (White, 2016)."""
    weights = torch.linspace(0, 1, steps, device=starts.device)[:, None]
    ways = [
        _arc(start, end, weights) if spherical else torch.lerp(start, end, weights)
        for start, end in zip(starts, ends, strict=True)
    ]
    return sample_grid(decode(torch.cat(ways)), columns=steps)


@torch.no_grad()
def traversal_grid(
    decode: Decode, code: Tensor, dimensions: Sequence[int], values: Sequence[float]
) -> Array:
    """Return a row for each of `dimensions` of a code [D]: what `decode` returns for each of
    `values` in that dimension."""
    codes = code.repeat(len(dimensions), len(values), 1)
    for line, dimension in enumerate(dimensions):
        codes[line, :, dimension] = codes.new_tensor(values)
    return sample_grid(decode(codes.flatten(0, 1)), columns=len(values))


def code_map(codes: Examples, labels: Any = None, classes: Sequence[str] = ()) -> Any:
    """Return a figure of codes [N, D] as points in the plane, by their two principal components
    where there are more dimensions; labels [N] are class numbers, and give the colors."""
    from matplotlib.figure import Figure

    points = rows(codes)
    if points.shape[1] > 2:
        points = principal(points, 2).encode(points)
    if points.shape[1] == 1:
        points = torch.cat([points, torch.zeros_like(points)], 1)
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot()
    for number, name, chosen in _groups(len(points), labels, classes):
        x, y = points[chosen].T.numpy()
        axes.scatter(x, y, s=6, color=_color(number), label=name)
    if labels is not None and len(axes.collections) <= LABELED:
        axes.legend(frameon=False, fontsize="small", markerscale=2)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _groups(count: int, labels: Any, classes: Sequence[str]) -> list[tuple[int, str, Tensor]]:
    if labels is None:
        return [(0, "", torch.ones(count, dtype=torch.bool))]
    targets = torch.as_tensor(labels).flatten().cpu()
    return [
        (number, classes[number] if number < len(classes) else str(number), targets == number)
        for number in map(int, torch.unique(targets))
    ]


def _color(number: int) -> Any:
    from matplotlib import colormaps

    return colormaps["tab20"](number % 20)


def _arc(start: Tensor, end: Tensor, weights: Tensor) -> Tensor:
    """Return points [steps, D] on the arc between two codes; a line where they point alike."""
    cosine = torch.nn.functional.cosine_similarity(start, end, dim=0).clamp(-1, 1)
    angle = cosine.arccos()
    if not float(angle.sin()) > 1e-4:
        return torch.lerp(start, end, weights)
    return (((1 - weights) * angle).sin() * start + (weights * angle).sin() * end) / angle.sin()


def _tiles(images: Examples) -> Array:
    """Return images as uint8 [N, H, W, 3], enlarged by whole numbers. Raises ValueError for
    other shapes."""
    tiles = torch.as_tensor(images).detach().cpu()
    if tiles.ndim != 4 or tiles.shape[1] not in (1, 3) or not len(tiles):
        raise ValueError(f"images are [N, 1 or 3, H, W], not {list(tiles.shape)}")
    if tiles.dtype != torch.uint8:
        tiles = (tiles.float().clamp(0, 1) * 255).round().to(torch.uint8)
    factor = math.ceil(SMALLEST_SIDE / max(tiles.shape[2:]))
    tiles = tiles.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    return tiles.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def _lay(lines: Sequence[Sequence[Array]]) -> Array:
    """Put lines of tiles below each other on white; the last may be shorter."""
    height = lines[0][0].shape[0]
    width = sum(tile.shape[1] + GAP for tile in lines[0]) - GAP
    picture = np.full((len(lines) * (height + GAP) - GAP, width, 3), WHITE, np.uint8)
    for down, line in enumerate(lines):
        left, top = 0, down * (height + GAP)
        for tile in line:
            picture[top : top + height, left : left + tile.shape[1]] = tile
            left += tile.shape[1] + GAP
    return picture
