"""Take a resolved configuration to a finished run: set the process up, build, train, resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import memory
from lab.compute.process_env import environment, thread_variables
from lab.engine.stop import OnEval, check_function
from lab.errors import LabError, RunFailed, UsageError, reason
from lab.messages import did_you_mean
from lab.plugins import Plugins
from lab.resolve import Resolved
from lab.spec import NAME, ExperimentSpec
from lab.storage.store import NameTaken, Run, RunFolder
from lab.tracking.terminal import Terminal

if TYPE_CHECKING:
    from lab.compute.device import Compute
    from lab.data.record import DataRecord
    from lab.engine.checkpoint import Checkpoints
    from lab.engine.context import Context
    from lab.engine.experiment import Experiment
    from lab.engine.recorder import Recorder
    from lab.engine.runner import RunPlan
    from lab.engine.stop import StopAt
    from lab.tracking.relay import BackgroundTracker
    from lab.tracking.tracker import RunInfo


@dataclass(frozen=True)
class RunResult:
    """The result of a run.

    objective: the best value of the metric that it selects by.
    hints: messages of its trackers at the end, a line each.
    """

    dir: Path
    state: str
    summary: Mapping[str, Any]
    objective: float | None
    hints: tuple[str, ...] = ()

    @property
    def run(self) -> Run:
        """The run folder: its metrics, tables and pictures."""
        return Run(self.dir)

    def _repr_html_(self) -> str:
        return self.run._repr_html_()

    @classmethod
    def read(cls, dir: Path) -> RunResult:
        """Return the result of a run that is not trained here."""
        run = Run(dir)
        return cls(dir, run.state, run.summary, run.summary.get("objective", {}).get("best"))


class Session:
    """The steps between a resolved configuration and a finished run, shared by run and resume."""

    def __init__(
        self,
        spec: ExperimentSpec,
        resolved: Resolved,
        record: Mapping[str, Any],
        plugins: Plugins,
        terminal: Terminal,
        on_eval: OnEval | None = None,
    ) -> None:
        self.spec, self.resolved, self.record = spec, resolved, record
        self.on_eval = on_eval
        self.config, self.options = resolved.config, resolved.run
        self.plugins, self.terminal = plugins, terminal

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Set the process up for computing, hold the objects of the run, and put everything back.

        The environment comes first: OpenMP reads it once, when torch is imported.
        """
        threads = self.options.threads or self.config.threads
        with environment(thread_variables(threads)), ExitStack() as stack:
            from lab.compute import device, rng

            stack.enter_context(device.configured(threads, self.options.deterministic))
            stack.enter_context(rng.untouched())
            stack.enter_context(memory.holding(self.resolved.objects))
            yield

    def move(self, name: str | None) -> None:
        """Compute on the device `name`; None for that of the options, or the best if it is gone."""
        from lab.compute import device

        devices = {"auto", *device.available()}
        chosen = name or (self.options.device if self.options.device in devices else "auto")
        self.options = self.options.model_copy(update={"device": chosen})

    def build(
        self,
        folder: Path,
        facts: Mapping[str, Any] | None = None,
        recorder: Recorder | None = None,
        data_record: DataRecord | None = None,
    ) -> tuple[Experiment, Context]:
        """Construct the experiment in its context. `folder` is there already: an experiment may
        write to it. Its messages go to the recorder, if there is one."""
        from lab.compute import device
        from lab.compute.device import Compute
        from lab.engine.context import Context

        options = self.options
        compute: Compute = Compute(
            device.resolve(options.device), options.precision, options.compile
        )
        ctx = Context(
            seed=options.seed,
            budget=options.budget or self.config.budget,
            dir=folder,
            compute=compute,
            task=self.resolved.task,
            objective=self.resolved.objective,
            facts=facts,
            environments=self.plugins.environments(),
            sources=self.plugins.sources(),
            warn=recorder.warn if recorder else self.terminal.say,
            show=self.terminal.show,
            tell_source=recorder.source if recorder else None,
            data_record=data_record,
        )
        try:
            return self.spec.load_experiment()(self.config, ctx), ctx
        except BaseException:
            ctx.close()
            raise

    def start(self, names: Sequence[str]) -> RunResult:
        """Train from the beginning, in a folder of the first of `names` that is free."""
        self._prepare()
        with closing(self._create(names)) as folder:
            return self._run(folder, state=None, new=True)

    def resume(
        self, run: Run, data_changed: bool = False, restart_schedules: bool = False
    ) -> RunResult:
        """Go on from the last checkpoint; from the beginning where none was written yet."""
        self._prepare()
        with closing(RunFolder(run.dir)) as folder:
            state = self._checkpoints(run).load_last()
            if state is None and len(run.metrics()) > 1:  # the first comes before any checkpoint
                raise LabError(
                    f"{run.dir}/checkpoints holds nothing to go on from, but metrics.jsonl has "
                    "rows. They are left alone: start a new run."
                )
            if state is None:
                self.terminal.say("No checkpoint was written yet: starting from the beginning.")
                folder.cut(0)
            return self._run(
                folder, state, data_changed=data_changed, restart_schedules=restart_schedules
            )

    def restore(
        self, run: Run, which: str, data_changed: bool = False
    ) -> tuple[Experiment, Context]:
        """Return the experiment as a checkpoint holds it."""
        from lab.data.record import DataRecord
        from lab.engine import checkpoint

        try:
            state = checkpoint.load(self._checkpoints(run).find(which))
        except checkpoint.Damaged as error:
            other = "best" if which == "last" else "last"
            raise LabError(f"{error}. Another may be intact: try --checkpoint {other}.") from error
        record = DataRecord(
            run.dir,
            trains=False,
            accept=data_changed,
            warn=lambda message: self.terminal.say(f"Warning: {message}"),
        )
        experiment, ctx = self.build(run.dir, state["facts"], data_record=record)
        experiment.load_state_dict({"model": state["experiment"]["model"]})
        ctx.clock = state["clock"]
        return experiment, ctx

    def _prepare(self) -> None:
        """Find what can be wrong before anything is made: a criterion, a device, an import."""
        from lab.compute import device

        check_function(self.on_eval)
        self.stop_at = self._stop_at()
        chosen = {"device": str(device.resolve(self.options.device))}  # resume stays there
        self.options = self.options.model_copy(update=chosen)
        self.record = {**self.record, "run": {**self.record["run"], **chosen}}
        self.spec.load_experiment()

    def _create(self, names: Sequence[str]) -> RunFolder:
        """Make the run folder. Raises NameTaken where no name is free."""
        for name in names[:-1]:
            with suppress(NameTaken):
                return self._create_as(name)
        return self._create_as(names[-1])

    def _create_as(self, name: str) -> RunFolder:
        record = {**self.record, "run": {**self.record["run"], "name": name}}
        return RunFolder.create(self.options.runs_dir / name, record)

    def _checkpoints(self, run: Run) -> Checkpoints:
        from lab.engine.checkpoint import Checkpoints

        return Checkpoints(run.dir / "checkpoints", self.terminal.say)

    def _run(
        self,
        folder: RunFolder,
        state: Mapping[str, Any] | None,
        new: bool = False,
        data_changed: bool = False,
        restart_schedules: bool = False,
    ) -> RunResult:
        """Build the experiment in its run folder and train it."""
        from lab.data.record import DataRecord
        from lab.engine.recorder import Recorder
        from lab.engine.runner import Runner

        plan, info = self._plan(), self._info(folder.dir, resumed=state is not None)
        recorder = Recorder(info, plan.budget, folder, self.terminal)
        data_record = DataRecord(folder.dir, accept=data_changed, warn=recorder.warn)
        if state is None:
            experiment, ctx = self._first_build(recorder, data_record, new)
        else:
            experiment, ctx = self.build(folder.dir, state["facts"], recorder, data_record)
        if not new:
            ctx.read_again()
            folder.write_record(self.record)
        recorder.trackers = self._trackers(recorder.say)
        runner = Runner(plan, experiment, ctx, recorder)
        try:
            if state is not None:
                runner.restore(state, restart_schedules)
                before = Run(folder.dir).summary
                followed = set(before.get("trackers", ()))
                recorder.newcomers = {t.name for t in recorder.trackers} - followed
                recorder.links = dict(before.get("links", {}))
            summary = runner.run()
        except Exception as error:
            raise self._failed(recorder, error) from error
        hints = tuple(line for tracker in recorder.trackers for line in tracker.hints)
        best = summary["objective"]["best"]
        return RunResult(folder.dir, summary["state"], summary, best, hints)

    def _first_build(
        self, recorder: Recorder, data_record: DataRecord, new: bool
    ) -> tuple[Experiment, Context]:
        """Build what was never trained. A mistake in the options leaves no new folder behind; what
        fails otherwise is recorded as any failure of a run."""
        try:
            recorder.write_summary("running")
            return self.build(recorder.folder.dir, recorder=recorder, data_record=data_record)
        except UsageError:
            if new:
                recorder.folder.discard()
            else:
                recorder.write_summary("failed")
            raise
        except KeyboardInterrupt:
            recorder.write_summary("interrupted")
            raise
        except (Exception, SystemExit) as error:  # a trainer that reads a command line exits
            recorder.failed(error)
            recorder.write_summary("failed")
            raise self._failed(recorder, error) from error

    def _failed(self, recorder: Recorder, error: BaseException) -> RunFailed:
        folder = recorder.folder.dir
        return RunFailed(f"{folder} failed: {recorder.error or reason(error)}", str(folder))

    def _plan(self) -> RunPlan:
        from lab.engine.runner import RunPlan

        options = self.options
        assert options.budget is not None  # these three are resolved
        assert options.eval_every is not None
        assert options.log_every is not None
        return RunPlan(
            spec=self.spec,
            objective=self.resolved.objective,
            budget=options.budget,
            eval_every=options.eval_every,
            log_every=options.log_every,
            checkpoint_every=options.checkpoint_every,
            keep=options.keep_checkpoints,
            stop_at=self.stop_at,
            media=options.media,
            on_eval=self.on_eval,
        )

    def _stop_at(self) -> StopAt | None:
        from lab.engine.stop import StopAt

        text = self.options.stop_at
        goals = self.resolved.goals
        if text and NAME.fullmatch(text) and text not in goals:
            offered = f"it has: {', '.join(goals)}" if goals else "it has none by name"
            raise UsageError(
                f"--stop-at {text}: {self.resolved.target} has no such goal; {offered}. "
                f"Write a criterion: --stop-at '{self.resolved.objective[0]}>=...'"
            )
        criterion = StopAt.parse(goals.get(text, text)) if text else None
        declared = [name for name in self.spec.metrics if name.startswith("eval/")]
        if criterion and declared and not self.spec.declares(criterion.metric):
            raise UsageError(
                f"--stop-at {text}: {self.spec.name} has no metric {criterion.metric!r}."
                f"{did_you_mean(criterion.metric, declared)} It has: {', '.join(declared)}"
            )
        return criterion

    def _info(self, folder: Path, resumed: bool) -> RunInfo:
        from lab.tracking.tracker import RunInfo

        options = self.options
        hidden = {"name", "group", "tag", "runs_dir", "keep_checkpoints"}
        own = options.model_dump(mode="json", exclude=hidden)
        return RunInfo(
            id=self.record["id"],
            name=options.name or folder.name,
            dir=folder,
            experiment=self.spec.name,
            target=self.resolved.target,
            group=options.group or "",
            seed=options.seed,
            config={"experiment": self.spec.name, **self.config.model_dump(mode="json"), **own},
            clock=self.config.clock,
            objective=self.resolved.objective,
            tags=options.tag,
            resumed=resumed,
        )

    def _trackers(self, say: Callable[[str], None]) -> list[BackgroundTracker]:
        """Return what follows the run: every tracker but those whose options keep them away."""
        from lab.tracking.relay import BackgroundTracker
        from lab.tracking.tracker import make

        relays = []
        for name, spec in self.plugins.trackers().items() if self.options.track else ():
            options = self.resolved.trackers.get(name)
            if getattr(options, "follows", True):
                relays.append(
                    BackgroundTracker(partial(make, spec, options), name, say, label=spec.label)
                )
        return relays
