"""Step many acrobots at once, exactly as Gymnasium steps one."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np
from gymnasium import spaces
from gymnasium.envs.classic_control.acrobot import AcrobotEnv
from gymnasium.vector import AutoresetMode

from lab_envs.native import Actions, Bools, Floats, NativeVectorEnv, Observations

MAX_SPEEDS = np.array([[4 * np.pi], [9 * np.pi]])  # of theta1 and theta2, rad/s
TORQUE = np.array([-1.0, 0.0, 1.0])  # by action, N m
G = 9.8
DT = 0.2  # s
FEW = 12  # up to so many copies, a loop over Python floats beats NumPy's cost per call

T = TypeVar("T", float, Floats)


class Maths(NamedTuple):
    """The functions that the dynamics need, for one kind of number."""

    cos: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    square: Callable[[Any], Any]


# All are libm's, as in Gymnasium. Its `scalar ** 2` is libm's pow, which now and then differs in
# the last bit from x * x, and so from NumPy's `array ** 2`; `float_power` is pow on each element.
FLOATS = Maths(math.cos, math.sin, lambda x: math.pow(x, 2.0))
ARRAYS = Maths(np.cos, np.sin, lambda x: np.float_power(x, 2.0))


class AcrobotVectorEnv(NativeVectorEnv):
    """Two hanging links, a motor between them, and a height to swing the tip above.

    `state` is `[4, N]`: theta1, theta2 (rad), and their velocities (rad/s). The dynamics are
    those of Sutton & Barto 1998 (section 11.3), Gymnasium's default, with
    its masses and lengths of 1. Equal to `Acrobot-v1` bit for bit.
    """

    start_draws: ClassVar[int] = 4
    start_bounds: ClassVar[tuple[float, float]] = (-0.1, 0.1)

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = 500,
        render_mode: str | None = None,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
    ) -> None:
        """Make `num_envs` acrobots."""
        high = np.concatenate((np.ones(4), MAX_SPEEDS[:, 0])).astype(np.float32)
        single = spaces.Box(-high, high, dtype=np.float32), spaces.Discrete(3)
        super().__init__(num_envs, max_episode_steps, render_mode, autoreset_mode, single)
        self.metadata["render_fps"] = 15

    def start(self, draws: Floats) -> Floats:
        """The draws, rounded to float32 as Gymnasium rounds them."""
        return draws.astype(np.float32).astype(np.float64)

    def advance(self, state: Floats, actions: Actions) -> tuple[Floats, Floats, Bools]:
        """Integrate over 0.2 s; the reward is -1, and 0 where the tip is up."""
        state = integrate(state, TORQUE[actions])
        state[:2] = wrap(state[:2])
        state[2:] = np.minimum(np.maximum(state[2:], -MAX_SPEEDS), MAX_SPEEDS)
        theta1, theta2 = state[:2]
        terminated = -np.cos(theta1) - np.cos(theta2 + theta1) > 1.0
        return state, np.where(terminated, 0.0, -1.0), terminated

    def observe(self, state: Floats) -> Observations:
        """Cosine and sine of both angles, and both velocities, `[n, 6]`."""
        angles = state[:2]
        observations = np.empty((state.shape[1], 6), dtype=np.float32)
        observations[:, 0:4:2] = np.cos(angles).T
        observations[:, 1:4:2] = np.sin(angles).T
        observations[:, 4:] = state[2:].T
        return observations

    def observe_start(self, state: Floats) -> Observations:
        """As `observe`, in float32 arithmetic: Gymnasium's state is float32 until it steps."""
        return self.observe(state.astype(np.float32))

    def painter(self) -> Any:
        """Gymnasium's acrobot, as a drawing tool."""
        return AcrobotEnv(render_mode="rgb_array")


def integrate(state: Floats, torque: Floats) -> Floats:
    """States `[4, N]` after 0.2 s under torques `[N]`, in a new array."""
    if len(torque) > FEW:
        return np.array(rk4(list(state), torque, ARRAYS))
    copies = zip(state.T.tolist(), torque.tolist(), strict=True)
    return np.array([rk4(copy, push, FLOATS) for copy, push in copies]).T


def derivatives(state: Sequence[T], torque: T, maths: Maths) -> list[T]:
    """Time derivative of the state under the motor's torque, for floats and for arrays `[N]`.

    Gymnasium's `_dsdt`, in its order of operations, with the factors that are 1 left out.
    """
    theta1, theta2, dtheta1, dtheta2 = state
    cos2, sin2 = maths.cos(theta2), maths.sin(theta2)
    d1 = 0.25 + (1.25 + cos2) + 1.0 + 1.0
    d2 = 0.25 + 0.5 * cos2 + 1.0
    phi2 = 0.5 * G * maths.cos(theta1 + theta2 - np.pi / 2)
    phi1 = -0.5 * maths.square(dtheta2) * sin2 - dtheta2 * dtheta1 * sin2
    phi1 = phi1 + 1.5 * G * maths.cos(theta1 - np.pi / 2) + phi2
    ddtheta2 = torque + d2 / d1 * phi1 - 0.5 * maths.square(dtheta1) * sin2 - phi2
    ddtheta2 = ddtheta2 / (1.25 - maths.square(d2) / d1)
    ddtheta1 = -(d2 * ddtheta2 + phi1) / d1
    return [dtheta1, dtheta2, ddtheta1, ddtheta2]


def rk4(state: Sequence[T], torque: T, maths: Maths) -> list[T]:
    """One classical Runge-Kutta step of `DT` seconds."""
    k1 = derivatives(state, torque, maths)
    k2 = derivatives([y + DT / 2 * k for y, k in zip(state, k1, strict=True)], torque, maths)
    k3 = derivatives([y + DT / 2 * k for y, k in zip(state, k2, strict=True)], torque, maths)
    k4 = derivatives([y + DT * k for y, k in zip(state, k3, strict=True)], torque, maths)
    stages = zip(state, k1, k2, k3, k4, strict=True)
    return [y + DT / 6 * (a + 2 * b + 2 * c + d) for y, a, b, c, d in stages]


def wrap(angles: Floats) -> Floats:
    """Add or subtract whole turns until all angles are in [-pi, pi].

    One turn at a time: each subtraction rounds, so a single modulo would differ.
    """
    while (above := angles > np.pi).any():
        angles = np.where(above, angles - 2 * np.pi, angles)
    while (below := angles < -np.pi).any():
        angles = np.where(below, angles + 2 * np.pi, angles)
    return angles
