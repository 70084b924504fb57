"""Vector environments, whatever their autoreset mode, give exactly the transitions of single ones,
and go on exactly from a saved state."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
import worlds
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import FrameStackObservation, NormalizeObservation, NormalizeReward
from helpers import difference
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import EnvironmentSpec, LabError, Play, record_episode
from lab.compute.device import Compute
from lab.compute.rng import from_plain, to_plain
from lab.engine import context
from lab.engine.context import Context
from lab.environments import Envs, make, make_envs, play_episodes
from lab.environments.make import is_exact
from lab.environments.replayable import Replayable
from lab.errors import UsageError

MODES = list(AutoresetMode)


class Counting(gym.Env):
    """Episode e lasts `plan[e][0]` steps and ends by termination, truncation or both. Observes
    (name, episode, step), in one buffer that it uses again where `reuse`."""

    observation_space = gym.spaces.Box(-1, 1e6, (3,), np.float32)
    action_space = gym.spaces.Discrete(3)

    def __init__(self, name: int, plan: list[tuple[int, str]], reuse: bool = False) -> None:
        self.name, self.plan, self.reuse = name, plan, reuse
        self.episode, self.steps = -1, 0
        self.buffer = np.zeros(3, np.float32)

    def look(self) -> np.ndarray:
        self.buffer[:] = self.name, self.episode, self.steps
        return self.buffer if self.reuse else self.buffer.copy()

    def reset(self, *, seed: int | None = None, options: Any = None):
        self.episode, self.steps = self.episode + 1, 0
        return self.look(), {}

    def step(self, action: int):
        self.steps += 1
        length, end = self.plan[self.episode % len(self.plan)]
        done = self.steps == length
        reward = 100 * self.name + 10 * self.episode + self.steps + 0.25 * int(action)
        return self.look(), reward, done and "term" in end, done and "trunc" in end, {}


def by_hand(env: gym.Env, actions: list[int]) -> tuple[list[Any], list[Any], list[Any]]:
    """Return transitions, returns and lengths of one environment, stepped as in the textbook."""
    seen: list[Any] = []
    returns, lengths, total, length = [], [], 0.0, 0
    obs = env.reset()[0].copy()
    for action in actions:
        after, reward, terminated, truncated, _ = env.step(action)
        after = after.copy()
        seen.append((obs.tolist(), action, reward, after.tolist(), terminated, truncated))
        total, length = total + float(reward), length + 1
        obs = after
        if terminated or truncated:
            returns.append(total)
            lengths.append(length)
            total, length = 0.0, 0
            obs = env.reset()[0].copy()
    return seen, returns, lengths


Lists = list[list[Any]]  # for each environment


def together(envs: Envs, ticks: int, seed: int = 0) -> tuple[Lists, Lists, Lists]:
    """Return the same for N environments stepped as a vector: live transitions only."""
    rng = np.random.default_rng(seed)
    n = envs.num_envs
    seen: Lists = [[] for _ in range(n)]
    returns: Lists = [[] for _ in range(n)]
    lengths: Lists = [[] for _ in range(n)]
    kept: list[Any] = []
    envs.reset(seed=3)
    for _ in range(ticks):
        obs, actions = envs.obs, rng.integers(3, size=n)
        step = envs.step(actions)
        kept.append((obs, actions, step))
        ended = np.flatnonzero(step.live & (step.terminated | step.truncated))
        for position, i in enumerate(ended):
            returns[i].append(step.returns[position])
            lengths[i].append(step.lengths[position])
        assert len(step.returns) == len(step.lengths) == len(ended)
    for obs, actions, step in kept:  # read at the end: nothing may have been overwritten
        for i in np.flatnonzero(step.live):
            flags = bool(step.terminated[i]), bool(step.truncated[i])
            after, reward = step.next_obs[i].tolist(), float(step.reward[i])
            seen[i].append((obs[i].tolist(), int(actions[i]), reward, after, *flags))
    return seen, returns, lengths


episode_plans = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(["term", "trunc", "term trunc"])),
    min_size=1,
    max_size=4,
)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@settings(max_examples=60)
@given(plans=st.lists(episode_plans, min_size=1, max_size=4), reuse=st.booleans())
def test_every_autoreset_mode_gives_the_transitions_of_single_environments(
    mode, plans, reuse
) -> None:
    def make_env(index: int) -> gym.Env:
        return Replayable(Counting(index, plans[index], reuse))

    makers = [lambda index=index: make_env(index) for index in range(len(plans))]
    envs = Envs(SyncVectorEnv(makers, copy=False, autoreset_mode=mode))
    seen, returns, lengths = together(envs, ticks=30)
    for index, plan in enumerate(plans):
        assert len(seen[index]) >= 15
        actions = [action for _, action, *_ in seen[index]]
        expected = by_hand(Counting(index, plan), actions)
        assert seen[index] == expected[0]
        assert returns[index] == pytest.approx(expected[1])
        assert lengths[index] == expected[2]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_only_next_step_environments_spend_ticks_on_resets(mode) -> None:
    maker = lambda: Counting(0, [(2, "term")])  # noqa: E731
    envs = Envs(SyncVectorEnv([maker], autoreset_mode=mode))
    envs.reset()
    live = [bool(envs.step(np.zeros(1, int)).live[0]) for _ in range(6)]
    expected = [True, True, False] * 2 if mode is AutoresetMode.NEXT_STEP else [True] * 6
    assert live == expected


class Reusing(VectorEnv):
    """A native vector environment that hands out the same four arrays at every step."""

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}  # noqa: RUF012
    num_envs = 2
    single_observation_space = gym.spaces.Box(-1, 1e6, (1,), np.float32)
    single_action_space = gym.spaces.Discrete(2)

    def __init__(self) -> None:
        self.obs = np.zeros((2, 1), np.float32)
        self.final = np.zeros((2, 1), np.float32)
        self.reward = np.zeros(2)
        self.ends = np.zeros(2, bool), np.zeros(2, bool)

    def reset(self, *, seed=None, options=None):
        self.obs[:] = 0
        return self.obs, {}

    def step(self, actions):
        self.obs += 1
        self.reward[:] = self.obs[:, 0]
        self.ends[0][:] = self.obs[:, 0] == 3
        info = {}
        if self.ends[0].any():
            self.final[:] = self.obs
            info = {"final_obs": self.final}
            self.obs[self.ends[0]] = 0
        return self.obs, self.reward, *self.ends, info


def test_environments_that_use_their_arrays_again_overwrite_nothing() -> None:
    envs = Envs(Reusing())
    first = envs.reset()
    before, steps = [], []
    for _ in range(7):
        before.append(envs.obs)
        steps.append(envs.step(np.zeros(2, int)))
    assert first.ravel().tolist() == [0, 0]
    assert [obs[0, 0] for obs in before] == [0, 1, 2, 0, 1, 2, 0]
    assert [step.next_obs[0, 0] for step in steps] == [1, 2, 3, 1, 2, 3, 1]
    assert [step.reward[0] for step in steps] == [1, 2, 3, 1, 2, 3, 1]
    assert [bool(step.terminated[0]) for step in steps] == [False, False, True] * 2 + [False]


# -- whole episodes


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
@settings(max_examples=30)
@given(
    plans=st.lists(episode_plans, min_size=1, max_size=4),
    episodes=st.integers(1, 9),
    gamma=st.sampled_from([1.0, 0.9, 0.5, 0.0]),
)
def test_each_environment_plays_its_first_episodes_and_all_of_them(
    mode, plans, episodes, gamma
) -> None:
    makers = [lambda i=i: Counting(i, plans[i]) for i in range(len(plans))]
    envs = Envs(SyncVectorEnv(makers, autoreset_mode=mode))
    played = play_episodes(envs, lambda obs: np.ones(len(obs), int), episodes, seed=0, gamma=gamma)
    quota = -(-episodes // len(plans))
    returns, discounted, lengths = [], [], []
    for episode in range(quota):
        for name, plan in enumerate(plans):
            length = plan[episode % len(plan)][0]
            rewards = [100 * name + 10 * episode + t + 1 + 0.25 for t in range(length)]
            returns.append(sum(rewards))
            discounted.append(sum(gamma**t * reward for t, reward in enumerate(rewards)))
            lengths.append(length)
    assert played.returns == pytest.approx(returns)
    assert played.discounted == pytest.approx(discounted)
    assert played.lengths.tolist() == lengths


def test_short_episodes_get_no_more_weight_than_long_ones() -> None:
    """The first four to finish would all be of length 1: a mean of 1, where the truth is 50.5."""
    makers = [lambda i=i: Counting(i, [((1, 100)[i], "term")]) for i in range(2)]
    envs = Envs(SyncVectorEnv(makers, autoreset_mode=AutoresetMode.SAME_STEP))
    played = play_episodes(envs, lambda obs: np.zeros(2, int), 4, seed=0)
    assert sorted(played.lengths.tolist()) == [1, 1, 100, 100]


def test_the_same_seed_plays_the_same_episodes() -> None:
    envs = make_envs("CartPole-v1", 8)

    def act(obs: np.ndarray) -> np.ndarray:
        return (obs[:, 2] > 0).astype(int)

    first = play_episodes(envs, act, 16, seed=5)
    again = play_episodes(envs, act, 16, seed=5)
    another = play_episodes(envs, act, 16, seed=6)
    assert first.returns.tolist() == again.returns.tolist() != another.returns.tolist()
    assert len(set(first.returns.tolist())) > 1


# -- exact states


class Slippery(gym.Env):
    """Draws at each step and carries a walk within the episode."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (2,), np.float64)
    action_space: gym.Space[Any] = gym.spaces.Box(-1, 1, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.where, self.steps = self.np_random.normal(size=2), 0
        return self.where.copy(), {}

    def step(self, action):
        self.steps += 1
        self.where += action + self.np_random.normal(size=2)
        return self.where.copy(), float(self.where.sum()), self.np_random.random() < 0.1, False, {}


class Learning(Slippery):
    """A curriculum: each episode starts where the last one ended."""

    last = 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.where += self.last
        return self.where.copy(), {}

    def step(self, action):
        after = super().step(action)
        self.last = float(self.where[0])
        return after


class Composite(Slippery):
    """Takes a dictionary of actions, which no array holds."""

    action_space: gym.Space[Any] = gym.spaces.Dict({"push": gym.spaces.Discrete(2)})

    def step(self, action):
        return super().step(np.full(2, action["push"]))


OWN: dict[str, type[gym.Env[Any, Any]]] = {
    "Slippery": Slippery,
    "Learning": Learning,
    "Composite": Composite,
}


@pytest.fixture(autouse=True)
def registered():
    for name, entry in OWN.items():
        worlds.register(f"core_tests/{name}-v0", entry)
    yield
    for name in OWN:
        del gym.registry[f"core_tests/{name}-v0"]


def stacked(env: gym.Env) -> gym.Env:
    return FrameStackObservation(env, 3)


EXACT = {
    "CartPole alone": ("CartPole-v1", 1, ()),
    "CartPole native": ("CartPole-v1", 8, ()),
    "FrozenLake": ("FrozenLake-v1", 2, ()),
    "stochastic": ("core_tests/Slippery-v0", 3, ()),
    "stacked frames": ("CartPole-v1", 2, (stacked,)),
    "Pendulum": ("Pendulum-v1", 2, ()),
}


@pytest.mark.parametrize("case", EXACT)
def test_a_saved_state_goes_on_to_the_same_bits(tmp_path, case) -> None:
    """Through a checkpoint file, in the middle of an episode, over the ends of several."""
    env_id, n, wrappers = EXACT[case]

    def build() -> Envs:
        return make_envs(env_id, n, wrappers=wrappers)

    assert is_exact(build)
    original, copy = build(), build()
    original.reset(seed=4)
    copy.reset(seed=9)
    space = original.vector.action_space
    space.seed(0)
    ended = 0
    for part in range(3):
        for _ in range(37):
            original.step(space.sample())
        torch.save(to_plain(original.state_dict()), tmp_path / "envs.pt")
        copy.load_state_dict(from_plain(torch.load(tmp_path / "envs.pt", weights_only=True)))
        assert copy.obs.tobytes() == original.obs.tobytes()
        for _ in range(120):
            action = space.sample()
            expected, restored = original.step(action), copy.step(action)
            for a, b in zip(expected[:7], restored[:7], strict=True):
                assert a.tobytes() == b.tobytes(), part
            assert copy.obs.tobytes() == original.obs.tobytes()
            ended += len(expected.returns)
    assert ended > 3 or case == "Pendulum"


def test_observations_lie_in_memory_as_those_of_a_checkpoint_do() -> None:
    """Gymnasium's native CartPole gives transposed arrays, and sums depend on the order."""
    envs = make_envs("CartPole-v1", 4, native=True)
    envs.reset(0)
    step = envs.step(np.zeros(4, np.int64))
    vector: Any = envs.vector
    assert not vector.state.T.flags.c_contiguous
    for obs in (envs.obs, step.next_obs, from_plain(to_plain(envs.state_dict()))["obs"]):
        assert obs.flags.c_contiguous
    envs.close()


def test_a_state_is_a_copy() -> None:
    envs = make_envs("CartPole-v1", 8)
    envs.reset(seed=0)
    state = envs.state_dict()
    before = to_plain(state)
    for _ in range(50):
        envs.step(np.ones(8, int))
    assert difference(to_plain(state), before) is None


@pytest.mark.parametrize("wrapper", [NormalizeObservation, NormalizeReward])
def test_what_is_carried_between_episodes_is_known_to_be_lost(wrapper) -> None:
    assert not is_exact(lambda: make_envs("CartPole-v1", 2, wrappers=(wrapper,)))


@pytest.mark.parametrize("name", ["Learning", "Composite"])
def test_what_cannot_be_replayed_or_written_is_known(name) -> None:
    assert not is_exact(lambda: make_envs(f"core_tests/{name}-v0", 2))


def test_actions_are_remembered_even_if_the_caller_uses_its_array_again() -> None:
    envs, copy = (make_envs("core_tests/Slippery-v0", 2) for _ in range(2))
    envs.reset(seed=1)
    copy.reset(seed=2)
    actions = np.zeros((2, 2), np.float32)
    for step in range(4):
        actions[:] = step
        envs.step(actions)
    copy.load_state_dict(envs.state_dict())
    assert envs.step(actions).next_obs.tobytes() == copy.step(actions).next_obs.tobytes()


def test_episodes_of_one_environment_differ_and_so_do_environments() -> None:
    envs = make_envs("core_tests/Slippery-v0", 2)
    starts = [tuple(row) for row in envs.reset(seed=1)]
    for _ in range(200):
        step = envs.step(np.zeros((2, 2), np.float32))
        starts += [tuple(row) for row in envs.obs[step.terminated]]
    assert len(starts) > 10
    assert len(set(starts)) == len(starts)


# -- ids


@pytest.mark.parametrize(
    ("env_id", "expected"),
    [
        ("CartPole-v", "Did you mean 'CartPole-v"),
        ("CartPoll-v1", "Did you mean 'CartPole-v1'"),
        ("no_such_module:X-v0", "No module named 'no_such_module'"),
        ("nowhere/Maze-v0", "no such environment"),
        ("", "no such environment"),
    ],
)
def test_an_unknown_environment_is_a_plain_error(env_id, expected) -> None:
    with pytest.raises(UsageError, match=f"--env {env_id}: .*{expected}"):
        make.register(env_id, ())


def test_a_namespace_whose_package_is_missing_says_what_to_install() -> None:
    offer = EnvironmentSpec("nowhere", "no_such_module", install="maze[all]")
    with pytest.raises(UsageError, match=r"pip install 'maze\[all\]'"):
        make.register("nowhere/Maze-v0", [offer])


def test_what_to_install_is_said_of_what_a_module_of_the_lab_needs_too() -> None:
    offer = EnvironmentSpec("MinAtar", "lab_envs.minatar", install="minatar")
    assert offer.lacks(ModuleNotFoundError(name="minatar.gym"))
    assert not offer.lacks(ModuleNotFoundError(name="matplotlib"))
    assert not EnvironmentSpec("MinAtar", "minatar").lacks(ModuleNotFoundError(name="minatar"))


class Screen(gym.Env):
    """Two by two places."""

    dtype = np.uint8

    observation_space = gym.spaces.Discrete(1)
    action_space = gym.spaces.Discrete(1)
    metadata = {"render_modes": ["rgb_array"]}  # noqa: RUF012

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}

    def step(self, action):
        return 0, 0.0, True, False, {}

    def render(self):
        return np.array([[[0, 127, 255], [0, 0, 0]], [[0, 0, 0], [1, 1, 1]]], self.dtype)


