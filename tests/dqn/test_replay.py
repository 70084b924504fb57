"""Memory holds exactly the transitions that happened, whatever the order and the chunks in which
they arrived."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from dqn_tools import CPU, Row, make_dqn, make_memory, reloaded, rows, sampler_of, set_envs, train
from gymnasium.spaces import Discrete
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import FrameStackObservation
from helpers import difference
from hypothesis import given
from hypothesis import strategies as st

from lab.compute.device import Compute
from lab.environments import Envs

GAMMA = 0.5
KEYS = ("obs", "action", "next_obs", "reward", "terminated", "truncated", "live")


@dataclass
class Stream:
    """T ticks of N environments, and the episodes that a reader of the ticks would see."""

    arrays: dict[str, np.ndarray]  # [T, N, ...]
    # of each its environment, and (tick, obs, a, r, next_obs, term, trunc)
    episodes: list[tuple[int, list[tuple[Any, ...]]]]

    def chunks(self, cuts: list[int]) -> list[dict[str, np.ndarray]]:
        total = len(self.arrays["live"])
        edges = sorted({0, total, *(cut for cut in cuts if 0 < cut < total)})
        pairs = itertools.pairwise(edges)
        arrays = transitions(**self.arrays)
        return [{k: v[a:b] for k, v in arrays.items()} for a, b in pairs]


def transitions(terminated: np.ndarray, truncated: np.ndarray, **others: Any) -> dict[str, Any]:
    """Return a rollout as memory takes it."""
    return {**others, "discount": GAMMA * ~terminated, "done": terminated | truncated}


@st.composite
def streams(draw: Any, max_ticks: int = 40) -> Stream:
    """Episodes of any length and end; a tick after an end may be a dead one, which only resets."""
    envs = draw(st.integers(1, 3))
    ticks = draw(st.integers(1, max_ticks))
    stack = draw(st.integers(1, 4))
    often = draw(st.sampled_from(["........T", "....Tt", ".Ttb", "."]))
    ends = draw(
        st.lists(
            st.lists(st.sampled_from(often), min_size=envs, max_size=envs),
            min_size=ticks,
            max_size=ticks,
        )
    )
    dead_after_end = draw(st.sampled_from([True, False, None]))  # None: now and then
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    return simulate(envs, stack, ends, dead_after_end, rng)


def simulate(
    envs: int, stack: int, ends: list[list[str]], dead: bool | None, rng: np.random.Generator
) -> Stream:
    """T terminates, t truncates, b does both. Each frame is a number of its own."""
    number = iter(range(10**9))
    fresh = [[next(number)] * stack for _ in range(envs)]
    obs, over = list(fresh), [False] * envs
    ticks: list[tuple[Any, ...]] = []
    episodes: list[tuple[int, list[tuple[Any, ...]]]] = []
    running: list[list[tuple[Any, ...]]] = [[] for _ in range(envs)]
    for t, events in enumerate(ends):
        columns = []
        for i, event in enumerate(events):
            action, reward = int(rng.integers(9)), float(rng.integers(-8, 9)) / 4
            if over[i]:  # the action is ignored and the reward is 0
                new = [next(number)] * stack
                columns.append((obs[i], action, new, 0.0, False, False, False))
                obs[i], over[i] = new, False
                continue
            new = [*obs[i][1:], next(number)]
            terminated, truncated = event in "Tb", event in "tb"
            columns.append((obs[i], action, new, reward, terminated, truncated, True))
            running[i].append((t, obs[i], action, reward, new, terminated, truncated))
            obs[i] = new
            if terminated or truncated:
                episodes.append((i, running[i]))
                running[i] = []
                over[i] = bool(rng.integers(2)) if dead is None else dead
                if not over[i]:
                    obs[i] = [next(number)] * stack
        ticks.append(tuple(map(list, zip(*columns, strict=True))))
    episodes += [(i, steps) for i, steps in enumerate(running) if steps]
    arrays = dict(zip(KEYS, map(np.array, zip(*ticks, strict=True)), strict=True))
    arrays["reward"] = arrays["reward"].astype(np.float64)
    return Stream(arrays, episodes)


def by_hand(stream: Stream, n: int, gamma: float = GAMMA) -> dict[tuple[int, int], Row]:
    """Return every complete n-step row by (tick, environment) of its first step."""
    rows = {}
    for env, steps in stream.episodes:
        over = steps[-1][5] or steps[-1][6]
        for start in range(len(steps)):
            window = steps[start : start + n]
            if len(window) < n and not over:
                continue  # still open
            tick, obs, action, *_ = window[0]
            reward = sum(gamma**k * step[3] for k, step in enumerate(window))
            *_, next_obs, terminated, _ = window[-1]
            discount = 0.0 if terminated else gamma ** len(window)
            rows[tick, env] = Row(obs, action, reward, discount, next_obs)
    return rows


def fill(stream: Stream, cuts: list[int], capacity: int, n: int = 1, **changes: Any) -> Any:
    _, envs, stack = stream.arrays["obs"].shape
    memory = make_memory(capacity, num_envs=envs, stack=stack, n_step=n, **changes)
    for chunk in stream.chunks(cuts):
        memory.extend(chunk)
    return memory


cuts = st.lists(st.integers(1, 40), max_size=6)


@given(streams(), cuts, st.integers(1, 4))
def test_memory_holds_every_complete_transition_once_whatever_the_chunks(stream, cuts, n) -> None:
    """n-step sums end with their episode; a truncated one bootstraps, a terminated one does not."""
    memory = fill(stream, cuts, 1_000, n)
    assert sorted(rows(memory)) == sorted(by_hand(stream, n).values())


@given(streams(), cuts, st.integers(1, 4), st.integers(1, 25))
def test_a_full_memory_holds_the_latest_transitions_and_all_their_frames(
    stream, cuts, n, capacity
) -> None:
    """Frames are numbers of their own, so a frame that was overwritten could not read back."""
    expected = by_hand(stream, n)
    _, envs, stack = stream.arrays["obs"].shape
    memory = make_memory(capacity, num_envs=envs, stack=stack, n_step=n)
    for number, chunk in enumerate(stream.chunks(cuts)):
        memory.extend(chunk)
        held = rows(memory)
        assert len(held) <= capacity
        assert all(row in expected.values() for row in held), number
        assert len({str(row) for row in held}) == len(held)
    if len(stream.chunks(cuts)) == 1:  # in one chunk, rows arrive in the order of their ticks
        ordered = [expected[key] for key in sorted(expected)]
        assert held == ordered[len(ordered) - len(held) :]
    if stack == 1 or len(expected) < capacity // 4:
        assert len(memory) == min(capacity, len(expected))


def test_episodes_of_four_stacks_fill_the_whole_memory() -> None:
    ends = [["T" if (t + 1) % 16 == 0 else "."] * 2 for t in range(400)]
    stream = simulate(2, 4, ends, False, np.random.default_rng(0))
    assert len(fill(stream, list(range(7, 400, 7)), 100, 3)) == 100


@pytest.mark.parametrize("stack", [1, 4])
def test_neighbors_in_short_episodes_evict_no_frame_of_a_long_one(stack) -> None:
    """One environment never ends, so its rows reach furthest back; the others restart at every
    tick and write the most frames."""
    ends = [[".", *"TTTT"] for _ in range(300)]
    stream = simulate(5, stack, ends, False, np.random.default_rng(0))
    expected = list(by_hand(stream, 1).values())
    memory = make_memory(37, num_envs=5, stack=stack)
    for chunk in stream.chunks(list(range(1, 300))):
        memory.extend(chunk)
        assert all(row in expected for row in rows(memory))


@given(streams())
def test_each_frame_is_written_once(stream) -> None:
    memory = fill(stream, [], 1_000)
    steps = sum(len(episode) for _, episode in stream.episodes)
    stack = stream.arrays["obs"].shape[2]
    assert memory.frames.written == steps + stack * len(stream.episodes)


@given(streams())
def test_dead_ticks_are_never_remembered(stream) -> None:
    """A NEXT_STEP environment ignores the action there and gives no reward."""
    live = int(stream.arrays["live"].sum())
    assert len(fill(stream, [], 1_000)) == live == sum(len(e) for _, e in stream.episodes)


@pytest.mark.parametrize("kind", ["uniform", "prioritized"])
@pytest.mark.parametrize("capacity", [8, 1_000])
def test_a_memory_saved_mid_stream_goes_on_to_the_same_bits(tmp_path, kind, capacity) -> None:
    ends = [["T" if (t * (i + 3)) % 11 == 10 else "." for i in range(3)] for t in range(60)]
    stream = simulate(3, 2, ends, True, np.random.default_rng(1))
    chunks = stream.chunks(list(range(0, 60, 4)))
    uninterrupted, first, second = (
        make_memory(capacity, num_envs=3, stack=2, n_step=3, sampler=sampler_of(kind, capacity))
        for _ in range(3)
    )
    for number, chunk in enumerate(chunks):
        half = first if number < 7 else second
        for memory in (uninterrupted, half):
            memory.extend(chunk)
            memory.sampler.update(memory.sampler.sample(1, 4, rng(number), 1.0)[0][0], td(number))
        if number == 6:
            second.load_state_dict(reloaded(first.state_dict(), tmp_path))
    assert difference(uninterrupted.state_dict(), second.state_dict()) is None
    a, b = (memory.sample(2, 16, rng(5), 0.5) for memory in (uninterrupted, second))
    assert difference(a, b) is None


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def td(seed: int) -> torch.Tensor:
    return torch.from_numpy(rng(seed).normal(size=4))


def test_minibatches_hold_rows_of_memory() -> None:
    stream = simulate(2, 3, [["."] * 2] * 30, False, rng(0))
    memory = fill(stream, [9], 40, 2)
    batch = memory.sample(3, 5, rng(0))
    held = rows(memory)
    for g, b in np.ndindex(3, 5):
        row = Row(*(batch[name][g, b].tolist() for name in Row._fields))
        assert row == held[(batch["position"][g, b] - memory.tail) % 40]
    assert "weight" not in batch


def test_frames_keep_their_type_and_pictures_stay_bytes() -> None:
    dqn = make_dqn(env="lab/Catch-v0", env_args={"rows": 5, "columns": 5, "cell": 1})
    dqn.play_rollout()
    batch = dqn.memory.sample(1, 2, rng(0))
    assert dqn.memory.frames.data.dtype == batch["obs"].dtype == torch.uint8
    assert batch["obs"].shape == (1, 2, 1, 5, 5, 1)


# -- from real environments, through the rollout


def record(dqn: Any, steps: int) -> list[np.ndarray]:
    """Play rollouts of random actions and return the actions of each tick."""
    taken: list[np.ndarray] = []
    source = np.random.default_rng(7)

    def act(obs: np.ndarray, epsilon: float) -> np.ndarray:
        taken.append(source.integers(dqn.task.actions, size=len(obs)))
        return taken[-1]

    dqn.act = act
    while steps > 0:
        steps -= dqn.play_rollout()
    return taken


def one_by_one(env: gym.Env, seed: int, actions: list[int]) -> list[Row]:
    """Return what a single environment shows, stepped as in the textbook."""
    rows = []
    obs, _ = env.reset(seed=seed)
    for action in actions:
        next_obs, reward, terminated, truncated, _ = env.step(action)
        discount = 0.0 if terminated else GAMMA
        rows.append(Row(listed(obs), action, float(reward), discount, listed(next_obs)))
        obs = env.reset()[0] if terminated or truncated else next_obs
    return rows


def listed(obs: Any) -> Any:
    return np.asarray(obs, dtype=np.float32).tolist()


def without_stack(row: Row) -> Row:
    return row._replace(obs=row.obs[0], next_obs=row.next_obs[0])


@pytest.mark.parametrize("stack", [1, 4])
@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_memory_reads_back_what_the_environments_showed(mode, stack) -> None:
    """Across terminations and truncations; `final_obs` and masked resets included."""

    def make() -> gym.Env:
        env = gym.make("worlds/Numbers-v0")
        return FrameStackObservation(env, stack) if stack > 1 else env

    dqn = make_dqn(
        env="worlds:worlds/Numbers-v0", frame_stack=stack, n_envs=3, train_freq=10, gamma=GAMMA
    )
    set_envs(dqn, Envs(SyncVectorEnv([make] * 3, copy=False, autoreset_mode=mode)), seed=5)
    actions = np.stack(record(dqn, 300))  # [T, N]
    held = sorted(rows(dqn.memory))
    if stack == 1:
        held = [without_stack(row) for row in held]
    expected = []
    for i in range(3):
        mine = actions[:, i].tolist()
        if mode is AutoresetMode.NEXT_STEP:
            mine = without_resets(make(), 5 + i, mine)
        expected += one_by_one(make(), 5 + i, mine)
    assert held == sorted(expected)


def without_resets(env: gym.Env, seed: int, actions: list[int]) -> list[int]:
    """Leave out the actions that a NEXT_STEP environment ignores: those after an end."""
    kept, over = [], False
    env.reset(seed=seed)
    for action in actions:
        if over:
            env.reset()
            over = False
            continue
        *_, terminated, truncated, _ = env.step(action)
        kept.append(action)
        over = terminated or truncated
    return kept


def test_memory_reads_back_what_native_cartpole_showed() -> None:
    """Against Gymnasium's vector environment itself, with the ticks of its resets left out."""
    dqn = make_dqn(n_envs=4, train_freq=16, gamma=GAMMA)
    raw = gym.make_vec("CartPole-v1", 4, "vector_entry_point")
    set_envs(dqn, Envs(gym.make_vec("CartPole-v1", 4, "vector_entry_point")), seed=3)
    actions = record(dqn, 600)
    expected = []
    obs, _ = raw.reset(seed=3)
    over = np.zeros(4, dtype=bool)
    for action in actions:
        obs = obs.copy()
        next_obs, reward, terminated, truncated, _ = raw.step(action)
        for i in np.flatnonzero(~over):
            row = (listed(obs[i]), int(action[i]), float(reward[i]))
            expected.append(Row(*row, 0.0 if terminated[i] else GAMMA, listed(next_obs[i])))
        obs, over = next_obs, terminated | truncated
    assert sorted(map(without_stack, rows(dqn.memory))) == sorted(expected)


