"""Find a source by its name on the command line, and load its examples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import memory
from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.options import Options, build
from lab.spec import SourceSpec, import_object

if TYPE_CHECKING:
    from lab.data.dataset import Dataset

OBJECTS = SourceSpec(
    name=memory.MEMORY,
    summary="What a Python script or notebook holds",
    load="lab.data.objects:load",
    options="lab.data.options:ObjectOptions",
    argument="NAME",
    task="",
    infer_task="lab.data.objects:infer_task",
)


def find(words: str, sources: Mapping[str, SourceSpec]) -> tuple[SourceSpec, str]:
    """Return the source that NAME or NAME:ARGUMENT says, and the argument.

    Raises UsageError where no plugin offers it, and where the argument is missing or one too many.
    """
    name, _, argument = words.partition(":")
    if memory.is_word(words):
        return OBJECTS, argument
    if not name:
        raise UsageError(f"--data {words!r} names no source. `lab data` lists them.")
    if name not in sources:
        hint = _of_path(words, sources) or did_you_mean(name, sources)
        raise UsageError(f"There is no source {name!r}.{hint} `lab data` lists them.")
    spec = sources[name]
    if spec.argument and not argument:
        raise UsageError(f"The source {name} reads something: write {name}:{spec.argument}")
    if argument and not spec.argument:
        raise UsageError(f"The source {name} takes no argument, so {argument!r} is one too many.")
    return spec, argument


def _of_path(words: str, sources: Mapping[str, SourceSpec]) -> str:
    """Return a hint at the source that reads a file or folder, "" where there is none."""
    place = Path(words).expanduser()
    if not place.exists():
        return ""
    suffix = "/" if place.is_dir() else place.suffix.lower()
    names = sorted((name for name, spec in sources.items() if suffix in spec.suffixes), key=len)
    return f" Say --data {' or '.join(f'{name}:{words}' for name in names)}." if names else ""


def load(spec: SourceSpec, argument: str, options: Mapping[str, Any]) -> Dataset:
    """Return the dataset that the source returns for these options.

    Raises UsageError for options that it does not have, or that are out of range.
    """
    from lab.data.dataset import Dataset

    values = options_of(spec, options)
    function = import_object(spec.load)
    dataset = function(argument, **values) if spec.argument else function(**values)
    if not isinstance(dataset, Dataset):
        raise UsageError(
            f"The source {spec.name} returned a {type(dataset).__name__}, no lab.Dataset"
        )
    return dataset


def options_of(spec: SourceSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source's options: defaults, and what the user set."""
    if not spec.options:
        if options:
            raise UsageError(f"--data-args: the source {spec.name} has no options")
        return {}
    model: type[Options] = import_object(spec.options)
    try:
        return build(model, options).model_dump()
    except UsageError as error:
        lines = str(error).replace("unknown option", "there is no option").splitlines()
        raise UsageError("\n".join(f"{spec.name}: {_as_pair(line)}" for line in lines)) from error


def _as_pair(line: str) -> str:
    """Return a line on an option as it is set: `--size 3: ...` is `--data-args size=3: ...`."""
    match = re.fullmatch(r"--([\w-]+) (.*: .*)", line)
    return f"--data-args {match[1].replace('-', '_')}={match[2]}" if match else line


def with_task(spec: SourceSpec, task: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a source, with the task where that is one of them."""
    return {**({"task": task} if task != "auto" and not spec.task else {}), **options}


def task_of(words: str, options: Mapping[str, Any], sources: Mapping[str, SourceSpec]) -> str:
    """Return what a source is for, without loading all of it: its `task`, its option of that name,
    or what it infers."""
    spec, argument = find(words, sources)
    if spec.task:
        return spec.task
    values = options_of(spec, options)
    if values["task"] != "auto":
        return str(values["task"])
    infer = import_object(spec.infer_task)
    return str(infer(argument, **values) if spec.argument else infer(**values))
