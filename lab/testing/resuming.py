"""Check that what is killed goes on exactly, and that checkpoints hold what they must."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from typing import Any

from lab import api
from lab.errors import LabError
from lab.testing import killed
from lab.testing.compare import difference
from lab.testing.limits import prompt
from lab.testing.subject import Skipped, Subject, Trained, expect

KILLED_AT = 0.6  # fraction of the budget


def check_killed_and_resumed_is_the_same(subject: Subject) -> None:
    """A run killed by the system and resumed equals the run that never stopped, to the bit."""
    resumed = _killed_and_resumed(subject)
    change = difference(subject.first.rows, resumed.rows, "metrics") or difference(
        subject.first.checkpoint()["experiment"], resumed.checkpoint()["experiment"], "state"
    )
    expect(
        change is None,
        f"A run that was killed and resumed ended otherwise ({change}). Something that training "
        "needs is missing from state_dict, is not copied by load_state_dict, or is drawn anew.",
    )


def _killed_and_resumed(subject: Subject) -> Trained:
    _ = subject.first  # what does not come to its end need not be killed
    budget = subject.budget
    options = {
        "name": "killed",
        "runs_dir": str(subject.folder),
        "checkpoint_every": subject.grid,
        "track": False,
        "media": False,
        "device": "cpu",
    }
    task = {
        "experiment": subject.plugins.reference(subject.spec),
        "preset": subject.preset,
        "at": int(KILLED_AT * budget),
        "options": options,
    }
    child = subprocess.run(
        [sys.executable, "-m", killed.__name__, json.dumps(task)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    last_line = (child.stderr.strip().splitlines() or [""])[-1]
    expect(
        child.returncode == -signal.SIGKILL,
        f"The run to kill ended by itself, with exit code {child.returncode}: {last_line}",
    )
    try:
        with prompt():
            result = api.resume(subject.folder / "killed", plugins=subject.plugins)
    except LabError as error:
        expect(False, f"The killed run cannot be resumed. {subject.own.describe(error)}")
    return Trained(result.dir, result.summary)


def check_checkpoints_are_plain(subject: Subject) -> None:
    """Checkpoints load with weights_only=True, and hold tensors and plain data alone."""
    from lab.engine.checkpoint import check_plain

    for which in ("last", "best"):
        if (subject.first.dir / "checkpoints" / f"{which}.pt").exists():
            state = subject.first.checkpoint(which)
            check_plain(state["experiment"])


def check_state_dict_changes_nothing(subject: Subject) -> None:
    """state_dict only looks: called twice it returns the same, and training goes on alike."""
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        state = copy.deepcopy(experiment.state_dict())
        change = difference(state, experiment.state_dict())
        expect(change is None, f"state_dict changes what it returns ({change}).")
        for _ in range(3):
            experiment.state_dict()
        looked = _after_a_step(experiment)
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        change = difference(_after_a_step(experiment), looked)
    expect(change is None, f"A step after state_dict differs from one without it ({change}).")


def check_loading_copies(subject: Subject) -> None:
    """load_state_dict takes a copy: what was loaded stays as it was while training goes on."""
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        state = copy.deepcopy(experiment.state_dict())
        kept = copy.deepcopy(state)
        experiment.load_state_dict(state)
        change = difference(kept, experiment.state_dict())
        expect(
            change is None, f"What load_state_dict took is not what state_dict gives ({change})."
        )
        for _ in range(3):
            subject.step(experiment)
        change = difference(kept, state)
        expect(change is None, f"Training changes the state that was loaded ({change}): copy it.")


def check_model_alone_serves(subject: Subject) -> None:
    """state["model"] alone, loaded into a fresh experiment, evaluates as the trained one does."""
    from lab.engine.evaluation import evaluate
    from lab.engine.recorder import by_lane

    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx)
        expected = by_lane(evaluate(experiment, ctx, "eval", "check"))
        model, facts = copy.deepcopy(experiment.state_dict()["model"]), dict(ctx.facts)
    with subject.experiment(seed=7) as (experiment, ctx):
        ctx.facts.update(facts)
        experiment.load_state_dict({"model": model})
        metrics = by_lane(evaluate(experiment, ctx, "eval", "check", seed=0))
    for name, value in expected.items():
        expect(
            _close(value, metrics.get(name)),
            f"With state['model'] alone {name} is {metrics.get(name)}, with the trained experiment "
            f"{value}: something that evaluation needs is kept elsewhere.",
        )


def check_devices_are_exchangeable(subject: Subject) -> None:
    """A state that was saved on one device loads on another."""
    from lab.compute import device

    others = [name for name in device.available() if name != "cpu"]
    if not others:
        raise Skipped("this machine has no device but the CPU")
    state = subject.first.checkpoint()["experiment"]
    with subject.experiment(device=others[0]) as (experiment, _):
        experiment.load_state_dict(state)
        experiment.step()
        again = experiment.state_dict()
    with subject.experiment() as (experiment, _):
        experiment.load_state_dict(again)
        experiment.step()


def check_tensors_are_on_the_device(subject: Subject) -> None:
    """Every network went through ctx.wrap, and the model is on ctx.device."""
    import torch

    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.05)
        for name, value in vars(experiment).items():
            if isinstance(value, torch.nn.Module):
                wrapped = any(value is m for top in ctx.compute.modules for m in top.modules())
                expect(
                    wrapped,
                    f"The network in {name!r} did not go through ctx.wrap: it is neither moved to "
                    "the device nor put in eval mode for evaluations.",
                )
        for module in ctx.compute.modules:
            for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
                expect(
                    tensor.device.type == ctx.device.type,
                    f"{name} is on {tensor.device}, the run on {ctx.device}.",
                )


def _after_a_step(experiment: Any) -> Any:
    experiment.step()
    return copy.deepcopy(experiment.state_dict())


def _close(a: float, b: float | None) -> bool:
    return b is not None and abs(a - b) <= 1e-6 * max(1.0, abs(a))