def test_a_small_picture_is_recorded_large() -> None:
    clip = record_episode(Screen(), lambda obs: 0, 0, Play(size=101))
    assert [frame.shape for frame in clip.frames] == [(100, 100, 3)] * 2
    assert clip.frames[0][::50, ::50].tolist() == [
        [[0, 127, 255], [0, 0, 0]],
        [[0, 0, 0], [1, 1, 1]],
    ]


def test_pictures_of_floats_are_refused_not_black(monkeypatch) -> None:
    monkeypatch.setattr(Screen, "dtype", np.float64)
    with pytest.raises(LabError, match="its pictures are float64, and not uint8"):
        record_episode(Screen(), lambda obs: 0, 0, Play())


OF_ONES_OWN = """
import gymnasium as gym
class Steady(gym.Env):
    observation_space = action_space = gym.spaces.Discrete(2)
    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return 0, {}
    def step(self, action):
        return 0, 1.0, True, False, {}
gym.register("own/Steady-v3", entry_point=Steady)
"""


def test_a_file_of_ones_own_is_enough(tmp_path, monkeypatch) -> None:
    """By the class that it holds, or by what it registers; nothing has to be on Python's path."""
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place])
    file = tmp_path / "own_steady_world.py"
    file.write_text(OF_ONES_OWN)
    for name in ("Steady", "own/Steady-v3"):
        assert make.make_env(make.register(f"{file}:{name}", ())).reset()[0] == 0
    with pytest.raises(UsageError, match="Gymnasium knows no such environment"):
        make.register(f"{file}:Stead", ())
    with pytest.raises(UsageError, match=r"There is no file .*other\.py"):
        make.register(f"{tmp_path / 'other.py'}:Steady", ())
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    Path("not_on_the_path.py").write_text(OF_ONES_OWN)
    with pytest.raises(UsageError, match="with its ending: --env not_on_the_path.py:Steady"):
        make.register("not_on_the_path:Steady", ())


