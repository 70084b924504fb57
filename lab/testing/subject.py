"""The subject of checks: an experiment, the runs that it trained, and what they left behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import api
from lab.config import Config
from lab.engine.session import Session
from lab.errors import LabError, RunFailed, UsageError
from lab.plugins import Plugin, Plugins, discover
from lab.resolve import Resolved, resolve
from lab.spec import ExperimentSpec
from lab.testing import defaults
from lab.testing.leaks import Traces, watched
from lab.testing.limits import SECONDS, OutOfTime, prompt
from lab.testing.places import Own, origin
from lab.tracking.terminal import Silent, Terminal

if TYPE_CHECKING:
    from lab.engine.context import Context
    from lab.engine.experiment import Experiment

PRESET = "tiny"
# what every check of a trained experiment goes through: where one hangs, none is tried again
CALLED = ("__init__", "step", "evaluate", "state_dict", "load_state_dict", "<module>")


class Skipped(Exception):
    """A check does not apply here; the message says why."""


class CheckFailed(AssertionError):
    """A promise of the contract is not kept; the message says which, and the likely cause."""


class Unusable(CheckFailed):
    """What several checks need is broken. The first of them reports it, the others are skipped.

    `kind` identifies it when it comes again: by default the message.
    """

    def __init__(self, message: str, kind: object = None) -> None:
        super().__init__(message)
        self.kind = kind or message


def expect(kept: bool, otherwise: str) -> None:
    """Raise Broken, with a full sentence, where a promise is not kept."""
    if not kept:
        raise CheckFailed(otherwise)


@dataclass(frozen=True)
class Trained:
    """A run that came to its end."""

    dir: Path
    summary: Mapping[str, Any]

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """The rows of metrics.jsonl, without what depends on the machine's speed."""
        lines = (self.dir / "metrics.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [{k: v for k, v in row.items() if not k.startswith("perf/")} for row in rows]

    def checkpoint(self, which: str = "last") -> dict[str, Any]:
        from lab.engine import checkpoint

        return checkpoint.load(self.dir / "checkpoints" / f"{which}.pt")


class Failing(Silent):
    """A terminal on which training fails when the clock gets to `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def tick(self, clock: int) -> None:
        if clock >= self.at:
            raise RuntimeError("ended here to see what is left behind")


class Subject:
    """An experiment under examination. Runs are trained once and shared by the checks.

    `preset` must finish within seconds on a CPU and improve the objective.
    """

    kind = "experiment"

    def __init__(
        self,
        experiment: str | ExperimentSpec,
        plugins: Plugins | None = None,
        preset: str = PRESET,
        time_limit: float = SECONDS,
    ) -> None:
        self.plugins = plugins or discover()
        if isinstance(experiment, str):
            experiment = self.plugins.experiment(experiment)
        self.spec = experiment
        self.preset = preset
        self._scratch = tempfile.TemporaryDirectory(prefix="lab-check-", ignore_cleanup_errors=True)
        self.time_limit = time_limit  # seconds of a check
        self.reported: dict[object, str] = {}  # what is broken -> the check that reported it
        self.reads: Any = None  # what lab.testing.splits found
        self._hung: Unusable | None = None
        self._trained: dict[str, Trained | Unusable] = {}
        self._traces: dict[str, Traces] = {}

    def close(self) -> None:
        """Forget the runs."""
        self._scratch.cleanup()

    @property
    def folder(self) -> Path:
        return Path(self._scratch.name)

    @property
    def plugin(self) -> Plugin | None:
        """The plugin that offers the experiment; None where it was handed over as a spec."""
        offering = (p for p in self.plugins.all if any(s is self.spec for s in p.experiments))
        return next(offering, None)

    @cached_property
    def own(self) -> Own:
        """The files of the plugin."""
        modules = {path.partition(":")[0] for path in (self.spec.config, self.spec.experiment)}
        modules |= {self.plugin.module} if self.plugin and self.plugin.module else set()
        return Own(sorted({module.partition(".")[0] for module in modules}))

    @property
    def config_class(self) -> type[Config]:
        return self.spec.load_config()

    @property
    def experiment_class(self) -> type[Any]:
        self._refuse_what_failed()
        return self.spec.load_experiment()

    def resolve(self, preset: str | None = None, **options: Any) -> Resolved:
        """Resolve a preset, by default the one that is trained, with `options` over it.

        Raises Unusable where there is no such preset or a default is bad, UsageError for values.
        """
        preset = preset or self.preset
        if preset not in ("none", *self.spec.presets):
            raise Unusable(
                f"{self.spec.name} has no preset {preset!r}. The contract trains it: give the "
                "spec one that finishes within seconds on a CPU and improves the objective."
            )
        if self.bad_defaults:
            raise Unusable("\n".join(self.bad_defaults))
        fixed: dict[str, Any] = {"device": "cpu", "media": False, "track": False}
        fixed["runs_dir"] = self.folder
        return resolve(self.spec, {**fixed, **options}, preset=preset, plugins=self.plugins)

    @cached_property
    def bad_defaults(self) -> list[str]:
        """A line for each default of the config that it does not take itself."""
        return defaults.mistakes(self.config_class)

    @property
    def budget(self) -> int:
        return int(self.resolve().run.budget or 0)

    # -- runs

    def train(
        self, name: str, terminal: Callable[[], Terminal] = Silent, **options: Any
    ) -> Trained:
        """Return the run `name`, trained on the first call and watched for what it leaves behind.

        Raises Unusable where it fails, and for every other run once the first has failed.
        """
        self._refuse_what_failed()
        if name not in self._trained:
            self._trained[name] = self._train(name, terminal(), options)
        outcome = self._trained[name]
        if isinstance(outcome, Unusable):
            raise outcome
        return outcome

    def _train(
        self, name: str, terminal: Terminal, options: Mapping[str, Any]
    ) -> Trained | Unusable:
        resolved = self.resolve(**{"checkpoint_every": self.grid, "name": name, **options})
        with watched(self.folder) as self._traces[name], self._noticing(), prompt():
            try:
                result = api.start(self.spec, resolved, self.plugins, terminal)
            except (RunFailed, UsageError) as error:
                return self._broken(error)
        if result.state != "finished":
            return Unusable(f"The run of the preset {self.preset!r} ended {result.state!r}.")
        return Trained(result.dir, result.summary)

    def _broken(self, error: LabError) -> Unusable:
        """Return the failure that every check of a trained run reports where there is none."""
        broken = Unusable(
            f"The preset {self.preset!r} does not train. {self.own.describe(error)}",
            self.own.place(origin(error)),
        )
        broken.__cause__ = origin(error)
        return broken

    def _refuse_what_failed(self) -> None:
        """Raise what the first run failed by, or what hangs: it would only be reported again."""
        first = self._trained.get("first")
        for failure in (self._hung, first):
            if isinstance(failure, Unusable):
                raise failure

    @contextmanager
    def _noticing(self) -> Iterator[None]:
        """Remember that something hung which every check would wait for again."""
        try:
            yield
        except OutOfTime as late:
            if late.method in CALLED:
                self._hung = Unusable(str(late))
            raise

    @property
    def grid(self) -> int:
        """Where runs write checkpoints, so that some come before any interruption."""
        return max(1, self.budget // 8)

    @cached_property
    def first(self) -> Trained:
        """The run that most checks look at."""
        return self.train("first")

    @cached_property
    def again(self) -> Trained:
        """The same once more: nothing is imported or built for the first time in it."""
        _ = self.first
        return self.train("again")

    def traces(self, name: str) -> Traces:
        """What the run `name` left behind in this process."""
        return self._traces[name]

    @cached_property
    def failure(self) -> Traces:
        """What a run left behind that failed half way."""
        _ = self.first
        resolved = self.resolve(name="failure")
        with watched(self.folder) as traces, self._noticing(), prompt(), suppress(RunFailed):
            api.start(self.spec, resolved, self.plugins, Failing(self.budget // 2))
        return traces

    # -- an experiment outside of any run

    @contextmanager
    def experiment(
        self, facts: Mapping[str, Any] | None = None, **options: Any
    ) -> Iterator[tuple[Experiment, Context]]:
        """Yield a fresh experiment, in the process set-up of a run; with the facts of another run
        if it resumes that."""
        self._refuse_what_failed()
        resolved = self.resolve(**options)
        record = {"experiment": self.spec.name, "id": "check"}
        session = Session(self.spec, resolved, record, self.plugins, Silent())
        outside = self.folder / "outside"
        outside.mkdir(exist_ok=True)
        with self._noticing(), session.computing():
            experiment, ctx = session.build(outside, facts)
            try:
                yield experiment, ctx
            finally:
                ctx.close()

    def train_for(self, experiment: Experiment, ctx: Context, fraction: float = 0.3) -> None:
        """Train an experiment for a fraction of its budget."""
        while ctx.clock < fraction * ctx.budget:
            moved = self.step(experiment)
            ctx.clock += moved
            if moved == 0:
                return

    def step(self, experiment: Experiment) -> int:
        """Let an experiment do one step. Raises Unusable where the clock cannot be kept by it."""
        moved: Any = experiment.step()
        if not isinstance(moved, int) or isinstance(moved, bool) or moved < 0:
            raise Unusable(
                f"step returned {_repr(moved)}; the clock moves by whole numbers, and 0 ends "
                "the run: return how many samples, or steps of the environment, it took."
            )
        return moved


def _repr(value: Any) -> str:
    plain = value is None or isinstance(value, int | float | str)
    return repr(value) if plain else f"a {type(value).__name__}"
