"""Let options name objects of this process: `lab.run("mlp", data=(X, y), model=Net)`.

A run's configuration is plain data, so that it holds a word for each object: "memory:arrays-1f3a5c"
for data, with a digest of them, "memory:Net" for a network, "memory/World" for an environment. The
objects are held here while something of the run may ask for them by their words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

from lab.compute.process_env import environment, thread_variables
from lab.errors import UsageError
from lab.messages import slug

MEMORY = "memory"
Objects = Mapping[str, Any]

_held: ContextVar[Objects] = ContextVar("held", default=MappingProxyType({}))


def named(options: Mapping[str, Any]) -> tuple[dict[str, Any], Objects]:
    """Return the options with a word for each object, and the objects by their words.

    `target`, beside a table, becomes an option of that source. Raises UsageError for objects that
    nothing can be learned from, or by.
    """
    values = dict(options)
    chosen = {name: values[name] for name in _READ if _is_object(values.get(name))}
    read = {name: _READ[name](value) for name, value in chosen.items()}
    values |= {name: words for name, (words, _) in read.items()}
    if "data" in read and "target" in values:
        values["data_args"] = _with_target(values.get("data_args", {}), values.pop("target"))
    return values, dict(read.values())


def again(config: Mapping[str, Any], given: Mapping[str, Any]) -> Objects:
    """Return the objects that are given to an existing run once more, by the words of its config.

    Raises UsageError where the run has no such object.
    """
    objects = {}
    for option, value in given.items():
        if value is None:
            continue
        words = config.get(option)
        if not is_word(words):
            has = f"has {option}={words!r}" if words else f"has no {option}"
            raise UsageError(f"This run {has}, which {option}=... cannot change: start a new run.")
        _, objects[str(words)] = _READ[option](value)
    return objects


def require_all(config: Mapping[str, Any], objects: Objects) -> None:
    """Raise UsageError where an object that a config has a word for is not among them."""
    with holding(objects):
        for option in _READ:
            if is_word(config.get(option)):
                find(config[option], option)


@contextmanager
def holding(objects: Objects) -> Iterator[None]:
    """Hold objects, and no others, for the time of a block."""
    token = _held.set(objects)
    try:
        yield
    finally:
        _held.reset(token)


def held() -> Objects:
    """Return the objects held now, for who will ask for them later."""
    return _held.get()


def is_word(value: Any) -> bool:
    """Tell whether the value of an option stands for an object."""
    return isinstance(value, str) and value.startswith((f"{MEMORY}:", f"{MEMORY}/"))


def find(words: str, option: str) -> Any:
    """Return the object that `words` stand for. Raises UsageError where it is not held."""
    if words not in _held.get():
        raise UsageError(
            f"{words} is an object that this run was given in Python: pass it again there, as "
            f"{option}=..., to lab.resume, lab.load, lab.evaluate, lab.use or lab.sample."
        )
    return _held.get()[words]


def _is_object(value: Any) -> bool:
    return value is not None and not isinstance(value, str)


def _with_target(args: Any, target: str) -> dict[str, Any]:
    from lab.data.options import DataOptions
    from lab.option_text import parse

    return {**parse(DataOptions, "data_args", args), "target": target}


def _data(value: Any) -> tuple[str, Any]:
    with environment(thread_variables(1)):  # it may import torch
        from lab.data import given

        examples = given.read(value)
        return f"{MEMORY}:{given.name_of(value)}-{given.digest(examples)}", examples


def _model(value: Any) -> tuple[str, Any]:
    if not callable(value):
        raise UsageError(
            f"model=... is a {type(value).__name__}; pass a torch.nn.Module, a class of modules or "
            "a function that returns one"
        )
    return f"{MEMORY}:{_name(value)}", value


def _env(value: Any) -> tuple[str, Any]:
    if not callable(value):
        raise UsageError(
            f"env=... is a {type(value).__name__}; pass a class of environments or a function that "
            "makes one: several are made"
        )
    return f"{MEMORY}/{_name(value)}", value


def _name(value: Any) -> str:
    return slug(getattr(value, "__name__", type(value).__name__))


_READ: Mapping[str, Callable[[Any], tuple[str, Any]]] = {
    "data": _data,
    "model": _model,
    "env": _env,
}
