"""Train one family's tiny preset on a device with every option of a run.

Every experiment that a plugin offers with a preset `tiny` takes part; none is named here.
"""

from __future__ import annotations

import gc
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.first_update import Learned, first_update
from lab import api
from lab.errors import RunFailed
from lab.plugins import Plugins
from lab.resolve import Resolved, resolve
from lab.spec import ExperimentSpec
from lab.storage import store
from lab.testing import killed
from lab.testing.compare import difference
from lab.testing.subject import PRESET, Subject, Trained
from lab.tracking.terminal import Silent

KILLED_AT = 0.6  # fraction of the budget
CHECKPOINTS = 8  # over the budget, so that some come before the kill
KEPT = 0.25  # of what the reference gains on its objective: tiny runs are noisy
FIRST = 1e-4  # relative error of the first gradient
LATER = 1e-3  # of what is logged in that step, and of another optimizer's first gradient
SMALL = 0.1  # below which what is logged counts as this large: much of it is a difference
COMPILING = 90.0  # seconds that compilation may take on top of a run
BYTES = 2**20

Result = tuple[str, dict[str, Any]]  # text and metrics
Part = Callable[["Family"], Result]
PARTS: dict[str, Part] = {}


class Wrong(Exception):
    """A part did not come out as promised; the message says how, with its metrics."""

    def __init__(self, text: str, **figures: Any) -> None:
        super().__init__(text)
        self.figures = figures


class Inapplicable(Exception):
    """A part does not apply to this device or family; the message says why."""


class OutOfTime(Exception):
    """There is no time left for a part."""


def part(function: Part) -> Part:
    """Register a part under the name of its function, without a trailing underscore."""
    PARTS[function.__name__.rstrip("_")] = function
    return function


