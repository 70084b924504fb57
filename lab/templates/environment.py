"""Hold a corridor to walk through."""

from __future__ import annotations

from lab.templates.template import Template

SPEC = '''\
"""Offer the environments {{name}}/..."""

from collections.abc import Iterator

from lab import EnvironmentSpec, hookimpl


@hookimpl
def lab_environments() -> Iterator[EnvironmentSpec]:
    yield EnvironmentSpec(
        namespace="{{name}}",
        module="{{package}}.registration",
    )
'''

REGISTRATION = '''\
"""Register the environments with Gymnasium, under the namespace of this plugin."""

import gymnasium as gym

CORRIDOR = "{{name}}/Corridor-v0"

if CORRIDOR not in gym.registry:  # Gymnasium warns when an id is registered twice
    gym.register(CORRIDOR, "{{package}}.corridor:Corridor", max_episode_steps=100)
'''

CORRIDOR = '''\
"""Walk to the end of a corridor."""

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

LENGTH = 8
LEFT, RIGHT = 0, 1
PIXELS = 16  # of the side of a cell


class Corridor(gym.Env[NDArray[np.float32], np.int64]):
    """Cells in a row. An episode starts in the left half; the last cell ends it with a reward of 1,
    every other step costs 0.01. The observation is the position, from 0 to 1, float32 [1]."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 8}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.observation_space = gym.spaces.Box(0, 1, (1,), np.float32)
        self.action_space = gym.spaces.Discrete(2)
        self.render_mode = render_mode
        self.position = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        super().reset(seed=seed)  # seeds self.np_random: draw from it alone
        self.position = int(self.np_random.integers(LENGTH // 2))
        return self.observation(), {}

    def step(
        self, action: np.int64
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.position = max(0, self.position + (1 if action == RIGHT else -1))
        there = self.position == LENGTH - 1
        return self.observation(), 1.0 if there else -0.01, there, False, {}

    def observation(self) -> NDArray[np.float32]:
        return np.array([self.position / (LENGTH - 1)], np.float32)

    def render(self) -> NDArray[np.uint8]:
        """Return a picture uint8 [H, W, 3]."""
        cells = np.full((1, LENGTH, 3), 255, np.uint8)
        cells[0, self.position] = (40, 90, 200)
        return cells.repeat(PIXELS, axis=0).repeat(PIXELS, axis=1)
'''

TEMPLATE = Template(
    what="Environments",
    about="a corridor to walk through, `{{name}}/Corridor-v0`.",
    tries={"lab run dqn --env {{name}}/Corridor-v0 --budget 5000": "learn to act in it"},
    files={"__init__.py": SPEC, "registration.py": REGISTRATION, "corridor.py": CORRIDOR},
    holds={
        "__init__.py": "what the lab lists: the namespace; imports nothing heavy",
        "registration.py": "the ids, as Gymnasium knows them",
        "corridor.py": "the environment",
    },
)
