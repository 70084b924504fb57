"""Worlds that are small enough to know by heart, registered with Gymnasium as `worlds/...`.

Import this module, or say `--env worlds:worlds/Chain-v0`.
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space


class World(NamedTuple):
    """What each action does in each state, as arrays [S, A]. Every episode starts in state 0."""

    next_state: Any
    reward: Any
    terminated: Any

    @property
    def states(self) -> int:
        return len(self.next_state)

    @property
    def actions(self) -> int:
        return int(self.next_state.shape[1])


def chain(length: int = 5) -> World:
    """Action 1 goes right and ends the episode with a reward of 1 after the last state; action 0
    goes back to the start and costs 0.1."""
    right = np.minimum(np.arange(length) + 1, length - 1)
    next_state = np.stack([np.zeros(length, dtype=np.int64), right], axis=1)
    reward = np.zeros((length, 2))
    reward[:, 0], reward[-1, 1] = -0.1, 1.0
    terminated = np.zeros((length, 2), dtype=bool)
    terminated[-1, 1] = True
    return World(next_state, reward, terminated)


def conveyor(length: int = 5) -> World:
    """As the chain, but both actions go right: n-step returns are unbiased whatever is done.
    Step i has reward i + 1."""
    right = np.minimum(np.arange(length) + 1, length - 1)
    terminated = np.zeros((length, 2), dtype=bool)
    terminated[-1] = True
    reward = np.arange(1.0, length + 1)
    return World(np.stack([right, right], 1), np.stack([reward, reward], 1), terminated)


def loop(length: int = 3) -> World:
    """A ring in which every step has reward 1 and nothing ever terminates: Q* = 1 / (1 - gamma)."""
    on = (np.arange(length) + 1) % length
    shape = (length, 2)
    return World(np.stack([on, on], 1), np.ones(shape), np.zeros(shape, dtype=bool))


def optimal_q(world: World, gamma: float) -> np.ndarray:
    """Q* [S, A] by value iteration, without regard to any time limit."""
    q = np.zeros(world.next_state.shape)
    for _ in range(2_000):
        q = world.reward + gamma * ~world.terminated * q.max(1)[world.next_state]
    return q


class WorldEnv(gym.Env):
    """One world, by hand. The time limit is Gymnasium's wrapper."""

    def __init__(self, world: World) -> None:
        self.world, self.state = world, 0
        self.observation_space = spaces.Discrete(world.states)
        self.action_space = spaces.Discrete(world.actions)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.state = 0
        return np.int64(0), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        cause = self.state, int(action)
        self.state = int(self.world.next_state[cause])
        reward, terminated = self.world.reward[cause], self.world.terminated[cause]
        return np.int64(self.state), float(reward), bool(terminated), False, {}


