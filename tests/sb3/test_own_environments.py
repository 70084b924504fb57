"""stable-baselines3 in anybody's environments: their wrappers, their counts and their parts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import stable_baselines3
import worlds  # noqa: F401  registers worlds/...
from gymnasium import spaces
from helpers import last_state, rows
from sb3_tools import make_sb3

import lab
from lab.testing.compare import difference
from lab.tracking.terminal import Silent
from lab.trained import use
from lab_sb3.spaces import is_picture, is_taken

SMALL: dict[str, Any] = {"preset": "none", "budget": 128, "eval_every": 64, "log_every": 32,
                         "eval_episodes": 2, "test_episodes": 4, "n_envs": 2, "hidden": (8,),
                         "checkpoint_every": 32}  # fmt: skip
PPO: dict[str, Any] = {"algo": "ppo", "n_steps": 16, "batch_size": 16, "n_epochs": 1}
DQN = {"algo": "dqn", "buffer_size": 100, "learning_starts": 16, "batch_size": 8}
OWN: dict[str, dict[str, Any]] = {
    "a mission": {"env": "worlds:worlds/Mission-v0"},
    "a street": {"env": "worlds:worlds/Street-v0"},
    "in wrappers": {"env": "worlds:worlds/Mission-v0",
                    "wrap": ("worlds:Bonus(by=2)", "ClipReward(max_reward=2.5)")},
}  # fmt: skip


class Stopping(Silent):
    def tick(self, clock: int) -> None:
        if clock >= 64:
            raise RuntimeError("stopped by the test")


@pytest.mark.parametrize("case", OWN)
@pytest.mark.parametrize("algo", [PPO, DQN], ids=["ppo", "dqn"])
def test_a_run_trains_and_goes_on_exactly(run_sb3, case, algo) -> None:
    options = {**SMALL, **OWN[case], **algo}
    whole = run_sb3("whole", **options)
    with pytest.raises(lab.RunFailed) as failed:
        run_sb3("part", terminal=Stopping(), **options)
    resumed = lab.resume(failed.value.dir)
    assert rows(resumed.dir) == rows(whole.dir)
    mismatch = difference(
        last_state(whole.dir)["experiment"], last_state(resumed.dir)["experiment"]
    )
    assert mismatch is None, mismatch


def test_wrappers_are_worn_in_training_evaluation_and_test(run_sb3) -> None:
    """Six steps of 0 or 1, of which the wrappers make 2 or 2.5."""
    result = run_sb3(**SMALL, **PPO, **OWN["in wrappers"])
    for name in ("train/return", "eval/return", "test/return"):
        returns = [row[name] for row in rows(result.dir) if name in row]
        assert returns
        assert all(12 <= value <= 15 for value in returns), name


def test_a_mission_is_told_once_and_played(run_sb3) -> None:
    result = run_sb3(**SMALL, **PPO, **OWN["a mission"])
    log = (result.dir / "log.txt").read_text()
    told = "part by part; 'direction', 'image' flattened, without the text at ['mission']."
    assert log.count(told) == 1
    assert use(result.dir, "play")


def test_predictions_count_as_the_environment_does() -> None:
    sb3 = make_sb3(env="worlds/Street-v0", env_args={"houses": 4, "start": 7}, n_steps=8)
    houses = np.array([7, 8, 9, 10])
    assert set(sb3.example(50).tolist()) == set(houses.tolist())
    assert (sb3.predict(houses) == sb3.player().act(houses - 7) - 1).all()
    assert set(sb3.predict(houses).tolist()) <= {-1, 0, 1}


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((84, 84, 3), True), ((4, 84, 84), True), ((36, 40, 1), True), ((7, 7, 3), False),
     ((84,), False), ((35, 84, 3), False)],
)  # fmt: skip
def test_pictures_that_a_convolution_can_read(shape, picture) -> None:
    space = spaces.Box(0, 255, shape, np.uint8)
    assert is_picture(space) is picture
    assert is_taken(space) is (picture or len(shape) == 1)


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("a mission", "(counts from 0, flattened observations)"),
        ("in wrappers", "(--wrap worlds:Bonus(by=2), --wrap ClipReward(max_reward=2.5), counts"),
    ],
)
def test_a_policy_that_needs_wrappers_is_exported_when_asked_for_alone(
    run_sb3, case, words
) -> None:
    result = run_sb3("one", **SMALL, **OWN[case], **PPO)
    with pytest.raises(lab.UsageError) as refused:
        use(result.dir, "export")
    assert words in str(refused.value)
    assert not list(result.dir.glob("*.zip"))
    path = use(result.dir, "export", policy_alone=True)
    ours = lab.load(result.dir)
    obs = ours.observation_space.sample()
    theirs = stable_baselines3.PPO.load(path, device="cpu")
    np.testing.assert_array_equal(
        theirs.predict(obs, deterministic=True)[0], ours.player().act(obs)
    )
