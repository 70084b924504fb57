"""Step many copies of one environment with arrays, under any autoreset mode of Gymnasium."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Observations = NDArray[np.float32]
Bools = NDArray[np.bool_]
Actions = NDArray[np.integer[Any]]


class NativeVectorEnv(VectorEnv[Observations, Actions, NDArray[Any]], ABC):
    """`num_envs` = N copies of a classic task whose step is arithmetic on arrays.

    A subclass gives the arithmetic; this class gives time limits, autoreset and start states.
    What comes out equals `gymnasium.vector.SyncVectorEnv` over `gymnasium.make`, bit for bit,
    whenever start states and actions are equal. The one difference is where start states come
    from: one generator serves all copies (for N = 1 it draws what Gymnasium's would).

    The state is `state`, `steps`, `done`, `observations`, `started` and `np_random`. The arrays
    are replaced at each step, never written to, so `dict(vars(env))` and a copy of the
    generator are a snapshot, and setting these attributes restores it.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012
        "render_modes": ["rgb_array"],
        "render_fps": 30,
        "autoreset_mode": AutoresetMode.NEXT_STEP,
    }
    start_draws: ClassVar[int]  # uniform numbers that make one start state: D
    start_bounds: ClassVar[tuple[float, float]]  # where they lie, unless reset says otherwise

    def __init__(
        self,
        num_envs: int,
        max_episode_steps: int,
        render_mode: str | None,
        autoreset_mode: AutoresetMode | str,
        spaces: tuple[gym.spaces.Box, gym.spaces.Discrete],
    ) -> None:
        """Make `num_envs` copies that share the single observation and action `spaces`."""
        if num_envs < 1 or max_episode_steps < 1:
            raise ValueError(
                f"num_envs and max_episode_steps must be positive, got {num_envs} and"
                f" {max_episode_steps}."
            )
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(f'render_mode must be None or "rgb_array", got {render_mode!r}.')
        self.num_envs = num_envs
        self.max_episode_steps = max_episode_steps
        self.render_mode = render_mode
        self.autoreset_mode = AutoresetMode(autoreset_mode)
        self.metadata = {**self.metadata, "autoreset_mode": self.autoreset_mode}
        self.single_observation_space, self.single_action_space = spaces
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.action_count = int(spaces[1].n)
        self._clear()

    def _clear(self) -> None:
        """Take the shape of a state; `reset` gives it meaning."""
        start = self.start(np.zeros((self.start_draws, self.num_envs)))
        self.state: Floats = start
        self.steps = np.zeros(self.num_envs, dtype=np.int64)
        self.done = np.zeros(self.num_envs, dtype=np.bool_)  # over, and not yet reset
        self.observations = self.observe_start(start)
        self.started = False

    @abstractmethod
    def start(self, draws: Floats) -> Floats:
        """Make start states `[S, n]` from uniform `draws` `[D, n]`."""

    @abstractmethod
    def advance(self, state: Floats, actions: Actions) -> tuple[Floats, Floats, Bools]:
        """Next state `[S, N]`, reward `[N]` and terminated `[N]`, all in new arrays."""

    @abstractmethod
    def observe(self, state: Floats) -> Observations:
        """Observations `[n, ...]` of states `[S, n]` that a step has led to."""

    def observe_start(self, state: Floats) -> Observations:
        """Observations of start states; differs where Gymnasium keeps these in another dtype."""
        return self.observe(state)

    @abstractmethod
    def painter(self) -> Any:
        """Gymnasium's single environment, which draws any state put into its `state`."""

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observations, dict[str, Any]]:
        """Start new episodes, and return the observations of all copies.

        Args:
            seed: restarts the generator that serves all copies.
            options: `low` and `high` bound the uniform draws of these start states (autoresets
                use the defaults, as in Gymnasium), each a number or an array that broadcasts to
                `[D, N]`; with `low` = `high` they set the states. `reset_mask`, bool `[N]`,
                restarts only the copies where it is true.

        Raises:
            TypeError, ValueError: for bounds or a mask that do not fit.
        """
        super().reset(seed=seed)
        options = options or {}
        everyone = np.ones(self.num_envs, dtype=np.bool_)
        mask = self._checked_mask(options["reset_mask"]) if "reset_mask" in options else everyone
        self._restart(mask, options)
        self.started = True
        return self.observations.copy(), {}

    def step(self, actions: Actions) -> tuple[Observations, Floats, Bools, Bools, dict[str, Any]]:
        """Advance all copies, and restart those that are over as the autoreset mode says.

        Args:
            actions: integers `[N]`. In NEXT_STEP mode those of copies that restart are ignored.

        Returns:
            float32 observations `[N, ...]`, float64 rewards, terminated, truncated, and infos:
            in SAME_STEP mode `final_obs` and `final_info` with their masks, otherwise empty.
            Both flags are true when an episode terminates on the last step of its time limit.
        """
        self._require_running()
        self.state, reward, terminated = self.advance(self.state, self._checked_actions(actions))
        self.observations = self.observe(self.state)
        self.steps = self.steps + 1
        truncated = self.steps >= self.max_episode_steps
        if self.done.any():  # only in NEXT_STEP mode: what was just computed for them is void
            restarting = self.done
            self._restart(restarting)
            reward[restarting] = 0.0
            terminated[restarting] = truncated[restarting] = False
        self.done = terminated | truncated
        infos = {}
        if self.autoreset_mode is AutoresetMode.SAME_STEP and self.done.any():
            infos = self._final(self.done)
            self._restart(self.done)
        return self.observations.copy(), reward, terminated, truncated, infos

    def render(self) -> tuple[Any, ...] | None:
        """One frame per copy, as Gymnasium's single environment draws it."""
        if self.render_mode is None:
            gym.logger.warn(f'{self} renders when it is made with render_mode="rgb_array".')
            return None
        painter = self.painter()  # made anew, so that no window or surface becomes state
        frames = []
        for state in self.state.T:
            painter.state = state
            frames.append(painter.render())
        return tuple(frames)

    def _restart(self, mask: Bools, options: dict[str, Any] | None = None) -> None:
        """Start new episodes where `mask` is true."""
        fresh = self.start(self._draw(mask, options or {}))
        self.state = _filled(self.state, (slice(None), mask), fresh)
        self.observations = _filled(self.observations, mask, self.observe_start(fresh))
        self.steps = _filled(self.steps, mask, 0)
        self.done = self.done & ~mask

    def _draw(self, mask: Bools, options: dict[str, Any]) -> Floats:
        """Uniform numbers `[D, n]` between the bounds, for the n copies in `mask`."""
        low, high = (
            np.broadcast_to(
                np.asarray(options.get(name, default), dtype=np.float64),
                (self.start_draws, self.num_envs),
            )[:, mask]
            for name, default in zip(("low", "high"), self.start_bounds, strict=True)
        )
        if not (low <= high).all():  # false for NaN too
            raise ValueError(f"Start states need low <= high, got low={low} and high={high}.")
        return self.np_random.uniform(low, high)

    def _final(self, mask: Bools) -> dict[str, Any]:
        """The infos in which Gymnasium puts the last observation of each finished episode."""
        final_obs = np.full(self.num_envs, None, dtype=object)
        for index in np.flatnonzero(mask):
            final_obs[index] = self.observations[index].copy()
        return {
            "final_obs": final_obs,
            "_final_obs": mask.copy(),
            "final_info": {},
            "_final_info": mask.copy(),
        }

    def _require_running(self) -> None:
        if not self.started:
            raise gym.error.ResetNeeded("Call reset() before step().")
        if self.autoreset_mode is AutoresetMode.DISABLED and self.done.any():
            raise gym.error.ResetNeeded(
                f"Copies {np.flatnonzero(self.done).tolist()} are over, and autoreset is disabled:"
                ' call reset(options={"reset_mask": mask}).'
            )

    def _checked_actions(self, actions: Actions) -> Actions:
        actions = np.asarray(actions)
        if actions.shape != (self.num_envs,) or actions.dtype.kind not in "iu":
            raise gym.error.InvalidAction(
                f"Expected {self.num_envs} integers, got {actions.dtype} {actions.shape}."
            )
        if actions.min() < 0 or actions.max() >= self.action_count:
            raise gym.error.InvalidAction(f"Actions are 0 to {self.action_count - 1}: {actions}.")
        return actions

    def _checked_mask(self, mask: Any) -> Bools:
        if not isinstance(mask, np.ndarray) or mask.dtype != np.bool_:
            raise TypeError(f"reset_mask must be a numpy array of bool, got {mask!r}.")
        if mask.shape != (self.num_envs,) or not mask.any():
            raise ValueError(f"reset_mask needs shape ({self.num_envs},) and a True, got {mask}.")
        if not (self.started or mask.all()):
            raise gym.error.ResetNeeded("Call reset() for all copies before a masked reset.")
        return mask


def _filled(array: NDArray[Any], where: Any, values: Any) -> NDArray[Any]:
    """A copy of `array` with `values` at `where`."""
    copy = array.copy()
    copy[where] = values
    return copy
