"""Compare runs: a table of groups for each task and objective, and which runs do not count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab.comparison.differences import Difference, differences
from lab.comparison.groups import (
    INCIDENTAL,
    Group,
    Measure,
    alike,
    final_metrics,
    group_name,
    make_group,
    subject,
    value_of,
)
from lab.comparison.selection import look_up
from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.storage.store import METRICS, Run

# words of metrics that are better when lower
LOWER = {
    "loss", "error", "mse", "mae", "mase", "perplexity", "bits", "fid", "kid", "ece", "kl",
    "distance", "reconstruction", "copies", "truncated", "diverged", "collapsed",
}  # fmt: skip


@dataclass(frozen=True)
class Excluded:
    """A run that is listed but not averaged in."""

    run: str
    state: str
    why: str


@dataclass(frozen=True)
class Table:
    """Groups of one task on one metric, the better ones first.

    subject: the data or environment. direction: of the metric. objective: what selects, by clock;
    a test metric has no curve, so it is drawn for it.
    """

    subject: str
    metric: str
    objective: str
    direction: str
    clock: str
    groups: Sequence[Group]
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Comparison:
    """A table for each task and objective, and the runs that are in none."""

    tables: Sequence[Table]
    excluded: Sequence[Excluded]

    @property
    def groups(self) -> list[Group]:
        """The groups of all tables, in their order."""
        return [group for table in self.tables for group in table.groups]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ComparisonQuery:
    """How to compare runs.

    by: keys of the summary or config to group the runs of a task by; by default a group is what
    runs as one. metric: a test metric, or the objective; by default the test metric of the
    objective, or its last value where the runs have none. direction: "max" or "min" of that metric,
    which its name tells otherwise (`direction_of`). threshold: a value of the objective, to tell
    when it was reached.
    """

    by: Sequence[str] = ()
    metric: str | None = None
    threshold: float | None = None
    direction: str | None = None


def compare(
    runs: Sequence[Run], query: ComparisonQuery | None = None, *, curves: bool = False
) -> Comparison:
    """Compare runs; with `curves`, the objective by clock, too.

    Raises UsageError where nothing can be compared.
    """
    query = query or ComparisonQuery()
    finished, left = _finished(runs)
    if not finished:
        raise UsageError(_nothing(left))
    _check_keys(finished, query.by)
    tables = []
    for (objective, direction), members in _by_task(finished):
        metric = query.metric or _metric(members, objective)
        having = [run for run in members if value_of(run, metric) is not None]
        left += [Excluded(r.name, r.state, f"has no {metric}") for r in members if r not in having]
        if having:
            own = query.direction or direction_of(metric, objective, direction)
            measure = Measure(metric, own, objective, direction, query.threshold, curves)
            tables.append(_table(having, query.by, measure))
    if not tables:
        names = sorted({name for run in finished for name in final_metrics(run)})
        metric = str(query.metric)
        raise UsageError(
            f"No run has {metric!r}.{did_you_mean(metric, names)} There is: {', '.join(names)}"
        )
    return Comparison(tables, left)


Objective = tuple[str, str]  # metric and direction


def direction_of(metric: str, objective: str, direction: str) -> str:
    """Return "max" or "min" of a metric: that of the objective where it measures the same, else
    what its name says."""
    name = metric.partition("/")[2]
    if name == objective.partition("/")[2]:
        return direction
    return "min" if LOWER & set(name.split("_")) else "max"


def _by_task(runs: Sequence[Run]) -> list[tuple[Objective, list[Run]]]:
    """Return the runs of each task and objective."""
    parts: dict[tuple[str, Objective], list[Run]] = {}
    for run in runs:
        objective = run.summary["objective"]["metric"], run.summary["objective"]["direction"]
        parts.setdefault((subject(run), objective), []).append(run)
    return [(key[1], parts[key]) for key in sorted(parts)]


def _table(runs: Sequence[Run], by: Sequence[str], measure: Measure) -> Table:
    members: dict[str, list[Run]] = {}
    for run in runs:
        members.setdefault(group_name(run, by), []).append(run)
    options = [alike([run.summary["config"] for run in group]) for group in members.values()]
    keys = differing(options)
    groups = [
        make_group(name, group_runs, own, keys, measure)
        for (name, group_runs), own in zip(members.items(), options, strict=True)
    ]
    groups.sort(key=lambda group: group.mean, reverse=measure.direction == "max")
    return Table(
        subject(runs[0]),
        measure.metric,
        measure.objective,
        measure.direction,
        str(look_up(runs[0].summary, "clock.name")),
        groups,
        differences(groups, measure.direction),
    )


def differing(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the options that differ among the groups that have them, in the order they are
    declared: those that all groups have before those of some families."""
    names = list(dict.fromkeys(name for config in configs for name in config))
    differing = [
        name
        for name in names
        if name not in INCIDENTAL and len({json.dumps(c[name]) for c in configs if name in c}) > 1
    ]
    return sorted(differing, key=lambda name: not all(name in config for config in configs))


def _finished(runs: Sequence[Run]) -> tuple[list[Run], list[Excluded]]:
    """Separate the runs that finished from those that are listed only."""
    finished, left = [], []
    for run in runs:
        state = run.state if run.summary else "damaged"
        if state != "finished":
            why = run.summary.get("error") or "is not finished"
            left.append(
                Excluded(run.name, state, why if run.summary else "summary.json is damaged")
            )
        elif damage := _damage(run):
            left.append(Excluded(run.name, "damaged", damage))
        else:
            finished.append(run)
    return finished, left


def _damage(run: Run) -> str:
    try:
        lines = (run.dir / METRICS).read_bytes().splitlines()
        json.loads(lines[-1]) if lines else None
    except (OSError, ValueError):
        return f"{METRICS} is damaged"
    needed = (("objective", dict), ("clock", dict), ("config", dict), ("test", dict))
    absent = [name for name, kind in needed if not isinstance(run.summary.get(name), kind)]
    return f"summary.json lacks {', '.join(absent)}" if absent else "" if lines else "has no rows"


def _nothing(left: Sequence[Excluded]) -> str:
    states = ", ".join(f"{excluded.run} ({excluded.state})" for excluded in left[:5])
    return (
        f"No finished run to compare. {f'Left out: {states}' if left else '`lab runs` lists all.'}"
    )


def _metric(runs: Sequence[Run], objective: str) -> str:
    test = objective.replace("eval/", "test/", 1)
    return test if all(test in run.summary["test"] for run in runs) else objective


def _check_keys(runs: Sequence[Run], keys: Sequence[str]) -> None:
    """Refuse to group by what no run has."""
    for key in keys:
        if all(look_up(run.summary, key) is None for run in runs):
            names = {name for run in runs for name in (*run.summary, *run.summary["config"])}
            raise UsageError(f"--by: no run has a key {key!r}.{did_you_mean(key, names)}")