def test_a_rollout_counts_transitions_and_not_ticks() -> None:
    dqn = make_dqn(n_envs=4, train_freq=400)
    moved = dqn.play_rollout()
    assert 400 <= moved < 404
    assert len(dqn.memory) == moved


def test_without_replay_memory_holds_the_latest_rollout_whole_and_nothing_else() -> None:
    dqn = make_dqn(
        env="worlds:worlds/Numbers-v0", n_envs=3, train_freq=7, replay=False, gamma=GAMMA
    )
    before: list[Row] = []
    for _ in range(20):
        moved = dqn.play_rollout()
        held = [without_stack(row) for row in rows(dqn.memory)]
        assert len(held) == moved == 9
        assert not [row for row in held if row in before]
        before = held


def test_without_replay_n_step_rows_are_those_that_the_rollout_completed() -> None:
    dqn = make_dqn(
        env="worlds:worlds/Numbers-v0", n_envs=3, train_freq=7, replay=False, n_step=3, lr=1e-9
    )
    seen: list[Row] = []
    for _ in range(20):
        dqn.play_rollout()
        held = rows(dqn.memory)
        assert not [row for row in held if row in seen]
        seen += held
    played = 20 * 9
    assert played - 3 * 2 <= len(seen) <= played  # at most two windows are open in each


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_frames_may_stay_in_main_memory_while_the_network_is_on_the_gpu() -> None:
    compute = Compute(torch.device("cuda:0"))
    dqn = make_dqn(replay_device="cpu", learning_starts=0, compute=compute)
    dqn.step()
    batch = dqn.memory.sample(1, 4, rng(0))
    assert dqn.memory.frames.data.device == CPU
    assert batch.pop("position").device == CPU
    assert {part.device.type for part in batch.values()} == {"cuda"}