def test_an_environment_that_takes_no_render_mode_says_so() -> None:
    with pytest.raises(UsageError, match="cannot draw itself: its class takes no render_mode="):
        make.make_env("worlds:worlds/Chain-v0", render_mode="rgb_array")


def test_an_environment_that_cannot_be_built_is_a_plain_error() -> None:
    with pytest.raises(UsageError, match=r"--env CartPole-v1 cannot be made: .*color"):
        make.make_env("CartPole-v1", color="red")


# -- time limits


def lengths_of_episodes(envs: Envs, ticks: int = 40) -> set[int]:
    """Return the lengths of the episodes that end, each of which must be truncated."""
    envs.reset(seed=0)
    lengths: set[int] = set()
    for _ in range(ticks):
        step = envs.step(np.zeros(envs.num_envs, int))
        ended = step.live & (step.terminated | step.truncated)
        assert not (step.terminated & ended).any()
        lengths |= set(step.lengths.tolist())
    return lengths


@pytest.mark.parametrize("world", ["Loop", *(f"Loop{mode.value}" for mode in MODES)])
@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3), (9, 5), (None, 5)])
def test_a_time_limit_truncates_beside_the_registered_one(world, limit, expected) -> None:
    """worlds/Loop... never terminates and is registered with a limit of 5."""

    def build() -> Envs:
        return make_envs(f"worlds/{world}-v0", 4, time_limit=limit)

    envs = build()
    assert isinstance(envs.vector, worlds.WorldVectorEnv) is (world != "Loop")
    assert lengths_of_episodes(envs) == {expected}
    assert is_exact(build)