class WorldVectorEnv(VectorEnv):
    """N worlds at once under any autoreset mode. Its arrays are used again at every step."""

    def __init__(
        self, world: World, mode: AutoresetMode, num_envs: int, max_episode_steps: int
    ) -> None:
        self.world, self.mode, self.num_envs = world, mode, num_envs
        self.limit = max_episode_steps
        self.metadata = {"autoreset_mode": mode}
        self.single_observation_space = spaces.Discrete(world.states)
        self.single_action_space = spaces.Discrete(world.actions)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.state = np.zeros(num_envs, dtype=np.int64)
        self.steps = np.zeros(num_envs, dtype=np.int64)
        self.done = np.zeros(num_envs, dtype=bool)
        self.reward = np.zeros(num_envs)
        self.terminated = np.zeros(num_envs, dtype=bool)
        self.truncated = np.zeros(num_envs, dtype=bool)

    def _restart(self, mask: Any) -> None:
        self.state[mask] = self.steps[mask] = 0
        self.done[mask] = False

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        everyone = np.ones(self.num_envs, dtype=bool)
        self._restart((options or {}).get("reset_mask", everyone))
        return self.state, {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        assert self.mode is not AutoresetMode.DISABLED or not self.done.any()
        over, cause = self.done.copy(), (self.state.copy(), actions)
        self.state[:] = self.world.next_state[cause]
        self.steps += 1
        self.reward[:], self.terminated[:] = self.world.reward[cause], self.world.terminated[cause]
        self.truncated[:] = self.steps >= self.limit
        if over.any():  # NEXT_STEP: this tick is a reset
            self._restart(over)
            self.reward[over] = 0.0
            self.terminated[over] = self.truncated[over] = False
        self.done[:] = self.terminated | self.truncated
        info: dict[str, Any] = {}
        if self.mode is AutoresetMode.SAME_STEP and self.done.any():
            final = np.full(self.num_envs, None, dtype=object)
            for index in np.flatnonzero(self.done):
                final[index] = np.int64(self.state[index])
            info = {"final_obs": final, "_final_obs": self.done.copy()}
            self._restart(self.done.copy())
        return self.state, self.reward, self.terminated, self.truncated, info


class Numbers(gym.Env):
    """Observations that never repeat, [name, episode, step] as float32, in episodes of random
    length. Ends are terminations in even episodes, truncations in odd ones."""

    observation_space = spaces.Box(0, np.inf, (3,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self) -> None:
        self.name = self.episode = self.steps = self.length = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.name = self.name if seed is None else seed % 2**20
        self.episode += 1
        self.steps, self.length = 0, int(self.np_random.integers(1, 9))
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        done, even = self.steps == self.length, self.episode % 2 == 0
        reward = self.steps + float(action) / 4
        return self._look(), reward, done and even, done and not even, {}

    def _look(self) -> np.ndarray:
        return np.array([self.name, self.episode, self.steps], dtype=np.float32)


class Restarting(gym.Env):
    """Observes [life, step], in episodes that are long. A life is a number from the operating
    system, which no seed brings back."""

    observation_space = spaces.Box(0, np.inf, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self) -> None:
        self.life = self.steps = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.life, self.steps = int.from_bytes(os.urandom(2)), 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        return self._look(), 1.0, False, self.steps == 90, {}

    def _look(self) -> np.ndarray:
        return np.array([self.life, self.steps], dtype=np.float32)


class Broken(Numbers):
    """Fails in the fifth step of its life."""

    lived = 0

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.lived += 1
        if self.lived == 5:
            raise ZeroDivisionError("no floor here\nand none below")
        return super().step(action)


class Gated(gym.Env):
    """Episodes of seven steps where the file `gate` exists; without it they never end. Writes the
    file `inside` on the hundredth step."""

    observation_space = spaces.Box(0, np.inf, (1,), np.float32)
    action_space = spaces.Discrete(2)

    def __init__(self, gate: str, inside: str) -> None:
        self.gate, self.inside = Path(gate), Path(inside)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps, self.open = 0, self.gate.exists()
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        if self.steps == 100:
            self.inside.touch()
        look = np.full(1, self.steps % 2, np.float32)
        return look, float(action), self.open and self.steps == 7, False, {}


class Odd(gym.Env):
    """Spaces that are seldom seen."""

    def __init__(self, observation: str = "box", action: str = "discrete") -> None:
        box = spaces.Box(-1, 1, (2,), np.float32)
        kinds: dict[str, Any] = {
            "box": box,
            "discrete": spaces.Discrete(2),
            "tuple": spaces.Tuple((box, spaces.Discrete(2))),
            "dict": spaces.Dict({"x": box}),
            "from one": spaces.Discrete(2, start=1),
            "several": spaces.MultiDiscrete([2, 3]),
            "switches": spaces.MultiBinary(2),
            "sequence": spaces.Sequence(box),
            "many": spaces.Discrete(10**9),
            "bits": spaces.Box(0, 1, (10, 10, 4), np.bool_),
            "bytes first": spaces.Box(0, 255, (3, 48, 40), np.uint8),
            "bytes last": spaces.Box(0, 255, (48, 40, 3), np.uint8),
            "cube": spaces.Box(0, 255, (12, 12, 12), np.uint8),
        }
        self.observation_space, self.action_space = kinds[observation], kinds[action]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


class Screen(Numbers):
    """A world whose screen fails as it is told to."""

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, screen: str = "nothing", render_mode: str | None = None) -> None:
        super().__init__()
        self.screen, self.render_mode = screen, render_mode

    def render(self) -> Any:
        errors = {"NotImplementedError": NotImplementedError, "RuntimeError": RuntimeError}
        if self.screen in errors:
            raise errors[self.screen]("no display")


class Words(spaces.Space[str]):
    """Texts, but no `spaces.Text`: as Minigrid's missions."""

    def __init__(self) -> None:
        super().__init__(shape=(), dtype=str)

    def sample(self, mask: Any = None, probability: Any = None) -> str:
        return "go"

    def contains(self, x: Any) -> bool:
        return isinstance(x, str)


class Mission(gym.Env):
    """Shows a small picture, a direction and a text, as Minigrid does, in episodes of six steps.
    Actions count from 1, and others fail; action 2 is rewarded with 1."""

    observation_space = spaces.Dict(
        {
            "image": spaces.Box(0, 255, (7, 7, 3), np.uint8),
            "direction": spaces.Discrete(4, start=1),
            "mission": Words(),
        }
    )
    action_space = spaces.Discrete(3, start=1)
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"there is no action {action}")
        self.steps += 1
        return self._look(), float(action == 2), self.steps == 6, False, {}

    def _look(self) -> dict[str, Any]:
        image = self.np_random.integers(0, 10, (7, 7, 3)).astype(np.uint8)
        return {"image": image, "direction": np.int64(self.steps % 4 + 1), "mission": "go"}

    def render(self) -> Any:
        return np.zeros((8, 8, 3), np.uint8)


