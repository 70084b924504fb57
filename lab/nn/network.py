"""Load a user's own network by name, from a file or a module: `my_file.py:Net`."""

from __future__ import annotations

import copy
import importlib
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from lab import memory
from lab.errors import UsageError
from lab.imports import import_file
from lab.messages import describe, did_you_mean
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
