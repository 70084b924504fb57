"""Describe an experiment in strings, so that listing experiments costs nothing."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class ExperimentSpec:
    """One trainable system that a plugin offers. Everything heavy is named, not imported.

    name: kebab-case; what follows `lab run`.
    summary: one line for listings.
    config: `"module:Class"` of a `lab.Config`: its fields are the options.
    experiment: `"module:Class"` of the `lab.Experiment`.
    presets: name -> option values, the runner's options (`budget`) included.
        A preset whose name the config's `preset` returns (an env id, say) is chosen by itself.
    metrics: full metric name -> what it measures. A name that ends in `*` stands for all that begin
        so: `eval/gradient_*`, where a network's layers decide what there is.
    capabilities: what it offers beyond training -> `"module:Class"` of that command's options.
    exempt: check of the contract -> the reason why this experiment cannot keep it.
    """

    name: str
    summary: str
    config: str
    experiment: str
    presets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_name("experiment", self.name)
        if "\n" in self.summary or not self.summary:
            raise ValueError(f"experiment {self.name!r} needs a summary of one line")

    def declares(self, metric: str) -> bool:
        """Tell whether `metrics` has a name, or a pattern that covers it."""
        patterns = (name[:-1] for name in self.metrics if name.endswith("*"))
        return metric in self.metrics or any(map(metric.startswith, patterns))

    def load_config(self) -> type[Any]:
        """Import the `lab.Config` (light: pydantic and nothing heavier)."""
        return import_object(self.config)  # type: ignore[no-any-return]

    def load_experiment(self) -> type[Any]:
        """Import the `lab.Experiment` (heavy: torch)."""
        return import_object(self.experiment)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class EnvironmentSpec:
    """Gymnasium environments under `namespace/`, registered when `module` is imported.

    native: ids of other environments -> ids here that have a vector version which equals them step
    for step. Training uses it by itself where it is faster.
    """

    namespace: str
    module: str
    native: Mapping[str, str] = field(default_factory=dict)
    install: str = ""

    def lacks(self, error: ImportError) -> bool:
        """Tell whether an import failed because what `install` names is not there."""
        needed = {self.module.split(".")[0], re.split(r"\W", self.install)[0]}
        return bool(self.install) and (error.name or "").split(".")[0] in needed


@dataclass(frozen=True)
class SourceSpec:
    """Data to learn from.

    load: `"module:function"`; called with the source's options, it returns a `lab.Dataset`.
    options: `"module:Options"`, a `lab.Options` of its own (light), which `--data-args` fill.
    argument: what follows the name in `--data name:ARGUMENT`, as help writes it ("PATH"); `load`
    gets it first. task: classify, regress, segment or none; empty where an option `task` says it.
    infer_task: of an option `task` that may be "auto", `"module:function"`, called as `load` is,
    which says what the task is without reading all. suffixes: of the files that PATH may be, as
    ".csv", "/" for a folder: `--data file.csv` suggests the source.
    example: of a source with an argument, `"module:function"`; called with an empty folder, it
    writes something to read there and returns the argument for it. `lab check` loads that.
    """

    name: str
    summary: str
    load: str
    options: str = ""
    argument: str = ""
    task: str = "classify"
    example: str = ""
    infer_task: str = ""
    suffixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_name("source", self.name)


@dataclass(frozen=True)
class TrackerSpec:
    """A sink that follows runs.

    tracker: `"module:Class"` of a `lab.Tracker`, made on the thread that serves it; every run gets
        one of its own.
    options: `"module:Options"`, a `lab.Options` of its own (light). Its fields are options of every
        `lab run`, and the tracker is made with them, otherwise without arguments.
    label: what help and messages call it; the name, where there is none.
    """

    name: str
    tracker: str
    options: str = ""
    label: str = ""

    def __post_init__(self) -> None:
        _check_name("tracker", self.name)

    def load_options(self) -> type[Any]:
        """Import the `lab.Options` (light: pydantic and nothing heavier)."""
        return import_object(self.options)  # type: ignore[no-any-return]


@dataclass(frozen=True)
class CommandSpec:
    """A command `lab NAME`. command: `"module:object"` of a click command, imported when called."""

    name: str
    summary: str
    command: str

    def __post_init__(self) -> None:
        _check_name("command", self.name)


@dataclass(frozen=True)
class Finding:
    """One line of `lab doctor`. hint: what to do about it; empty where all is well."""

    name: str
    state: str
    hint: str = ""


def _check_name(kind: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise ValueError(f"{kind} name {name!r} is not kebab-case")


def import_object(path: str) -> Any:
    """Return what `"module:attribute"` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
