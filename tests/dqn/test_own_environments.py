"""DQN in anybody's environments: their wrappers, counts, parts and many states."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import worlds  # noqa: F401  registers worlds/...
from dqn_tools import make_dqn, train
from helpers import last_state, rows
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import lab
from lab.testing.compare import difference
from lab.tracking.terminal import Silent
from lab.trained import use
from lab_dqn.model import EMBEDDED, MOST_ONE_HOT, QNetwork
from lab_dqn.task import Task

SMALL: dict[str, Any] = {"budget": 120, "eval_every": 60, "log_every": 20, "eval_episodes": 2,
                         "test_episodes": 4, "learning_starts": 20, "batch_size": 8,
                         "hidden": (8,), "n_envs": 2}  # fmt: skip
OWN: dict[str, dict[str, Any]] = {
    "a mission": {"env": "worlds:worlds/Mission-v0"},
    "a street": {"env": "worlds:worlds/Street-v0"},
    "a long street": {"env": "worlds:worlds/Street-v0", "env_args": {"houses": 5_000}},
    "in wrappers": {"env": "worlds:worlds/Mission-v0",
                    "wrap": ("worlds:Bonus(by=2)", "ClipReward(max_reward=2.5)")},
}  # fmt: skip


class Stopping(Silent):
    def tick(self, clock: int) -> None:
        if clock >= 60:
            raise RuntimeError("stopped by the test")


@pytest.mark.parametrize("case", OWN)
def test_a_run_trains_and_goes_on_exactly(run_dqn, case) -> None:
    options = {**SMALL, **OWN[case], "checkpoint_every": 20}
    whole = run_dqn("whole", **options)
    with pytest.raises(lab.RunFailed) as failed:
        run_dqn("part", terminal=Stopping(), **options)
    resumed = lab.resume(failed.value.dir)
    assert rows(resumed.dir) == rows(whole.dir)
    mismatch = difference(
        last_state(whole.dir)["experiment"], last_state(resumed.dir)["experiment"]
    )
    assert mismatch is None, mismatch


def test_wrappers_are_worn_in_training_evaluation_and_test(run_dqn) -> None:
    """Six steps of 0 or 1, of which the wrappers make 2 or 2.5."""
    result = run_dqn(**SMALL, **OWN["in wrappers"])
    names = ("train/return", "eval/return", "test/return")
    for name in names:
        returns = [row[name] for row in rows(result.dir) if name in row]
        assert returns
        assert all(12 <= value <= 15 for value in returns), name
    assert result.summary["test"]["test/length"] == 6


def test_a_mission_is_told_once_and_recorded(run_dqn) -> None:
    result = run_dqn(**SMALL, **OWN["a mission"])
    log = (result.dir / "log.txt").read_text()
    assert log.count("flattened into one vector of 151 numbers, without the text at") == 1
    assert use(result.dir, "play").frames


def test_predictions_count_as_the_environment_does() -> None:
    dqn = make_dqn(env="worlds/Street-v0", env_args={"houses": 4, "start": 7}, hidden=())
    with torch.no_grad():
        dqn.online.advantage.weight.zero_()
        dqn.online.advantage.bias.zero_()
        for state, action in enumerate([2, 0, 1, 2]):
            dqn.online.advantage.weight[action, state] = 1.0
    assert dqn.predict([7, 8, 9, 10]).tolist() == [1, -1, 0, 1]
    assert set(dqn.example(50).tolist()) == {7, 8, 9, 10}


# -- many states


def discrete(states: int) -> Task:
    return Task("discrete", (), "int64", 1, states, 3)


def test_up_to_a_size_states_are_one_hot_and_beyond_it_rows() -> None:
    few, many = (QNetwork(discrete(MOST_ONE_HOT + n), (4,), dueling=False) for n in (0, 1))
    assert few.embedding is None
    assert few.hidden[0].in_features == MOST_ONE_HOT
    assert many.embedding is not None
    assert many.embedding.weight.shape == (MOST_ONE_HOT + 1, EMBEDDED)
    assert many.hidden[0].in_features == EMBEDDED


def test_a_row_is_what_its_one_hot_vector_would_have_selected() -> None:
    network = QNetwork(discrete(2_000), (), dueling=False)
    states = torch.tensor([[5], [1_999]])
    one_hot = torch.nn.functional.one_hot(states[:, 0], 2_000).float()
    assert network.embedding is not None
    expected = network.advantage(one_hot @ network.embedding.weight)
    torch.testing.assert_close(network(states), expected)


class Largest(TorchDispatchMode):
    """Remembers the most numbers in any tensor that is computed."""

    numbers = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves(out) if isinstance(leaf, torch.Tensor)]
        self.numbers = max([self.numbers, *(tensor.numel() for tensor in tensors)])
        return out


def test_acting_makes_no_vector_as_long_as_the_states_are_many() -> None:
    network = QNetwork(discrete(300_000), (128, 128), dueling=False)
    with torch.no_grad(), Largest() as largest:
        network(torch.arange(64)[:, None])
    assert largest.numbers < 300_000


def test_replay_keeps_states_as_numbers() -> None:
    dqn = make_dqn(env="worlds/Street-v0", env_args={"houses": 300_000}, hidden=(8,),
                   buffer_size=50, learning_starts=8, batch_size=4)  # fmt: skip
    train(dqn, 40)
    frames = dqn.memory.frames.data
    assert (frames.dtype, frames.dim()) == (torch.int64, 1)
    seen = frames[: dqn.memory.frames.written].numpy()
    assert np.unique(seen).size > 30, "of 300,000 houses hardly one is seen twice"
    assert ((seen >= 0) & (seen < 300_000)).all()