def test_gymnasium_s_own_native_version_ends_at_the_limit_and_goes_on_from_a_saved_state() -> None:
    def build() -> Envs:
        return make_envs("CartPole-v1", 8, time_limit=6)

    assert not isinstance(build().vector, SyncVectorEnv)
    assert lengths_of_episodes(build()) == {6}  # pushed to one side, the pole falls after nine
    assert is_exact(build)


def test_a_limit_counts_the_steps_that_the_agent_takes() -> None:
    class Thrice(gym.Wrapper):
        def step(self, action):
            return [self.env.step(action) for _ in range(3)][-1]

    envs = make_envs("core_tests/Endless-v0", 2, wrappers=(Thrice,), time_limit=4)
    assert lengths_of_episodes(envs) == {4}
    assert envs.obs.max() <= 12


class Endless(gym.Env):
    """Observations and rewards are 1, 2, 3, ...; never ends, unless `ends` says when and how."""

    observation_space = gym.spaces.Box(0, np.inf, (1,), np.float32)
    action_space = gym.spaces.Discrete(2)

    def __init__(self, ends: int = 0, fails: str = "") -> None:
        self.ends, self.fails, self.steps = ends, fails, 0

    def reset(self, *, seed=None, options=None):
        if self.fails == "reset":
            raise ValueError("no such room\nand more")
        self.steps = 0
        return np.zeros(1, np.float32), {}

    def step(self, action):
        if self.fails == "step":
            raise ValueError("no such door\nand more")
        self.steps += 1
        obs = np.full(1, self.steps, np.float32)
        return obs, float(self.steps), self.steps == self.ends, False, {}

    def render(self):
        return np.zeros((8, 8, 3), np.uint8)


