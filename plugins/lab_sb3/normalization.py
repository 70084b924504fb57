"""Standardize observations and scale rewards by stable-baselines3's VecNormalize, whose statistics
are a part of the experiment's state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

import lab
from lab_sb3.spaces import is_picture

Space = spaces.Space[Any]


def vectors(space: Space) -> list[str] | None:
    """Return the keys of a Dict's parts that can be standardized; None where it is no Dict."""
    if not isinstance(space, spaces.Dict):
        return None
    return [key for key, part in space.spaces.items() if _is_vector(part)]


def check(env: str, space: Space) -> None:
    """Raise UsageError where there is nothing to standardize in such observations."""
    keys = vectors(space)
    if not keys if keys is not None else not _is_vector(space):
        raise lab.UsageError(f"--normalize-obs is for vectors; --env {env} shows {space}.")


def stored(space: Space) -> Space:
    """Return the space in which standardized observations are kept: of whole numbers they would be
    cut to whole numbers."""
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: stored(part) for key, part in space.spaces.items()})
    if not (isinstance(space, spaces.Box) and _is_vector(space)):
        return space
    if np.issubdtype(space.dtype, np.floating):
        return space
    low, high = space.low.astype(np.float32), space.high.astype(np.float32)
    return spaces.Box(low, high, dtype=np.float32)


def observations(model: Any) -> dict[str, Any]:
    """Return what a policy's observations are standardized by, as plain data: part by part, where
    they have parts. Empty where they are not."""
    return {name: _moments(running) for name, running in _parts(model).items()}


def load_observations(model: Any, state: Mapping[str, Any]) -> None:
    for name, running in _parts(model).items():
        _load_moments(running, state[name])


def returns(normalize: VecNormalize) -> dict[str, Any]:
    """Return what rewards are divided by, and the discounted returns of the episodes so far."""
    return {"moments": _moments(normalize.ret_rms), "each": lab.to_plain(normalize.returns)}


def load_returns(normalize: VecNormalize, state: Mapping[str, Any], *, restarted: bool) -> None:
    """restarted: the episodes have begun anew."""
    _load_moments(normalize.ret_rms, state["moments"])
    each: Any = lab.from_plain(state["each"])
    normalize.returns = np.zeros_like(each) if restarted else each


@contextmanager
def standing_still(normalize: VecNormalize | None) -> Iterator[None]:
    """Let `reset` count nothing in, and forget no returns: the episodes go on."""
    if normalize is None:
        yield
        return
    kept, normalize.training = normalize.returns, False
    yield
    normalize.returns, normalize.training = kept, True


def _is_vector(space: Space) -> bool:
    return isinstance(space, spaces.Box) and not is_picture(space)


def _parts(model: Any) -> dict[str, RunningMeanStd]:
    normalize = model.get_vec_normalize_env()
    if normalize is None or not normalize.norm_obs:
        return {}
    seen = normalize.obs_rms
    return seen if isinstance(seen, dict) else {"vector": seen}


def _moments(running: RunningMeanStd) -> dict[str, Any]:
    state: dict[str, Any] = lab.to_plain(vars(running))
    return state


def _load_moments(running: RunningMeanStd, state: Mapping[str, Any]) -> None:
    vars(running).update(lab.from_plain(dict(state)))