class Hurried(Silent):
    """A terminal that ends its run at a moment of `time.time()`."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline

    def tick(self, clock: int) -> None:
        if time.time() > self.deadline:
            raise OutOfTime("the time was up in the middle of a run")


class Family:
    """The runs of one experiment, each trained once and shared by the parts."""

    def __init__(
        self, spec: ExperimentSpec, plugins: Plugins, device: str, folder: Path, deadline: float
    ) -> None:
        self.spec, self.plugins, self.device = spec, plugins, device
        self.folder, self.deadline = folder, deadline
        self._trained: dict[str, Trained] = {}
        self._failed: dict[str, Exception] = {}
        self._victim: subprocess.Popen[bytes] | None = None

    # -- runs

    def train(self, name: str, **options: Any) -> Trained:
        """Return the run `name`, trained on the first call. Raises Wrong where it failed before."""
        if isinstance(self._failed.get(name), OutOfTime):
            raise self._failed[name]
        if name in self._failed:
            raise Wrong(f"the run {name!r}, which this needs, failed: {self._failed[name]}")
        if name not in self._trained:
            try:
                self._trained[name] = self._train({**self.fixed, "name": name, **options})
            except Exception as error:
                self._failed[name] = error
                raise
        return self._trained[name]

    def _train(self, flags: Mapping[str, Any]) -> Trained:
        resolved = resolve(self.spec, flags, preset=PRESET, plugins=self.plugins)
        with self.in_time():
            result = api.start(self.spec, resolved, self.plugins, Hurried(self.deadline))
        return Trained(result.dir, result.summary)

    @property
    def fixed(self) -> dict[str, Any]:
        return {
            "runs_dir": self.folder,
            "device": self.device,
            "checkpoint_every": max(1, self.budget // CHECKPOINTS),
            "track": False,
        }

    @cached_property
    def resolved(self) -> Resolved:
        return resolve(self.spec, {}, preset=PRESET, plugins=self.plugins)

    @property
    def budget(self) -> int:
        return int(self.resolved.run.budget or 0)

    @cached_property
    def first(self) -> Trained:
        """The run that most parts compare with: uninterrupted, deterministic, in full precision."""
        return self.train("first", deterministic=True)

    @property
    def on_cpu(self) -> Trained:
        return self.first if self.is_cpu else self.train("cpu", device="cpu")

    @property
    def is_cpu(self) -> bool:
        return torch.device(self.device).type == "cpu"

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Raise OutOfTime where that is what a run failed of."""
        try:
            yield
        except RunFailed as error:
            if isinstance(error.__cause__, OutOfTime):
                raise error.__cause__ from error
            raise

    def needs(self, seconds: float) -> None:
        """Raise OutOfTime where less is left than a part is likely to take."""
        left = self.deadline - time.time()
        if left < seconds:
            raise OutOfTime(f"{max(0.0, left):.0f} s are left, and it takes about {seconds:.0f} s")

    @property
    def usual(self) -> float:
        """Return the seconds of the first run, 0 before it."""
        return float(self._trained["first"].summary["seconds"]) if "first" in self._trained else 0.0

    # -- the objective

    def gain(self, run: Trained) -> tuple[float, float, float]:
        """Return what the objective was at first, at best afterwards, and the gain between them."""
        name, direction = self.resolved.objective
        values = [row[name] for row in run.rows if name in row]
        best = max(values[1:]) if direction == "max" else min(values[1:])
        gain = best - values[0] if direction == "max" else values[0] - best
        return values[0], best, gain

    def against(self, run: Trained, reference: Trained, name: str) -> Result:
        """Compare a run with a reference. Raises Wrong where it gained far less, or where
        weights are not finite."""
        metric, _ = self.resolved.objective
        start, best, gain = self.gain(run)
        _, theirs, reference_gain = self.gain(reference)
        fraction = gain / reference_gain if reference_gain > 0 else math.inf
        metrics = {"metric": metric, "start": start, "best": best, name: theirs, "share": fraction}
        text = (
            f"{metric} {start:.4g} -> {best:.4g}; {name}: {theirs:.4g}; {fraction:.0%} of its gain "
            f"(at least {KEPT:.0%} required)"
        )
        if not fraction >= KEPT:
            raise Wrong(text, **metrics)
        where = not_finite(run.checkpoint()["experiment"])
        if where:
            raise Wrong(f"{where} is not finite; {text}", **metrics)
        return text, {**metrics, "seconds": run.summary["seconds"]}

    # -- a run that is killed

    def start_victim(self) -> None:
        """Start, in parallel, the run that will be killed."""
        options = {**self.fixed, "name": "killed", "deterministic": True}
        options["runs_dir"] = str(self.folder)
        task = {
            "experiment": self.plugins.reference(self.spec),
            "preset": PRESET,
            "at": int(KILLED_AT * self.budget),
            "options": options,
        }
        self._victim = subprocess.Popen(
            [sys.executable, "-m", killed.__name__, json.dumps(task)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "killed.stderr").open("wb"),
        )

    def killed(self) -> Path:
        """Wait until the run was killed, and return its folder."""
        if self._victim is None:
            self.start_victim()
        assert self._victim is not None
        try:
            code = self._victim.wait(max(1.0, self.deadline - time.time()))
        except subprocess.TimeoutExpired as error:
            raise OutOfTime("the run to kill did not get there in time") from error
        finally:
            self.close()
        if code != -signal.SIGKILL:
            lines = (self.folder / "killed.stderr").read_text().strip().splitlines()
            raise Wrong(f"the run to kill ended by itself ({code}): {(lines or ['?'])[-1]}")
        return self.folder / "killed"

    def close(self) -> None:
        if self._victim is not None and self._victim.poll() is None:
            self._victim.kill()
            self._victim.wait()


def not_finite(state: Any, where: str = "state") -> str | None:
    """Return the name of the first tensor of a nested state that holds no finite number."""
    if isinstance(state, Tensor):
        bad = state.is_floating_point() and not bool(state.isfinite().all())
        return where if bad else None
    if isinstance(state, Mapping):
        items: Any = state.items()
    elif isinstance(state, list | tuple):
        items = enumerate(state)
    else:
        return None
    names = (not_finite(value, f"{where}[{key!r}]") for key, value in items)
    return next(filter(None, names), None)


def same(a: Trained, b: Trained) -> str:
    """Return what was compared bit for bit. Raises Wrong where two runs differ."""
    mismatch = difference(a.rows, b.rows, "metrics") or difference(
        a.checkpoint()["experiment"], b.checkpoint()["experiment"], "state"
    )
    if mismatch:
        raise Wrong(f"they differ: {mismatch}")
    return (
        f"{len(a.rows)} rows of metrics (all but perf/) and the whole state of last.pt (weights, "
        "optimizers, data order, replay) are the same to the bit"
    )


# -- parts, in the order in which they are done


@part
def agree(family: Family) -> Result:
    """The first update: same weights, batch and random numbers on the device and on the CPU."""
    subject = Subject(family.spec, family.plugins)
    try:
        there, here = (first_update(subject, where) for where in (family.device, "cpu"))
    finally:
        subject.close()
    return compared(there, here)