class Deaf(worlds.WorldVectorEnv):
    """A native version that takes any argument and passes over a time limit."""

    def __init__(self, num_envs: int, **kwargs: Any) -> None:
        super().__init__(worlds.loop(), AutoresetMode.SAME_STEP, num_envs, 10**9)


OWN["Endless"] = Endless


def test_a_native_version_that_knows_no_limit_gives_way() -> None:
    worlds.register(
        "core_tests/Deaf-v0", lambda: worlds.WorldEnv(worlds.loop()), vector_entry_point=Deaf
    )
    try:
        assert isinstance(make_envs("core_tests/Deaf-v0", 4).vector, Deaf)
        assert lengths_of_episodes(make_envs("core_tests/Deaf-v0", 4, time_limit=3)) == {3}
    finally:
        del gym.registry["core_tests/Deaf-v0"]


@pytest.mark.parametrize("number", [1, 4])
def test_the_registered_limit_can_be_taken_off(number) -> None:
    without: dict[str, Any] = {"max_episode_steps": -1}
    assert lengths_of_episodes(make_envs("worlds/LoopSameStep-v0", number, **without)) == set()
    limited = make_envs("worlds/LoopSameStep-v0", number, **without, time_limit=7)
    assert lengths_of_episodes(limited) == {7}


