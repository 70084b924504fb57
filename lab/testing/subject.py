"""Hold what is under examination: an experiment, the runs it trained, and what they left behind."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import api, config
from lab.config import Config, Resolved
from lab.errors import RunFailed, UsageError
from lab.plugins import Plugin, Plugins, discover
from lab.session import Session
from lab.spec import ExperimentSpec
from lab.testing.traces import Traces, watched
from lab.tracking.terminal import Silent, Terminal

if TYPE_CHECKING:
    from lab.context import Context
    from lab.experiment import Experiment

PRESET = "tiny"


class Skipped(Exception):
    """A check does not apply here; the message says why."""


class Broken(AssertionError):
    """A promise of the contract is not kept; the message says which, and the likely cause."""


def expect(kept: bool, otherwise: str) -> None:
    """Raise Broken, with a full sentence, where a promise is not kept."""
    if not kept:
        raise Broken(otherwise)


@dataclass(frozen=True)
class Trained:
    """A run that came to its end."""

    dir: Path
    summary: Mapping[str, Any]

    @cached_property
    def rows(self) -> list[dict[str, float]]:
        """The rows of metrics.jsonl, without what depends on the machine's speed."""
        lines = (self.dir / "metrics.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [{k: v for k, v in row.items() if not k.startswith("perf/")} for row in found]

    def checkpoint(self, which: str = "last") -> dict[str, Any]:
        from lab import checkpoint

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

    def __init__(
        self, experiment: str | ExperimentSpec, plugins: Plugins | None = None, preset: str = PRESET
    ) -> None:
        self.plugins = plugins or discover()
        if isinstance(experiment, str):
            experiment = self.plugins.experiment(experiment)
        self.spec = experiment
        self.preset = preset
        self._scratch = tempfile.TemporaryDirectory(prefix="lab-check-", ignore_cleanup_errors=True)
        self._trained: dict[str, Trained] = {}
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

    @property
    def config_class(self) -> type[Config]:
        return self.spec.load_config()

    def resolve(self, **options: Any) -> Resolved:
        """Resolve the preset with `options` over it."""
        if self.preset not in self.spec.presets:
            raise Broken(
                f"{self.spec.name} has no preset {self.preset!r}. The contract trains it: give the "
                "spec one that finishes within seconds on a CPU and improves the objective."
            )
        fixed: dict[str, Any] = {
            "device": "cpu",
            "media": False,
            "wandb": "disabled",
            "track": False,
        }
        fixed["runs_dir"] = self.folder
        return config.resolve(
            self.spec, {**fixed, **options}, preset=self.preset, plugins=self.plugins
        )

    @property
    def budget(self) -> int:
        return int(self.resolve().run.budget or 0)

    # -- runs

    def train(
        self, name: str, terminal: Callable[[], Terminal] = Silent, **options: Any
    ) -> Trained:
        """Return the run `name`, trained on the first call and watched for what it leaves behind.

        Raises Broken where it fails.
        """
        if name not in self._trained:
            self._trained[name] = self._train(name, terminal(), options)
        return self._trained[name]

    def _train(self, name: str, terminal: Terminal, options: Mapping[str, Any]) -> Trained:
        resolved = self.resolve(**{"checkpoint_every": self.grid, "name": name, **options})
        with watched(self.folder) as self._traces[name]:
            try:
                result = api.start(self.spec, resolved, self.plugins, terminal)
            except (RunFailed, UsageError) as error:
                raise Broken(f"The preset {self.preset!r} does not train: {error}") from error
        return Trained(result.dir, result.summary)

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
        with watched(self.folder) as traces, suppress(RunFailed):
            api.start(self.spec, resolved, self.plugins, Failing(self.budget // 2))
        return traces

    # -- an experiment outside of any run

    @contextmanager
    def experiment(self, **options: Any) -> Iterator[tuple[Experiment, Context]]:
        """Lend a fresh experiment, in the process set-up of a run."""
        resolved = self.resolve(**options)
        record = {"experiment": self.spec.name, "id": "check"}
        session = Session(self.spec, resolved, record, self.plugins, Silent())
        outside = self.folder / "outside"
        outside.mkdir(exist_ok=True)
        with session.computing():
            experiment, ctx = session.build(outside)
            try:
                yield experiment, ctx
            finally:
                ctx.close()

    def practise(self, experiment: Experiment, ctx: Context, share: float = 0.3) -> None:
        """Let an experiment learn for a share of its budget."""
        while ctx.clock < share * ctx.budget:
            moved = experiment.step()
            ctx.clock += moved
            if moved == 0:
                return
