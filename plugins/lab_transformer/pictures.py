"""Draw where a network looks: the attention of each layer and head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

import lab
from lab.data.tokens import sentence
from lab.sequence import attention_maps
from lab.supervised.task import call

LABELED = 40  # steps that still have room for a label


def looks(model: nn.Module, batch: lab.Batch, info: lab.DatasetInfo) -> Iterator[tuple[str, Any]]:
    """Yield names and figures of the attention in the first example of a batch, as the source gives
    it."""
    with attention_maps(model) as maps:
        call(model, info.prepare(batch))
    weights = [layer[0].float().cpu() for layer in maps.values()]  # (heads, T, S) each
    if not weights:
        return
    reader = model.reader
    if info.kind == "image":
        yield "attention", over_picture(weights, batch["inputs"][0], reader)
    else:
        yield "attention", over_steps(weights, labels_of(batch, info, reader.before))


def labels_of(batch: lab.Batch, info: lab.DatasetInfo, before: int) -> list[str]:
    """Return what the steps of the first example are called, the class token's before them."""
    first = ["[CLS]"] * before
    if info.kind == "tokens":
        return [*first, *sentence(batch["inputs"][0].tolist(), info.vocabulary)]
    count = int(batch["mask"][0].sum()) if "mask" in batch else batch["inputs"].shape[1]
    return [*first, *map(str, range(count))]


def over_steps(weights: Sequence[Tensor], labels: Sequence[str]) -> Any:
    """Draw weights [heads, T, S] of each layer: a row of the grid is a layer, a column a head; in
    each, rows look at columns."""
    figure, grid = _grid(len(weights), len(weights[0]), side=1.2 + 0.1 * min(len(labels), LABELED))
    for layer, heads in enumerate(weights):
        for head, matrix in enumerate(heads):
            axes = grid[layer][head]
            axes.imshow(matrix[: len(labels), : len(labels)], cmap="Blues", vmin=0, aspect="auto")
            axes.set_title(f"layer {layer}, head {head}", fontsize=6)
            if len(labels) <= LABELED:
                if head == 0:
                    axes.set_yticks(range(len(labels)), labels, fontsize=5)
                if layer == len(weights) - 1:
                    axes.set_xticks(range(len(labels)), labels, fontsize=5, rotation=90)
    return figure


def over_picture(weights: Sequence[Tensor], picture: Tensor, reader: Any) -> Any:
    """Draw a picture [C, H, W], brighter where the class token looks at it, or, where there is
    none, where its patches look on average."""
    size = picture.shape[-2:]
    gray = picture.float().mean(0).cpu()
    gray = (gray - gray.min()) / (gray.max() - gray.min()).clamp(min=1e-12)
    figure, grid = _grid(len(weights), len(weights[0]), side=1.2)
    for layer, heads in enumerate(weights):
        for head, matrix in enumerate(heads):
            rows = matrix[:1] if reader.before else matrix
            seen = rows[:, reader.before :].mean(0).reshape(1, 1, *reader.embed.grid)
            seen = functional.interpolate(seen / seen.max().clamp(min=1e-12), size=size)[0, 0]
            warm = torch.stack([seen, 0.3 * seen, torch.zeros_like(seen)], -1)
            axes = grid[layer][head]
            axes.imshow((0.5 * gray[..., None] + 0.6 * warm).clamp(0, 1))
            axes.set_title(f"layer {layer}, head {head}", fontsize=6)
    return figure


def _grid(rows: int, columns: int, side: float) -> tuple[Any, Any]:
    """Return a figure with axes [rows][columns] without ticks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(side * columns, side * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure, grid
