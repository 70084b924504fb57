"""Keep chosen layers as they are, for transfer learning: parameters and running statistics."""

from __future__ import annotations

from collections.abc import Iterator
from types import MethodType

from torch import nn
from torch.nn.modules.batchnorm import _NormBase

from lab.errors import UsageError
from lab.messages import did_you_mean


def freeze(module: nn.Module, *names: str) -> list[str]:
    """Freeze the layers of these qualified names with all that is in them, everything without a
    name; return the names of the parameters that were frozen.

    Their parameters take no gradient, so an optimizer that is made afterwards leaves them out.
    Their BatchNorm layers stay in eval mode even after `train()`: running statistics move in the
    forward pass, which no optimizer prevents. Raises UsageError for a name that is not there.
    """
    frozen = list(_chosen(module, names))
    for _, layer in frozen:
        layer.requires_grad_(False)
        for norm in _norms(layer):
            norm.train = MethodType(train, norm)  # type: ignore[method-assign]
            norm.eval()
    return _parameters(frozen)


def unfreeze(module: nn.Module, *names: str) -> list[str]:
    """Let layers learn again, in the mode of `module`; return the names of their parameters."""
    thawed = list(_chosen(module, names))
    for _, layer in thawed:
        layer.requires_grad_(True)
        for norm in _norms(layer):
            vars(norm).pop("train", None)
            norm.train(module.training)
    return _parameters(thawed)


def train(norm: nn.Module, mode: bool = True) -> nn.Module:
    """Stand in for the `train` of a frozen layer: it stays in eval mode.

    A bound method, so that a deep copy of the network is frozen too.
    """
    norm.training = False
    return norm


def _chosen(module: nn.Module, names: tuple[str, ...]) -> Iterator[tuple[str, nn.Module]]:
    layers = dict(module.named_modules())
    for name in names or ("",):
        if name not in layers:
            hint = did_you_mean(name, layers)
            top = ", ".join(child for child, _ in module.named_children())
            raise UsageError(f"There is no layer {name!r}.{hint} The first level is: {top}")
        yield name, layers[name]


def _norms(layer: nn.Module) -> Iterator[nn.Module]:
    return (part for part in layer.modules() if isinstance(part, _NormBase))


def _parameters(layers: list[tuple[str, nn.Module]]) -> list[str]:
    return [
        f"{name}.{parameter}" if name else parameter
        for name, layer in layers
        for parameter, _ in layer.named_parameters()
    ]
