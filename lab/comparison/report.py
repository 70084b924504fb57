"""Gather all that a page about runs shows, as plain data."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.comparison.curves import Axis, Curve, band, read
from lab.comparison.groups import fitted_at_once, group_name, subject
from lab.comparison.plot import palette
from lab.comparison.tables import ComparisonQuery, Table, compare
from lab.errors import UsageError
from lab.storage.store import METRICS, SUMMARY, Run

POINTS = 300  # of a curve; a screen shows no more
BAND_POINTS = 100
SECTIONS = ("eval", "test", "train", "perf")
NOT_SHOWN = ("values", "seeds", "curve", "options")  # of a group
KINDS = {
    ".png": "image",
    ".jpg": "image",
    ".jpeg": "image",
    ".gif": "image",
    ".mp4": "video",
    ".webm": "video",
    ".txt": "text",
    ".csv": "text",
}


Bands = dict[str, dict[Axis, list[list[float | None] | None]]]


class Reader:
    """Reads curves and bands, and again only where a run has grown."""

    def __init__(self) -> None:
        self._curves: dict[Path, tuple[Any, dict[str, Curve]]] = {}
        self._bands: dict[tuple[Path, ...], tuple[Any, Bands]] = {}

    def curves(self, run: Run) -> dict[str, Curve]:
        """Return the curves of a run by metric."""
        stamp = _stamp(run.dir / METRICS)
        if self._curves.get(run.dir, (None,))[0] != stamp:
            self._curves[run.dir] = (stamp, read(run))
        return self._curves[run.dir][1]

    def bands(self, runs: Sequence[Run]) -> Bands:
        """Return metric -> axis -> [x, mean, low, high] of the runs of a group; of one run, low and
        high are None."""
        group = tuple(run.dir for run in runs)
        stamp = [_stamp(folder / METRICS) for folder in group]
        if self._bands.get(group, (None,))[0] != stamp:
            self._bands[group] = (stamp, _bands([self.curves(run) for run in runs]))
        return self._bands[group][1]


def fingerprint(runs: Iterable[Run]) -> tuple[Any, ...]:
    """Return what changes whenever a run does."""
    return tuple(
        (run.name, run.state, _stamp(run.dir / SUMMARY), _stamp(run.dir / METRICS)) for run in runs
    )


def gather(
    runs: Sequence[Run], query: ComparisonQuery, reader: Reader | None = None
) -> dict[str, Any]:
    """Return the page's data: a section for each task and objective, and all runs. Runs that cannot
    be compared are shown all the same, with the reason under `note`."""
    reader = reader or Reader()
    note, comparison = "", None
    try:
        comparison = compare(runs, query)
    except UsageError as error:
        note = str(error)
    compared = comparison.tables if comparison else ()
    tables = {(table.subject, table.objective): table for table in compared}
    members: dict[Any, list[Run]] = {}
    for run in runs:
        objective = _part(run, "objective")
        if objective.get("metric"):
            members.setdefault((subject(run), objective["metric"]), []).append(run)
    return {
        "written": time.time(),
        "note": note,
        "sections": [
            _section(part, tables.get(key), query, reader)
            for key, part in sorted(members.items(), key=lambda item: str(item[0]))
        ],
        "excluded": [asdict(run) for run in comparison.excluded] if comparison else [],
        "runs": [_run(run, query, reader.curves(run)) for run in runs],
        "media": [item for run in runs for item in _media(run)],
    }


def _section(
    runs: Sequence[Run], table: Table | None, query: ComparisonQuery, reader: Reader
) -> dict[str, Any]:
    """Return what the page shows of the runs of a task; `table` is None where none finished."""
    by_name = {run.name: run for run in runs}
    counted = table.groups if table else ()
    groups = {group.name: [by_name[name] for name in group.runs] for group in counted}
    names = list(dict.fromkeys([*groups, *(group_name(run, query.by) for run in runs)]))
    objective = _part(runs[0], "objective")
    return {
        "subject": subject(runs[0]),
        "objective": objective["metric"],
        "direction": table.direction if table else objective.get("direction"),
        "metric": table.metric if table else objective["metric"],
        "clock": str(_part(runs[0], "clock").get("name") or "clock"),
        "metrics": _metrics(runs, {run.name: reader.curves(run) for run in runs}),
        "groups": [_without_curves(asdict(group)) for group in counted],
        "colors": dict(zip(names, palette(len(names)), strict=True)),
        "differences": [asdict(difference) for difference in table.differences] if table else [],
        "runs": [run.name for run in runs],
        "bands": {name: reader.bands(members) for name, members in groups.items()},
    }


def _without_curves(group: Mapping[str, Any]) -> Any:
    return _sane({key: value for key, value in group.items() if key not in NOT_SHOWN})


def _sane(value: Any) -> Any:
    """Return plain data as JSON can hold it: what is not finite becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _sane(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_sane(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _metrics(runs: Sequence[Run], curves: Mapping[str, Mapping[str, Curve]]) -> list[str]:
    """Return the names that can be drawn: the objective, then by section."""
    names = {name for run_curves in curves.values() for name in run_curves}
    objectives = [_part(run, "objective").get("metric") for run in runs]
    first = [name for name in dict.fromkeys(objectives) if name in names]
    rest = sorted(names - set(first), key=lambda name: (_rank(name), name))
    # a test metric is one point, at the end
    return first + [name for name in rest if not name.startswith("test/")]


def _rank(name: str) -> int:
    prefix = name.partition("/")[0]
    return SECTIONS.index(prefix) if prefix in SECTIONS else len(SECTIONS)


def _run(run: Run, query: ComparisonQuery, curves: Mapping[str, Curve]) -> dict[str, Any]:
    facts = {**_sane(_facts(run)), "group": group_name(run, query.by)}
    grids: dict[bytes, int] = {}
    columns: list[list[list[float | None]]] = []
    drawn = {}
    for name, full in curves.items():
        curve = full.thinned(POINTS)
        # metrics that are logged together share their axes
        grid = grids.setdefault(curve.clock.tobytes(), len(grids))
        if grid == len(columns):
            columns.append([_plain(curve.clock, 12), _plain(curve.seconds), _plain(curve.time, 12)])
        drawn[name] = [grid, _plain(curve.value, 5)]
    objective = curves.get(str(_part(run, "objective").get("metric")))
    fitted = objective is not None and fitted_at_once(run, objective)
    return {**facts, "fitted": fitted, "grids": columns, "curves": drawn}


def _facts(run: Run) -> dict[str, Any]:
    summary, objective, clock = run.summary, _part(run, "objective"), _part(run, "clock")
    same = ("experiment", "seed", "seconds", "updated", "error")
    return {
        "name": run.name,
        "subject": subject(run) if summary else "",
        "state": run.state if summary else "damaged",
        **{name: summary.get(name) for name in same},
        **{name: objective.get(name) for name in ("best", "last")},
        "test": _part(run, "test"),
        "clock": clock.get("value"),
        "unit": clock.get("name"),
        "links": _part(run, "links"),
        "resume": f"lab resume {shlex.quote(str(run.dir))}",
    }


def _part(run: Run, name: str) -> dict[str, Any]:
    section = run.summary.get(name)
    return section if isinstance(section, dict) else {}


def _plain(values: Any, digits: int = 6) -> list[float | None]:
    """Return values as JSON takes them, rounded to what a screen resolves."""
    return [_number(value, digits) for value in values.tolist()]


def _number(value: float, digits: int) -> float | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.{digits}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _bands(curves: Sequence[Mapping[str, Curve]]) -> Bands:
    bands: Bands = {}
    axes: tuple[Axis, ...] = ("clock", "seconds")
    for metric in dict.fromkeys(metric for run_curves in curves for metric in run_curves):
        members = [run_curves[metric] for run_curves in curves if metric in run_curves]
        for axis in axes:
            aggregate = band(members, axis, BAND_POINTS)
            if aggregate is not None:
                ends = [
                    part if part is None else _plain(part, 5)
                    for part in (aggregate.low, aggregate.high)
                ]
                values = [_plain(aggregate.mean, 5), *ends]
                bands.setdefault(metric, {})[axis] = [_plain(aggregate.x, 9), *values]
    return bands


def _media(run: Run) -> list[dict[str, Any]]:
    """Return the run's media: files are named CLOCK-NAME."""
    items = []
    for path in sorted((run.dir / "media").glob("*-*")):
        clock, _, name = path.stem.partition("-")
        kind = KINDS.get(path.suffix.lower())
        if kind and clock.isdigit():
            items.append(
                {
                    "run": run.name,
                    "name": name,
                    "clock": int(clock),
                    "kind": kind,
                    "file": path.name,
                }
            )
    return items


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
