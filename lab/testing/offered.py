"""Check what offers of plugins other than experiments have in common: name, files, imports."""

from __future__ import annotations

import tempfile
from functools import cached_property
from pathlib import Path
from typing import Any

from lab.plugins import Plugin, Plugins
from lab.testing.kinds import name_of
from lab.testing.limits import SECONDS
from lab.testing.places import Own
from lab.testing.static import expect_lab_is_required, expect_light, expect_public
from lab.testing.subject import Skipped, expect


class Offered:
    """A source, a tracker, a command or environments under examination.

    Each kind has a class `Subject` that inherits this, in the file of its checks.
    """

    def __init__(self, kind: str, spec: Any, plugins: Plugins, time_limit: float = SECONDS) -> None:
        self.kind, self.spec, self.plugins = kind, spec, plugins
        self.time_limit = time_limit  # seconds of a check
        self.reported: dict[object, str] = {}  # what is broken -> the check that reported it
        self._scratch = tempfile.TemporaryDirectory(prefix="lab-check-", ignore_cleanup_errors=True)

    def close(self) -> None:
        """Forget what was written."""
        self._scratch.cleanup()

    @property
    def folder(self) -> Path:
        return Path(self._scratch.name)

    @property
    def name(self) -> str:
        return name_of(self.spec)

    @property
    def path(self) -> str:
        """What the spec names: `"module:attribute"`, or a module."""
        raise NotImplementedError

    @property
    def light(self) -> set[str]:
        """The modules that are imported to list it."""
        return {self.plugin.module} if self.plugin and self.plugin.module else set()

    @cached_property
    def own(self) -> Own:
        """The files of the plugin."""
        modules = {self.path.partition(":")[0], *self.light}
        return Own(sorted({module.partition(".")[0] for module in modules}))

    @cached_property
    def plugin(self) -> Plugin | None:
        """The plugin that offers it; None where it was handed over as a spec."""
        return next((p for p in self.plugins.all if any(s is self.spec for s in self._of(p))), None)

    def rivals(self) -> list[str]:
        """The distributions of other plugins that offer one of the same kind and name."""
        return [
            plugin.distribution
            for plugin in self.plugins.all
            if not plugin.is_file and plugin is not self.plugin
            for spec in self._of(plugin)
            if name_of(spec) == self.name
        ]

    def _of(self, plugin: Plugin) -> list[Any]:
        offers: list[Any] = getattr(plugin, f"{self.kind}s")
        return offers


def check_name_is_unique(subject: Offered) -> None:
    """No other installed plugin offers one of this kind and name."""
    rivals = ", ".join(subject.rivals())
    expect(not rivals, f"{subject.name!r} is offered by several plugins, by {rivals} too.")


def check_the_lab_is_required(subject: Offered) -> None:
    """The distribution declares which lab it needs, and this one is it."""
    expect_lab_is_required(subject.plugin)


def check_imports_are_light(subject: Offered) -> None:
    """Listing it, and help, load nothing heavy: no library that computes, draws or sends."""
    if subject.plugin is None or subject.plugin.is_file:
        raise Skipped("a file is imported only when it is asked for")
    expect_light(subject.light)


def check_imports_are_public(subject: Offered) -> None:
    """The plugin's files import public names of the lab alone, and no other plugin."""
    path = subject.plugin.module if subject.plugin else subject.path
    others = {
        plugin.module.split(".")[0]
        for plugin in subject.plugins.all
        if plugin.module and plugin is not subject.plugin
    }
    expect_public({path.partition(":")[0].split(".")[0]}, others)
