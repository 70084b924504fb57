"""Find a learning rate: one short training while the rate rises (Smith, 2017, section 3.3)."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lab import api
from lab.errors import Diverged, RunFailed, UsageError
from lab.launch import RunSpec
from lab.messages import count
from lab.plugins import Plugins, discover
from lab.storage.store import Run

if TYPE_CHECKING:
    from lab.tracking.terminal import Terminal

SMOOTHING = 0.9
EXPLODED = 4.0  # times the best smoothed loss: what comes after is ignored
EDGE = 3  # points at each end whose slope is noise
FIXED = (
    "lr",
    "schedule",
    "warmup_fraction",
    "final_lr_ratio",
    "patience",
)  # what the test itself decides


@dataclass(frozen=True)
class RangeTest:
    """Learning rates, ascending, the loss under each, smoothed too, and the rate where it fell
    fastest."""

    rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]
    suggestion: float

    def draw(self) -> Any:
        """Return a matplotlib figure of loss over rate, with the suggestion marked."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(8.0, 5.0), layout="constrained")
        axes = figure.subplots()
        axes.plot(self.rates, self.losses, alpha=0.3, label="loss of each step")
        axes.plot(self.rates, self.smoothed, label="smoothed")
        axes.axvline(
            self.suggestion, linestyle="--", label=f"falls fastest at {self.suggestion:.1e}"
        )
        axes.set(xscale="log", xlabel="learning rate", ylabel="training loss")
        axes.legend()
        return figure


def range_test(
    experiment: str,
    *,
    steps: int = 100,
    highest: float = 10.0,
    preset: str | None = None,
    terminal: Terminal | None = None,
    plugins: Plugins | None = None,
    **options: Any,
) -> RangeTest:
    """Train an experiment for `steps` steps while the learning rate rises from `highest` / 1e7 to
    `highest` by a constant factor, or until the loss explodes. `options` are those of `lab run`.

    It takes any experiment with the options of `lab.optim.OptimizerOptions` whose step is one batch
    and logs `loss` and `lr`. No run is left behind. Raises UsageError for others, and where too few
    steps came before the loss exploded to see a slope.
    """
    plugins = plugins or discover()
    spec = plugins.experiment(experiment)
    fields = spec.load_config().model_fields
    if not {"schedule", "batch_size"} <= set(fields):
        raise UsageError(f"{experiment} has no --schedule: its learning rate cannot be varied")
    if not {"train/loss", "train/lr"} <= set(spec.metrics):
        raise UsageError(f"{experiment} logs no train/loss and train/lr, which a range test reads")
    fixed = sorted(set(FIXED) & set(options))
    if fixed:
        raise UsageError(f"--{fixed[0].replace('_', '-')} is what the range test decides")
    overrides = {"lr": highest, "schedule": "range-test"}
    overrides |= {"patience": None} if "patience" in fields else {}
    _, resolved = RunSpec(spec, options, preset).resolve(plugins)
    size: int = resolved.config.batch_size  # type: ignore[attr-defined]
    with tempfile.TemporaryDirectory(prefix="lab-range-test-") as folder:
        run = {
            "runs_dir": Path(folder), "name": "range-test", "budget": steps * size,
            "log_every": size, "eval_every": steps * size, "media": False, "track": False,
        }  # fmt: skip
        try:
            arguments = {**options, **overrides, **run}
            api.run(experiment, preset=preset, terminal=terminal, plugins=plugins, **arguments)
        except RunFailed as error:
            if not isinstance(error.__cause__, Diverged):
                raise
        return read_off(Run(Path(folder) / "range-test").metrics())


def read_off(rows: Sequence[Mapping[str, float]]) -> RangeTest:
    """Return the range test whose rows of metrics these are, up to where the loss explodes.

    Raises UsageError where fewer are left than a slope needs.
    """
    steps = [
        (row["train/lr"], row["train/loss"])
        for row in rows
        if {"train/lr", "train/loss"} <= set(row)
    ]
    rates, losses = [lr for lr, _ in steps], [loss for _, loss in steps]
    smoothed = smooth(losses)
    end = next((n for n, value in enumerate(smoothed) if _exploded(smoothed[: n + 1])), len(losses))
    if end < 2 * EDGE + 2:
        why = f"the loss exploded at step {end + 1}" if end < len(losses) else count(end, "step")
        raise UsageError(f"{why}: too few to see a slope; a smaller --highest, or more --steps")
    rates, losses, smoothed = rates[:end], losses[:end], smoothed[:end]
    return RangeTest(rates, losses, smoothed, steepest(rates, smoothed))


def smooth(losses: Sequence[float]) -> list[float]:
    """Return the running mean with exponential weights, corrected for its start at 0."""
    total, means = 0.0, []
    for number, loss in enumerate(losses, 1):
        total = SMOOTHING * total + (1.0 - SMOOTHING) * loss
        means.append(total / (1.0 - SMOOTHING**number))
    return means


def steepest(rates: Sequence[float], losses: Sequence[float]) -> float:
    """Return the rate at which the loss falls fastest over the logarithm of the rate, up to its
    lowest point."""
    gradient = np.gradient(np.asarray(losses), np.log(rates))
    end = max(int(np.argmin(losses)), EDGE) + 1
    return float(rates[EDGE + int(np.argmin(gradient[EDGE:end]))])


def _exploded(smoothed: Sequence[float]) -> bool:
    best = min(smoothed)
    return not math.isfinite(smoothed[-1]) or (best > 0 and smoothed[-1] > EXPLODED * best)
