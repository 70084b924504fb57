"""Take a resolved configuration to a finished run: set the process up, build, train, resume."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.config import Config, RunOptions
from lab.environ import environment, thread_variables
from lab.errors import LabError, RunFailed, UsageError, reason
from lab.plugins import Plugins
from lab.spec import NAME, ExperimentSpec
from lab.store import Run, RunFolder
from lab.text import did_you_mean
from lab.tracking.terminal import Terminal

if TYPE_CHECKING:
    from lab.checkpoint import Checkpoints
    from lab.context import Context
    from lab.data.record import DataRecord
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


class Session:
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

    def move(self, name: str | None) -> None:
        """Compute on the device `name`; None for that of the options, or the best if it is gone."""
        from lab import device

        known = {"auto", *device.available()}
        chosen = name or (self.options.device if self.options.device in known else "auto")
        self.options = self.options.model_copy(update={"device": chosen})

    def build(
        self,
        folder: Path,
        facts: Mapping[str, Any] | None = None,
        data_record: DataRecord | None = None,
    ) -> tuple[Experiment, Context]:
        """Construct the experiment in its context. Nothing is written yet."""
        from lab import device
        from lab.context import Context
        from lab.data.record import DataRecord
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
            sources=self.plugins.sources(),
            warn=self.terminal.say,
            data_record=data_record or DataRecord(),
        )
        return self.spec.load_experiment()(self.config, ctx), ctx

    def train(self, folder: RunFolder, experiment: Experiment, ctx: Context) -> RunResult:
        assert ctx.data_record is not None
        ctx.data_record.attach(folder.dir)
        return self._run(folder, experiment, ctx, state=None)

    def resume(self, found: Run, data_changed: bool = False) -> RunResult:
        from lab.data.record import DataRecord

        with closing(RunFolder(found.dir)) as folder:

            def warn(message: str) -> None:
                folder.log(f"Warning: {message}")
                self.terminal.say(f"Warning: {message}")

            record = DataRecord(found.dir, accept=data_changed, warn=warn)
            state = self._checkpoints(found).load_last()
            if state is None and len(found.metrics()) > 1:  # the first comes before any checkpoint
                raise LabError(
                    f"{found.dir}/checkpoints holds nothing to go on from, but metrics.jsonl has "
                    "rows. They are left alone: start a new run."
                )
            experiment, ctx = self.build(found.dir, state["facts"] if state else None, record)
            ctx.read_again()
            folder.write_record(self.record)
            if state is None:
                self.terminal.say("No checkpoint was written yet: starting from the beginning.")
                folder.cut(0)
            return self._run(folder, experiment, ctx, state)

    def restore(
        self, found: Run, which: str, data_changed: bool = False
    ) -> tuple[Experiment, Context]:
        """Return the experiment as a checkpoint holds it."""
        from lab import checkpoint
        from lab.data.record import DataRecord

        try:
            state = checkpoint.load(self._checkpoints(found).find(which))
        except checkpoint.Damaged as error:
            raise LabError(f"{error}. Another may be whole: try --checkpoint last.") from error
        record = DataRecord(
            found.dir,
            trains=False,
            accept=data_changed,
            warn=lambda message: self.terminal.say(f"Warning: {message}"),
        )
        experiment, ctx = self.build(found.dir, state["facts"], record)
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
        from lab.recorder import Recorder
        from lab.runner import Runner

        plan, info = self._plan(), self._info(folder.dir, resumed=state is not None)
        recorder = Recorder(info, plan.budget, folder, self.terminal)
        recorder.trackers = self._trackers(recorder.say)
        runner = Runner(plan, experiment, ctx, recorder)
        ctx.warn = recorder.warn
        ctx.follow_sources(recorder.source)
        try:
            if state is not None:
                runner.restore(state)
                before = Run(folder.dir).summary
                followed = set(before.get("trackers", ()))
                recorder.newcomers = {t.name for t in recorder.trackers} - followed
                recorder.links = dict(before.get("links", {}))
            summary = runner.run()
        except Exception as error:
            message = recorder.error or reason(error)
            raise RunFailed(f"{folder.dir} failed: {message}", str(folder.dir)) from error
        finally:
            folder.close()
        return RunResult(folder.dir, summary["state"], summary, summary["objective"]["best"])

    def _plan(self) -> Plan:
        from lab.runner import Plan

        options = self.options
        assert options.budget is not None  # these three are resolved
        assert options.eval_every is not None
        assert options.log_every is not None
        return Plan(
            spec=self.spec,
            objective=self.config.objective,
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
        goals = self.config.goals if text else {}  # an environment may be gone by now
        if text and NAME.fullmatch(text) and text not in goals:
            offered = f"it has: {', '.join(goals)}" if goals else "it has none by name"
            raise UsageError(
                f"--stop-at {text}: {self.config.target} has no such goal; {offered}. "
                f"Write a criterion: --stop-at '{self.config.objective[0]}>=...'"
            )
        criterion = StopAt.parse(goals.get(text, text)) if text else None
        known = [name for name in self.spec.metrics if name.startswith("eval/")]
        if criterion and known and not self.spec.declares(criterion.metric):
            raise UsageError(
                f"--stop-at {text}: {self.spec.name} has no metric {criterion.metric!r}."
                f"{did_you_mean(criterion.metric, known)} It has: {', '.join(known)}"
            )
        return criterion

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

    def _trackers(self, say: Callable[[str], None]) -> list[Relay]:
        from lab.tracking.relay import Relay
        from lab.tracking.tracker import Imported

        specs = self.plugins.trackers() if self.options.track else []
        relays = [Relay(Imported(spec.tracker), spec.name, say) for spec in specs]
        if self.options.wandb != "disabled":
            from lab.tracking.wandb import WandbTracker

            tracker = WandbTracker(self.options.wandb, self.options.project, warn=say, tell=say)
            relays.insert(0, Relay(tracker, "W&B", say, key="wandb"))
        return relays
