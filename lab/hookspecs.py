"""Declare the hooks through which every plugin, built-in or not, joins the lab."""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from lab.spec import EnvironmentSpec, ExperimentSpec

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
