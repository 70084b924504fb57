"""Run an experiment: the clock, evaluation, logging, checkpoints, signals and the end."""

from __future__ import annotations

import os
import resource
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lab import checkpoint, media
from lab.checkpoint import BEST, LAST, Checkpoints
from lab.config import Options
from lab.context import Context
from lab.environ import environment
from lab.errors import LabError
from lab.experiment import Experiment
from lab.grid import Grid
from lab.rng import derive
from lab.signals import Signals
from lab.spec import ExperimentSpec, import_object
from lab.stop import StopAt
from lab.store import RunFolder
from lab.text import describe, first_line
from lab.tracking.terminal import Terminal
from lab.tracking.tracker import RunInfo
from lab.window import check_finite

if TYPE_CHECKING:
    from lab.tracking.relay import Relay

SAVE_SPACING = 50  # saving may take one part in fifty of the time
SAVE_SECONDS = 5.0  # and need not come more often than this


@dataclass
class Progress:
    """What the runner itself must remember to go on exactly."""

    clock: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_clock: int = 0
    last: float | None = None
    ended: str | None = None  # "budget", "complete" or the criterion that was met
    test: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What was decided before the run."""

    spec: ExperimentSpec
    info: RunInfo
    budget: int
    eval_every: int
    log_every: int
    checkpoint_every: int | None
    keep: int
    stop_at: StopAt | None
    media: bool


class Runner:
    """One run, from its first evaluation or its last checkpoint to the end."""

    def __init__(
        self,
        plan: Plan,
        experiment: Experiment,
        ctx: Context,
        folder: RunFolder,
        terminal: Terminal,
        trackers: Sequence[Relay] = (),
    ) -> None:
        self.plan, self.experiment, self.ctx = plan, experiment, ctx
        self.folder, self.terminal, self.trackers = folder, terminal, trackers
        self.checkpoints = Checkpoints(folder.dir / "checkpoints", self.warn)
        self.progress = Progress()
        self.signals = Signals(terminal.say)
        self.error: str | None = None
        self._objective, self._direction = plan.info.objective
        self._already_sent = 0  # rows that a tracker got before the interruption
        self._began = time.perf_counter()
        self._save_due = 0.0
        self._row_mark = (0.0, 0)

    # -- the run

    def run(self) -> dict[str, Any]:
        """Train to the end, test once, return the summary. A failure is recorded, then raised."""
        self._start()
        state = "failed"
        try:
            with self.signals:
                state = self._train_and_test()
        except KeyboardInterrupt:
            state = "interrupted"
        except Exception as error:
            self._record(error)
            raise
        finally:
            summary = self._finish(state)
        return summary

    def _train_and_test(self) -> str:
        if self.progress.clock == 0:
            self._serve(log_at=None, eval_at=0)
            self._first_checkpoint()
        while self.progress.ended is None:
            self._step()
            if self.signals.caught:
                self._save()
                return "interrupted"
        self._save()
        self._test()
        return "finished"

    def _step(self) -> None:
        """Do one step of learning and serve the grid points that it reached."""
        plan, progress = self.plan, self.progress
        before = progress.clock
        moved = self.experiment.step()
        now = progress.clock = self.ctx.clock = before + moved
        log_at = Grid(plan.log_every).reached(before, now)
        eval_at = Grid(plan.eval_every).reached(before, now)
        if moved == 0 or now >= plan.budget:
            progress.ended = "complete" if moved == 0 else "budget"
            log_at = eval_at = min(now, plan.budget)
        if log_at is not None or eval_at is not None:
            self._serve(log_at, eval_at)
        self.terminal.tick(now)
        save_at = Grid(plan.checkpoint_every).reached(before, now)
        if save_at is not None:
            self.checkpoints.save_stamped(save_at, self._model_state(), plan.keep)
        if save_at is not None or time.perf_counter() >= self._save_due:
            self._save()

    def _serve(self, log_at: int | None, eval_at: int | None) -> None:
        """Log the window that ends at `log_at`, evaluate for `eval_at`, in one row if they meet."""
        rows: dict[int, dict[str, float]] = {}
        if log_at is not None:
            means = self.ctx.window.means()
            self.ctx.window.clear()
            rows[log_at] = {f"train/{name}": value for name, value in means.items()}
        if eval_at is not None:
            rows.setdefault(eval_at, {}).update(self._evaluate("eval", "eval"))
        for clock, metrics in sorted(rows.items()):
            self._emit(clock, metrics)
        if eval_at is not None:
            self._select(eval_at, rows[eval_at])
            self._write_summary("running")

    # -- evaluation and selection

    def _evaluate(self, split: str, purpose: str) -> dict[str, float]:
        return evaluate(self.experiment, self.ctx, split, purpose)

    def _select(self, clock: int, metrics: Mapping[str, float]) -> None:
        """Keep the best weights by the objective, and stop where the criterion is confirmed."""
        confirmed = self._confirmed(clock, metrics)
        value = metrics.get(self._objective)
        if value is not None:
            self.progress.last = value
            if confirmed or self._is_better(value):
                self.progress.best, self.progress.best_clock = value, clock
                self.checkpoints.save(BEST, self._model_state())
        if confirmed:
            self.progress.ended = str(self.plan.stop_at)

    def _is_better(self, value: float) -> bool:
        best = self.progress.best
        if best is None:
            return True
        return value > best if self._direction == "max" else value < best

    def _confirmed(self, clock: int, metrics: Mapping[str, float]) -> bool:
        """Tell whether `--stop-at` holds, here and again on other episodes: a first passage is the
        luckiest of many tries, so it may not confirm itself."""
        criterion = self.plan.stop_at
        if criterion is None or not criterion.met(metrics):
            return False
        again = self._evaluate("eval", f"confirm {clock}")
        holds = criterion.met(again)
        verb = "confirmed" if holds else "not confirmed"
        self._say(f"{criterion} {verb} at {clock:,}: {again[criterion.metric]:.4g} once more")
        return holds

    def _test(self) -> None:
        """Measure the selected weights once, on what selection never saw."""
        if not self.progress.test:
            path = self.checkpoints.find("best")
            self.experiment.load_state_dict(checkpoint.load(path)["experiment"])
            self.progress.test = self._evaluate("test", "test")
            self._emit(min(self.progress.clock, self.plan.budget), self.progress.test)
        if self.plan.media and "play" in self.plan.spec.capabilities:
            self._show_play()

    def _show_play(self) -> None:
        """Record an episode of the selected weights. A screen that fails costs no run."""
        options = import_object(self.plan.spec.capabilities["play"])()
        try:
            clip = perform(self.experiment, self.ctx, "play", options)
        except LabError as error:
            self.warn(f"No episode was recorded: {first_line(error)}")
            return
        self.ctx.media("episode", clip)
        self._write_media(self.progress.clock)

    # -- writing

    def _emit(self, clock: int, metrics: Mapping[str, float]) -> None:
        """Write one row to the run folder, then hand it to everything that follows."""
        check_finite(metrics, clock)
        row = {"clock": clock, **metrics, **self._performance()}
        self.folder.append(row)
        self.terminal.row(row, self._objective, self.progress.best)
        if self._already_sent:
            self._already_sent -= 1
        else:
            for tracker in self.trackers:
                tracker.row(row)
        self._write_media(clock)

    def _performance(self) -> dict[str, float]:
        now, clock = self._seconds(), self.progress.clock
        seconds, moved = now - self._row_mark[0], clock - self._row_mark[1]
        self._row_mark = (now, clock)
        scale = 1024 if sys.platform == "linux" else 1024**2
        return {
            "perf/clock": clock,
            "perf/seconds": now,
            "perf/rate": moved / seconds if seconds > 0 else 0.0,
            "perf/memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale,
        }

    def _seconds(self) -> float:
        """Seconds of this run, over all its parts."""
        return self.progress.seconds + time.perf_counter() - self._began

    def _write_media(self, clock: int) -> None:
        shown, self.ctx.shown = self.ctx.shown, []
        if not self.plan.media:
            return
        for name, content in shown:
            folder = self.folder.dir / "media"
            folder.mkdir(exist_ok=True)
            path = media.write(folder / f"{clock:09d}-{name}", content)
            for tracker in self.trackers:
                tracker.media(name, path, clock)

    # -- checkpoints

    def _model_state(self) -> dict[str, Any]:
        model = {"model": self.experiment.state_dict()["model"]}
        return {"experiment": model, "facts": self.ctx.facts, "clock": self.progress.clock}

    def _full_state(self) -> dict[str, Any]:
        progress = {**asdict(self.progress), "seconds": self._seconds()}
        return {
            "experiment": self.experiment.state_dict(),
            "facts": self.ctx.facts,
            "clock": self.progress.clock,
            "progress": progress,
            "window": self.ctx.window.state_dict(),
            "rng": self.ctx.randomness.state_dict(),
            "envs": self.ctx.envs_state(),
            "scaler": self.ctx.compute.scaler.state_dict(),
            "metrics_bytes": self.folder.metrics_bytes,
        }

    def _save(self) -> None:
        began = time.perf_counter()
        check_finite(self.ctx.window.means(), self.progress.clock)
        self.checkpoints.save(LAST, self._full_state())
        now = time.perf_counter()
        self._save_due = now + max(SAVE_SECONDS, SAVE_SPACING * (now - began))

    def _first_checkpoint(self) -> None:
        """Write and read back the first checkpoint: an unloadable one is known now, not later."""
        checkpoint.check_plain(self.experiment.state_dict())
        self._save()
        checkpoint.load(self.checkpoints.dir / LAST)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to the moment `state` was saved. RNG comes last: loading may draw from it."""
        self.progress = Progress(**state["progress"])
        self.ctx.clock = self.progress.clock
        if self.progress.ended == "budget" and self.progress.clock < self.plan.budget:
            self.progress.ended, self.progress.test = None, {}
        self.experiment.load_state_dict(state["experiment"])
        self.ctx.load_envs_state(state["envs"])
        self.ctx.window.load_state_dict(state["window"])
        self.ctx.compute.scaler.load_state_dict(state["scaler"])
        self.ctx.randomness.load_state_dict(state["rng"])
        self._already_sent = self.folder.cut(state["metrics_bytes"])

    # -- begin and end

    def _start(self) -> None:
        self._began = time.perf_counter()
        self._row_mark = (self.progress.seconds, self.progress.clock)
        self._write_summary("running")
        for tracker in self.trackers:
            tracker.start(self.plan.info)
        info = self.plan.info
        self.terminal.start(
            f"{info.experiment} {info.target} seed {info.seed}",
            info.clock,
            self.progress.clock,
            self.plan.budget,
        )

    def _finish(self, state: str) -> dict[str, Any]:
        self.terminal.stop()
        summary = self._write_summary(state)
        for name in (BEST, LAST):
            path = self.checkpoints.dir / name
            for tracker in self.trackers if path.exists() else ():
                tracker.checkpoint(path.stem, path)
        for tracker in self.trackers:
            tracker.finish(summary)
        self.ctx.close()
        return summary

    def _record(self, error: Exception) -> None:
        self.error = str(error) if isinstance(error, LabError) else describe(error)
        with suppress(OSError):  # the disk may be what failed
            self.folder.log(f"failed: {self.error}\n{traceback.format_exc()}")

    def _write_summary(self, state: str) -> dict[str, Any]:
        summary = self._summary(state)
        try:
            self.folder.write_summary(summary)
        except OSError as error:
            if state == "running":
                raise
            self.terminal.say(f"{self.folder.dir}/summary.json: {error.strerror}")
        return summary

    def _summary(self, state: str) -> dict[str, Any]:
        info, progress = self.plan.info, self.progress
        return {
            "name": info.name,
            "id": info.id,
            "state": state,
            "signal": self.signals.caught,
            "error": self.error,
            "experiment": info.experiment,
            "target": info.target,
            "group": info.group,
            "seed": info.seed,
            "tags": list(info.tags),
            "clock": {"name": info.clock, "value": progress.clock, "budget": self.plan.budget},
            "objective": {
                "metric": self._objective,
                "direction": self._direction,
                "best": progress.best,
                "best_clock": progress.best_clock,
                "last": progress.last,
            },
            "ended": progress.ended,
            "test": progress.test,
            "seconds": round(self._seconds(), 3),
            "updated": time.time(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "config": dict(info.config),
        }

    def warn(self, message: str) -> None:
        """Tell the user of something that training survives."""
        self._say(f"Warning: {message}")

    def _say(self, message: str) -> None:
        self.folder.log(message)
        self.terminal.say(message)


@contextmanager
def lent(ctx: Context, purpose: str, seed: int | None = None) -> Iterator[None]:
    """Lend an evaluation its own seed, eval mode and no gradients; leave no trace."""
    own = derive(ctx.seed if seed is None else seed, "evaluate", purpose)
    with ctx.randomness.lent(own), ctx.compute.evaluating():
        yield


def evaluate(
    experiment: Experiment, ctx: Context, split: str, purpose: str, seed: int | None = None
) -> dict[str, float]:
    """Return the metrics of a split by full name."""
    with lent(ctx, purpose, seed):
        metrics = experiment.evaluate(split)
    return {f"{split}/{name}": float(value) for name, value in metrics.items()}


def perform(experiment: Experiment, ctx: Context, capability: str, options: Options) -> Any:
    """Call what an experiment offers beyond training, as an evaluation is called."""
    # pictures are drawn in memory: a display is not needed and may not be there
    with lent(ctx, capability), environment({"SDL_VIDEODRIVER": "dummy"}):
        return getattr(experiment, capability)(options)
