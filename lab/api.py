"""Offer in Python what the command line calls: run, resume, load, runs."""

from __future__ import annotations

import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import config, store
from lab.config import Config, Resolved, RunOptions
from lab.environ import environment, thread_variables
from lab.errors import RunFailed, UsageError
from lab.plugins import Plugins, discover
from lab.provenance import provenance
from lab.spec import ExperimentSpec, import_object
from lab.store import Run, RunFolder
from lab.text import slug
from lab.tracking.terminal import Silent, Terminal

if TYPE_CHECKING:
    from lab.checkpoint import Checkpoints
    from lab.context import Context
    from lab.device import Compute
    from lab.experiment import Experiment
    from lab.runner import Plan
    from lab.stop import StopAt
    from lab.tracking.relay import Relay
    from lab.tracking.tracker import RunInfo


@dataclass(frozen=True)
class RunResult:
    """What a run came to. `objective` is the best value of the metric that it selects by."""

    dir: Path
    state: str
    summary: Mapping[str, Any]
    objective: float | None


def run(
    experiment: str | ExperimentSpec,
    *,
    preset: str | None = None,
    config_file: str | Path | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> RunResult:
    """Train an experiment from the start. `options` are those of `lab run`, with underscores.

    Raises UsageError for options that cannot be, RunFailed where training fails.
    """
    plugins = plugins or discover()
    spec = plugins.experiment(experiment) if isinstance(experiment, str) else experiment
    file = Path(config_file) if config_file else None
    resolved = config.resolve(spec, options, preset=preset, file=file)
    return start(spec, resolved, plugins, terminal or Silent())


def start(
    spec: ExperimentSpec, resolved: Resolved, plugins: Plugins, terminal: Terminal
) -> RunResult:
    """Make the run folder of a resolved run and train."""
    options = resolved.run
    group = options.group or default_group(spec, resolved)
    name = options.name or default_name(spec, resolved)
    options = options.model_copy(update={"name": name, "group": group})
    folder = options.runs_dir / name
    if folder.exists():
        raise UsageError(
            f"{folder} exists. Choose another --name, or continue it: lab resume {folder}"
        )
    record = {
        "experiment": spec.name,
        "id": uuid.uuid4().hex[:12],
        "preset": resolved.preset,
        "config": resolved.config.model_dump(mode="json"),
        "run": options.model_dump(mode="json"),
        "provenance": provenance(),
    }
    session = _Session(spec, resolved.config, options, record, plugins, terminal)
    with session.computing():
        built = session.build(folder)
        return session.train(RunFolder.create(folder, record), *built)


def resume(
    run: str | Path,
    *,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    runs_dir: str | Path = "runs",
    **changes: Any,
) -> RunResult:
    """Continue an interrupted run exactly. A larger `budget` is a new horizon for its schedules.

    `changes` may be budget, device, stop_at, wandb, media. Raises UsageError where there is
    nothing to continue.
    """
    plugins = plugins or discover()
    found = store.find(str(run), Path(runs_dir))
    record = found.record
    spec = plugins.experiment(record["experiment"])
    check_changes(changes)
    values = {**record["config"], **record["run"], **changes}
    cfg, options = config.validate(spec.load_config(), values)
    if found.state == "finished" and options.budget == record["run"]["budget"]:
        raise UsageError(
            f"{found.dir} is finished. To train on, give a larger --budget than {options.budget}."
        )
    resumes = [*record.get("resumes", []), {**changes, **provenance()}]
    record = {**record, "run": options.model_dump(mode="json"), "resumes": resumes}
    session = _Session(spec, cfg, options, record, plugins, terminal or Silent())
    with session.computing():
        return session.resume(found)


def load(
    dir: str | Path,
    checkpoint: str | int = "best",
    *,
    device: str = "auto",
    plugins: Plugins | None = None,
) -> Any:
    """Return the trained experiment of a run, ready to predict; its modules are in eval mode."""
    with _restored(dir, str(checkpoint), device, plugins) as (experiment, ctx, _):
        for module in ctx.compute.modules:
            module.eval()
    return experiment


def evaluate(
    dir: str | Path,
    checkpoint: str | int = "best",
    *,
    split: str = "test",
    seed: int | None = None,
    device: str = "auto",
    plugins: Plugins | None = None,
) -> dict[str, float]:
    """Measure a run's checkpoint on a split, "eval" or "test".

    Without `seed` the randomness is that of the run's own evaluation, so its figures repeat.
    """
    with _restored(dir, str(checkpoint), device, plugins) as (experiment, ctx, _):
        from lab.runner import evaluate

        return evaluate(experiment, ctx, split, purpose=split, seed=seed)


def use(
    dir: str | Path,
    capability: str,
    checkpoint: str | int = "best",
    *,
    device: str = "auto",
    plugins: Plugins | None = None,
    **options: Any,
) -> Any:
    """Call what an experiment offers beyond training ("play"), with the options it names."""
    with _restored(dir, str(checkpoint), device, plugins) as (experiment, ctx, spec):
        from lab.runner import perform

        if capability not in spec.capabilities:
            offered = ", ".join(spec.capabilities) or "nothing beyond training"
            raise UsageError(f"{spec.name} does not offer {capability!r}; it offers: {offered}")
        chosen = config.build(import_object(spec.capabilities[capability]), options)
        return perform(experiment, ctx, capability, chosen)


@contextmanager
def _restored(
    dir: str | Path, checkpoint: str, device: str, plugins: Plugins | None
) -> Iterator[tuple[Any, Context, ExperimentSpec]]:
    """Lend the experiment of a run as a checkpoint holds it, in its own process set-up."""
    found = store.find(str(dir), Path())
    plugins = plugins or discover()
    spec = plugins.experiment(found.record["experiment"])
    values = {**found.record["config"], **found.record["run"], "device": device}
    cfg, options = config.validate(spec.load_config(), values)
    session = _Session(spec, cfg, options, found.record, plugins, Silent())
    with session.computing():
        experiment, ctx = session.restore(found, checkpoint)
        try:
            yield experiment, ctx, spec
        finally:
            ctx.close()


def runs(dir: str | Path = "runs") -> Iterator[Run]:
    """Yield the runs of a folder, oldest name first."""
    return store.runs(Path(dir))


def check_changes(changes: Mapping[str, Any]) -> None:
    """Raise UsageError for what a resumed run cannot change and stay the same run."""
    fixed = set(changes) - {"budget", "device", "stop_at", "wandb", "media"}
    if fixed:
        raise UsageError(f"resume cannot change {', '.join(sorted(fixed))}: start a new run")


def default_group(spec: ExperimentSpec, resolved: Resolved) -> str:
    """Name the runs that differ by seed alone: experiment, target and a hash of the config."""
    run = resolved.run
    decided = [resolved.config.model_dump(mode="json"), run.budget, run.precision]
    digest = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()[:6]
    return f"{spec.name}-{slug(resolved.config.target)}-{digest}"


def default_name(spec: ExperimentSpec, resolved: Resolved) -> str:
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{spec.name}-{slug(resolved.config.target)}-s{resolved.run.seed}-{stamp}"
    taken = (resolved.run.runs_dir / name).exists()
    return f"{name}-{uuid.uuid4().hex[:4]}" if taken else name


class _Session:
    """The steps between a resolved configuration and a finished run, shared by run and resume."""

    def __init__(
        self,
        spec: ExperimentSpec,
        cfg: Config,
        options: RunOptions,
        record: Mapping[str, Any],
        plugins: Plugins,
        terminal: Terminal,
    ) -> None:
        self.spec, self.config, self.options, self.record = spec, cfg, options, record
        self.plugins, self.terminal = plugins, terminal

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Set the process up for computing, and put everything back.

        The environment comes first: OpenMP reads it once, when torch is imported.
        """
        threads = self.options.threads or self.config.threads
        with environment(thread_variables(threads)), ExitStack() as stack:
            from lab import device, rng

            stack.enter_context(device.configured(threads, self.options.deterministic))
            stack.enter_context(rng.untouched())
            yield

    def build(
        self, folder: Path, facts: Mapping[str, Any] | None = None
    ) -> tuple[Experiment, Context]:
        """Construct the experiment in its context. Nothing is written yet."""
        from lab import device
        from lab.context import Context
        from lab.device import Compute

        options = self.options
        self.stop_at = self._stop_at()  # a wrong criterion is said before anything is made
        compute: Compute = Compute(
            device.resolve(options.device), options.precision, options.compile
        )
        ctx = Context(
            seed=options.seed,
            budget=options.budget or self.config.budget,
            dir=folder,
            compute=compute,
            facts=facts,
            environments=self.plugins.environments(),
            warn=self.terminal.say,
        )
        return self.spec.load_experiment()(self.config, ctx), ctx

    def train(self, folder: RunFolder, experiment: Experiment, ctx: Context) -> RunResult:
        return self._run(folder, experiment, ctx, state=None)

    def resume(self, found: Run) -> RunResult:
        folder = RunFolder(found.dir)
        checkpoints = self._checkpoints(found)
        state = checkpoints.load_last()
        experiment, ctx = self.build(found.dir, state["facts"] if state else None)
        folder.write_record(self.record)
        if state is None:
            self.terminal.say("No checkpoint was written yet: starting from the beginning.")
            folder.cut(0)
        return self._run(folder, experiment, ctx, state)

    def restore(self, found: Run, which: str) -> tuple[Experiment, Context]:
        """Return the experiment as a checkpoint holds it."""
        from lab import checkpoint

        state = checkpoint.load(self._checkpoints(found).find(which))
        experiment, ctx = self.build(found.dir, state["facts"])
        experiment.load_state_dict({"model": state["experiment"]["model"]})
        ctx.clock = state["clock"]
        return experiment, ctx

    def _checkpoints(self, found: Run) -> Checkpoints:
        from lab.checkpoint import Checkpoints

        return Checkpoints(found.dir / "checkpoints", self.terminal.say)

    def _run(
        self,
        folder: RunFolder,
        experiment: Experiment,
        ctx: Context,
        state: Mapping[str, Any] | None,
    ) -> RunResult:
        from lab.runner import Runner

        plan = self._plan(folder.dir, resumed=state is not None)
        runner = Runner(plan, experiment, ctx, folder, self.terminal, self._trackers())
        ctx.warn = runner.warn
        try:
            if state is not None:
                runner.restore(state)
            summary = runner.run()
        except Exception as error:
            message = runner.error or str(error)
            raise RunFailed(f"{folder.dir} failed: {message}", str(folder.dir)) from error
        finally:
            folder.close()
        return RunResult(folder.dir, summary["state"], summary, summary["objective"]["best"])

    def _plan(self, folder: Path, resumed: bool) -> Plan:
        from lab.runner import Plan

        options = self.options
        assert options.budget is not None  # these three are resolved
        assert options.eval_every is not None
        assert options.log_every is not None
        return Plan(
            spec=self.spec,
            info=self._info(folder, resumed),
            budget=options.budget,
            eval_every=options.eval_every,
            log_every=options.log_every,
            checkpoint_every=options.checkpoint_every,
            keep=options.keep,
            stop_at=self.stop_at,
            media=options.media,
        )

    def _stop_at(self) -> StopAt | None:
        from lab.stop import StopAt

        text = self.options.stop_at
        if text == "solved":
            text = self.config.solved
            if text is None:
                raise UsageError(
                    f"{self.config.target} has no threshold of its own for --stop-at solved. "
                    f"Write one: --stop-at '{self.config.objective[0]}>=...'"
                )
        return StopAt.parse(text) if text else None

    def _info(self, folder: Path, resumed: bool) -> RunInfo:
        from lab.tracking.tracker import RunInfo

        options = self.options
        hidden = {"name", "group", "tag", "runs_dir", "wandb", "project", "keep"}
        own = options.model_dump(mode="json", exclude=hidden)
        return RunInfo(
            id=self.record["id"],
            name=options.name or folder.name,
            dir=folder,
            experiment=self.spec.name,
            target=self.config.target,
            group=options.group or "",
            seed=options.seed,
            config={"experiment": self.spec.name, **self.config.model_dump(mode="json"), **own},
            clock=self.config.clock,
            objective=self.config.objective,
            tags=options.tag,
            resumed=resumed,
        )

    def _trackers(self) -> list[Relay]:
        if self.options.wandb == "disabled":
            return []
        from lab.tracking.relay import Relay
        from lab.tracking.wandb import WandbTracker, resolve_mode

        mode = resolve_mode(self.options.wandb, os.environ)
        if mode == "disabled":
            return []
        tracker = WandbTracker(mode, project=self.options.project)
        return [Relay(tracker, "wandb", self.terminal.say)]