# -- evaluations that end


def make_context(warnings: list[str]) -> Context:
    return Context(
        seed=0,
        budget=1,
        dir=Path("nowhere"),
        compute=Compute(torch.device("cpu")),
        warn=warnings.append,
    )


def evaluated(warnings: list[str], env_id: str, episodes: int = 4, **options: Any):
    envs = make_context(warnings).make_envs(env_id, 2, train=False, **options)
    act = lambda obs: np.zeros(2, int)  # noqa: E731
    for _ in range(2):
        played = play_episodes(envs, act, episodes, seed=0, gamma=0.5)
    return played


def test_an_evaluation_cuts_what_never_ends_and_says_so_once(monkeypatch) -> None:
    monkeypatch.setattr(context, "EVALUATION_STEPS", 3)
    warnings: list[str] = []
    played = evaluated(warnings, "core_tests/Endless-v0")
    assert played.lengths.tolist() == [3] * 4
    assert played.returns.tolist() == [1 + 2 + 3] * 4
    assert played.discounted.tolist() == [1 + 2 / 2 + 3 / 4] * 4
    assert played.metrics("eval")["truncated"] == played.metrics("test")["truncated"] == 4
    (line,) = warnings
    assert "core_tests/Endless-v0" in line
    assert " 3 steps" in line
    assert "--max-episode-steps" in line


