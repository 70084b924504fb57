"""Discover plugins by entry point, and keep a broken one from disturbing any other."""

from __future__ import annotations

import importlib.util
import os
import re
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import Distribution, EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pluggy

from lab import __version__, hookspecs
from lab.errors import UsageError
from lab.imports import importable
from lab.messages import describe, did_you_mean, first_line
from lab.spec import (
    CommandSpec,
    EnvironmentSpec,
    ExperimentSpec,
    Finding,
    SourceSpec,
    TrackerSpec,
)

GROUP = "lab"
DISTRIBUTION = "rl-gen-lab"
DISABLE = "LAB_DISABLE_PLUGINS"
OFFERS: Mapping[str, type] = {  # what follows `lab_` in a hook's name, and what it yields
    "experiments": ExperimentSpec,
    "environments": EnvironmentSpec,
    "sources": SourceSpec,
    "trackers": TrackerSpec,
    "commands": CommandSpec,
}
KINDS = tuple(offers.removesuffix("s") for offers in OFFERS)  # the singular of each


@dataclass
class Plugin:
    """One entry point of the group `lab`, and what became of it."""

    name: str
    distribution: str
    version: str
    module: str = ""
    status: str = "ok"  # ok, blocked, broken
    error: str = ""
    traceback: str = ""
    is_file: bool = False  # a local file, not an entry point; its path is the distribution
    experiments: list[ExperimentSpec] = field(default_factory=list)
    environments: list[EnvironmentSpec] = field(default_factory=list)
    sources: list[SourceSpec] = field(default_factory=list)
    trackers: list[TrackerSpec] = field(default_factory=list)
    commands: list[CommandSpec] = field(default_factory=list)
    examine: Callable[[], list[Finding]] = field(default=list, repr=False)  # its `lab_doctor`

    def fail(self, error: BaseException) -> None:
        self.status = "broken"
        self.error = f"{type(error).__name__}: {first_line(error)}"
        self.traceback = traceback.format_exc()


class Plugins:
    """All plugins of this installation, as `discover` loads them."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self.all = list(plugins)

    @property
    def _offers(self) -> dict[str, list[tuple[Plugin, ExperimentSpec]]]:
        """What is installed, by experiment name. Files are not included: they are named by
        path."""
        offers: dict[str, list[tuple[Plugin, ExperimentSpec]]] = defaultdict(list)
        for plugin in self.all:
            for spec in plugin.experiments if not plugin.is_file else ():
                offers[spec.name].append((plugin, spec))
        return offers

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
        offers = self._offers
        return [offers[name][0][1] for name in sorted(offers)]

    def experiment(self, name: str) -> ExperimentSpec:
        """Return the experiment `name`, or `distribution:name` where two offer the same; of a file
        `path.py`, or `path.py:name` where it offers several.

        Raises UsageError for an unknown or a contested name.
        """
        if is_file(name):
            return self._in_file(name)
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

    def reference(self, spec: ExperimentSpec) -> str:
        """Return the words by which `experiment` finds this spec again, from any folder."""
        plugin = next((p for p in self.all if any(s is spec for s in p.experiments)), None)
        if plugin is None:
            return spec.name
        if plugin.is_file:
            several = f":{spec.name}" if len(plugin.experiments) > 1 else ""
            return f"{plugin.distribution}{several}"
        return f"{plugin.distribution}:{spec.name}"  # another may offer the same one day

    def file(self, path: Path) -> Plugin:
        """Return the plugin that a local file holds. Raises UsageError where it cannot be loaded or
        offers nothing."""
        plugin = next((p for p in self.all if p.distribution == str(path)), None)
        if plugin is None:
            plugin = load_file(path)
            self.all.append(plugin)
        return plugin

    def _in_file(self, reference: str) -> ExperimentSpec:
        path, name = split_reference(reference)
        plugin = self.file(path)
        offered = {spec.name: spec for spec in plugin.experiments}
        if not name and len(offered) == 1:
            return next(iter(offered.values()))
        if name in offered:
            return offered[name]
        choices = " or ".join(f"{path.name}:{offer}" for offer in offered) or "no experiment"
        raise UsageError(f"{path} offers {choices}, not {name or 'exactly one'!r}")

    def _unknown(self, name: str) -> str:
        text = f"There is no experiment {name!r}.{did_you_mean(name, self._offers)}"
        if "/" in name:
            text += " A file that holds one ends in .py."
        for plugin in self.broken:
            text += f"\nThe plugin {plugin.name!r} could not be loaded ({plugin.error})."
        return f"{text}\n`lab plugins` lists what there is."

    def environments(self) -> list[EnvironmentSpec]:
        """Every offered set of environments."""
        return [env for plugin in self.all for env in plugin.environments]

    def trackers(self) -> dict[str, TrackerSpec]:
        """Every offered tracker by name; the first offer of a contested one."""
        offered: dict[str, TrackerSpec] = {}
        for plugin in self.all:
            for tracker in plugin.trackers:
                offered.setdefault(tracker.name, tracker)
        return offered

    def offering(self, tracker: TrackerSpec) -> Plugin:
        """Return the plugin that a tracker is from."""
        return next(p for p in self.all if any(spec is tracker for spec in p.trackers))

    def findings(self) -> list[Finding]:
        """What the plugins' own checks report; of one that fails, that it does."""
        return [finding for plugin in self.all for finding in _findings(plugin)]

    def commands(self) -> dict[str, CommandSpec]:
        """Every offered command by name; the first offer of a contested one."""
        offered = [command for plugin in self.all for command in plugin.commands]
        return {command.name: command for command in reversed(offered)}

    def sources(self) -> dict[str, SourceSpec]:
        """Every offered source by name; the first offer of a contested one."""
        offered = [source for plugin in self.all for source in plugin.sources]
        return {source.name: source for source in reversed(offered)}


