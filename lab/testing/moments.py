"""Keep a moment of training, and go back to it as a resumed run does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.engine.context import Context
from lab.engine.experiment import Experiment


@dataclass(frozen=True)
class Moment:
    """What a checkpoint holds of an experiment (`state`) and of the runner (`rng`, ...)."""

    clock: int
    facts: Mapping[str, Any]
    state: Mapping[str, Any]
    envs: Any
    window: Any
    scaler: Any
    rng: Any


def keep(experiment: Experiment, ctx: Context) -> Moment:
    """Return a copy of all that training goes on with."""
    return copy.deepcopy(
        Moment(
            clock=ctx.clock,
            facts=ctx.facts,
            state=experiment.state_dict(),
            envs=ctx.envs_state(),
            window=ctx.window.state_dict(),
            scaler=ctx.compute.scaler.state_dict(),
            rng=ctx.randomness.state_dict(),
        )
    )


def go_back(moment: Moment, experiment: Experiment, ctx: Context) -> None:
    """Restore a moment in a fresh experiment that was made with its facts; randomness last."""
    moment = copy.deepcopy(moment)
    ctx.clock = moment.clock
    experiment.load_state_dict(moment.state)
    ctx.load_envs_state(moment.envs)
    ctx.window.load_state_dict(moment.window)
    ctx.compute.scaler.load_state_dict(moment.scaler)
    ctx.randomness.load_state_dict(moment.rng)
