"""Step several environments together, with Gymnasium's three autoreset modes made one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from gymnasium import Space
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv

from lab.environments import native
from lab.environments.finite import Watch
from lab.environments.replayable import Replayable
from lab.errors import LabError
from lab.messages import describe

Array = np.ndarray[Any, np.dtype[Any]]


class Step(NamedTuple):
    """The result of one step of N environments. `next_obs` is the true successor, also at the end
    of an episode; rows where `live` is False are no transitions and must not be learned from."""

    next_obs: Array  # [N, ...]
    reward: Array  # [N]
    terminated: Array  # [N] bool
    truncated: Array  # [N] bool
    live: Array  # [N] bool
    returns: Array  # [E] undiscounted returns of the episodes that ended here
    lengths: Array  # [E] their lengths in steps
    info: Mapping[str, Any] = MappingProxyType({})  # as the vector environment gives it


NO_EPISODES = np.empty(0), np.empty(0, dtype=np.int64)  # returns and lengths


class Envs:
    """N environments, always ready for an action, which is chosen from `obs`: an array [N, ...], or
    a dict of them where the space is a Dict.

    NEXT_STEP environments spend one tick on a reset, in which the action is ignored: `live` is
    False there. SAME_STEP ones hand the last observation over in `final_obs`. DISABLED ones are
    reset here, in the same step.

    What an environment itself raises becomes a LabError that names it.
    """

    def __init__(
        self,
        vector: VectorEnv[Any, Any, Any],
        *,
        name: str = "unnamed",
        exact: bool = True,
        cut_after: int | None = None,
        tell: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.vector = vector
        self.name = name  # as Gymnasium knows it
        self.exact = exact  # False: the state cannot be saved, and episodes restart on resume
        self.cut_after = cut_after  # the time limit, where it is the lab's own, for evaluations
        self.tell = tell
        self._warned_of_cut = False
        self.num_envs = vector.num_envs
        self.observation_space: Space[Any] = vector.single_observation_space
        self.action_space: Space[Any] = vector.single_action_space
        self.autoreset = AutoresetMode(
            vector.metadata.get("autoreset_mode", AutoresetMode.NEXT_STEP)
        )
        self.obs: Array = np.empty(0)
        self.action_mask: Array | None = None  # [N, A] bool, where `info` says what `obs` allows
        self._resetting = np.zeros(self.num_envs, dtype=bool)
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, dtype=np.int64)
        self._watch = Watch()

    def reset(self, seed: int | None = None) -> Array:
        """Begin anew in all environments and return `obs` [N, ...]."""
        obs, info = self._reset(seed=seed)
        self.obs, self.action_mask = copied(obs), allowed(info)
        self._resetting[:] = False
        self._returns[:] = 0.0
        self._lengths[:] = 0
        return self.obs

    def step(self, actions: Array) -> Step:
        """Act in every environment. `actions` [N]."""
        try:
            seen, *arrays, info = self.vector.step(actions)
        except Exception as error:  # an environment may fail in any way
            raise failure(self.name, "step", error) from error
        obs = copied(seen)  # the vector may reuse its own arrays
        reward, terminated, truncated = map(np.array, arrays)
        live = ~self._resetting
        done = terminated | truncated
        over = bool(done.any())
        self.action_mask = allowed(info) if info else None
        next_obs, self.obs = self._successor(obs, done, info) if over else (obs, obs)
        if self.autoreset is AutoresetMode.NEXT_STEP:
            self._resetting = done
        self._watch.see(next_obs, self._lengths)
        self._returns += np.where(live, reward, 0.0)
        self._lengths += live
        returns, lengths = self._ended(done) if over else NO_EPISODES
        return Step(next_obs, reward, terminated, truncated, live, returns, lengths, info)

    def _successor(self, obs: Array, done: Array, info: Mapping[str, Any]) -> tuple[Array, Array]:
        """Return the true successors, and the observations to act from, where episodes ended."""
        if self.autoreset is AutoresetMode.NEXT_STEP:
            return obs, obs
        if self.autoreset is AutoresetMode.DISABLED:
            first, begun = self._reset(options={"reset_mask": done})
            if self.action_mask is not None and (begun_mask := allowed(begun)) is not None:
                self.action_mask[done] = begun_mask[done]
            return obs, copied(first)
        final = copied(obs)
        for index in np.flatnonzero(done).tolist():
            _put(final, index, info["final_obs"][index])
        return final, obs

    def _reset(self, **kwargs: Any) -> Any:
        try:
            return self.vector.reset(**kwargs)
        except Exception as error:
            raise failure(self.name, "reset", error) from error

    def _ended(self, done: Array) -> tuple[Array, Array]:
        """Hand out and clear the returns and lengths of ended episodes."""
        returns, lengths = self._returns[done], self._lengths[done]
        self._watch.count(returns, lengths)
        self._returns[done] = 0.0
        self._lengths[done] = 0
        return returns, lengths

    def not_finite(self) -> str | None:
        """Say where an observation or reward was first no finite number; None where all were."""
        self._watch.count(self._returns, self._lengths)
        return self._watch.found

    def state_dict(self) -> dict[str, Any]:
        """Return the state of every environment, of the counters and of `obs`."""
        return {
            "envs": self._env_states() if self.exact else None,
            "obs": copied(self.obs),
            "action_mask": copied(self.action_mask),
            "resetting": self._resetting.copy(),
            "returns": self._returns.copy(),
            "lengths": self._lengths.copy(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Return to the saved moment. Where the state could not be saved, episodes have restarted
        with `reset` and go on from there."""
        if state["envs"] is None:
            return
        self._load_env_states(state["envs"])
        self.obs = copied(state["obs"])
        self.action_mask = copied(state.get("action_mask"))
        self._resetting = state["resetting"].copy()
        self._returns = state["returns"].copy()
        self._lengths = state["lengths"].copy()

    def _env_states(self) -> Any:
        if not isinstance(self.vector, SyncVectorEnv):
            return native.state_dict(self.vector)
        return {
            "autoreset": self.vector._autoreset_envs.copy(),
            "each": [env.state_dict() for env in self._replayables()],
        }

    def _load_env_states(self, state: Any) -> None:
        if not isinstance(self.vector, SyncVectorEnv):
            native.load_state_dict(self.vector, state)
            return
        self.vector._autoreset_envs = state["autoreset"].copy()
        for env, saved in zip(self._replayables(), state["each"], strict=True):
            env.load_state_dict(saved)

    def _replayables(self) -> list[Replayable]:
        return [env for env in self.vector.envs if isinstance(env, Replayable)]  # type: ignore[attr-defined]

    def tell_cut(self) -> None:
        """Say, once, that the lab cuts the episodes of an evaluation."""
        if not self._warned_of_cut:
            self._warned_of_cut = True
            self.tell(
                f"{self.name} has no time limit: evaluation cuts its episodes after "
                f"{self.cut_after:,} steps. --max-episode-steps N sets a limit."
            )

    def close(self) -> None:
        self.vector.close()


def failure(name: str, method: str, error: Exception) -> LabError:
    """Say in one line which environment failed, where and how."""
    return LabError(f"--env {name}: its {method} raised {describe(error)}")


def allowed(info: Mapping[str, Any]) -> Array | None:
    """Return which actions the `action_mask` of an environment's info allows [N, ...] bool; None
    where there is no such array. A row that allows nothing says nothing: there all are allowed."""
    given = info.get("action_mask")
    if not isinstance(given, np.ndarray) or given.dtype == object or given.ndim < 2:
        return None
    mask = given.astype(bool)
    mask[~mask.any(-1)] = True
    return mask


def copied(obs: Any) -> Any:
    """Copy observations: an array, or one for each key of a Dict space. None stays None."""
    if obs is None:
        return None
    if isinstance(obs, Mapping):
        return {name: copied(part) for name, part in obs.items()}
    return np.array(obs)


def _put(obs: Any, index: int, row: Any) -> None:
    if isinstance(obs, Mapping):
        for name, part in obs.items():
            _put(part, index, row[name])
    else:
        obs[index] = row
