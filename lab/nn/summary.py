"""List a network's layers with shapes, parameters and multiply-adds, without computing anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lab.nn.eager import as_written

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class LayerSummary:
    """One layer. output_shape is without the batch, None where the layer was not called; parameters
    are its own, shared ones at their first owner; multiply_adds are for one sample."""

    name: str
    type: str
    output_shape: tuple[int, ...] | None
    parameters: int
    multiply_adds: int


def summarize(
    module: nn.Module,
    input_shape: Sequence[int],
    dtype: torch.dtype = torch.float32,
    more: Sequence[Tensor] = (),
) -> list[LayerSummary]:
    """Return the layers for one input of `input_shape`, in the order of their definition: what has
    no parts, and what has parameters of its own. more: arguments that follow the input [1, ...].

    Multiply-adds are those of linear layers, convolutions and transposed convolutions, without
    biases, as papers count them; products of attention and recurrence are not among them. Shapes
    alone are computed ("meta" tensors), in eval mode, and the module stays as it is.
    """
    layers, rows = _layers(module), {row.name: row for row in uncalled(module)}
    tensors = [*module.named_parameters(), *module.named_buffers()]
    shapes = {name: torch.empty_like(tensor, device="meta") for name, tensor in tensors}
    inputs = torch.zeros((1, *input_shape), dtype=dtype, device="meta")
    arguments = (inputs, *(argument.to("meta") for argument in more))
    with _evaluating(module), _counting(layers, rows), torch.no_grad():
        functional_call(module, shapes, arguments)
    return list(rows.values())


def uncalled(module: nn.Module) -> list[LayerSummary]:
    """Return the layers of a network of which a shape alone does not say what is computed."""
    layers = _layers(module)
    numbers = dict(_parameters(layers))
    return [LayerSummary(n, type(x).__name__, None, numbers[n], 0) for n, x in layers.items()]


def totals(layers: Sequence[LayerSummary]) -> tuple[int, int]:
    """Return the parameters and the multiply-adds of all layers."""
    return sum(row.parameters for row in layers), sum(row.multiply_adds for row in layers)


def multiply_adds(layer: nn.Module, inputs: Tensor, output: Tensor) -> int:
    """Return the multiplications with weights, for the batch that went through."""
    if isinstance(layer, nn.Linear):
        return output.numel() * layer.in_features
    if isinstance(layer, CONVOLUTIONS):
        return output.numel() * layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    if isinstance(layer, TRANSPOSED):
        return inputs.numel() * layer.out_channels // layer.groups * math.prod(layer.kernel_size)
    return 0


def _layers(module: nn.Module) -> dict[str, nn.Module]:
    return {name: layer for name, layer in module.named_modules() if _is_row(layer)}


def _is_row(layer: nn.Module) -> bool:
    own = next(layer.parameters(recurse=False), None)
    return own is not None or next(layer.children(), None) is None


def _parameters(layers: Mapping[str, nn.Module]) -> Iterator[tuple[str, int]]:
    seen: set[int] = set()
    for name, layer in layers.items():
        own = {id(p): p for p in layer.parameters(recurse=False) if id(p) not in seen}
        seen |= set(own)
        yield name, sum(parameter.numel() for parameter in own.values())


@contextmanager
def _counting(layers: Mapping[str, nn.Module], rows: dict[str, LayerSummary]) -> Iterator[None]:
    """Fill in shapes and multiply-adds as the layers are called; a layer adds up its calls."""

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            value = output[0] if isinstance(output, tuple) else output
            if not isinstance(value, Tensor):
                return
            more = multiply_adds(layer, inputs[0], value) if inputs else 0
            rows[name] = replace(
                rows[name],
                output_shape=tuple(value.shape[1:]),
                multiply_adds=rows[name].multiply_adds + more,
            )

        return hook

    handles = [layer.register_forward_hook(watch(name)) for name, layer in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Switch to eval mode, in which one sample is enough for BatchNorm, with every layer called as
    it is written: no compiled graph, and none of the fused paths of attention."""
    modes = [(part, part.training) for part in module.modules()]
    fused = torch.backends.mha.get_fastpath_enabled()
    module.eval()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with as_written(module):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fused)
        for part, training in modes:
            part.training = training
