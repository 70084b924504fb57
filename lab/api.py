"""Offer in Python what the command line calls to train and to compare: run, resume, runs, compare.

What is made of a trained run: `lab/trained.py`.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from lab import memory
from lab.config import RunOptions
from lab.engine.session import RunResult, Session
from lab.engine.stop import STOPPED, OnEval
from lab.errors import UsageError
from lab.messages import slug
from lab.plugins import Plugins, discover
from lab.resolve import Models, Resolved, as_recorded, models_of, recorded
from lab.spec import ExperimentSpec
from lab.storage import store
from lab.storage.provenance import provenance
from lab.storage.store import Run, Runs
from lab.tracking.terminal import Terminal, for_python

if TYPE_CHECKING:
    from lab.comparison.tables import Comparison


@overload
def run(
    experiment: str | ExperimentSpec,
    *,
    seeds: None = None,
    jobs: None = None,
    preset: str | None = None,
    config_file: str | Path | None = None,
    on_eval: OnEval | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> RunResult: ...


@overload
def run(
    experiment: str | ExperimentSpec,
    *,
    seeds: int | Iterable[int],
    jobs: int | None = None,
    preset: str | None = None,
    config_file: str | Path | None = None,
    on_eval: OnEval | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> list[RunResult]: ...


def run(
    experiment: str | ExperimentSpec,
    *,
    seeds: int | Iterable[int] | None = None,
    jobs: int | None = None,
    preset: str | None = None,
    config_file: str | Path | None = None,
    on_eval: OnEval | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> RunResult | list[RunResult]:
    """Train an experiment from the start. `options` are those of `lab run`, with underscores.

    With `seeds`, a number of them from `seed` on or a list, train a group of runs that differ by
    seed alone and return a list of results: one after another in this process, or `jobs` at a time,
    each in a process of its own. `run_many` describes what happens where some fail.

    `data`, `model` and `env` may be objects: `data=(X, y)` of arrays or tensors, a DataFrame with
    `target="column"`, a torch or `lab.Dataset`; a torch module, its class or a function that makes
    it; a class of environments. The run folder keeps a word for each: who uses the run gives them
    again.

    `on_eval(clock, metrics)` is called after each evaluation, with its metrics by full name, and
    ends the run there by returning False: with `ended` "stopped", its best checkpoint and a test of
    that, as `stop_at` ends one. `resume` trains such a run on.

    Raises UsageError for options that cannot be, RunFailed where training or `on_eval` fails.
    """
    from lab.launch import RunSpec, by_seed, run_many  # which starts runs by this module

    plugins = plugins or discover()
    run_spec = RunSpec(experiment, options, preset, config_file, on_eval)
    if seeds is not None:
        specs = by_seed(run_spec, seeds, plugins)
        return run_many(specs, jobs=jobs, terminal=terminal, plugins=plugins)
    if jobs is not None:
        raise UsageError("--jobs says how many seeds train at a time: it needs --seeds")
    spec, resolved = run_spec.resolve(plugins)
    return start(spec, resolved, plugins, terminal or for_python(), on_eval)


def start(
    spec: ExperimentSpec,
    resolved: Resolved,
    plugins: Plugins,
    terminal: Terminal,
    on_eval: OnEval | None = None,
) -> RunResult:
    """Make the run folder of a resolved run and train."""
    options = resolved.run
    group = options.group or default_group(spec, resolved)
    resolved = replace(resolved, run=options.model_copy(update={"group": group}))
    names = [options.name] if options.name else default_names(spec, resolved)
    if options.name:
        store.refuse_taken(options.runs_dir / options.name)  # before anything heavy
    record: dict[str, Any] = {
        "experiment": spec.name,
        "plugin": plugins.reference(spec),
        "id": uuid.uuid4().hex[:12],
        "preset": resolved.preset,
        "config": resolved.config.model_dump(mode="json"),
        "run": resolved.run.model_dump(mode="json"),
        "trackers": resolved.tracker_values,
        "decided": resolved.decided,
        "provenance": provenance(),
    }
    session = Session(spec, resolved, record, plugins, terminal, on_eval)
    with session.computing():
        return session.start(names)


def resume(
    run: str | Path,
    *,
    on_eval: OnEval | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    runs_dir: str | Path = "runs",
    data: Any = None,
    model: Any = None,
    env: Any = None,
    data_changed: bool = False,
    restart_schedules: bool = False,
    **changes: Any,
) -> RunResult:
    """Continue a run that was interrupted, or that `on_eval` stopped, exactly.

    With a larger `budget` it trains on: schedules that have ended stay so, the rest of others is
    stretched, unless `restart_schedules` makes all of them anew for that budget.

    `on_eval` is that of `run`; the evaluation at which a run was cut off may be reported again.
    `changes` may be budget, device, stop_at, media, and what trackers let be changed. `data`,
    `model` and `env` are the objects that the run was given in Python, once more. Raises
    UsageError where there is nothing to continue, and where the data are not those that the run
    has read, unless `data_changed` accepts them.
    """
    plugins = plugins or discover()
    stored_run = store.find(str(run), Path(runs_dir))
    record = stored_run.record
    spec = plugins.experiment(stored_run.plugin)
    changes = {name: value for name, value in changes.items() if value is not None}
    models = models_of(spec, plugins)
    _check_changes(changes, models)
    values = {**recorded(record, models.trackers), **changes}
    objects = memory.again(record["config"], {"data": data, "model": model, "env": env})
    memory.require_all(record["config"], objects)
    resolved = as_recorded(models, values, record, plugins, objects)
    options = resolved.run
    budget = record["run"]["budget"]
    if (options.budget or 0) < budget:
        raise UsageError(
            f"--budget {options.budget}: {stored_run.dir} trains to {budget} anyway; give more"
        )
    ended = stored_run.summary.get("ended")
    dropped = "stop_at" in changes and ended not in ("budget", "complete")
    early = dropped or ended == STOPPED
    if stored_run.state == "finished" and options.budget == budget and not early:
        raise UsageError(
            f"{stored_run.dir} is finished. To train on, give a larger --budget than {budget}."
        )
    if restart_schedules and options.budget == budget:
        raise UsageError("--restart-schedules is for a larger --budget than before")
    said = {"data_changed": data_changed, "restart_schedules": restart_schedules}
    accepted = {name: True for name, value in said.items() if value}
    resumes = [*record.get("resumes", []), {**changes, **accepted, **provenance()}]
    changed = {
        "run": options.model_dump(mode="json"),
        "trackers": {**record.get("trackers", {}), **resolved.tracker_values},
        "decided": resolved.decided,
    }
    record = {**record, **changed, "resumes": resumes}
    terminal = terminal or for_python()
    session = Session(spec, resolved, record, plugins, terminal, on_eval)
    with session.computing():
        return session.resume(stored_run, data_changed, restart_schedules)


def runs(dir: str | Path = "runs") -> Runs:
    """Return the runs of a folder, to go through by name or to see in a table."""
    return Runs(Path(dir))


def compare(
    runs: str | Path | Iterable[Run | RunResult | str | Path] = "runs",
    *,
    by: Sequence[str] = (),
    metric: str | None = None,
    direction: str | None = None,
    threshold: float | None = None,
    curves: bool = False,
) -> Comparison:
    """Compare groups of runs as `lab compare` does, in a table for each task and objective: those
    of a folder, or those listed, as `runs`, `run` and `run_many` return them or by their folders.

    by: keys of the summary or config to group the runs of a task by; by default, groups differ by
    seed alone. metric: the one to compare, by default the test metric of the objective; direction:
    "max" or "min", which of its values are better, where its name does not tell. threshold: a value
    of the objective, to report when each group reached it. curves: add the objective by clock.

    Raises UsageError where nothing can be compared.
    """
    from lab.comparison import tables
    from lab.comparison.selection import refuse_namesakes

    chosen = store.runs(Path(runs)) if isinstance(runs, str | Path) else map(_as_run, runs)
    listed = list({run.dir.resolve(): run for run in chosen}.values())
    refuse_namesakes(listed)
    query = tables.ComparisonQuery(by, metric, threshold, direction)
    return tables.compare(listed, query, curves=curves)


def _as_run(run: Run | RunResult | str | Path) -> Run:
    if isinstance(run, Run):
        return run
    return Run(run.dir) if isinstance(run, RunResult) else store.find(str(run), Path("runs"))


def _check_changes(changes: Mapping[str, Any], models: Models) -> None:
    """Raise UsageError for what a resumed run cannot change and stay the same run."""
    free = RunOptions.CHANGES.union(*(model.CHANGES for model in models.trackers.values()))
    fixed = set(changes) - free
    if fixed:
        raise UsageError(f"resume cannot change {', '.join(sorted(fixed))}: start a new run")


def default_group(spec: ExperimentSpec, resolved: Resolved) -> str:
    """Name the runs that differ by seed alone: experiment, target and a hash of the config."""
    run = resolved.run
    own = {"budget", "eval_every", "stop_at", "precision", "compile", "deterministic"}
    decided = [resolved.config.model_dump(mode="json"), run.model_dump(mode="json", include=own)]
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:6]
    return f"{spec.name}-{slug(resolved.target)}-{digest}"


def default_names(spec: ExperimentSpec, resolved: Resolved) -> list[str]:
    """Return names for a run: by the second, and then longer, for runs that start together."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{spec.name}-{slug(resolved.target)}-s{resolved.run.seed}-{stamp}"
    return [name, f"{name}-{uuid.uuid4().hex[:4]}", f"{name}-{uuid.uuid4().hex}"]
