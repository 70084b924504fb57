"""Find what plugins offer by its name, whatever kind it is of, and the checks of that kind."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.plugins import KINDS, OFFERS, Plugin, Plugins, is_file, split_reference
from lab.spec import CommandSpec, EnvironmentSpec, ExperimentSpec, SourceSpec, TrackerSpec
from lab.testing.limits import SECONDS
from lab.testing.subject import PRESET, Subject

Spec = ExperimentSpec | SourceSpec | TrackerSpec | EnvironmentSpec | CommandSpec

EXPERIMENT = "experiment"
MODULES = {  # the files that hold the checks of each kind
    EXPERIMENT: (
        "static",
        "learning",
        "seeding",
        "resuming",
        "omissions",
        "evaluating",
        "splits",
        "variants",
        "capabilities",
        "side_effects",
    ),
    "environment": ("offered", "environments"),
    "source": ("offered", "sources"),
    "tracker": ("offered", "trackers"),
    "command": ("offered", "commands"),
}


@dataclass(frozen=True)
class Found:
    """Something that a plugin offers."""

    kind: str
    plugin: Plugin
    spec: Spec

    @property
    def name(self) -> str:
        return name_of(self.spec)


def modules(kind: str) -> list[ModuleType]:
    """Return the modules that hold the checks of a kind. Raises UsageError for an unknown one."""
    if kind not in MODULES:
        raise UsageError(
            f"There is no kind {kind!r}.{did_you_mean(kind, KINDS)} It is one of {', '.join(KINDS)}"
        )
    return [importlib.import_module(f"lab.testing.{name}") for name in MODULES[kind]]


def kind_of(spec: Spec) -> str:
    """Return the word for what a spec describes: "source" of a `SourceSpec`."""
    return next(offers.removesuffix("s") for offers, kind in OFFERS.items() if type(spec) is kind)


def name_of(spec: Spec) -> str:
    """Return the name of a spec: that of environments is their namespace."""
    return spec.namespace if isinstance(spec, EnvironmentSpec) else spec.name


def subject(spec: Spec, plugins: Plugins, preset: str = PRESET, time_limit: float = SECONDS) -> Any:
    """Return what the checks of a spec's kind examine. Close it in the end."""
    if isinstance(spec, ExperimentSpec):
        return Subject(spec, plugins, preset, time_limit)
    kind = kind_of(spec)
    return modules(kind)[-1].Subject(kind, spec, plugins, time_limit)


def find(reference: str, plugins: Plugins, kind: str | None = None) -> list[Found]:
    """Return what `reference` names: NAME or DISTRIBUTION:NAME of any kind, or of `kind` alone; of
    a file `path.py` everything that it offers, of `path.py:NAME` what has that name.

    Raises UsageError where nothing has that name, and where several plugins offer it.
    """
    if kind is not None:
        modules(kind)  # refuses an unknown one
    if is_file(reference):
        path, name = split_reference(reference)
        offers = list(_offers(plugins.file(path)))
    else:
        distribution, _, name = reference.rpartition(":")
        installed = [plugin for plugin in plugins.all if not plugin.is_file]
        offers = [offer for plugin in installed for offer in _offers(plugin)]
        if distribution:
            offers = [offer for offer in offers if offer.plugin.distribution == distribution]
    offers = [offer for offer in offers if kind in (None, offer.kind)]
    named = [offer for offer in offers if offer.name == name] if name else offers
    if not named:
        raise UsageError(_unknown(reference, kind, plugins, [offer.name for offer in offers]))
    _refuse_contested(named)
    return named


def find_one(reference: str, plugins: Plugins, kind: str | None = None) -> Spec:
    """Return the one spec that `reference` names. Raises UsageError where it is not one."""
    if kind == EXPERIMENT:
        return plugins.experiment(reference)
    offers = find(reference, plugins, kind)
    if len(offers) == 1:
        return offers[0].spec
    if len({offer.name for offer in offers}) == 1:
        refuse_ambiguous(reference, offers)
    choices = " or ".join(f"{reference}:{offer.name}" for offer in offers)
    raise UsageError(f"{reference} offers several things. Say which: {choices}")


def refuse_ambiguous(reference: str, offers: list[Found]) -> None:
    """Raise UsageError where one name is offered as several kinds of things."""
    kinds = [offer.kind for offer in offers]
    if len(kinds) > 1:
        options = " or ".join(f"--kind {kind}" for kind in kinds)
        raise UsageError(f"{reference!r} is a name of several kinds. Say which: {options}")


def _offers(plugin: Plugin) -> Iterator[Found]:
    for offers in OFFERS:
        for spec in getattr(plugin, offers):
            yield Found(offers.removesuffix("s"), plugin, spec)


def _refuse_contested(offers: list[Found]) -> None:
    """Raise UsageError where several plugins offer one name as one kind."""
    for offer in offers:
        rivals = [f for f in offers if (f.kind, f.name) == (offer.kind, offer.name)]
        if len(rivals) > 1:
            choices = " or ".join(f"{rival.plugin.distribution}:{rival.name}" for rival in rivals)
            raise UsageError(f"Several plugins offer {offer.name!r}. Say which: {choices}")


def _unknown(reference: str, kind: str | None, plugins: Plugins, names: list[str]) -> str:
    what = f"no {kind}" if kind else "nothing of the name"
    lines = [f"There is {what} {reference!r}.{did_you_mean(reference, names)}"]
    if "/" in reference and not is_file(reference):
        lines[0] += " A file ends in .py."
    for plugin in plugins.broken:
        lines.append(f"The plugin {plugin.name!r} could not be loaded ({plugin.error}).")
    return "\n".join([*lines, "`lab plugins` lists what there is."])
