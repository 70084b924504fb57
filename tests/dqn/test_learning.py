"""Targets, losses, target updates and exploration are those of the papers, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from dqn_tools import make_dqn, reloaded, rows, train
from helpers import difference, keeping, noting
from torch import Tensor, nn
from torch.nn.functional import huber_loss

from lab_dqn.dqn import DQN
from lab_dqn.replay import Batch
from lab_dqn.replay.sampling import Prioritized


class Fixed(nn.Module):
    """A Q-network that is a table: observation i has the values `table[i]`."""

    def __init__(self, table: list[list[float]]) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.tensor(table))

    def forward(self, obs: Tensor) -> Tensor:
        return self.table[obs.flatten(1)[:, 0].long()]


ONLINE = [[1.0, 2.0, 0.0], [0.0, 5.0, 4.0], [3.0, 1.0, 2.0]]
TARGET = [[9.0, 8.0, 7.0], [10.0, 20.0, 30.0], [0.5, 0.25, 0.75]]


def fixed(**options: Any) -> DQN:
    dqn = make_dqn(env="worlds:worlds/Chain-v0", hidden=(), gamma=0.9, **options)
    dqn.online, dqn.target = Fixed(ONLINE), Fixed(TARGET)
    return dqn


def batch_of(next_obs: list[int], reward: list[float], discount: list[float]) -> Batch:
    """One minibatch of discrete observations [1, B, 1]."""
    size = len(next_obs)
    return {
        "obs": torch.zeros(1, size, 1, dtype=torch.int64),
        "action": torch.zeros(1, size, dtype=torch.int64),
        "reward": torch.tensor([reward]),
        "discount": torch.tensor([discount]),
        "next_obs": torch.tensor(next_obs).view(1, size, 1),
        "position": torch.zeros(1, size, dtype=torch.int64),
    }


def first(dqn: DQN, drawn: Batch | None = None) -> Batch:
    """Return the next minibatch, with its target: of `drawn` [1, B, ...] or from memory."""
    if drawn is not None:
        dqn.memory.sample = lambda *_: dict(drawn)  # type: ignore[method-assign]
    batch = next(dqn.minibatches(1))
    return {**batch, "target": dqn.q_target(batch)}


def update(dqn: DQN, batch: Batch) -> Any:
    return dqn.update(batch)


def targets(dqn: DQN, drawn: Batch) -> list[float]:
    return first(dqn, drawn)["target"].tolist()


BATCH = batch_of([0, 1, 2, 1], [1.0, 0.0, -1.0, 2.0], [0.9, 0.81, 0.9, 0.0])


# -- targets


def test_dqn_targets_take_the_largest_value_of_the_target_network() -> None:
    expected = [1 + 0.9 * 9, 0.81 * 30, -1 + 0.9 * 0.75, 2.0]
    assert targets(fixed(), BATCH) == pytest.approx(expected)


def test_double_dqn_selects_by_the_online_network_and_evaluates_by_the_target() -> None:
    """van Hasselt et al. (2016), equation 4. The online net prefers actions 1, 1 and 0."""
    expected = [1 + 0.9 * 8, 0.81 * 20, -1 + 0.9 * 0.5, 2.0]
    assert targets(fixed(double=True), BATCH) == pytest.approx(expected)


@pytest.mark.parametrize("double", [False, True])
def test_without_a_target_network_the_online_network_does_both(double) -> None:
    expected = [1 + 0.9 * 2, 0.81 * 5, -1 + 0.9 * 3, 2.0]
    dqn = fixed(target_network=False, double=double)
    assert targets(dqn, BATCH) == pytest.approx(expected)


def test_without_a_target_network_each_gradient_step_bootstraps_from_the_one_before() -> None:
    dqn = trained(target_network=False, gradient_steps=4)
    seen: list[Any] = []
    used: list[Any] = []
    dqn.update = noting(dqn.update, lambda _: seen.append(weights(dqn.online)))
    dqn.q_target = noting(  # type: ignore[method-assign]
        dqn.q_target, lambda _: used.append(weights(dqn.online))
    )
    dqn.learn(4)
    assert difference(seen, used) is None
    assert difference(used[0], used[1]) is not None


@pytest.mark.parametrize("options", [{}, {"double": True}, {"target_network": False}], ids=str)
def test_no_gradient_flows_through_targets(options) -> None:
    """Nor through what the online network says of the next state, where there is no other."""
    dqn = trained(**options)
    assert not first(dqn)["target"].requires_grad
    before = weights(dqn.target)
    dqn.learn(3)
    assert all(p.grad is None and not p.requires_grad for p in dqn.target.parameters())
    assert difference(weights(dqn.target), before) is None


def test_the_target_network_shares_no_memory_and_is_in_no_optimizer() -> None:
    dqn = make_dqn(dueling=True)
    own = {p.data_ptr() for p in dqn.target.parameters()}
    assert not own & {p.data_ptr() for p in dqn.online.parameters()}
    optimized = [p for group in dqn.optimizer.param_groups for p in group["params"]]
    assert not own & {p.data_ptr() for p in optimized}
    assert {id(p) for p in optimized} == {id(p) for p in dqn.online.parameters()}
    assert difference(weights(dqn.target), weights(dqn.online)) is None  # it starts as a copy


# -- loss


Q, GOAL = torch.tensor([1.0, 2.0, 0.0, 0.5]), torch.tensor([1.5, -1.0, 0.0, 3.0])
WEIGHT = torch.tensor([1.0, 0.5, 2.0, 0.25])


@pytest.mark.parametrize(
    ("name", "each"),
    [("mse", [0.25, 9.0, 0.0, 6.25]), ("huber", [0.125, 2.5, 0.0, 2.0])],
    ids=["mse", "huber"],
)
def test_the_loss_is_the_weighted_mean_over_the_minibatch(name, each) -> None:
    """Worked out by hand; (B, 1) against (B,) would average over B * B differences."""
    dqn = fixed(loss=name)
    online: Any = Fixed([[q, 99.0] for q in Q.tolist()])
    obs, action = torch.arange(4).view(4, 1), torch.zeros(4, dtype=torch.int64)
    batch = {"obs": obs, "action": action, "target": GOAL}
    for weighted, weight in ((batch, torch.ones(4)), ({**batch, "weight": WEIGHT}, WEIGHT)):
        loss, (td_error, q) = dqn.loss(online, weighted)
        assert loss.item() == pytest.approx((weight * torch.tensor(each)).mean().item())
        assert td_error.tolist() == pytest.approx((GOAL - Q).tolist())
        assert q.tolist() == Q.tolist()
        assert not td_error.requires_grad


def test_the_loss_takes_the_value_of_the_action_that_was_played() -> None:
    dqn = fixed()
    obs, action = torch.tensor([[0], [1], [2]]), torch.tensor([2, 0, 1])
    batch = {"obs": obs, "action": action, "target": torch.zeros(3)}
    online: Any = Fixed(ONLINE)
    _, (_, q) = dqn.loss(online, batch)
    assert q.tolist() == [0.0, 0.0, 1.0]


@pytest.mark.parametrize("loss", ["mse", "huber"])
def test_a_gradient_step_is_that_of_adam_on_that_loss(loss) -> None:
    """Against torch's own Adam on a loss written out here, with importance weights and clipping."""
    dqn = trained(loss=loss, prioritized=True, double=True, clip_norm=0.1, lr=0.01)
    batch = first(dqn)
    twin = make_dqn(hidden=(16,), **SMALL).online
    twin.load_state_dict(dqn.online.state_dict())
    optimizer = torch.optim.Adam(twin.parameters(), 0.01)
    optimizer.load_state_dict(dqn.optimizer.state_dict())
    target = batch["target"]
    q = twin(batch["obs"])[torch.arange(8), batch["action"]]
    each = (q - target) ** 2 if loss == "mse" else huber_loss(q, target, reduction="none")
    optimizer.zero_grad()
    (batch["weight"] * each).sum().div(8).backward()
    nn.utils.clip_grad_norm_(twin.parameters(), 0.1)
    optimizer.step()
    update(dqn, batch)
    for a, b in zip(dqn.online.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_learning_sets_the_priority_of_what_it_saw_to_its_td_error() -> None:
    dqn = trained(prioritized=True, priority_alpha=0.7)
    seen: list[Any] = []
    sampler = dqn.memory.sampler
    assert isinstance(sampler, Prioritized)
    sampler.update = noting(  # type: ignore[method-assign]
        sampler.update, lambda *a: seen.append(a)
    )
    q_before = dqn.online(dqn.memory.frames.read(torch.from_numpy(dqn.memory.rows["obs"][:50])))
    dqn.learn(1)
    ((positions, td_error),) = seen
    assert len(positions) == dqn.config.batch_size
    leaves = sampler.tree[sampler.leaves :]
    last = {int(p): float(e) for p, e in zip(positions, td_error, strict=True)}
    for position, error in last.items():
        assert leaves[position] == pytest.approx((abs(error) + 1e-6) ** 0.7, rel=1e-5)
    held = rows(dqn.memory)
    position = next(p for p in last if p < 50)
    row = held[position]  # nothing was evicted yet
    next_q = dqn.target(torch.tensor([row.next_obs])).max().item()
    by_hand = row.reward + row.discount * next_q - q_before[position, row.action].item()
    assert last[position] == pytest.approx(by_hand, rel=1e-4, abs=1e-5)


# -- target updates


def weights(module: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


SMALL: dict[str, Any] = {
    "n_envs": 4,
    "batch_size": 8,
    "train_freq": 16,
    "learning_starts": 10**9,
    "buffer_size": 500,
}


def trained(**options: Any) -> DQN:
    """A small DQN on CartPole with some experience, that learns only when called to."""
    options = {**SMALL, "hidden": (16,), **options}
    return train(make_dqn(**options), 100)


@pytest.mark.parametrize("gradient_steps", [1, 3, 7, 20])
@pytest.mark.parametrize("prioritized", [False, True])
def test_the_target_is_copied_at_every_multiple_of_its_interval_and_only_there(
    gradient_steps, prioritized
) -> None:
    """Counted in gradient steps, however these are spread over learning phases."""
    dqn = trained(target_update_interval=5, lr=0.05, prioritized=prioritized)
    history = [weights(dqn.online)]
    update = dqn.update

    def spy(batch: Batch) -> Any:
        expected = history[len(history) - 1 - (len(history) - 1) % 5]
        assert difference(weights(dqn.target), expected) is None, len(history)
        result = update(batch)
        history.append(weights(dqn.online))
        return result

    dqn.update = spy
    for _ in range(40 // gradient_steps):
        dqn.learn(gradient_steps)
    assert dqn.updates == len(history) - 1 == 40 // gradient_steps * gradient_steps


def test_a_polyak_update_moves_the_target_by_tau() -> None:
    """target <- tau * online + (1 - tau) * target (Lillicrap et al., 2016), after each interval."""
    dqn = trained(target_update_interval=2, tau=0.25, lr=0.05)
    expected = weights(dqn.target)
    for _ in range(4):
        dqn.learn(2)
        online = weights(dqn.online)
        expected = {k: 0.25 * online[k] + 0.75 * v for k, v in expected.items()}
        for name, value in weights(dqn.target).items():
            torch.testing.assert_close(value, expected[name])


@pytest.mark.parametrize("options", [{}, {"double": True}, {"tau": 0.5}, {"target_network": False}])
def test_drawing_minibatches_ahead_changes_nothing(options) -> None:
    """One learning phase of 12 gradient steps, drawn up to the target updates, equals the loop
    of the textbook on the same minibatches."""
    dqn, twin = (trained(target_update_interval=5, **options) for _ in range(2))
    taken: list[Batch] = []
    sample = keeping(dqn.memory.sample, taken)
    dqn.memory.sample = lambda *a: dict(sample(*a))  # type: ignore[method-assign]
    dqn.learn(12)
    assert [len(drawn["action"]) for drawn in taken] == [5, 5, 2]
    for drawn in taken:
        for g in range(len(drawn["action"])):
            update(twin, first(twin, {name: part[g : g + 1] for name, part in drawn.items()}))
            twin.updates += 1
            twin.move_target()
    for name in ("online", "target"):
        for actual, expected in zip(
            getattr(dqn, name).parameters(), getattr(twin, name).parameters(), strict=True
        ):
            torch.testing.assert_close(actual, expected)


def test_priorities_are_up_to_date_at_every_gradient_step() -> None:
    """They change with each one, so minibatches cannot be drawn ahead."""
    dqn = trained(prioritized=True)
    taken: list[Batch] = []
    dqn.memory.sample = keeping(dqn.memory.sample, taken)  # type: ignore[method-assign]
    dqn.learn(3)
    assert [len(drawn["action"]) for drawn in taken] == [1, 1, 1]


def test_learning_phases_may_split_the_same_gradient_steps_in_any_way(monkeypatch) -> None:
    together, split = (trained(target_update_interval=4) for _ in range(2))
    stream = together.memory.sample(12, 8, np.random.default_rng(1))
    for dqn, phases in ((together, [12]), (split, [1, 5, 2, 4])):
        dqn.memory.sample = Replayed(stream).sample  # type: ignore[method-assign, assignment]
        for gradient_steps in phases:
            dqn.learn(gradient_steps)
    for name in ("online", "target"):
        for a, b in zip(
            getattr(together, name).parameters(), getattr(split, name).parameters(), strict=True
        ):
            torch.testing.assert_close(a, b)


class Replayed:
    """Hands out the same minibatches in the same order."""

    def __init__(self, batches: Batch) -> None:
        self.batches, self.at = batches, 0

    def sample(self, groups: int, *_: Any) -> Batch:
        self.at += groups
        return {name: part[self.at - groups : self.at] for name, part in self.batches.items()}


def test_learning_starts_when_enough_was_played() -> None:
    dqn = make_dqn(n_envs=4, learning_starts=100, train_freq=16, gradient_steps=3)
    train(dqn, 80)
    assert dqn.updates == 0
    train(dqn, 40)
    assert dqn.updates > 0
    assert dqn.updates % 3 == 0


@pytest.mark.parametrize("env", ["CartPole-v1", "MountainCar-v0"])  # NEXT_STEP, and SAME_STEP
@pytest.mark.parametrize("n_envs", [1, 4, 16, 64])
def test_env_steps_of_a_gradient_step_are_as_asked(env, n_envs) -> None:
    dqn = make_dqn(
        env=env, n_envs=n_envs, learning_starts=0, train_freq=8, gradient_steps=2, batch_size=4,
        hidden=(4,), max_episode_steps=9,
    )  # fmt: skip
    train(dqn, 2_000)
    assert dqn.ctx.clock / dqn.updates == pytest.approx(4, rel=0.01)
    assert dqn.ctx.clock - 4 * dqn.updates == dqn.surplus < 8


def test_without_replay_only_the_latest_rollout_is_learned_from() -> None:
    dqn = make_dqn(replay=False, n_envs=4, train_freq=16, learning_starts=0, gradient_steps=2)
    for _ in range(5):
        dqn.ctx.clock += dqn.step()
        stored = dqn.memory.frames.written
        batch = dqn.memory.sample(4, 64, np.random.default_rng(0))
        held = dqn.memory.rows["obs"][batch["position"]]
        assert (held >= stored - 2 * 20 - 4).all()  # 13 to 19 transitions, at most 2 frames each
        assert 13 <= len(dqn.memory) < 20


# -- exploration


@pytest.mark.parametrize(
    ("clock", "expected"),
    [(0, 1.0), (500, 0.775), (1_000, 0.55), (2_000, 0.1), (5_000, 0.1), (10_000, 0.1)],
)
def test_epsilon_falls_linearly_and_then_stays(clock, expected) -> None:
    dqn = make_dqn(epsilon_start=1.0, epsilon_end=0.1, exploration_fraction=0.2, budget=10_000)
    assert dqn.epsilon(clock) == pytest.approx(expected)


def test_epsilon_without_a_fall_is_its_end() -> None:
    assert make_dqn(exploration_fraction=0.0, epsilon_end=0.05).epsilon(0) == 0.05


def test_epsilon_counts_the_transitions_within_a_rollout_too() -> None:
    dqn = make_dqn(
        n_envs=4,
        train_freq=100,
        exploration_fraction=1.0,
        epsilon_start=1.0,
        epsilon_end=0.0,
        budget=1_000,
    )
    seen: list[float] = []
    dqn.act = noting(dqn.act, lambda obs, epsilon: seen.append(epsilon))  # type: ignore[method-assign]
    train(dqn, 300)
    live = 1_000 * (1 - np.array(seen))  # transitions played before each action
    assert live[0] == 0
    assert (np.diff(live) >= 0).all()
    assert live[-1] >= 290
    assert np.diff(live).max() == pytest.approx(4)


@pytest.mark.parametrize("epsilon", [0.0, 0.3, 1.0])
def test_each_environment_flips_a_coin_of_its_own(epsilon) -> None:
    """Of 4 environments, k act at random with the binomial probability; one coin for all would
    give 0 or 4."""
    dqn = make_dqn(env="worlds:worlds/Chain-v0", hidden=(), n_envs=4)
    with torch.no_grad():
        dqn.online.advantage.weight.zero_()
        dqn.online.advantage.bias.copy_(torch.tensor([0.0, 1.0]))  # greedy is 1
    tries = 4_000
    obs = np.zeros(4, dtype=np.int64)
    counts = [int((dqn.act(obs, epsilon) == 0).sum()) for _ in range(tries)]
    zeros = np.bincount(counts, minlength=5)
    probability = epsilon / 2  # a random action is the greedy one half of the time
    expected = [
        tries * math.comb(4, k) * probability**k * (1 - probability) ** (4 - k) for k in range(5)
    ]
    assert np.abs(zeros - expected).max() < 5 * math.sqrt(tries) / 2


def test_random_actions_are_even_over_all_actions() -> None:
    small = {"rows": 5, "columns": 5, "cell": 1}
    dqn = make_dqn(env="lab/Catch-v0", env_args=small, n_envs=6_000)
    counts = np.bincount(dqn.act(np.zeros((6_000, 5, 5, 1), np.uint8), 1.0), minlength=3)
    assert np.abs(counts - 2_000).max() < 5 * math.sqrt(6_000 / 3)


def test_beta_rises_to_one_over_the_budget() -> None:
    dqn = make_dqn(prioritized=True, priority_beta=0.4, budget=100)
    for clock, expected in [(0, 0.4), (50, 0.7), (100, 1.0), (120, 1.0)]:
        dqn.ctx.clock = clock
        assert dqn.beta() == pytest.approx(expected)


def test_minibatches_get_the_weights_of_that_beta() -> None:
    dqn = trained(prioritized=True, priority_beta=0.25)
    betas: list[float] = []
    sampler = dqn.memory.sampler
    sampler.sample = noting(  # type: ignore[method-assign]
        sampler.sample, lambda *a: betas.append(a[3])
    )
    dqn.ctx.clock = 5_000  # half of the budget
    dqn.learn(1)
    assert betas == [pytest.approx(0.625)]


# -- state


OPTIONS: list[dict[str, Any]] = [
    {},
    {"prioritized": True, "n_step": 3, "double": True, "dueling": True},
    {"replay": False, "tau": 0.1, "target_update_interval": 1},
    {"n_envs": 1, "n_step": 2},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_a_restored_dqn_goes_on_to_the_same_bits(tmp_path, options) -> None:
    """Networks, optimizer, memory, counters; environments and generators by the runner's hand."""
    options = {**SMALL, "hidden": (16,), "learning_starts": 50, "gradient_steps": 2, **options}
    uninterrupted, half, restored = (make_dqn(**options) for _ in range(3))
    train(half, 120)
    ctx = half.ctx
    parts = {
        "dqn": half.state_dict(),
        "envs": ctx.envs_state(),
        "rng": ctx.randomness.state_dict(),
        "facts": ctx.facts,
    }
    state = reloaded(parts, tmp_path)
    train(uninterrupted, 240)
    restored.ctx.clock = ctx.clock
    restored.ctx.facts.update(state["facts"])
    restored.load_state_dict(state["dqn"])
    restored.ctx.load_envs_state(state["envs"])
    restored.ctx.randomness.load_state_dict(state["rng"])
    train(restored, uninterrupted.ctx.clock - ctx.clock)
    assert difference(uninterrupted.state_dict(), restored.state_dict()) is None
    assert difference(uninterrupted.ctx.envs_state(), restored.ctx.envs_state()) is None


def test_loading_copies_so_that_training_leaves_the_state_as_it_was(tmp_path) -> None:
    dqn, loaded = trained(), trained(seed=1)
    dqn.learn(2)
    state = reloaded(dqn.state_dict(), tmp_path)
    untouched = reloaded(state, tmp_path)
    loaded.load_state_dict(state)
    loaded.learn(3)
    loaded.play_rollout()
    assert difference(state, untouched) is None


def test_the_weights_alone_are_enough_to_predict() -> None:
    dqn = trained()
    dqn.learn(5)
    restored = make_dqn(hidden=(16,), seed=1, **SMALL)
    restored.load_state_dict({"model": dqn.state_dict()["model"]})
    obs = np.random.default_rng(0).normal(size=(7, 4))
    assert (restored.q(obs) == dqn.q(obs)).all()
