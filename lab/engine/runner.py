"""Run an experiment: the clock, evaluation, selection, checkpoints and the end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import nan
from typing import Any

from lab.compute.rng import untouched
from lab.engine import checkpoint
from lab.engine.cadence import Every
from lab.engine.checkpoint import Checkpoints
from lab.engine.context import Context
from lab.engine.diagnosis import check_finite, explain
from lab.engine.evaluation import call_capability, evaluate
from lab.engine.experiment import Experiment
from lab.engine.recorder import Progress, Recorder, by_lane
from lab.engine.returned import advanced, remembered
from lab.engine.signals import Cut, Signals
from lab.engine.stop import STOPPED, OnEval, StopAt, goes_on
from lab.errors import reason
from lab.spec import ExperimentSpec, import_object
from lab.storage.store import BEST, LAST, Run

SAVE_SPACING = 50  # saving may take one part in fifty of the time
SAVE_SECONDS = 5.0  # and need not come more often than this


@dataclass(frozen=True)
class RunPlan:
    """What was decided before the run."""

    spec: ExperimentSpec
    objective: tuple[str, str]  # metric, "max" or "min"
    budget: int
    eval_every: int
    log_every: int
    checkpoint_every: int | None
    keep: int
    stop_at: StopAt | None
    media: bool
    on_eval: OnEval | None = None


class Runner:
    """One run, from its first evaluation or its last checkpoint to the end."""

    def __init__(
        self, plan: RunPlan, experiment: Experiment, ctx: Context, recorder: Recorder
    ) -> None:
        self.plan, self.experiment, self.ctx, self.recorder = plan, experiment, ctx, recorder
        self.checkpoints = Checkpoints(recorder.folder.dir / "checkpoints", recorder.warn)
        self.signals = Signals()
        self._restored = False
        self._save_due = 0.0
        self._save_seconds = 0.0  # what the last one took
        self._evaluation_seconds = 0.0
        self._saved_clock = 0

    @property
    def progress(self) -> Progress:
        return self.recorder.progress

    # -- the run

    def run(self) -> dict[str, Any]:
        """Train to the end, test once, return the summary. A failure is recorded, then raised."""
        self.recorder.start()
        state = "failed"
        try:
            with self.signals:
                state = self._train_and_test()
        except Cut:
            state = "interrupted"
            self.recorder.say(f"Evaluation is cut short; saved as of {self._saved_clock:,}.")
        except KeyboardInterrupt:
            state = "interrupted"
        except Exception as error:
            self.recorder.failed(error)
            raise
        finally:
            self.recorder.signal = self.signals.caught
            summary = self.recorder.finish(state, self.checkpoints.existing(BEST, LAST))
            self.ctx.close()
        return summary

    def _train_and_test(self) -> str:
        progress = self.progress
        if not self._restored:
            progress.due = {"eval": 0}
            self._first_checkpoint()
        while progress.due or progress.ended is None:
            if progress.due:
                self._serve()
            else:
                self._step()
            if self.signals.caught:
                self.recorder.terminal.say("Saving. Once more stops at once.")
                self._save()
                return "interrupted"
        self._save()
        self._test()
        if self.plan.stop_at and self.progress.ended == "budget":
            self.recorder.say(f"{self.plan.stop_at} was not reached within the budget.")
        return "finished"

    def _spent(self) -> bool:
        return self.progress.clock >= self.plan.budget

    def _step(self) -> None:
        """Do one step of learning and note the grid points that it reached."""
        plan, progress = self.plan, self.progress
        before = progress.clock
        try:
            moved = advanced(self.experiment, self.experiment.step())
        except Exception as error:
            explain(error, self.ctx)
            raise
        now = progress.clock = self.ctx.clock = before + moved
        log_at = Every(plan.log_every).reached(before, now)
        eval_at = Every(plan.eval_every).reached(before, now)
        if moved == 0 or self._spent():
            progress.ended = "complete" if moved == 0 else "budget"
            log_at = eval_at = min(now, plan.budget)
        save_at = Every(plan.checkpoint_every).reached(before, now)
        due = {"log": log_at, "eval": eval_at, "save": save_at}
        if any(point is not None for point in due.values()):
            progress.due = due
        else:
            self._settle()

    def _serve(self) -> None:
        """Serve the grid points that are due.

        A signal cuts an evaluation short, and then the run goes on from its last checkpoint: so one
        is written before an evaluation that takes long.
        """
        due = self.progress.due or {}
        log_at, eval_at, save_at = (due.get(grid) for grid in ("log", "eval", "save"))
        if eval_at is not None and self._evaluation_seconds > SAVE_SPACING * self._save_seconds:
            self._save()
        self._log_and_evaluate(log_at, eval_at)
        if save_at is not None:
            self.checkpoints.save_stamped(save_at, self._model_state(), self.plan.keep)
        self.progress.due = None
        self._settle(save=save_at is not None)

    def _settle(self, save: bool = False) -> None:
        """Show how far training is, and save where it is time to."""
        self.recorder.terminal.tick(self.progress.clock)
        if save or time.perf_counter() >= self._save_due:
            self._save()

    def _log_and_evaluate(self, log_at: int | None, eval_at: int | None) -> None:
        """Log the window that ends at `log_at`, evaluate for `eval_at`, in one row if they meet."""
        rows: dict[int, dict[str, float]] = {}
        if log_at is not None:
            rows[log_at] = self._means()
            self.ctx.window.clear()
        if eval_at is not None:
            evaluated = self._evaluate("eval", "eval")
            rows.setdefault(eval_at, {}).update(evaluated)
            self._select(eval_at, evaluated)
        for clock, metrics in sorted(rows.items()):
            self.recorder.row(clock, metrics)
            self._write_media(clock)
        if eval_at is not None:
            self.recorder.write_summary("running")
            self._ask(eval_at, evaluated)

    def _ask(self, clock: int, metrics: Mapping[str, float]) -> None:
        """Let the caller's function stop the run, unless it ends here anyway. What it draws at
        random is not training's."""
        if self.plan.on_eval is None:
            return
        with untouched():
            more = goes_on(self.plan.on_eval, clock, metrics)
        if not more and self.progress.ended is None:
            self.progress.ended = STOPPED
            self.recorder.say(f"Stopped at {clock:,}, as on_eval said.")

    def _means(self) -> dict[str, float]:
        """Return what was logged since the last row, by full name."""
        logged = self.ctx.window.means().items()
        means = by_lane({f"train/{name}": value for name, value in logged})
        self._check(means)
        return means

    def _check(self, metrics: Mapping[str, float]) -> None:
        check_finite(metrics, self.experiment, self.ctx)

    # -- evaluation and selection

    def _evaluate(self, split: str, purpose: str) -> dict[str, float]:
        began = time.perf_counter()
        try:
            with self.signals.interruptible():
                metrics = by_lane(evaluate(self.experiment, self.ctx, split, purpose))
        except Exception as error:
            explain(error, self.ctx)
            raise
        self._evaluation_seconds = time.perf_counter() - began
        self._check(metrics)
        return metrics

    def _select(self, clock: int, metrics: Mapping[str, float]) -> None:
        """Keep the best weights by the objective, and stop where the criterion is confirmed."""
        confirmed = self._confirmed(clock, metrics)
        value = metrics.get(self.plan.objective[0])
        if value is not None:
            self.progress.last = value
            if confirmed or self._is_better(value):
                self.progress.best, self.progress.best_clock = value, clock
                self.checkpoints.save_best({**self._model_state(), "evaluated": clock})
        if confirmed:
            self.progress.ended = str(self.plan.stop_at)

    def _is_better(self, value: float) -> bool:
        """Tell whether the weights of now are to be kept. Of equal ones the later, which learned
        for longer; those from before any training only while there are no others."""
        best = self.progress.best
        if best is None or self.progress.best_clock == 0:
            return True
        return value >= best if self.plan.objective[1] == "max" else value <= best

    def _confirmed(self, clock: int, metrics: Mapping[str, float]) -> bool:
        """Tell whether `--stop-at` holds, here and again on other episodes: a first passage is the
        luckiest of many tries, so it may not confirm itself."""
        criterion = self.plan.stop_at
        if criterion is None or not criterion.met(metrics):
            return False
        again = self._evaluate("eval", f"confirm {clock}")
        holds = criterion.met(again)
        verb = "confirmed" if holds else "not confirmed"
        self.recorder.say(
            f"{criterion} {verb} at {clock:,}: {again.get(criterion.metric, nan):.4g} once more"
        )
        return holds

    def _test(self) -> None:
        """Measure the selected weights once, on what selection never saw."""
        if not self.progress.test:
            path = self.checkpoints.find("best")
            self.experiment.load_state_dict(checkpoint.load(path)["experiment"])
            self.progress.test = self._evaluate("test", "test")
            clock = min(self.progress.clock, self.plan.budget)
            self.recorder.row(clock, self.progress.test)
            self._write_media(clock)
        if self.plan.media:
            self._show_course()
        if self.plan.media and "play" in self.plan.spec.capabilities:
            self._show_play()

    def _show_course(self) -> None:
        """Draw the learning curve. A picture that fails costs no run."""
        from lab.learning_curve import plot

        try:
            self.recorder.write_summary("running")  # what the figure marks as best
            figure = plot(Run(self.recorder.folder.dir))
            self.recorder.media(self.progress.clock, [("learning_curve", figure)])
        except Exception as error:  # as of a full disk, or of fonts
            self.recorder.warn(f"No learning curve was drawn: {reason(error)}")

    def _show_play(self) -> None:
        """Record an episode of the selected weights. A screen that fails costs no run."""
        options = import_object(self.plan.spec.capabilities["play"])()
        try:
            with self.signals.interruptible():
                clip = call_capability(self.experiment, self.ctx, "play", options)
            self.ctx.media("episode", clip)
            self._write_media(self.progress.clock)
        except Exception as error:  # an environment may fail to draw itself in any way
            self.recorder.warn(f"No episode was recorded: {reason(error)}")

    def _write_media(self, clock: int) -> None:
        media, self.ctx.shown = self.ctx.shown, []
        if self.plan.media:
            self.recorder.media(clock, media)

    # -- checkpoints

    def _model_state(self) -> dict[str, Any]:
        model = {"model": self._state()["model"]}
        return {"experiment": model, "facts": self.ctx.facts, "clock": self.progress.clock}

    def _state(self) -> Mapping[str, Any]:
        return remembered(self.experiment, self.experiment.state_dict())

    def _full_state(self) -> dict[str, Any]:
        progress = {**asdict(self.progress), "seconds": self.recorder.seconds()}
        experiment = self._state()
        checkpoint.check_plain(experiment)
        return {
            "experiment": experiment,
            "facts": self.ctx.facts,
            "clock": self.progress.clock,
            "budget": self.plan.budget,
            "progress": progress,
            "schedules": self.ctx.schedules.state_dict(),
            "window": self.ctx.window.state_dict(),
            "rng": self.ctx.randomness.state_dict(),
            "envs": self.ctx.envs_state(),
            "scaler": self.ctx.compute.scaler.state_dict(),
            "metrics_bytes": self.recorder.folder.metrics_bytes,
        }

    def _save(self) -> None:
        began = time.perf_counter()
        self._means()  # nothing is saved of a training that diverged
        self.checkpoints.save_last(self._full_state())
        now = time.perf_counter()
        self._saved_clock, self._save_seconds = self.progress.clock, now - began
        self._save_due = now + max(SAVE_SECONDS, SAVE_SPACING * self._save_seconds)

    def _first_checkpoint(self) -> None:
        """Write and read back the first checkpoint: an unloadable one is known now, not later."""
        self._save()
        checkpoint.load(self.checkpoints.dir / LAST)

    def restore(self, state: Mapping[str, Any], restart_schedules: bool = False) -> None:
        """Go back to the moment `state` was saved. RNG comes last: loading may draw from it.
        restart_schedules: where the budget is larger now, schedules begin anew for it."""
        self.recorder.progress = Progress(**state["progress"])
        self.ctx.clock = self._saved_clock = self.progress.clock
        extended = self.plan.budget > state["budget"]
        unbound = self.progress.ended != str(self.plan.stop_at)  # the criterion was dropped
        reopened = self.progress.ended not in (None, "complete") and (
            extended or (unbound and not self._spent())
        )
        if reopened:
            self.progress.ended = None
        self._restored = True
        self.ctx.schedules.load_state_dict(state["schedules"])
        self.experiment.load_state_dict(state["experiment"])
        self.ctx.load_envs_state(state["envs"])
        self.ctx.window.load_state_dict(state["window"])
        if state["scaler"]:  # empty where the device scaled nothing: this one begins anew
            self.ctx.compute.scaler.load_state_dict(state["scaler"])
        self.ctx.randomness.load_state_dict(state["rng"])
        has_best = self.progress.best is not None
        self.checkpoints.restore_best(self.progress.best_clock if has_best else None)
        dropped = self.recorder.folder.cut(state["metrics_bytes"])
        # the rows that were cut come again, unless the run goes another way from here
        self.recorder.already_sent = 0 if extended or reopened else dropped
        if extended:
            for line in self.ctx.schedules.extend(self.ctx.clock, restart=restart_schedules):
                self.recorder.say(line)
            self._save()  # what was decided here is not decided anew
