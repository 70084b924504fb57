"""ALE's own vector environment plays the same games as the wrappers do one by one."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, VectorEnv

import lab
from lab_dqn.atari_vector import RepeatFirstFrame

PONG: dict[str, Any] = {"env": "ale_py:ALE/Pong-v5", "atari": True}


class Numbered(VectorEnv):
    """Two games, of 2 and of 5 steps, in stacks of k frames [1]; frames are numbered from 1 in each
    game, and those before it are 0, as ALE shows them."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012

    def __init__(self, stack: int) -> None:
        self.num_envs, self.stack = 2, stack
        self.single_observation_space = gym.spaces.Box(0, 255, (stack, 1), np.uint8)
        self.observation_space = gym.vector.utils.batch_space(self.single_observation_space, 2)
        self.single_action_space = gym.spaces.Discrete(2)
        self.frame = np.ones(2, np.int64)

    def _look(self) -> Any:
        ages = self.frame[:, None] - np.arange(self.stack)[::-1]
        return np.maximum(ages, 0).astype(np.uint8)[:, :, None]

    def reset(self, **options: Any) -> Any:
        self.frame[:] = 1
        return self._look(), {}

    def step(self, actions: Any) -> Any:
        self.frame += 1
        over, info = self.frame > np.array([2, 5]), {}
        if over.any():
            info = {"final_obs": self._look()}
        self.frame[over] = 1
        return self._look(), np.zeros(2), over, np.zeros(2, bool), info


def test_frames_before_a_game_are_its_first() -> None:
    env = RepeatFirstFrame(Numbered(4))
    obs, _ = env.reset()
    assert obs[:, :, 0].tolist() == [[1, 1, 1, 1]] * 2
    seen, final = [], list[Any]()
    for _ in range(5):
        obs, *_, info = env.step(np.zeros(2))
        seen.append(obs[:, :, 0].tolist())
        final.append(info["final_obs"][:, :, 0].tolist() if info else None)
    assert [first for first, _ in seen] == [
        [1, 1, 1, 2], [1, 1, 1, 1], [1, 1, 1, 2], [1, 1, 1, 1], [1, 1, 1, 2]
    ]  # fmt: skip
    assert [second for _, second in seen] == [
        [1, 1, 1, 2], [1, 1, 2, 3], [1, 2, 3, 4], [2, 3, 4, 5], [1, 1, 1, 1]
    ]  # fmt: skip
    assert final[1][0] == [1, 1, 2, 3]
    assert final[4][1] == [3, 4, 5, 6]


def test_a_stack_of_one_is_a_frame() -> None:
    env = RepeatFirstFrame(Numbered(1))
    assert env.single_observation_space.shape == (1,)
    assert env.observation_space.shape == env.reset()[0].shape == (2, 1)


def test_mistakes_are_told() -> None:
    with pytest.raises(lab.UsageError, match="--atari-vector is a part of --atari"):
        lab.run("dqn", atari_vector=True, wandb="disabled")
    with pytest.raises(lab.UsageError, match="--wrap changes single environments"):
        lab.run("dqn", **PONG, atari_vector=True, wrap=("ClipReward",), wandb="disabled")


def make(number: int, **options: Any) -> lab.Envs:
    """Return the environments that a run would train in."""
    from dqn_tools import make_dqn

    pytest.importorskip("ale_py")
    pytest.importorskip("cv2")
    return make_dqn(**PONG, n_envs=number, learning_starts=10**6, **options).envs


def test_frames_rewards_and_ends_are_those_of_the_wrappers() -> None:
    options: dict[str, Any] = {
        "frame_stack": 4,
        "sticky_actions": 0.0,
        "noop_max": 0,
        "fire_reset": False,
        "max_episode_steps": 150,
    }
    one_by_one, at_once = make(2, **options), make(2, **options, atari_vector=True)
    assert isinstance(at_once.vector, RepeatFirstFrame)
    assert (one_by_one.obs == at_once.obs).all()
    rng = np.random.default_rng(0)
    for _ in range(320):
        actions = rng.integers(6, size=2)
        expected, got = one_by_one.step(actions), at_once.step(actions)
        for name in ("reward", "terminated", "truncated", "returns", "lengths"):
            assert np.array_equal(getattr(expected, name), getattr(got, name)), name
        on = ~(got.terminated | got.truncated)  # ALE does not blend the last frames of an episode
        assert (expected.next_obs[on] == got.next_obs[on]).all()
        assert (one_by_one.obs == at_once.obs).all()
    assert (one_by_one.exact, at_once.exact) == (True, False)


def test_arguments_that_it_does_not_take_are_told() -> None:
    with pytest.raises(lab.UsageError, match="--atari-vector: .* unexpected keyword"):
        make(2, frame_stack=4, atari_vector=True, env_args={"difficulty": 1})