def _findings(plugin: Plugin) -> list[Finding]:
    try:
        return plugin.examine()
    except (Exception, SystemExit) as error:  # a plugin may fail in any way it likes
        return [Finding(f"plugin {plugin.name}", "cannot be examined", describe(error))]


def is_file(reference: str) -> bool:
    """Tell whether what a plugin offers is named by the file that holds it."""
    return split_reference(reference)[0].suffix == ".py"


def split_reference(reference: str) -> tuple[Path, str]:
    """Split `path.py:name` into the absolute path and the name."""
    path, _, name = reference.partition(".py:")
    return Path(f"{path}.py" if name else reference).absolute(), name


def load_file(path: Path) -> Plugin:
    """Import a file that holds a hookimpl, as the module of its name.

    Raises UsageError where it cannot be imported or offers nothing.
    """
    plugin = Plugin(path.stem, str(path), "", module=path.stem, is_file=True)
    with importable(path):
        _fill(_manager(), plugin, lambda: importlib.import_module(path.stem))
        _refuse_useless(plugin, path)
    return plugin


def _refuse_useless(plugin: Plugin, path: Path) -> None:
    """Raise UsageError where a file could not be loaded, names no module, or offers nothing."""
    if plugin.status == "broken":
        raise UsageError(f"{path} cannot be loaded: {plugin.error}")
    for spec in plugin.experiments:
        module = spec.config.partition(":")[0]
        if importlib.util.find_spec(module.partition(".")[0]) is None:
            raise UsageError(
                f"{path} names the module {module!r} in its spec, which is not there. The module "
                f"of this file is {path.stem!r}."
            )
    if not any(getattr(plugin, kind) for kind in OFFERS):
        raise UsageError(
            f"{path} offers nothing: it has no lab_experiments, nor another hook, with @hookimpl."
        )


def discover(environ: Mapping[str, str] = os.environ) -> Plugins:
    """Load every plugin that the environment offers and does not block."""
    manager = _manager()
    blocked = set(re.split(r"[,\s]+", environ.get(DISABLE, ""))) - {""}
    return Plugins(_load(manager, *found, blocked) for found in _entry_points())


def installed() -> set[str]:
    """Return the names by which plugins can be blocked; none is imported."""
    found = _entry_points()
    return {name for point, origin in found for name in _names(point.name, origin.name)}


def _entry_points() -> list[tuple[EntryPoint, _Origin]]:
    points = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.value))
    origins = {dist: _origin(dist) for dist in {point.dist for point in points}}  # parsing is slow
    return [(point, origins[point.dist]) for point in points]


def _names(point: str, distribution: str) -> set[str]:
    return {point, distribution, f"{distribution}:{point}"}


def _manager() -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


class _Origin(NamedTuple):
    """The distribution that a plugin is from."""

    name: str = "?"
    version: str = "?"
    requires: tuple[str, ...] = ()


def _origin(dist: Distribution | None) -> _Origin:
    if dist is None:
        return _Origin()
    metadata = dist.metadata
    requires = metadata.get_all("Requires-Dist") or ()
    return _Origin(metadata["Name"], metadata["Version"], tuple(requires))


def _load(
    manager: pluggy.PluginManager, point: EntryPoint, origin: _Origin, blocked: set[str]
) -> Plugin:
    plugin = Plugin(point.name, origin.name, origin.version, point.module)
    if _names(point.name, plugin.distribution) & blocked:
        plugin.status = "blocked"
        return plugin
    needed = _needed(origin.requires)
    if needed:
        plugin.status = "broken"
        plugin.error = f"needs {needed}; this is {DISTRIBUTION} {__version__}"
        return plugin
    _fill(manager, plugin, point.load)
    return plugin


def _needed(requirements: Iterable[str]) -> str:
    """Return the requirement on the lab that this lab does not meet, if any.

    Checked before the import, whose error could be less clear.
    """
    for text in requirements:
        if not text.startswith(DISTRIBUTION):  # parsing all of them would take long
            continue
        from packaging.requirements import Requirement

        requirement = Requirement(text)
        if requirement.name == DISTRIBUTION and not requirement.specifier.contains(
            __version__, prereleases=True
        ):
            return str(requirement)
    return ""


def _fill(manager: pluggy.PluginManager, plugin: Plugin, load: Callable[[], ModuleType]) -> None:
    """Import a plugin and collect what it offers: everything or nothing."""
    try:
        module = load()
        manager.register(module, name=f"{plugin.distribution}:{plugin.name}")
        manager.check_pending()  # a hook that is misspelled would never be called
        offers = {kind: _collect(manager, module, f"lab_{kind}", OFFERS[kind]) for kind in OFFERS}
        for kind, offer in offers.items():
            setattr(plugin, kind, offer)
        plugin.examine = partial(_collect, manager, module, "lab_doctor", Finding)
    except (Exception, SystemExit) as error:  # a plugin may fail in any way it likes
        plugin.fail(error)
        manager.unregister(name=f"{plugin.distribution}:{plugin.name}")


def _collect(manager: pluggy.PluginManager, module: ModuleType, hook: str, kind: type) -> list[Any]:
    """Call one plugin's own implementation, so that it alone is broken by its failure."""
    caller: Callable[..., list[Iterable[Any]]] = manager.subset_hook_caller(
        hook, [plugin for plugin in manager.get_plugins() if plugin is not module]
    )
    offers = [item for items in caller() for item in items]
    for item in offers:
        if not isinstance(item, kind):
            raise TypeError(f"{hook} yielded a {type(item).__name__}, not a {kind.__name__}")
    return offers
