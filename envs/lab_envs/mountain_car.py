"""Step many mountain cars at once, exactly as Gymnasium steps one."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.mountain_car import MountainCarEnv
from gymnasium.vector import AutoresetMode

from lab_envs.native import Actions, Bools, Floats, NativeVectorEnv, Observations

MIN_POSITION, MAX_POSITION, GOAL_POSITION = -1.2, 0.6, 0.5
MAX_SPEED = 0.07
GRAVITY = 0.0025
THRUST = np.array([-0.001, 0.0, 0.001])  # by action: push left, coast, push right


class MountainCarVectorEnv(NativeVectorEnv):
    """The car of Moore 1990 (PhD thesis) that must swing to get up the hill.

    `state` is `[2, N]`: position, velocity per step. Equal to `MountainCar-v0` bit for bit.
    """

    start_draws: ClassVar[int] = 1  # the position; the car starts at rest
    start_bounds: ClassVar[tuple[float, float]] = (-0.6, -0.4)

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = 200,
        render_mode: str | None = None,
        goal_velocity: float = 0.0,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        """Make `num_envs` cars; the goal counts at `goal_velocity` or faster."""
        self.goal_velocity = goal_velocity
        low = np.array([MIN_POSITION, -MAX_SPEED], dtype=np.float32)
        high = np.array([MAX_POSITION, MAX_SPEED], dtype=np.float32)
        single = spaces.Box(low, high, dtype=np.float32), spaces.Discrete(3)
        super().__init__(num_envs, max_episode_steps, render_mode, autoreset_mode, single)

    def start(self, draws: Floats) -> Floats:
        """Cars at rest at the drawn positions."""
        return np.concatenate((draws, np.zeros_like(draws)))

    def advance(self, state: Floats, actions: Actions) -> tuple[Floats, Floats, Bools]:
        """Move all cars one step; each reward is -1."""
        position, velocity = state
        # Gymnasium calls libm through `math.cos`. For float64 NumPy's cos is libm's too, on one
        # element or on many, which a test holds it to; so nothing needs a call per element.
        velocity = velocity + (THRUST[actions] + np.cos(3 * position) * -GRAVITY)
        velocity = np.minimum(np.maximum(velocity, -MAX_SPEED), MAX_SPEED)
        position = np.minimum(np.maximum(position + velocity, MIN_POSITION), MAX_POSITION)
        velocity[(position == MIN_POSITION) & (velocity < 0)] = 0.0  # the left wall stops the car
        terminated = (position >= GOAL_POSITION) & (velocity >= self.goal_velocity)
        return np.array((position, velocity)), np.full(self.num_envs, -1.0), terminated

    def observe(self, state: Floats) -> Observations:
        """Position and velocity, `[n, 2]`."""
        return state.T.astype(np.float32, order="C")

    def painter(self) -> Any:
        """Gymnasium's car, as a drawing tool."""
        return MountainCarEnv(render_mode="rgb_array")
