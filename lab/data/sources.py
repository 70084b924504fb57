"""Find a source by the words a user says, and ask it for its examples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lab import config
from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.spec import SourceSpec, import_object

if TYPE_CHECKING:
    from lab.data.dataset import Dataset


def find(words: str, sources: Mapping[str, SourceSpec]) -> tuple[SourceSpec, str]:
    """Return the source that NAME or NAME:ARGUMENT says, and the argument.

    Raises UsageError where no plugin offers it, and where the argument is missing or one too many.
    """
    name, _, argument = words.partition(":")
    if name not in sources:
        hint = did_you_mean(name, sources)
        raise UsageError(f"There is no source {name!r}.{hint} `lab data` lists them.")
    spec = sources[name]
    if spec.argument and not argument:
        raise UsageError(f"The source {name} reads something: write {name}:{spec.argument}")
    if argument and not spec.argument:
        raise UsageError(f"The source {name} takes no argument, so {argument!r} is one too many.")
    return spec, argument


def load(spec: SourceSpec, argument: str, given: Mapping[str, Any]) -> Dataset:
    """Return what the source gives for these options.

    Raises UsageError for options that it does not have, or that are out of range.
    """
    from lab.data.dataset import Dataset

    options = options_of(spec, given)
    function = import_object(spec.load)
    found = function(argument, **options) if spec.argument else function(**options)
    if not isinstance(found, Dataset):
        raise UsageError(
            f"The source {spec.name} returned a {type(found).__name__}, no lab.Dataset"
        )
    return found


def options_of(spec: SourceSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the source's options: defaults, and what the user gave."""
    if not spec.options:
        if given:
            raise UsageError(f"--data-args: the source {spec.name} has no options")
        return {}
    model: type[config.Options] = import_object(spec.options)
    try:
        return config.build(model, given).model_dump()
    except UsageError as error:
        lines = str(error).replace("unknown option", "there is no option").splitlines()
        raise UsageError("\n".join(f"{spec.name}: {line}" for line in lines)) from error


def wanted(spec: SourceSpec, task: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options a source is asked with: those given, and the task where it is one."""
    return {**({"task": task} if task != "auto" and not spec.task else {}), **given}


def task_of(words: str, given: Mapping[str, Any], sources: Mapping[str, SourceSpec]) -> str:
    """Return what a source is for, without loading it: its `task`, or its option of that name."""
    spec, _ = find(words, sources)
    return spec.task or str(options_of(spec, given)["task"])