def test_what_a_restarted_environment_shows_joins_no_earlier_episode() -> None:
    """Where an environment's state cannot be saved, its episodes restart on resume."""
    stream = simulate(2, 3, [["."] * 2] * 20, False, rng(0))
    first, later = stream.chunks([8])
    memory = make_memory(100, num_envs=2, stack=3, n_step=3)
    memory.extend(first)
    memory.restart()
    # the frames of an episode that begins here are unknown to memory
    later["obs"], later["next_obs"] = later["obs"] + 1_000, later["next_obs"] + 1_000
    memory.extend(later)
    early, late = 2 * (8 - 2), 2 * (12 - 2)
    held = rows(memory)
    assert len(held) == early + late
    assert all(max(row.obs + row.next_obs) < 1_000 for row in held[:early])
    assert all(min(row.obs + row.next_obs) >= 1_000 for row in held[early:])


# -- which environments are stepped


def test_a_native_version_that_shows_something_else_is_not_used() -> None:
    """Atari's, say, preprocesses by itself. Here it is a longer chain."""
    dqn = make_dqn(env="worlds:worlds/Differs-v0", n_envs=4, hidden=(), learning_starts=0)
    train(dqn, 50)
    assert isinstance(dqn.envs.vector, SyncVectorEnv)
    assert isinstance(dqn.eval_envs.vector, SyncVectorEnv)
    assert dqn.envs.observation_space == Discrete(dqn.task.states) == Discrete(5)


def test_a_native_version_that_lacks_an_argument_is_not_used() -> None:
    dqn = make_dqn(env="worlds:worlds/Differs-v0", n_envs=4, env_args={"world": "loop"})
    assert dqn.envs.observation_space == Discrete(dqn.task.states) == Discrete(3)
    assert isinstance(dqn.envs.vector, SyncVectorEnv)


def test_a_native_version_that_fits_is_used() -> None:
    for env in ("CartPole-v1", "MountainCar-v0", "worlds:worlds/ChainDisabled-v0"):
        assert not isinstance(make_dqn(env=env, n_envs=4).envs.vector, SyncVectorEnv)
