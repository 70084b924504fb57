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
    weights = _of_first(maps)
    reader: Any = model.reader
    if info.kind == "image":
        yield "attention", over_picture(weights, batch["inputs"][0], reader)
    else:
        labels = ["[CLS]"] * reader.before + step_labels(batch, info)
        yield "attention", over_steps(weights, labels, labels)


def written(model: Any, batch: lab.Batch, words: Sequence[int], info: lab.DatasetInfo) -> Any:
    """Return a figure of the steps of the first example of a prepared batch at which each written
    word looks, in every layer and head of the decoder."""
    known = torch.tensor([[model.bos, *words]], device=batch["inputs"].device)
    mask = batch["mask"][:1] if "mask" in batch else None
    with attention_maps(model) as maps:
        model(batch["inputs"][:1], known, mask)
    weights = _of_first({name: w for name, w in maps.items() if "multihead_attn" in name})
    rows = [info.target_vocabulary[word] for word in (*words, 0)]
    return over_steps(weights, [*rows[:-1], "[END]"], step_labels(batch, info))


def step_labels(batch: lab.Batch, info: lab.DatasetInfo) -> list[str]:
    """Return what the steps of the first example are called."""
    inputs = batch["inputs"]
    if info.kind == "tokens":
        return sentence(inputs[0].tolist(), info.vocabulary)
    if info.kind == "image":
        return []
    count = int(batch["mask"][0].sum()) if "mask" in batch else inputs.shape[1]
    return [str(step) for step in range(count)]


def over_steps(weights: Sequence[Tensor], rows: Sequence[str], columns: Sequence[str]) -> Any:
    """Draw weights [heads, T, S] of each layer: a row of the grid is a layer, a column a head; in
    each, what `rows` names looks at what `columns` names. Without names everything is drawn."""
    height, width = (min(len(names), LABELED) or LABELED for names in (rows, columns))
    size = (1.2 + 0.09 * width, 1.2 + 0.09 * height)
    figure, grid = _grid(len(weights), len(weights[0]), size)
    for layer, heads in enumerate(weights):
        for head, matrix in enumerate(heads):
            axes = grid[layer][head]
            shown = matrix[: len(rows) or None, : len(columns) or None]
            axes.imshow(shown.numpy(), cmap="Blues", vmin=0, aspect="auto")
            axes.set_title(f"layer {layer}, head {head}", fontsize=6)
            if head == 0 and len(rows) <= LABELED:
                axes.set_yticks(range(len(rows)), rows, fontsize=5)
            if layer == len(weights) - 1 and len(columns) <= LABELED:
                axes.set_xticks(range(len(columns)), columns, fontsize=5, rotation=90)
    return figure


def over_picture(weights: Sequence[Tensor], picture: Tensor, reader: Any) -> Any:
    """Draw a picture [C, H, W], brighter where the class token looks at it, or, where there is
    none, where its patches look on average."""
    size = picture.shape[-2:]
    gray = picture.float().mean(0).cpu()
    gray = (gray - gray.min()) / (gray.max() - gray.min()).clamp(min=1e-12)
    figure, grid = _grid(len(weights), len(weights[0]), (1.2, 1.2))
    for layer, heads in enumerate(weights):
        for head, matrix in enumerate(heads):
            rows = matrix[:1] if reader.before else matrix
            seen = rows[:, reader.before :].mean(0).reshape(1, 1, *reader.embed.grid)
            seen = functional.interpolate(seen / seen.max().clamp(min=1e-12), size=size)[0, 0]
            warm = torch.stack([seen, 0.3 * seen, torch.zeros_like(seen)], -1)
            axes = grid[layer][head]
            axes.imshow((0.5 * gray[..., None] + 0.6 * warm).clamp(0, 1).numpy())
            axes.set_title(f"layer {layer}, head {head}", fontsize=6)
    return figure


def _of_first(maps: dict[str, Tensor]) -> list[Tensor]:
    """Return the weights [heads, T, S] of the first example in each layer."""
    return [weights[0].float().cpu() for weights in maps.values()]


def _grid(rows: int, columns: int, size: tuple[float, float]) -> tuple[Any, Any]:
    """Return a figure with axes [rows][columns] without ticks, each of that size in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] * columns, size[1] * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure, grid
