"""Declare the hooks through which every plugin, built-in or not, joins the lab."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from lab.spec import (
    CommandSpec,
    EnvironmentSpec,
    ExperimentSpec,
    Finding,
    SourceSpec,
    TrackerSpec,
)

PROJECT = "lab"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def lab_experiments() -> Iterable[ExperimentSpec]:  # type: ignore[empty-body]
    """Offer experiments. Runs at each start of the command line: import nothing heavy here.

    Example:
        >>> from lab import ExperimentSpec, hookimpl
        >>> @hookimpl
        ... def lab_experiments():
        ...     yield ExperimentSpec(
        ...         name="my-net",
        ...         summary="What it is, in one line",
        ...         config="my_package.config:Config",
        ...         experiment="my_package.my_net:MyNet",
        ...     )
        >>> [spec.name for spec in lab_experiments()]
        ['my-net']
    """


@hookspec
def lab_environments() -> Iterable[EnvironmentSpec]:  # type: ignore[empty-body]
    """Offer Gymnasium environments: `--env mine/Maze-v0` imports the module that registers them.

    Example:
        >>> from lab import EnvironmentSpec, hookimpl
        >>> @hookimpl
        ... def lab_environments():
        ...     yield EnvironmentSpec(namespace="mine", module="my_package.registration")
        >>> [spec.namespace for spec in lab_environments()]
        ['mine']
    """


@hookspec
def lab_sources() -> Iterable[SourceSpec]:  # type: ignore[empty-body]
    """Offer data: `--data moons` imports the module and calls the function.

    Example:
        >>> from lab import SourceSpec, hookimpl
        >>> @hookimpl
        ... def lab_sources():
        ...     yield SourceSpec(name="moons", summary="Two half circles", load="mine.data:moons")
        >>> [spec.name for spec in lab_sources()]
        ['moons']
    """


@hookspec
def lab_trackers() -> Iterable[TrackerSpec]:  # type: ignore[empty-body]
    """Offer trackers. Each follows every run from a thread of its own, and can neither stop nor
    slow it.

    Example:
        >>> from lab import TrackerSpec, hookimpl
        >>> @hookimpl
        ... def lab_trackers():
        ...     yield TrackerSpec(name="ledger", tracker="my_package.ledger:Ledger")
        >>> [spec.name for spec in lab_trackers()]
        ['ledger']
    """


@hookspec
def lab_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body]
    """Offer commands of the command line.

    Example:
        >>> from lab import CommandSpec, hookimpl
        >>> @hookimpl
        ... def lab_commands():
        ...     yield CommandSpec(name="clean", summary="Delete failed runs", command="mine:clean")
        >>> [spec.name for spec in lab_commands()]
        ['clean']
    """


@hookspec
def lab_doctor() -> Iterable[Finding]:  # type: ignore[empty-body]
    """Offer findings for `lab doctor`: whether a key was found, a library is there, a server
    answers. Called by that command alone, so it may look around; a problem is a finding with a
    hint.

    Example:
        >>> from lab import Finding, hookimpl
        >>> @hookimpl
        ... def lab_doctor():
        ...     yield Finding("ledger", "no file", hint="export LEDGER=FILE")
        >>> [finding.state for finding in lab_doctor()]
        ['no file']
    """