class Street(gym.Env):
    """A street of numbered houses from `start` on, of which a walk sees six, at random. Actions
    from -1 to 1, of which 1 is rewarded."""

    action_space = spaces.Discrete(3, start=-1)

    def __init__(self, houses: int = 5, start: int = 1) -> None:
        self.observation_space = spaces.Discrete(houses, start=start)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if not self.action_space.contains(action):
            raise ValueError(f"there is no action {action}")
        self.steps += 1
        return self._look(), float(action == 1), self.steps == 6, False, {}

    def _look(self) -> Any:
        space: Any = self.observation_space
        return space.start + self.np_random.integers(space.n)


class Corridor(gym.Env):
    """Allows action 1 in odd steps and 0 and 2 in even ones; any other is an error."""

    observation_space = gym.spaces.Box(0, 100, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.steps = 0
        return self._look()

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        assert self._allowed()[action]
        self.steps += 1
        obs, info = self._look()
        return obs, 1.0, self.steps == 4 + self.np_random.integers(3), self.steps >= 6, info

    def _allowed(self) -> Any:
        return np.array([0, 1, 0] if self.steps % 2 else [1, 0, 1], np.int8)

    def _look(self) -> tuple[Any, dict[str, Any]]:
        return np.full(3, self.steps, np.float32), {"action_mask": self._allowed()}


class Recall(gym.Env):
    """Shows a side once, then nothing for two steps; the last action earns 1 where it is that side.
    Without a memory the mean return is 1/2."""

    observation_space = spaces.Box(-1, 1, (2,), np.float32)
    action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.side, self.steps = int(self.np_random.integers(2)), 0
        return np.array([2 * self.side - 1, 0], np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.steps += 1
        done = self.steps == 3
        nothing = np.array([0, self.steps == 2], np.float32)
        return nothing, float(done and action == self.side), done, False, {}


class Bonus(gym.RewardWrapper):
    """Adds to every reward."""

    def __init__(self, env: gym.Env, by: float = 1.0) -> None:
        super().__init__(env)
        self.by = by

    def reward(self, reward: Any) -> Any:
        return reward + self.by


def register(id: str, maker: Any, **facts: Any) -> None:
    """Register what makes an environment with Gymnasium, which types makers too narrowly: as
    functions that take any keyword."""
    gym.register(id, maker, **facts)


WORLDS = {"Chain": (chain(), 20), "Conveyor": (conveyor(), 20), "Loop": (loop(), 5)}

for _name, (_world, _limit) in WORLDS.items():
    _make = partial(WorldEnv, _world)
    register(f"worlds/{_name}-v0", _make, max_episode_steps=_limit)
    for _mode in AutoresetMode:
        register(
            f"worlds/{_name}{_mode.value}-v0",
            _make,
            vector_entry_point=partial(WorldVectorEnv, _world, _mode),
            max_episode_steps=_limit,
        )

register(
    "worlds/Differs-v0",
    lambda world="chain": WorldEnv(loop() if world == "loop" else chain()),
    vector_entry_point=partial(WorldVectorEnv, chain(7), AutoresetMode.NEXT_STEP),
    max_episode_steps=20,
)
register("worlds/Numbers-v0", Numbers)
register("worlds/Restarting-v0", Restarting)
register("worlds/Odd-v0", Odd)
register("worlds/Gated-v0", Gated)
register("worlds/Mission-v0", Mission)
register("worlds/Street-v0", Street)
register("worlds/Corridor-v0", Corridor)
register("worlds/Recall-v0", Recall)
register("worlds/Broken-v0", Broken)
register("worlds/Screen-v0", Screen, max_episode_steps=20)
register(
    "worlds/Easy-v0",
    lambda: gym.make("CartPole-v1").unwrapped,
    max_episode_steps=50,
    reward_threshold=25.0,
)
register(
    "worlds/Normalized-v0",
    lambda: gym.wrappers.NormalizeObservation(gym.make("CartPole-v1").unwrapped),
    max_episode_steps=50,
)


class Arcade(gym.Env):
    """A game as Atari's are: it waits for FIRE, has lives, and large rewards. An action after FIRE
    gives 5, and each third takes a life; the game is over with the last of `lives`. `pressed` holds
    the actions of all games."""

    observation_space = spaces.Box(0, 9, (2,), np.float32)
    action_space = spaces.Discrete(3)

    def __init__(self, lives: int = 2) -> None:
        self.most, self.pressed = lives, list[int]()
        self.lives = self.steps = 0
        self.waits = True

    def get_action_meanings(self) -> list[str]:
        return ["NOOP", "FIRE", "RIGHT"]

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        self.lives, self.steps, self.waits = self.most, 0, True
        return self._look(), {"lives": self.lives}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.pressed.append(int(action))
        if self.waits:
            self.waits = int(action) != 1
            return self._look(), 0.0, False, False, {"lives": self.lives}
        self.steps += 1
        if self.steps % 3 == 0:
            self.lives, self.waits = self.lives - 1, True
        return self._look(), 5.0, self.lives == 0, False, {"lives": self.lives}

    def _look(self) -> Any:
        return np.array([self.lives, self.steps % 3], np.float32)


gym.register("worlds/Arcade-v0", lambda **options: Arcade(**options))
