"""Train many runs: side by side, each in a process of its own, or one after another in this one."""

from __future__ import annotations

import operator
import signal
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lab import memory
from lab.api import default_group, start
from lab.engine.child import Child, ForwardedSignals
from lab.engine.session import RunResult
from lab.engine.stop import OnEval
from lab.errors import LabError, RunFailed, UsageError, reason
from lab.messages import count
from lab.plugins import Plugins, discover
from lab.resolve import Resolved, resolve
from lab.spec import ExperimentSpec
from lab.storage.store import LOG
from lab.tracking.terminal import Terminal, for_python

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class RunSpec:
    """A run that is to be trained: what `lab.run` is called with, as a value.

    experiment: its name, the path of a file that holds it, or the spec that a plugin offers.
    options: those of `lab run`, with underscores; `seed`, `name` and `group` are among them.
    preset, config_file, on_eval: as `lab.run` takes them.
    """

    experiment: str | ExperimentSpec
    options: Mapping[str, Any] = field(default_factory=dict)
    preset: str | None = None
    config_file: str | Path | None = None
    on_eval: OnEval | None = None

    def resolve(self, plugins: Plugins) -> tuple[ExperimentSpec, Resolved]:
        """Raises UsageError for options that cannot be."""
        named = self.experiment
        spec = plugins.experiment(named) if isinstance(named, str) else named
        file = Path(self.config_file) if self.config_file else None
        options, objects = memory.named(self.options)
        with memory.holding(objects):
            resolved = resolve(spec, options, preset=self.preset, file=file, plugins=plugins)
        return spec, replace(resolved, objects=objects)


@dataclass(frozen=True)
class Outcome:
    """What one of many runs came to.

    result: None where it has no folder: it never began, or its options were a mistake.
    error: why it did not finish; None where it did.
    """

    spec: RunSpec
    seed: int
    result: RunResult | None
    error: str | None

    @property
    def log(self) -> Path | None:
        """Where to read more of it."""
        if self.result is None:
            return None
        return next(filter(Path.exists, [self.result.dir / LOG]), self.result.dir)

    def __str__(self) -> str:
        named = self.spec.experiment
        name = named if isinstance(named, str) else named.name
        status = (self.error or "finished").removeprefix("Error: ")  # as another process prints it
        where = f"\n  log: {self.log}" if self.log else ""
        return f"{name} seed {self.seed}: {status}{where}"


class RunsFailed(LabError):
    """Some of many runs did not finish. The message names them and their logs.

    outcomes: of all of them, in the order of their specs.
    results: of those that finished.
    """

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        self.outcomes, self.results = outcomes, _finished(outcomes)
        failed = [str(outcome) for outcome in outcomes if outcome.error is not None]
        count = f"{len(failed)} of {len(outcomes)} {'run' if len(outcomes) == 1 else 'runs'} failed"
        super().__init__("\n".join([f"{count}:", *failed]))


class RunsInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended many runs: those that trained have saved, and no other began.

    signal: its number. outcomes: of those that began. results: of those that finished.
    """

    def __init__(self, outcomes: Sequence[Outcome], signal: int) -> None:
        self.outcomes, self.results, self.signal = outcomes, _finished(outcomes), signal
        left = [outcome.result.dir for outcome in outcomes if outcome.error and outcome.result]
        lines = [f"{count(len(self.results), 'run')} finished."]
        lines += [f"Continue with: lab resume {folder}" for folder in left]
        super().__init__("\n".join(lines))


def _finished(outcomes: Iterable[Outcome]) -> list[RunResult]:
    return [
        outcome.result
        for outcome in outcomes
        if outcome.error is None and outcome.result is not None
    ]


@dataclass(frozen=True)
class _Ready:
    """A run whose options are decided."""

    spec: RunSpec
    experiment: ExperimentSpec
    resolved: Resolved

    def outcome(self, result: RunResult | None, error: str | None) -> Outcome:
        return Outcome(self.spec, self.resolved.run.seed, result, error)


def run_many(
    specs: Iterable[RunSpec],
    *,
    jobs: int | None = None,
    on_end: Callable[[Outcome], None] | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
) -> list[RunResult]:
    """Train many runs and return their results, in the order of `specs`.

    jobs: how many train at a time, each in a process of its own; None for one after another in this
    process. on_end: called for each run as it ends, in the order in which they do. terminal: shows
    runs of this process. plugins: those of this process; other processes find their own.

    The options of all runs are checked before any begins. Of an iterator, the next spec is taken
    when there is room for it, so that it may follow from what has ended.

    A run that fails costs the others nothing: RunsFailed is raised at the end, with the results of
    the others. Ctrl-C and SIGTERM reach every run: each saves, no other begins, and RunsInterrupted
    is raised. Raises UsageError for options that cannot be.
    """
    if jobs is not None and jobs < 1:
        raise UsageError(f"--jobs {jobs}: should be greater than or equal to 1")
    plugins = plugins or discover()
    ready: Iterable[_Ready] = (_decide(spec, plugins, jobs is not None) for spec in specs)
    if isinstance(specs, Sequence):
        ready = list(ready)
        _refuse_namesakes(ready)
    many = _Many(plugins, on_end or (lambda outcome: None))
    if jobs is None:
        many.train_here(ready, terminal or for_python())
    else:
        many.train_apart(ready, jobs)
    return many.results()


def by_seed(spec: RunSpec, seeds: int | Iterable[int], plugins: Plugins) -> list[RunSpec]:
    """Return a run for each seed: that many, from the spec's own on, or those listed."""
    _, resolved = spec.resolve(plugins)
    if resolved.run.name:
        raise UsageError("--name names one run; with --seeds give a --group")
    if isinstance(seeds, Iterable) and "seed" in spec.options:
        raise UsageError("--seed is the first of so many --seeds; beside a list it says nothing")
    try:
        if isinstance(seeds, Iterable):
            chosen = [operator.index(seed) for seed in seeds]
        else:
            chosen = [resolved.run.seed + number for number in range(operator.index(seeds))]
    except TypeError:
        raise UsageError(f"--seeds {seeds!r}: say how many, or list them") from None
    if not chosen or len(set(chosen)) < len(chosen):
        raise UsageError(f"--seeds {seeds!r}: should be at least one, and no two alike")
    return [replace(spec, options={**spec.options, "seed": seed}) for seed in chosen]


