"""Minibatches are drawn from the live rows only: evenly, or in proportion to the priorities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from dqn_tools import make_memory
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chisquare

from lab_dqn.replay.sampling import Prioritized, Uniform


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def draws(sampler: Uniform, number: int, beta: float = 0.0) -> np.ndarray:
    """Return how often each position came, in minibatches of 32."""
    positions, _ = sampler.sample(number // 32, 32, rng(1), beta)
    return np.bincount(positions.ravel(), minlength=sampler.capacity)


def add(sampler: Uniform, positions: list[int]) -> None:
    sampler.added(np.array(positions, dtype=np.int64))


def remove(sampler: Uniform, positions: list[int]) -> None:
    sampler.removed(np.array(positions, dtype=np.int64))


def rank(sampler: Prioritized, errors: dict[int, float]) -> None:
    sampler.update(np.array(list(errors)), torch.tensor(list(errors.values())))


# -- uniform


def test_uniform_sampling_is_even_over_the_live_rows_and_nothing_else() -> None:
    """Also where they wrap around the end of the ring."""
    sampler = Uniform(10)
    add(sampler, [*range(10)])
    remove(sampler, [*range(6)])
    add(sampler, [0, 1, 2])
    live = [6, 7, 8, 9, 0, 1, 2]
    counts = draws(sampler, 14_000)
    assert set(np.flatnonzero(counts)) == set(live)
    assert chisquare(counts[live]).pvalue > 1e-3


def test_minibatches_are_drawn_with_replacement_and_independently() -> None:
    sampler = Uniform(4)
    add(sampler, [0, 1, 2, 3])
    positions, weights = sampler.sample(2_000, 2, rng(), 1.0)
    assert weights is None
    pairs = np.bincount(positions[:, 0] * 4 + positions[:, 1], minlength=16)
    assert chisquare(pairs).pvalue > 1e-3


@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 9))
def test_a_sampler_follows_its_memory_through_every_wrap(chunks, capacity) -> None:
    memory = make_memory(capacity, sampler=Prioritized(capacity, 0.6))
    uniform = make_memory(capacity)
    for number, size in enumerate([1, *chunks]):
        for replay in (memory, uniform):
            replay.extend(steps(size, 100 * number))
            live = {(replay.tail + i) % capacity for i in range(len(replay))}
            assert (replay.sampler.tail, replay.sampler.size) == (replay.tail, len(replay))
            assert set(replay.sampler.sample(20, 5, rng(number), 1.0)[0].ravel()) <= live


def steps(size: int, start: int) -> dict[str, np.ndarray]:
    """One environment whose episodes all last one step."""
    frames = np.arange(start, start + 2 * size).reshape(size, 2)
    flags = np.ones((size, 1), dtype=bool)
    return {
        "obs": frames[:, :1, None],
        "next_obs": frames[:, 1:, None],
        "action": np.zeros((size, 1), dtype=np.int64),
        "reward": np.zeros((size, 1)),
        "discount": np.zeros((size, 1)),
        "done": flags,
        "live": flags,
    }


# -- prioritized (Schaul et al., 2016)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_probabilities_are_proportional_to_powers_of_the_td_error(alpha) -> None:
    sampler = Prioritized(6, alpha)
    add(sampler, [0, 1, 2, 3, 4])
    errors = {0: 0.5, 1: -2.0, 2: 0.0, 3: 4.0, 4: -0.1}
    rank(sampler, errors)
    counts = draws(sampler, 32_000)
    power = np.array([(abs(e) + 1e-6) ** alpha for e in errors.values()])
    expected = power / power.sum() * counts.sum()
    assert counts[5] == 0
    rare = expected < 5
    assert counts[:5][rare].sum() <= 10
    kept = ~rare
    statistic = ((counts[:5] - expected)[kept] ** 2 / expected[kept]).sum()
    assert statistic < chi2.ppf(0.999, kept.sum())


@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0])
def test_importance_weights_undo_the_bias_up_to_the_largest_in_the_minibatch(beta) -> None:
    sampler = Prioritized(4, 1.0)
    add(sampler, [0, 1, 2, 3])
    priority = np.array([1.0, 2.0, 3.0, 4.0])
    rank(sampler, dict(enumerate(priority - 1e-6)))
    positions, weights = sampler.sample(5, 8, rng(), beta)
    by_hand = (4 * priority / 10) ** -beta  # (N P(i)) ** -beta
    assert weights is not None
    for chosen, weight in zip(positions, weights, strict=True):
        assert weight == pytest.approx(by_hand[chosen] / by_hand[chosen].max(), rel=1e-5)
    assert weights.max() == 1.0


def test_each_minibatch_takes_one_draw_from_every_stratum() -> None:
    """Algorithm 1 divides the total priority into as many ranges as the minibatch has rows."""
    sampler = Prioritized(8, 1.0)
    add(sampler, [*range(8)])
    positions, _ = sampler.sample(50, 8, rng(), 1.0)
    assert (np.sort(positions, axis=1) == np.arange(8)).all()


def test_a_new_row_gets_the_largest_priority_so_far() -> None:
    sampler = Prioritized(8, 1.0)
    add(sampler, [0])
    assert leaf(sampler, 0) == 1.0
    rank(sampler, {0: 7.0})
    add(sampler, [1])
    assert leaf(sampler, 1) == leaf(sampler, 0) == pytest.approx(7.0)
    rank(sampler, {0: 0.5, 1: 0.25})
    add(sampler, [2])
    assert leaf(sampler, 2) == pytest.approx(7.0)


def leaf(sampler: Prioritized, position: int) -> float:
    return float(sampler.tree[sampler.leaves + position])


def test_a_removed_row_is_never_sampled() -> None:
    sampler = Prioritized(4, 1.0)
    add(sampler, [0, 1, 2, 3])
    rank(sampler, {0: 1e6, 1: 1e-6, 2: 1e-6, 3: 0.0})
    remove(sampler, [0])
    assert set(np.flatnonzero(draws(sampler, 3_200))) == {1, 2, 3}


changes = st.lists(
    st.tuples(st.lists(st.integers(0, 12), min_size=1, max_size=6), st.integers(0, 9)), max_size=15
)


@given(changes, st.sampled_from([1, 2, 7, 8, 13]))
def test_the_sum_tree_holds_the_sums_of_its_leaves(updates, capacity) -> None:
    sampler = Prioritized(capacity, 1.0)
    add(sampler, [*range(capacity)])
    naive = np.ones(capacity)
    for positions, error in updates:
        at = [position % capacity for position in positions]
        rank(sampler, dict.fromkeys(at, float(error)))
        naive[at] = error + 1e-6
    leaves = sampler.tree[sampler.leaves :]
    assert leaves[:capacity] == pytest.approx(naive, rel=1e-6)
    assert not leaves[capacity:].any()
    for node in range(1, sampler.leaves):
        assert sampler.tree[node] == sampler.tree[2 * node] + sampler.tree[2 * node + 1]


@given(changes, st.sampled_from([1, 2, 7, 8, 13]), st.floats(0, 1) | st.just(1.0))
def test_the_sum_tree_finds_the_leaf_at_which_the_running_sum_passes(
    updates, capacity, fraction
) -> None:
    sampler = Prioritized(capacity, 1.0)
    add(sampler, [*range(capacity)])
    for positions, error in updates:
        rank(sampler, dict.fromkeys([p % capacity for p in positions], float(error)))
    remove(sampler, [0] if capacity > 1 else [])
    # all of the mass is drawn where rounding is unlucky
    leaves = sampler.tree[sampler.leaves : sampler.leaves + capacity]
    running = np.cumsum(leaves)
    mass = fraction * running[-1]
    leaf = int(sampler._find(np.array([mass]))[0])
    assert leaves[leaf] > 0
    slack = 1e-9 * running[-1]
    assert running[leaf] - leaves[leaf] - slack <= mass <= running[leaf] + slack
