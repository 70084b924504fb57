"""Load a user's own network by name, from a file or a module: `my_file.py:Net`."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from lab import memory
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError
from lab.imports import import_file
from lab.messages import count, describe, did_you_mean
from lab.plugins import is_file, split_reference


def load_network(reference: str, **arguments: Any) -> nn.Module:
    """Build the network that `path.py:Name` or `package.module:Name` says, or an object of this
    process: a class of modules, or a function that returns one, called with `arguments`. Of a
    module that was given in Python a copy is returned.

    Raises UsageError where there is no such file or name, where it is no network, or where the
    arguments do not fit.
    """
    if memory.is_word(reference):
        given = memory.find(reference, "model")
        if isinstance(given, nn.Module):
            return _copied(reference, given)
        return _built(reference, given, arguments)
    return _built(reference, _named(reference), arguments)


def check_network(network: nn.Module, reference: str, info: DatasetInfo) -> nn.Module:
    """Return somebody's network, which was tried on two inputs of a source to classify or regress.

    Raises UsageError where it fails at them, or does not turn them into outputs [2, K].
    """
    inputs, was_training = torch.zeros(2, *info.shape), network.training
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            outputs = network.eval()(inputs)
    except Exception as error:  # a user's network may fail in any way
        raise UsageError(
            f"{reference} fails at inputs {list(inputs.shape)}: {describe(error)}"
        ) from error
    finally:
        network.train(was_training)
    wanted = [len(inputs), info.outputs]
    if not isinstance(outputs, Tensor) or list(outputs.shape) != wanted:
        given = list(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise UsageError(
            f"{reference} turns inputs {list(inputs.shape)} into {given}, and not into {wanted}: "
            f"{info.name} has {_outputs(info)}"
        )
    return network


def _outputs(info: DatasetInfo) -> str:
    if info.task == "classify":
        return count(info.outputs, "class", "classes")
    return count(info.outputs, "value to predict", "values to predict")


def _named(reference: str) -> Any:
    """Return the class or function that a reference names."""
    origin, name = _parts(reference)
    module = import_file(Path(origin)) if is_file(reference) else _import(origin)
    if not hasattr(module, name):
        offered = _offered(module)
        hint = did_you_mean(name, offered) or (f" It has: {', '.join(offered)}" if offered else "")
        raise UsageError(f"{origin} has no {name!r}.{hint}")
    make = getattr(module, name)
    if not callable(make) or isinstance(make, nn.Module):
        raise UsageError(f"{reference} is a {type(make).__name__}, not a class or a function.")
    return make


def _copied(reference: str, module: nn.Module) -> nn.Module:
    """Return a copy of a module, as each run begins with the same weights."""
    try:
        return copy.deepcopy(module)
    except Exception as error:  # a user's network may fail in any way
        raise UsageError(f"{reference} cannot be copied: {describe(error)}") from error


def _built(reference: str, make: Any, arguments: dict[str, Any]) -> nn.Module:
    network = _call(reference, make, arguments)
    if not isinstance(network, nn.Module):
        raise UsageError(f"{reference} gives a {type(network).__name__}, not a torch.nn.Module.")
    return network


def _parts(reference: str) -> tuple[str, str]:
    path, name = split_reference(reference)
    origin = str(path)
    if not is_file(reference):
        origin, _, name = reference.rpartition(":")
    if not origin or not name:
        raise UsageError(f"{reference!r} names no network: write file.py:Name or module:Name.")
    return origin, name


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except Exception as error:  # a user's module may fail in any way
        raise UsageError(f"The module {name!r} cannot be imported: {describe(error)}") from error


def _offered(module: ModuleType) -> list[str]:
    """Return the names of the classes of networks and the functions that a module itself makes."""
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__
        and not name.startswith("_")
        and (inspect.isfunction(value) or _is_network(value))
    ]


def _is_network(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, nn.Module)


def _call(reference: str, make: Any, arguments: dict[str, Any]) -> Any:
    signature = inspect.signature(make)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise UsageError(f"{reference}{signature}: {error}.") from error
    try:
        return make(**arguments)
    except Exception as error:  # a user's network may fail in any way
        raise UsageError(f"{reference} cannot be built: {describe(error)}") from error
