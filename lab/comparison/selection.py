"""Choose the runs to compare: by name, folder or pattern, by group, and by what they were."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from lab.engine import stop
from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.storage import store
from lab.storage.store import Run

COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    **stop.COMPARE,
    "!=": operator.ne,
    "=": operator.eq,
}
PATTERN = re.compile(r"\s*([A-Za-z_][\w./]*?)\s*(<=|>=|!=|==?|<|>)\s*(.*?)\s*")


@dataclass(frozen=True)
class Where:
    """A condition on a summary: `config.lr<1e-3`, `experiment=dqn`, `objective.best>=475`."""

    key: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Where:
        """Raises UsageError where `text` is no condition."""
        match = PATTERN.fullmatch(text)
        if not match:
            raise UsageError(
                f"--where {text!r} is no condition. Write KEY=VALUE, or !=, <, <=, >, >=: "
                "'config.lr<1e-3', 'experiment=dqn'."
            )
        return cls(match[1], match[2].replace("==", "="), match[3])

    def holds(self, summary: Mapping[str, Any]) -> bool:
        """Tell whether a summary meets the condition; one that lacks the key does not."""
        found = look_up(summary, self.key)
        if found is None:
            return self.value.lower() == "none" and self.sign == "="
        number = _number(self.value)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return number is not None and COMPARE[self.sign](found, number)
        return COMPARE[self.sign](_said(found), self.value)


def look_up(summary: Mapping[str, Any], key: str) -> Any:
    """Return what stands at a path with dots; an option may be named without `config.`."""
    found: Any = summary
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if found is None and "." not in key:
        return summary.get("config", {}).get(key)
    return found


def select(
    names: Iterable[str],
    runs_dir: Path,
    groups: Iterable[str] = (),
    where: Iterable[str] = (),
    state: str | None = None,
) -> list[Run]:
    """Return the chosen runs, each once; all of `runs_dir` where nothing is named.

    Raises UsageError for a name or group that fits nothing.
    """
    names, groups = list(names), list(groups)
    conditions = [Where.parse(text) for text in where]
    chosen = {run.dir.resolve(): run for name in names for run in _named(name, runs_dir)}
    everything = list(store.runs(runs_dir)) if groups or not names else []
    for run in everything if not groups else _of_groups(everything, groups):
        chosen.setdefault(run.dir.resolve(), run)
    found = [run for run in chosen.values() if all(c.holds(run.summary) for c in conditions)]
    found = [run for run in found if state in (None, run.state)]
    refuse_namesakes(found)
    return found


def refuse_namesakes(runs: Iterable[Run]) -> None:
    """Refuse what no table could tell apart."""
    known: dict[str, Run] = {}
    for run in runs:
        if known.setdefault(run.name, run) is not run:
            other = known[run.name].dir
            raise UsageError(f"Two runs have one name: {other} and {run.dir}. Rename a folder.")


def _named(name: str, runs_dir: Path) -> list[Run]:
    if not any(sign in name for sign in "*?["):
        return [store.find(name, runs_dir)]
    found = [run for run in store.runs(runs_dir) if fnmatch(run.name, name)]
    folders = Path(name).parent.glob(Path(name).name)
    found += [Run(folder) for folder in sorted(folders) if (folder / store.CONFIG).is_file()]
    if not found:
        raise UsageError(f"No run fits {name!r}, neither in {runs_dir} nor as a path.")
    return found


def _of_groups(runs: Iterable[Run], groups: Iterable[str]) -> list[Run]:
    by_group: dict[str, list[Run]] = {}
    for run in runs:
        by_group.setdefault(str(run.summary.get("group")), []).append(run)
    found = []
    for group in groups:
        fitting = [name for name in by_group if fnmatch(name, group)]
        if not fitting:
            raise UsageError(f"There is no group {group!r}.{did_you_mean(group, by_group)}")
        found += [run for name in fitting for run in by_group[name]]
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