def _decide(spec: RunSpec, plugins: Plugins, apart: bool) -> _Ready:
    """Decide the options of a run, `apart` for one that another process trains."""
    experiment, resolved = spec.resolve(plugins)
    if apart:
        _check_apart(spec, experiment, resolved, plugins)
    group = resolved.run.group or default_group(experiment, resolved)
    run = resolved.run.model_copy(update={"group": group})
    return _Ready(spec, experiment, replace(resolved, run=run))


def _check_apart(
    spec: RunSpec, experiment: ExperimentSpec, resolved: Resolved, plugins: Plugins
) -> None:
    """Raises UsageError for what another process cannot do."""
    if resolved.objects:
        raise UsageError(
            f"{' and '.join(resolved.objects)}: other processes, which --jobs trains in, do not "
            "have this object; leave out jobs, or save it as a file and name that"
        )
    if spec.on_eval is not None:
        raise UsageError(
            "on_eval is called in this process, and --jobs trains in others: leave out one of them"
        )
    with suppress(UsageError):
        if plugins.experiment(plugins.reference(experiment)) == experiment:
            return
    raise UsageError(
        f"No plugin offers {experiment.name!r}, so that no other process could find it: leave "
        "out --jobs, or give the path of its file"
    )


def _refuse_namesakes(ready: Iterable[_Ready]) -> None:
    seen = set()
    for run in (item.resolved.run for item in ready):
        if run.name and (run.runs_dir, run.name) in seen:
            raise UsageError(f"--name {run.name}: two of the runs have this name")
        seen.add((run.runs_dir, run.name))


class _Many:
    """Runs that are being trained, and what those that ended came to."""

    def __init__(self, plugins: Plugins, on_end: Callable[[Outcome], None]) -> None:
        self._plugins, self._on_end = plugins, on_end
        self._outcomes: dict[int, Outcome] = {}
        self._signal: int | None = None
        self._cause: Exception | None = None

    def results(self) -> list[RunResult]:
        """Return the results. Raises RunsInterrupted or RunsFailed where there is cause."""
        outcomes = [self._outcomes[number] for number in sorted(self._outcomes)]
        if self._signal is not None:
            raise RunsInterrupted(outcomes, self._signal)
        if any(outcome.error is not None for outcome in outcomes):
            raise RunsFailed(outcomes) from self._cause
        return _finished(outcomes)

    def _end(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        self._on_end(outcome)

    # -- in this process

    def train_here(self, ready: Iterable[_Ready], terminal: Terminal) -> None:
        """Train one run after another."""
        try:
            for number, run in enumerate(ready):
                self._end(number, self._train(run, terminal))
                if self._signal is not None:
                    return
        except KeyboardInterrupt:  # before a run listened to signals
            self._signal = signal.SIGINT

    def _train(self, run: _Ready, terminal: Terminal) -> Outcome:
        try:
            result = start(run.experiment, run.resolved, self._plugins, terminal, run.spec.on_eval)
        except Exception as error:
            self._cause = self._cause or error
            failed = RunResult.read(Path(error.dir)) if isinstance(error, RunFailed) else None
            return run.outcome(failed, reason(error))
        if result.state == "interrupted":
            self._signal = result.summary["signal"] or signal.SIGINT
            return run.outcome(result, "interrupted")
        return run.outcome(result, None)

    # -- in processes of their own

    def train_apart(self, ready: Iterable[_Ready], jobs: int) -> None:
        """Keep `jobs` processes busy. None of them outlives an error here."""
        upcoming = enumerate(ready)
        running: dict[Child, tuple[int, _Ready]] = {}
        with tempfile.TemporaryDirectory() as scratch, ForwardedSignals(running) as signals:
            try:
                while True:
                    while len(running) < jobs and not signals.caught:
                        if (following := next(upcoming, None)) is None:
                            break
                        running[self._begin(*following, Path(scratch))] = following
                        signals.pass_on()  # what came while it was being started
                    if not running:
                        break
                    time.sleep(POLL_SECONDS)
                    for child in [child for child in running if child.ended]:
                        number, run = running.pop(child)
                        self._end(number, run.outcome(*child.answer()))
            finally:
                for child in running:
                    child.send(signal.SIGTERM, times=1)
                for child in running:
                    child.wait()
            self._signal = signals.caught

    def _begin(self, number: int, run: _Ready, scratch: Path) -> Child:
        folder = scratch / str(number)
        folder.mkdir()
        return Child(self._plugins.reference(run.experiment), run.resolved, folder)
