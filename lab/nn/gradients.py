"""Look at a network layer by layer: where gradients vanish, units die and steps are too large.

Looking costs a pass of its own, so it belongs into `evaluate`, or on an interval of `step`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lab.compute.rng import untouched
from lab.data.batches import Batch
from lab.nn.eager import as_written
from lab.optim.step import Loss


@dataclass(frozen=True)
class LayerStatistics:
    """Statistics of one layer on one batch; None where the layer has no such thing.

    gradient_norm, weight_norm: of its own parameters together.
    activation_mean, activation_std: over all values of its output.
    dead: fraction of its units that are 0 on the whole batch. Units lie on axis 1 of vectors and
        pictures, on the last axis of sequences [B, T, D].
    """

    name: str
    type: str
    gradient_norm: float | None
    weight_norm: float | None
    activation_mean: float | None
    activation_std: float | None
    dead: float | None


def layer_statistics(module: nn.Module, loss: Loss, batch: Batch) -> list[LayerStatistics]:
    """Return the statistics of each layer in the order of the network, for
    `loss(module, batch) -> (loss, extra)`.

    In the mode that the module is in, and without a trace: no gradient is left, and buffers and
    randomness are put back. Of a layer that is called several times the last call counts.
    """
    layers = dict(_layers(module))
    owned = {name: list(layer.parameters(recurse=False)) for name, layer in layers.items()}
    trained = {name: [p for p in owned[name] if p.requires_grad] for name in layers}
    with untouched(), _buffers_kept(module), torch.enable_grad(), as_written(module):
        with _watched(layers) as seen:
            value, _ = loss(module, batch)
        every = [p for parameters in trained.values() for p in parameters]
        gradients = dict(zip(every, _gradients(value, every), strict=True))
    rows = {
        name: torch.stack(
            [
                _norm([gradients[p] for p in trained[name]], value),
                _norm([p.detach() for p in owned[name]], value),
                *seen.get(name, value.detach().new_zeros(3)),
            ]
        )
        for name in layers
    }
    values = torch.stack(list(rows.values())).cpu().tolist()
    return [
        LayerStatistics(
            name,
            type(layers[name]).__name__,
            row[0] if trained[name] else None,
            row[1] if owned[name] else None,
            *(row[2:] if name in seen else (None, None, None)),
        )
        for name, row in zip(layers, values, strict=True)
    ]


def metric_names(values: Mapping[str, float], prefix: str) -> dict[str, float]:
    """Return values by layer under names that a run can log: `gradient_features_0`."""
    return {
        re.sub(r"[^a-z0-9]+", "_", f"{prefix}_{name}".lower()).strip("_"): value
        for name, value in values.items()
    }


def draw_layers(statistics: Sequence[LayerStatistics]) -> Any:
    """Return a matplotlib figure: gradient norms on a logarithmic axis, and activations, from the
    first layer to the last."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.0, 0.4 * len(statistics)), 6.0), layout="constrained")
    above, below = figure.subplots(2, 1)
    graded = [row for row in statistics if row.gradient_norm is not None]
    above.bar([row.name or row.type for row in graded], [row.gradient_norm for row in graded])
    if any(row.gradient_norm for row in graded):
        above.set_yscale("log")
    above.set_ylabel("gradient norm")
    active = [row for row in statistics if row.activation_mean is not None]
    below.errorbar(
        [row.name or row.type for row in active],
        [row.activation_mean for row in active],
        [row.activation_std for row in active],
        fmt="o",
        capsize=3,
    )
    below.set_ylabel("activation: mean and standard deviation")
    for axes in (above, below):
        axes.tick_params(axis="x", rotation=90)
    return figure


def _layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield what has parameters of its own, and what has no parts."""
    for name, layer in module.named_modules():
        parameters = next(layer.parameters(recurse=False), None)
        if parameters is not None or next(layer.children(), None) is None:
            yield name, layer


@contextmanager
def _watched(layers: Mapping[str, nn.Module]) -> Iterator[dict[str, Tensor]]:
    """Gather mean, std and dead fraction [3] of each layer's output, on the device."""
    seen: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            value = output[0] if isinstance(output, tuple) else output
            if isinstance(value, Tensor) and value.is_floating_point():
                seen[name] = _activation(value.detach().float())

        return hook

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _activation(value: Tensor) -> Tensor:
    silent = value == 0
    if value.dim() > 1:
        units = 2 if value.dim() == 3 else 1
        silent = silent.movedim(units, 0).flatten(1).all(1)
    return torch.stack([value.mean(), value.std(correction=0), silent.float().mean()])


def _gradients(value: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    """Return gradients without touching those that the parameters hold; 0 for what is unused."""
    gradients = torch.autograd.grad(value, parameters, allow_unused=True) if parameters else ()
    return [
        torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients, strict=True)
    ]


def _norm(tensors: Sequence[Tensor], like: Tensor) -> Tensor:
    if not tensors:
        return torch.zeros((), device=like.device)
    return nn.utils.get_total_norm(tensors).detach().float()


@contextmanager
def _buffers_kept(module: nn.Module) -> Iterator[None]:
    kept = [(buffer, buffer.clone()) for buffer in module.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in kept:
                buffer.copy_(value)
