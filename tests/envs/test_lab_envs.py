"""Hold the lab's own environments to Gymnasium's API, and to Gymnasium's own arithmetic."""

from __future__ import annotations

import importlib
import math
import warnings
from collections import deque
from collections.abc import Iterator
from itertools import product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from stable_baselines3.common.env_checker import check_env as sb3_check_env

import lab_envs
import lab_envs.registration
from lab_envs.acrobot import AcrobotVectorEnv, integrate
from lab_envs.catch import Catch
from lab_envs.grid import LAYOUT, Grid
from lab_envs.mountain_car import MountainCarVectorEnv
from lab_envs.native import NativeVectorEnv

IDS = ["lab/Catch-v0", "lab/Grid-v0", "lab/MountainCar-v0", "lab/Acrobot-v1"]
NATIVE_IDS = sorted(lab_envs.NATIVE)
MODES = list(AutoresetMode)


# --- registration ---------------------------------------------------------------------------


def test_importing_twice_registers_once_without_a_warning() -> None:
    before = dict(gym.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(lab_envs.registration)
    assert before == dict(gym.registry)
    assert set(IDS) <= set(gym.registry)


@pytest.mark.parametrize(("theirs", "ours"), lab_envs.NATIVE.items())
def test_native_twins_share_gymnasiums_class_and_limits(theirs: str, ours: str) -> None:
    a, b = gym.spec(theirs), gym.spec(ours)
    for name in ("entry_point", "max_episode_steps", "reward_threshold"):
        assert getattr(a, name) == getattr(b, name)
    assert isinstance(gym.make_vec(ours, 2), NativeVectorEnv)


@pytest.mark.parametrize("env_id", IDS)
def test_single_environments_pass_both_checkers_without_warnings(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        check_env(gym.make(env_id, disable_env_checker=True).unwrapped)
        sb3_check_env(gym.make(env_id))


@pytest.mark.parametrize("env_id", IDS)
def test_the_same_seed_gives_the_same_episodes(env_id: str) -> None:
    first, again, another = (_episodes(env_id, seed) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, another)


def _episodes(env_id: str, seed: int) -> Any:
    """The first observations of ten episodes in a row, seeded once."""
    env = gym.make(env_id)
    starts = [env.reset(seed=seed)[0]] + [env.reset()[0] for _ in range(9)]
    return np.stack(starts)


# --- native vector environments against Gymnasium -------------------------------------------


class StartFrom(gym.Wrapper):
    """Start each episode in the next of `queue`, else as Gymnasium would."""

    def __init__(self, env: gym.Env) -> None:
        super().__init__(env)
        self.queue: deque[np.ndarray] = deque()

    def reset(self, **kwargs: Any) -> Any:
        _, info = self.env.reset(**kwargs)
        inner: Any = self.env.unwrapped
        inner.state = self.queue.popleft().astype(inner.state.dtype)
        if hasattr(inner, "_get_ob"):
            return inner._get_ob(), info
        return np.array(inner.state, dtype=np.float32), info


class Pair:
    """A native vector env, and Gymnasium's own envs that follow its start states."""

    def __init__(self, env_id: str, num_envs: int, mode: AutoresetMode, **kwargs: Any) -> None:
        self.native: Any = gym.make_vec(
            lab_envs.NATIVE[env_id], num_envs, autoreset_mode=mode, **kwargs
        )
        self.singles = [StartFrom(gym.make(env_id, **kwargs)) for _ in range(num_envs)]
        self.sync: Any = SyncVectorEnv(
            [lambda env=env: env for env in self.singles],  # type: ignore[misc]
            autoreset_mode=mode,
        )
        self.mode = mode

    def reset(self, **kwargs: Any) -> None:
        """Reset the native env, then the others to the same states, and compare."""
        mask = (kwargs.get("options") or {}).get("reset_mask", np.ones(len(self.singles), bool))
        ours = self.native.reset(**kwargs)
        self._follow(mask)
        _assert_same(ours, self.sync.reset(options={"reset_mask": mask}))

    def step(self, actions: np.ndarray) -> tuple[Any, ...]:
        """Step both, and compare everything that comes out."""
        over = self.native.done
        ours: tuple[Any, ...] = self.native.step(actions)
        done = ours[2] | ours[3]
        self._follow({AutoresetMode.NEXT_STEP: over, AutoresetMode.SAME_STEP: done}.get(self.mode))
        _assert_same(ours, self.sync.step(actions))
        self._compare_states()
        if self.mode is AutoresetMode.DISABLED and done.any():
            self.reset(options={"reset_mask": done})
        return ours

    def _compare_states(self) -> None:
        """The float64 states behind the float32 observations are equal too."""
        theirs: list[Any] = [single.unwrapped for single in self.singles]
        states = np.array([np.array(env.state, dtype=np.float64) for env in theirs])
        assert self.native.state.T.tolist() == states.tolist()

    def _follow(self, mask: np.ndarray | None) -> None:
        for index in np.flatnonzero(mask if mask is not None else []):
            self.singles[index].queue.append(self.native.state[:, index].copy())


def _assert_same(ours: Any, theirs: Any) -> None:
    """Equal in type, dtype, shape and every bit, all the way down."""
    assert type(ours) is type(theirs)
    if isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        _assert_same(tuple(ours.values()), tuple(theirs[key] for key in ours))
    elif isinstance(ours, np.ndarray) and ours.dtype != object:
        assert ours.tobytes() == theirs.tobytes(), (ours, theirs)
    elif isinstance(ours, (tuple, np.ndarray)):
        for a, b in zip(ours, theirs, strict=True):
            _assert_same(a, b)
    else:
        assert ours == theirs


def _policies(env_id: str, num_envs: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Actions held for a random while, so that energy builds up and goals are reached."""
    hold = np.ones(num_envs, dtype=np.int64)
    actions = rng.integers(3, size=num_envs)
    while True:
        hold -= 1
        new = hold == 0
        actions = np.where(new, rng.integers(3, size=num_envs), actions)
        hold[new] = rng.integers(1, 20 if env_id.startswith("M") else 6, size=new.sum())
        yield actions


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("num_envs", "steps"), [(1, 700), (5, 500), (16, 200)])
@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_every_step_equals_gymnasium(
    env_id: str, num_envs: int, steps: int, mode: AutoresetMode
) -> None:
    """In all modes, with short and full time limits, at sizes on both sides of the float loop."""
    for seed, limit in ((0, 57), (1, None)):
        pair = Pair(env_id, num_envs, mode, **({"max_episode_steps": limit} if limit else {}))
        rng = np.random.default_rng(seed)
        pair.reset(seed=seed)
        for _, actions in zip(range(steps), _policies(env_id, num_envs, rng), strict=False):
            pair.step(actions)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_every_step_equals_gymnasium_from_wild_states(env_id: str, mode: AutoresetMode) -> None:
    """Fast, high and many turns away, where clips, wraps and goals take part at once."""
    pair = Pair(env_id, 16, mode, max_episode_steps=9)
    rng = np.random.default_rng(5)
    span = 1.2 if env_id.startswith("M") else 40.0
    seen = np.zeros(4, dtype=bool)
    for seed in range(30):
        pair.reset(seed=seed, options={"low": -span, "high": span / 2})
        for _ in range(9):
            _, _, terminated, truncated, _ = pair.step(rng.integers(3, size=16))
            kinds = 2 * terminated + truncated
            seen[kinds] = True
    assert seen.all(), "terminated, truncated, both and neither must all have been compared"


@pytest.mark.parametrize("env_id", NATIVE_IDS)
@pytest.mark.parametrize("seed", [0, 7])
def test_one_copy_draws_the_start_states_gymnasium_draws(env_id: str, seed: int) -> None:
    ours = gym.make_vec(lab_envs.NATIVE[env_id], 1, max_episode_steps=40)
    theirs = gym.make_vec(env_id, 1, vectorization_mode="sync", max_episode_steps=40)
    _assert_same(ours.reset(seed=seed), theirs.reset(seed=seed))
    rng = np.random.default_rng(seed)
    for _ in range(400):
        actions = rng.integers(3, size=1)
        _assert_same(ours.step(actions), theirs.step(actions))
    bounds = {"low": -0.3, "high": 0.2}
    _assert_same(ours.reset(options=bounds), theirs.reset(options=bounds))


def test_the_car_stops_at_the_left_wall_and_wins_at_the_flag() -> None:
    pair = Pair("MountainCar-v0", 2, AutoresetMode.NEXT_STEP)
    starts = np.array([-1.1999, 0.4999])
    pair.reset(options={"low": starts, "high": starts})
    pair.native.state = np.array([starts, [-0.05, 0.05]])
    for single, state in zip(pair.singles, pair.native.state.T, strict=True):
        single.unwrapped.state = tuple(state)  # type: ignore[attr-defined]
    observation, reward, terminated, truncated, _ = pair.step(np.array([0, 2]))
    assert observation[0].tolist() == [np.float32(-1.2), 0.0]
    assert terminated.tolist() == [False, True]
    assert not truncated.any()
    assert reward.tolist() == [-1.0, -1.0]
    _, reward, terminated, _, _ = pair.step(np.array([2, 2]))
    assert reward.tolist() == [-1.0, 0.0]  # the second car has restarted instead
    assert not terminated.any()


@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_the_time_limit_truncates_on_its_last_step(env_id: str) -> None:
    env = gym.make_vec(lab_envs.NATIVE[env_id], 3)
    env.reset(seed=0)
    limit = gym.spec(env_id).max_episode_steps
    assert limit is not None
    flags = [env.step(np.ones(3, dtype=np.int64))[3].all() for _ in range(limit)]
    assert flags == [False] * (limit - 1) + [True]


def test_reaching_the_goal_on_the_last_step_sets_both_flags() -> None:
    pair = Pair("MountainCar-v0", 1, AutoresetMode.SAME_STEP, max_episode_steps=1)
    pair.reset(options={"low": 0.6, "high": 0.6})
    _, _, terminated, truncated, infos = pair.step(np.array([2]))
    assert terminated.all()
    assert truncated.all()
    assert infos["final_obs"][0][0] >= 0.5


def test_a_faster_goal_is_harder_to_reach() -> None:
    pair = Pair("MountainCar-v0", 1, AutoresetMode.SAME_STEP, goal_velocity=0.05)
    pair.reset(options={"low": 0.5, "high": 0.5})
    assert not pair.step(np.array([2]))[2].any()


def test_numpy_calls_the_functions_that_gymnasium_calls() -> None:
    """The native dynamics stand on this; a NumPy with its own cos, sin or pow fails here first."""
    x = np.random.default_rng(0).uniform(-40, 40, 200_000)
    assert np.cos(x).tolist() == [math.cos(v) for v in x.tolist()]
    assert np.sin(x).tolist() == [math.sin(v) for v in x.tolist()]
    squares = [v**2 for v in x]
    assert np.float_power(x, 2.0).tolist() == squares
    assert (x * x).tolist() != squares, "then float_power is no longer needed"


def test_few_and_many_copies_take_the_same_steps() -> None:
    rng = np.random.default_rng(1)
    state, torque = rng.uniform(-9, 9, (4, 600)), rng.choice([-1.0, 0.0, 1.0], 600)
    one_by_one = [integrate(state[:, i : i + 1], torque[i : i + 1]) for i in range(600)]
    _assert_same(integrate(state, torque), np.concatenate(one_by_one, axis=1))


# --- the vector API -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_native_envs_speak_the_vector_api(env_id: str, mode: AutoresetMode) -> None:
    env = gym.make_vec(lab_envs.NATIVE[env_id], 4, autoreset_mode=mode.value)
    single = gym.make(env_id)
    assert env.metadata["autoreset_mode"] is mode
    assert env.single_observation_space == single.observation_space
    assert env.single_action_space == single.action_space
    observation, infos = env.reset(seed=0)
    assert observation in env.observation_space
    assert infos == {}
    observation, *results, _ = env.step(env.action_space.sample())
    assert observation in env.observation_space
    assert [r.dtype for r in results] == [np.float64, np.bool_, np.bool_]
    assert {r.shape for r in results} == {(4,)}


def test_next_step_is_the_default_and_modes_do_not_leak_between_envs() -> None:
    gym.make_vec("lab/Acrobot-v1", 1, autoreset_mode=AutoresetMode.DISABLED)
    env = gym.make_vec("lab/Acrobot-v1", 1)
    assert env.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert NativeVectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP


@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_seeds_reproduce_and_copies_differ(env_id: str) -> None:
    env = gym.make_vec(lab_envs.NATIVE[env_id], 6)
    first, again, another = (env.reset(seed=seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, another)
    assert len({row.tobytes() for row in first}) == 6


@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_bounds_may_differ_per_copy_and_hold_for_one_reset(env_id: str) -> None:
    env: Any = gym.make_vec(lab_envs.NATIVE[env_id], 3, max_episode_steps=1)
    bounds = np.array([-0.75, 0.25, 0.5])  # exact in float32
    env.reset(options={"low": bounds, "high": bounds})
    assert np.array_equal(env.state[0], bounds)
    env.step(np.ones(3, dtype=np.int64))
    env.step(np.ones(3, dtype=np.int64))  # restarts, within the usual bounds
    low, high = env.start_bounds
    assert ((low <= env.state[0]) & (env.state[0] <= high)).all()


@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_a_copy_of_the_attributes_is_a_snapshot(env_id: str) -> None:
    env = gym.make_vec(lab_envs.NATIVE[env_id], 3, max_episode_steps=20)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(3, size=(60, 3))
    for row in actions[:10]:
        env.step(row)
    arrays, rng = dict(vars(env)), env.np_random.bit_generator.state
    onward = [env.step(row) for row in actions]
    _restore(env, arrays, rng)
    env.reset(options={"reset_mask": np.array([True, False, True])})
    _restore(env, arrays, rng)
    _assert_same(tuple(onward), tuple(env.step(row) for row in actions))


def _restore(env: gym.vector.VectorEnv, arrays: dict[str, Any], rng: Any) -> None:
    for name, value in arrays.items():
        setattr(env, name, value)
    env.np_random.bit_generator.state = rng


def test_returned_arrays_belong_to_the_caller() -> None:
    env = gym.make_vec("lab/MountainCar-v0", 2, autoreset_mode=AutoresetMode.DISABLED)
    kept = env.reset(seed=0)[0]
    start = kept.copy()
    for _ in range(5):
        env.step(np.array([0, 2]))
    assert np.array_equal(kept, start), "later steps write into new arrays"
    last = env.step(np.array([0, 2]))[0]
    true = last.copy()
    last[:] = 9.0
    again, _ = env.reset(options={"reset_mask": np.array([True, False])})
    assert np.array_equal(again[1], true[1]), "what the caller does to them stays with the caller"


def test_mistakes_are_named() -> None:
    env = MountainCarVectorEnv(2, autoreset_mode="Disabled", max_episode_steps=1)
    go = np.array([1, 1])
    with pytest.raises(gym.error.ResetNeeded, match="before step"):
        env.step(go)
    with pytest.raises(gym.error.ResetNeeded, match="all copies"):
        env.reset(options={"reset_mask": np.array([True, False])})
    env.reset(seed=0)
    for wrong in (np.array([1]), np.array([0, 3]), np.array([-1, 0]), np.array([0.0, 1.0])):
        with pytest.raises(gym.error.InvalidAction):
            env.step(wrong)
    env.step(go)
    with pytest.raises(gym.error.ResetNeeded, match=r"\[0, 1\] are over"):
        env.step(go)
    with pytest.raises(ValueError, match="True"):
        env.reset(options={"reset_mask": np.zeros(2, dtype=bool)})
    with pytest.raises(TypeError, match="bool"):
        env.reset(options={"reset_mask": [True, False]})
    with pytest.raises(ValueError, match="low <= high"):
        env.reset(options={"low": 1.0, "high": 0.0})
    with pytest.raises(ValueError, match="positive"):
        AcrobotVectorEnv(0)
    with pytest.raises(ValueError, match="render_mode"):
        AcrobotVectorEnv(1, render_mode="human")


@pytest.mark.parametrize("env_id", NATIVE_IDS)
def test_frames_are_gymnasiums(env_id: str) -> None:
    vector: Any = gym.make_vec(lab_envs.NATIVE[env_id], 2, render_mode="rgb_array")
    vector.reset(seed=0)
    single: Any = gym.make(env_id, render_mode="rgb_array")
    single.reset(seed=0)
    for state, frame in zip(vector.state.T, vector.render(), strict=True):
        single.unwrapped.state = state
        assert np.array_equal(frame, single.render())


# --- catch ----------------------------------------------------------------------------------


def _catch_return(env: Catch, seed: int | None, policy: Any) -> tuple[float, int]:
    """Return and length of one episode; `policy` sees only the pixels."""
    observation, _ = env.reset(seed=seed)
    total, steps, over = 0.0, 0, False
    while not over:
        observation, reward, over, _, _ = env.step(policy(observation))
        total, steps = total + reward, steps + 1
    return total, steps


def _follow_the_ball(cell: int) -> Any:
    def policy(observation: np.ndarray) -> int:
        board = observation[::cell, ::cell, 0]
        ball = np.argwhere(board == 255)[0][1]
        paddle = np.flatnonzero(board[-1] == 128)[0]
        return int(np.sign(ball - paddle)) + 1

    return policy


@pytest.mark.parametrize("size", [(10, 10, 4), (6, 11, 2), (5, 2, 1), (2, 1, 3)])
def test_who_follows_the_ball_always_catches(size: tuple[int, int, int]) -> None:
    env = Catch(*size)
    policy = _follow_the_ball(size[2])
    assert {_catch_return(env, seed, policy) for seed in range(60)} == {(1.0, size[0] - 1)}


@pytest.mark.parametrize("size", [(5, 3), (6, 4)])
def test_who_does_not_look_gets_two_over_columns_minus_one(size: tuple[int, int]) -> None:
    """Every ball against every sequence of actions: the mean is the value of a random player."""
    env = Catch(*size, cell=1)
    returns = []
    for column, plan in product(range(size[1]), product(range(3), repeat=size[0] - 1)):
        env.reset(seed=0)
        env.column = column
        returns.append(sum(float(env.step(np.int64(action))[1]) for action in plan))
    assert np.mean(returns) == pytest.approx(2 / size[1] - 1)


def test_balls_fall_in_every_column_equally_often() -> None:
    env = Catch()
    env.reset(seed=0)
    counts = np.bincount([env.reset() and env.column for _ in range(5000)], minlength=10)
    assert ((counts - 500) ** 2 / 500).sum() < 27.9  # chi-square, 9 degrees of freedom, p = 0.001


def test_pixels_show_the_ball_and_the_paddle_and_nothing_else() -> None:
    env = Catch()
    env.reset(seed=3)
    env.step(np.int64(0))
    observation, *_ = env.step(np.int64(0))
    expected = np.zeros((40, 40, 1), dtype=np.uint8)
    expected[36:40, 12:16] = 128  # two to the left of the middle, column 5
    expected[8:12, 4 * env.column : 4 * env.column + 4] = 255
    assert np.array_equal(observation, expected)


def test_the_paddle_stops_at_the_walls() -> None:
    env = Catch()
    for action, end in ((0, 0), (2, 9)):
        env.reset(seed=0)
        for _ in range(9):
            env.step(np.int64(action))
        assert env.paddle == end


def test_catch_refuses_what_cannot_be_played() -> None:
    for size in ((1, 10, 4), (10, 0, 4), (10, 10, 0)):
        with pytest.raises(ValueError, match="needs rows"):
            Catch(*size)
    with pytest.raises(ValueError, match="at least 6 rows"):
        Catch(rows=5, columns=10)
    env = Catch()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.int64(1))
    env.reset()
    with pytest.raises(gym.error.InvalidAction):
        env.step(np.int64(3))


def test_catch_renders_ball_and_paddle_in_color() -> None:
    env = Catch(render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    assert frame is not None
    assert frame.shape == (400, 400, 3)
    assert frame.dtype == np.uint8
    assert tuple(frame[20, 40 * env.column + 20]) == env.colors["ball"]
    assert tuple(frame[380, 40 * env.paddle + 20]) == env.colors["paddle"]


# --- grid -----------------------------------------------------------------------------------

LEFT, DOWN, RIGHT, UP = range(4)


def _walk(layout: tuple[str, ...], place: tuple[int, int], action: int) -> tuple[int, int]:
    """The rules of the grid, written down a second time."""
    row = place[0] + (action == DOWN) - (action == UP)
    column = place[1] + (action == RIGHT) - (action == LEFT)
    inside = 0 <= row < len(layout) and 0 <= column < len(layout[0])
    return (row, column) if inside and layout[row][column] != "#" else place


def _distances(layout: tuple[str, ...], target: str) -> dict[tuple[int, int], int]:
    """Fewest moves from each floor cell into a cell of kind `target`, breadth first."""
    floor = [(r, c) for r, row in enumerate(layout) for c, t in enumerate(row) if t == "."]
    distances: dict[tuple[int, int], int] = {}
    for distance in range(1, len(floor) + 1):
        reached = {
            place
            for place in floor
            for row, column in (_walk(layout, place, a) for a in range(4))
            if place not in distances
            and (layout[row][column] == target if distance == 1 else (row, column) in distances)
        }
        distances.update(dict.fromkeys(reached, distance))
    return distances


def _best_value(gamma: float, goal: int | None, pit: int | None) -> float:
    """The best of the three things one can do: go to the goal, to the pit, or nowhere, forever."""
    ways = [-0.04 / (1 - gamma)]
    for distance, prize in ((goal, 1.0), (pit, -1.0)):
        if distance is not None:
            before = sum(-0.04 * gamma**k for k in range(distance - 1))
            ways.append(before + prize * gamma ** (distance - 1))
    return max(ways)


WALLED_IN = ("..#G", "..#.", "O.#.")


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.99, 0.9999])
@pytest.mark.parametrize("layout", [LAYOUT, WALLED_IN, ("G.O",)])
def test_optimal_values_equal_the_best_of_all_plans(layout: tuple[str, ...], gamma: float) -> None:
    env = Grid(layout)
    q = env.optimal_q(gamma)
    assert q.shape == (env.observation_space.n, 4)  # type: ignore[attr-defined]
    goals, pits = _distances(layout, "G"), _distances(layout, "O")
    prize = {".": -0.04, "G": 1.0, "O": -1.0}
    for state, action in product(range(len(env.cells)), range(4)):
        row, column = env.cells[state]
        if layout[row][column] != ".":
            assert q[state, action] == 0.0
            continue
        there = _walk(layout, (row, column), action)
        kind = layout[there[0]][there[1]]
        after = _best_value(gamma, goals.get(there), pits.get(there)) if kind == "." else 0.0
        assert q[state, action] == pytest.approx(prize[kind] + gamma * after, rel=1e-9, abs=1e-9)


def test_acting_greedily_earns_what_the_optimal_values_say() -> None:
    env, gamma = Grid(), 0.95
    q = env.optimal_q(gamma)
    for start in env.starts:
        state, _ = env.reset(options={"state": start})
        earned, discount, over = 0.0, 1.0, False
        while not over:
            state, reward, over, _, _ = env.step(q[state].argmax())
            earned, discount = earned + discount * reward, discount * gamma
        assert earned == pytest.approx(q[start].max())


def test_steps_follow_the_transition_table_and_the_rules() -> None:
    env = Grid()
    table = env.transitions()
    for state, action in product(env.starts, range(4)):
        env.reset(options={"state": state})
        seen = env.step(np.int64(action))[:3]
        assert seen == tuple(column[state, action] for column in table)
        assert env.cells[seen[0]] == _walk(LAYOUT, env.cells[state], action)
    table.reward[:] = 9.0
    assert env.transitions().reward.max() == 1.0, "callers get copies"


def test_grid_starts_in_every_floor_cell_and_only_there() -> None:
    env = Grid()
    env.reset(seed=0)
    assert {int(env.reset()[0]) for _ in range(600)} == set(env.starts)
    with pytest.raises(ValueError, match="Cannot start"):
        env.reset(options={"state": 5})  # the goal: six cells before it, one of them a wall


def test_grid_text_and_frame_show_the_agent() -> None:
    env = Grid(render_mode="ansi")
    env.reset(options={"state": 0})
    assert env.render() == "A" + "\n".join(LAYOUT)[1:] + "\n"
    env = Grid(render_mode="rgb_array")
    env.reset(options={"state": 0})
    frame = env.render()
    assert isinstance(frame, np.ndarray)
    assert frame.shape == (5 * 56, 7 * 56, 3)
    assert tuple(frame[28, 28]) == env.colors["agent"]
    assert tuple(frame[28, 6 * 56 + 28]) == env.colors["G"]


@pytest.mark.parametrize(
    ("layout", "complaint"),
    [(("..G", "."), "same length"), (("..?G",), r"got \?"), (("...",), "goal"), (("G",), "floor")],
)
def test_grid_refuses_a_layout_with_a_reason(layout: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Grid(layout)


def test_grid_refuses_what_cannot_be_stepped_or_discounted() -> None:
    env = Grid()
    with pytest.raises(gym.error.ResetNeeded):
        env.step(np.int64(0))
    env.reset(seed=0)
    with pytest.raises(gym.error.InvalidAction):
        env.step(np.int64(4))
    for gamma in (-0.1, 1.0):
        with pytest.raises(ValueError, match="discount"):
            env.optimal_q(gamma)
