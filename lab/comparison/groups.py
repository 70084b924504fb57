"""Compare groups of runs: what differs, how each group did, and which runs do not count."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import mean, median
from typing import Any

import numpy as np

from lab.comparison.curves import Curve, band, read
from lab.comparison.selection import look_up
from lab.errors import UsageError
from lab.messages import did_you_mean
from lab.statistics import improvement, improvement_interval, interval, iqm
from lab.storage.store import METRICS, Run

# options that differ from run to run and are no part of what is compared
INCIDENTAL = {"seed", "device", "threads", "log_every", "checkpoint_every", "media", "track"}


@dataclass(frozen=True)
class Excluded:
    """A run that is listed but not averaged in."""

    run: str
    state: str
    why: str


@dataclass(frozen=True)
class TimeToThreshold:
    """When runs got to the threshold: medians over those that did."""

    reached: int
    clock: float | None
    seconds: float | None


@dataclass(frozen=True)
class Group:
    """The finished runs of one configuration. Where a task has one run there is no interval."""

    name: str
    runs: Sequence[str]
    differing: Mapping[str, Any]  # the options that differ from the other groups
    n: int
    iqm: float
    low: float | None
    high: float | None
    mean: float
    best: float
    seconds: float  # median
    rate: float  # median clock units per second
    values: Sequence[float] = field(repr=False)
    curve: Sequence[Mapping[str, float | None]] = field(default=(), repr=False)
    passage: TimeToThreshold | None = None


@dataclass(frozen=True)
class Comparison:
    """Groups on one metric, the better ones first."""

    metric: str
    objective: str
    direction: str
    clock: str
    groups: Sequence[Group]
    improvements: Sequence[Mapping[str, Any]]
    left: Sequence[Excluded]

    @property
    def curve(self) -> str:
        """What to draw by clock: a test metric has no curve, so the objective is drawn instead."""
        return self.objective if self.metric.startswith("test/") else self.metric

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ComparisonQuery:
    """How to compare runs.

    by: keys of the summary or config to group by; as they ran where there is none. metric: a name
    of `test/` or `eval/`; by default the test metric of the objective, or its last value where the
    runs have none. threshold: a value of the objective, to tell when it was reached.
    """

    by: Sequence[str] = ()
    metric: str | None = None
    threshold: float | None = None


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
    objective, direction = _objective(finished)
    metric = query.metric or _metric(finished, objective)
    _check_keys(finished, query.by)
    members: dict[str, list[Run]] = {}
    for run in finished:
        if _value(run, metric) is None:
            left.append(Excluded(run.name, run.state, f"has no {metric}"))
        else:
            members.setdefault(group_name(run, query.by), []).append(run)
    if not members:
        names = sorted({name for run in finished for name in _final_metrics(run)})
        there = ", ".join(names)
        raise UsageError(f"No run has {metric!r}.{did_you_mean(metric, names)} There is: {there}")
    keys = _differing([runs[0] for runs in members.values()])
    groups = [
        _group(name, group_runs, keys, metric, (objective, direction), query.threshold, curves)
        for name, group_runs in members.items()
    ]
    groups.sort(key=lambda group: group.iqm, reverse=direction == "max")
    clock = str(look_up(finished[0].summary, "clock.name"))
    improvements = _improvements(groups, direction)
    return Comparison(metric, objective, direction, clock, groups, improvements, left)


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


def _objective(runs: Sequence[Run]) -> tuple[str, str]:
    """Return metric and direction that all runs select by."""
    objectives = {
        (r.summary["objective"]["metric"], r.summary["objective"]["direction"]) for r in runs
    }
    if len(objectives) > 1:
        names = ", ".join(sorted(f"{metric} ({direction})" for metric, direction in objectives))
        raise UsageError(
            f"These runs select by different metrics: {names}. Compare them apart: "
            "--where experiment=NAME, or by name."
        )
    return next(iter(objectives))


def _metric(runs: Sequence[Run], objective: str) -> str:
    test = objective.replace("eval/", "test/", 1)
    return test if all(test in run.summary["test"] for run in runs) else objective


def _final_metrics(run: Run) -> dict[str, float]:
    objective = run.summary["objective"]
    return {objective["metric"]: objective.get("last"), **run.summary["test"]}


def _value(run: Run, metric: str) -> float | None:
    value = _final_metrics(run).get(metric)
    return float(value) if isinstance(value, int | float) else None


def _check_keys(runs: Sequence[Run], keys: Sequence[str]) -> None:
    """Refuse to group by what no run has."""
    for key in keys:
        if all(look_up(run.summary, key) is None for run in runs):
            names = {name for run in runs for name in (*run.summary, *run.summary["config"])}
            raise UsageError(f"--by: no run has a key {key!r}.{did_you_mean(key, names)}")


def group_name(run: Run, by: Sequence[str] = ()) -> str:
    """Return the name of the group that a run belongs to."""
    if by:
        return ", ".join(f"{key}={look_up(run.summary, key)}" for key in by)
    return str(run.summary.get("group") or run.name)


def _differing(runs: Sequence[Run]) -> list[str]:
    """Return the options in which groups differ, in the order they are declared."""
    configs = [run.summary["config"] for run in runs]
    names = list(dict.fromkeys(name for config in configs for name in config))
    return [
        name
        for name in names
        if name not in INCIDENTAL and len({json.dumps(c.get(name)) for c in configs}) > 1
    ]


def _group(
    name: str,
    runs: Sequence[Run],
    keys: Sequence[str],
    metric: str,
    objective: tuple[str, str],
    threshold: float | None,
    curves: bool,
) -> Group:
    strata: dict[str, list[float]] = {}
    for run in runs:
        value = _value(run, metric)
        assert value is not None  # those without it were left out
        strata.setdefault(str(run.summary.get("target")), []).append(value)
    values = [value for stratum in strata.values() for value in stratum]
    low, high = interval(list(strata.values())) or (None, None)
    needs_curves = curves or threshold is not None
    run_curves = [read(run, objective[0])[objective[0]] for run in runs] if needs_curves else []
    aggregate = band(run_curves) if curves else None
    config = runs[0].summary["config"]
    return Group(
        name=name,
        runs=[run.name for run in runs],
        differing={key: config.get(key) for key in keys},
        n=len(runs),
        iqm=float(iqm(np.array(values))),
        low=low,
        high=high,
        mean=mean(values),
        best=max(values) if objective[1] == "max" else min(values),
        seconds=median(run.summary["seconds"] for run in runs),
        rate=median(_rate(run) for run in runs),
        values=values,
        curve=aggregate.points() if aggregate else (),
        passage=None if threshold is None else _passage(run_curves, objective[1], threshold),
    )


def _rate(run: Run) -> float:
    seconds = float(run.summary["seconds"])
    return float(run.summary["clock"]["value"]) / seconds if seconds > 0 else 0.0


def _passage(curves: Sequence[Curve], direction: str, threshold: float) -> TimeToThreshold:
    sign = 1 if direction == "max" else -1
    passages = []
    for curve in curves:
        reached = np.flatnonzero(sign * curve.value >= sign * threshold)
        passages += [(curve.clock[i], curve.seconds[i]) for i in reached[:1]]
    return TimeToThreshold(
        len(passages),
        median(float(clock) for clock, _ in passages) if passages else None,
        median(float(seconds) for _, seconds in passages) if passages else None,
    )


def _improvements(groups: Sequence[Group], direction: str) -> list[dict[str, Any]]:
    """Compare the best group with each of the others, where both have several runs."""
    pairs: list[dict[str, Any]] = []
    for group in groups[1:]:
        a, b = groups[0].values, group.values
        sign = 1 if direction == "max" else -1
        best_values, group_values = [sign * x for x in a], [sign * x for x in b]
        if (ends := improvement_interval(best_values, group_values)) is not None:
            pair = {"better": groups[0].name, "than": group.name, "low": ends[0], "high": ends[1]}
            pairs.append({**pair, "probability": improvement(best_values, group_values)})
    return pairs