@pytest.mark.parametrize(
    ("env_id", "options", "length"),
    [
        ("core_tests/Endless-v0", {"time_limit": 4}, 4),  # the person's own limit
        ("core_tests/Endless-v0", {"max_episode_steps": 4}, 4),
        ("worlds/Loop-v0", {}, 5),  # the registered one
        ("core_tests/Endless-v0", {"ends": 3}, 3),  # a termination in the last possible step
    ],
    ids=str,
)
def test_only_what_the_lab_itself_cut_counts_as_cut(monkeypatch, env_id, options, length) -> None:
    monkeypatch.setattr(context, "EVALUATION_STEPS", 3)
    warnings: list[str] = []
    played = evaluated(warnings, env_id, **options)
    assert played.lengths.tolist() == [length] * 4
    assert played.metrics("test")["truncated"] == 0
    assert warnings == []


def test_training_has_no_limit_unless_it_is_asked_for(monkeypatch) -> None:
    monkeypatch.setattr(context, "EVALUATION_STEPS", 3)
    assert lengths_of_episodes(make_context([]).make_envs("core_tests/Endless-v0", 2)) == set()
    limited = make_context([]).make_envs("core_tests/Endless-v0", 2, time_limit=4)
    assert lengths_of_episodes(limited) == {4}


# -- environments that fail


@pytest.mark.parametrize("fails", ["reset", "step"])
def test_an_environment_that_fails_is_named(fails) -> None:
    expected = f"--env core_tests/Endless-v0: its {fails} raised ValueError: no such (door|room) "
    envs = make_envs("core_tests/Endless-v0", 2, fails=fails)
    assert isinstance(envs.vector, SyncVectorEnv)
    first = envs.vector.envs[0]
    with pytest.raises(LabError, match=expected) as failed:
        play_episodes(envs, lambda obs: np.zeros(2, int), 2, seed=0)
    assert "\n" not in str(failed.value)
    with pytest.raises(LabError, match=expected):
        record_episode(first, lambda obs: 0, 0, Play(skip=10**6))


def test_a_world_that_fails_at_forbidden_actions_is_tried_with_those_it_allows() -> None:
    assert is_exact(lambda: make_envs("worlds/Corridor-v0", 2))
