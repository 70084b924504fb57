"""Choose the runs to compare: by name, folder or pattern, by group, and by what they were."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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

    def check(self, summaries: Iterable[Mapping[str, Any]]) -> None:
        """Raise UsageError where no summary has the key, or all of them have numbers there and the
        condition has none."""
        known = [summary for summary in summaries if summary]  # a damaged one is empty
        keys = {key for summary in known for key in _keys(summary)}
        if known and not keys & {self.key, f"config.{self.key}"}:
            names = keys | {key.removeprefix("config.") for key in keys}
            hint = did_you_mean(self.key, names) or " `lab show RUN --json` lists what runs have."
            raise UsageError(f"--where {self}: no run has {self.key!r}.{hint}")
        values = [value for s in known if (value := look_up(s, self.key)) is not None]
        numeric = values and all(_is_number(value) for value in values)
        if numeric and _number(self.value) is None and self.value.lower() != "none":
            raise UsageError(
                f"--where {self}: {self.key} is a number, as {values[0]:g}; {self.value!r} is not."
            )

    def __str__(self) -> str:
        return repr(f"{self.key}{self.sign}{self.value}")

    def holds(self, summary: Mapping[str, Any]) -> bool:
        """Tell whether a summary meets the condition; one that lacks the key does not."""
        value = look_up(summary, self.key)
        if self.value.lower() == "none":
            return (value is None) == (self.sign == "=") and self.sign in ("=", "!=")
        if value is None:
            return False
        number = _number(self.value)
        if _is_number(value):
            return number is not None and COMPARE[self.sign](value, number)
        return COMPARE[self.sign](_text(value), self.value)


def look_up(summary: Mapping[str, Any], key: str) -> Any:
    """Return the value at a path with dots; an option may be named without `config.`."""
    value = _at(summary, key)
    return _at(summary.get("config", {}), key) if value is None else value


def _at(values: Any, path: str) -> Any:
    for part in path.split("."):
        values = values.get(part) if isinstance(values, Mapping) else None
    return values


def select(
    names: Iterable[str],
    runs_dir: Path,
    groups: Iterable[str] = (),
    where: Iterable[str] = (),
    state: str | None = None,
) -> list[Run]:
    """Return the chosen runs, each once; all of `runs_dir` where nothing is named.

    Raises UsageError for a name or group that fits nothing, and for a condition on what no run has.
    """
    names, groups = list(names), list(groups)
    conditions = [Where.parse(text) for text in where]
    chosen = {run.dir.resolve(): run for name in names for run in _named(name, runs_dir)}
    everything = list(store.runs(runs_dir)) if groups or not names else []
    for run in everything if not groups else _of_groups(everything, groups):
        chosen.setdefault(run.dir.resolve(), run)
    for condition in conditions:
        condition.check([run.summary for run in chosen.values()])
    matching = [run for run in chosen.values() if all(c.holds(run.summary) for c in conditions)]
    matching = [run for run in matching if state in (None, run.state)]
    refuse_namesakes(matching)
    return matching


def refuse_namesakes(runs: Iterable[Run]) -> None:
    """Refuse runs of the same name, which a table could not distinguish."""
    by_name: dict[str, Run] = {}
    for run in runs:
        if by_name.setdefault(run.name, run) is not run:
            first = by_name[run.name].dir
            raise UsageError(f"Two runs have one name: {first} and {run.dir}. Rename a folder.")


def _named(name: str, runs_dir: Path) -> list[Run]:
    if not any(sign in name for sign in "*?["):
        return [store.find(name, runs_dir)]
    matching = [run for run in store.runs(runs_dir) if fnmatch(run.name, name)]
    folders = Path(name).parent.glob(Path(name).name)
    matching += [Run(folder) for folder in sorted(folders) if (folder / store.CONFIG).is_file()]
    if not matching:
        raise UsageError(f"No run fits {name!r}, neither in {runs_dir} nor as a path.")
    return matching


def _of_groups(runs: Iterable[Run], groups: Iterable[str]) -> list[Run]:
    by_group: dict[str, list[Run]] = {}
    for run in runs:
        by_group.setdefault(str(run.summary.get("group")), []).append(run)
    matching = []
    for group in groups:
        names = [name for name in by_group if fnmatch(name, group)]
        if not names:
            raise UsageError(f"There is no group {group!r}.{did_you_mean(group, by_group)}")
        matching += [run for name in names for run in by_group[name]]
    return matching


def _keys(summary: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Yield the paths, with dots, to all that a summary holds."""
    for name, value in summary.items():
        yield f"{above}{name}"
        if isinstance(value, Mapping):
            yield from _keys(value, f"{above}{name}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