def compared(there: Learned, here: Learned) -> Result:
    """Return how far a first update is from that of the CPU. Raises Wrong where it is too far."""
    gradients = [relative(a, b) for a, b in zip(there.gradients, here.gradients, strict=True)]
    logged = {
        name: abs(there.logged[name] - value) / max(abs(value), SMALL)
        for name, value in here.logged.items()
        if name in there.logged
    }
    worst = max(logged, key=lambda name: logged[name], default="")
    change = relative(there.change, here.change)
    metrics = {"gradients": gradients, "logged": logged, "change": change, "steps": here.steps}
    lines = [f"step {here.steps}, same draws, TF32 off"]
    if gradients:
        lines.append(f"first gradient off by {gradients[0]:.1e} of its norm ({FIRST:g} allowed)")
    if gradients[1:]:
        lines.append(f"another optimizer's by {max(gradients[1:]):.1e} ({LATER:g})")
    if not gradients:  # what learns without a gradient
        lines.append(f"change of the weights off by {change:.1e} of its norm ({FIRST:g} allowed)")
    if worst:
        lines.append(f"logged metrics off by {logged[worst]:.1e} at most, {worst} ({LATER:g})")
    text = "; ".join(lines)
    exact = gradients[:1] or [change]
    loose = [*gradients[1:], *logged.values()]
    if set(there.logged) != set(here.logged):
        raise Wrong(f"other metrics are logged: {sorted(there.logged)}; {text}", **metrics)
    # each by itself: max() of numbers with a nan may be any of them
    if not (all(error <= FIRST for error in exact) and all(error <= LATER for error in loose)):
        raise Wrong(text, **metrics)
    return text, metrics


def relative(x: Tensor, reference: Tensor) -> float:
    """Return |x - reference| / |reference|, 0 where both norms are 0."""
    distance, size = float((x - reference).double().norm()), float(reference.double().norm())
    return distance / size if size else (0.0 if not distance else math.inf)


@part
def train(family: Family) -> Result:
    """The tiny preset comes to its end on the device and learns; how much memory that takes."""
    watch = not family.is_cpu and torch.device(family.device).type == "cuda"
    if watch:
        gc.collect()  # of what came before
        torch.cuda.reset_peak_memory_stats(family.device)
    start, best, gain = family.gain(family.first)
    metrics = {"start": start, "best": best, "seconds": family.first.summary["seconds"]}
    memory = "device memory n/a"
    if watch:
        metrics["peak_mib"] = torch.cuda.max_memory_allocated(family.device) / BYTES
        memory = f"peak device memory {metrics['peak_mib']:.1f} MiB"
    text = (
        f"budget {family.budget:,}, objective {start:.4g} -> {best:.4g}, "
        f"{metrics['seconds']:.1f} s; {memory}"
    )
    if not gain > 0:
        raise Wrong(f"nothing was learned: {text}", **metrics)
    return text, metrics


@part
def repeat(family: Family) -> Result:
    """Two runs with --deterministic are the same to the bit."""
    first = family.first
    family.needs(family.usual)
    return same(first, family.train("again", deterministic=True)), {}


@part
def resume(family: Family) -> Result:
    """A run killed by SIGKILL and resumed equals the one that was never interrupted."""
    first = family.first
    family.needs(family.usual)
    folder = family.killed()
    clock = max(row["clock"] for row in store.Run(folder).metrics())
    with family.in_time():
        run = api.resume(folder, plugins=family.plugins, terminal=Hurried(family.deadline))
    text = same(first, Trained(run.dir, run.summary))
    at = f"killed at {KILLED_AT:.0%} of the budget (last row at {clock:,.0f})"
    return f"{at}, resumed with --deterministic: {text}", {"clock": clock}


@part
def cpu(family: Family) -> Result:
    """After the whole budget the device has got about as far as the CPU, from other draws."""
    if family.is_cpu:
        raise Inapplicable("the device is the CPU")
    family.needs(family.usual)
    return family.against(family.first, family.on_cpu, "on the CPU")


@part
def bf16(family: Family) -> Result:
    """--precision bf16 trains to the end, stays finite and learns."""
    family.needs(family.usual)
    return family.against(family.train("bf16", precision="bf16"), family.first, "fp32")


@part
def fp16(family: Family) -> Result:
    """--precision fp16 trains to the end, stays finite and learns."""
    if family.is_cpu:
        raise Inapplicable("fp16 is for accelerators: a CPU computes it slowly and unscaled")
    family.needs(family.usual)
    return family.against(family.train("fp16", precision="fp16"), family.first, "fp32")


@part
def compile_(family: Family) -> Result:
    """--compile trains to the end, stays finite and learns."""
    family.needs(family.usual + COMPILING)
    return family.against(family.train("compile", compile=True), family.first, "eager")
