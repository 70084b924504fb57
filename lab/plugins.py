"""Discover plugins by entry point, and keep a broken one from disturbing any other."""

from __future__ import annotations

import os
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

import pluggy

from lab import hookspecs
from lab.errors import UsageError
from lab.spec import EnvironmentSpec, ExperimentSpec
from lab.text import did_you_mean, first_line

GROUP = "lab"
DISABLE = "LAB_DISABLE_PLUGINS"


@dataclass
class Plugin:
    """One entry point of the group `lab`, and what became of it."""

    name: str
    distribution: str
    version: str
    status: str = "ok"  # ok, blocked, broken
    error: str = ""
    traceback: str = ""
    experiments: list[ExperimentSpec] = field(default_factory=list)
    environments: list[EnvironmentSpec] = field(default_factory=list)

    def fail(self, error: BaseException) -> None:
        self.status = "broken"
        self.error = f"{type(error).__name__}: {first_line(error)}"
        self.traceback = traceback.format_exc()


class Plugins:
    """All plugins of this installation, as found by `discover`."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.all = list(plugins)
        self._offers: dict[str, list[tuple[Plugin, ExperimentSpec]]] = defaultdict(list)
        for plugin in self.all:
            for spec in plugin.experiments:
                self._offers[spec.name].append((plugin, spec))

    @property
    def broken(self) -> list[Plugin]:
        return [plugin for plugin in self.all if plugin.status == "broken"]

    @property
    def conflicts(self) -> Mapping[str, list[Plugin]]:
        """Experiment names that more than one plugin offers."""
        return {
            name: [p for p, _ in offers] for name, offers in self._offers.items() if len(offers) > 1
        }

    def experiments(self) -> list[ExperimentSpec]:
        """Every offered experiment, sorted by name; the first offer of a contested name."""
        return [self._offers[name][0][1] for name in sorted(self._offers)]

    def experiment(self, name: str) -> ExperimentSpec:
        """Return the experiment `name`, or `distribution:name` where two offer the same.

        Raises UsageError for an unknown or a contested name.
        """
        distribution, _, short = name.rpartition(":")
        offers = self._offers.get(short, [])
        if distribution:
            offers = [offer for offer in offers if offer[0].distribution == distribution]
        if len(offers) == 1:
            return offers[0][1]
        if offers:
            choices = " or ".join(f"{p.distribution}:{short}" for p, _ in offers)
            raise UsageError(f"Several plugins offer {short!r}. Say which: {choices}")
        raise UsageError(self._unknown(name))

    def _unknown(self, name: str) -> str:
        text = f"There is no experiment {name!r}.{did_you_mean(name, self._offers)}"
        for plugin in self.broken:
            text += f"\nThe plugin {plugin.name!r} could not be loaded ({plugin.error})."
        return f"{text}\n`lab plugins` lists what there is."

    def environments(self) -> list[EnvironmentSpec]:
        """Every offered set of environments."""
        return [env for plugin in self.all for env in plugin.environments]


def discover(environ: Mapping[str, str] = os.environ) -> Plugins:
    """Load every plugin that the environment offers and does not block."""
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    blocked = set(re.split(r"[,\s]+", environ.get(DISABLE, ""))) - {""}
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    return Plugins(_load(manager, point, blocked) for point in points)


def _load(manager: pluggy.PluginManager, point: EntryPoint, blocked: set[str]) -> Plugin:
    dist = point.dist
    plugin = Plugin(point.name, dist.name if dist else "?", dist.version if dist else "?")
    if point.name in blocked or plugin.distribution in blocked:
        plugin.status = "blocked"
        return plugin
    try:
        module: ModuleType = point.load()
        manager.register(module, name=f"{plugin.distribution}:{point.name}")
        experiments = _collect(manager, module, "lab_experiments", ExperimentSpec)
        environments = _collect(manager, module, "lab_environments", EnvironmentSpec)
        plugin.experiments, plugin.environments = experiments, environments  # both or neither
    except (Exception, SystemExit) as error:  # a plugin may fail in any way it likes
        plugin.fail(error)
    return plugin


def _collect(manager: pluggy.PluginManager, module: ModuleType, hook: str, kind: type) -> list[Any]:
    """Call one plugin's own implementation, so that its failure is its own."""
    caller: Callable[..., list[Iterable[Any]]] = manager.subset_hook_caller(
        hook, [other for other in manager.get_plugins() if other is not module]
    )
    found = [item for items in caller() for item in items]
    for item in found:
        if not isinstance(item, kind):
            raise TypeError(f"{hook} yielded a {type(item).__name__}, not a {kind.__name__}")
    return found
