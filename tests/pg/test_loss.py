"""Losses are those of the papers, written out one transition at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from helpers import noting
from pg_tools import make_pg, train

from lab.environments import minibatches
from lab_pg.loss import Loss, mean_over, standardized
from lab_pg.pg import PG

ROWS = 12


def batch_of(pg: PG, seed: int = 0) -> dict[str, torch.Tensor]:
    """A batch of states, some of which are not learned from, with old probabilities that differ."""
    generator = torch.Generator().manual_seed(seed)
    value = torch.randn(ROWS, generator=generator)
    return {
        "obs": torch.randint(16, (ROWS,), generator=generator),
        "action": torch.randint(4, (ROWS, 1), generator=generator),
        "log_prob": -1.4 + 0.5 * torch.randn(ROWS, generator=generator),
        "advantage": torch.randn(ROWS, generator=generator),
        "value": value,
        "target": value + torch.randn(ROWS, generator=generator),
        "learned": torch.rand(ROWS, generator=generator) < 0.7,
        "entropy_coef": torch.tensor(0.1),
    }


def by_hand(pg: PG, batch: dict[str, torch.Tensor]) -> float:
    outputs, values = pg.network(batch["obs"])
    terms = []
    for i in torch.nonzero(batch["learned"])[:, 0].tolist():
        p = torch.softmax(outputs[i], 0).tolist()
        log_prob = math.log(p[int(batch["action"][i])])
        advantage, clip = float(batch["advantage"][i]), pg.algorithm.clip_range
        if clip is None:
            gain = log_prob * advantage
        else:
            ratio = math.exp(log_prob - float(batch["log_prob"][i]))
            clipped = min(max(ratio, 1 - clip), 1 + clip)
            gain = min(ratio * advantage, clipped * advantage)
        value, target, old = (v[i].item() for v in (values, batch["target"], batch["value"]))
        error = (value - target) ** 2
        if (bound := pg.config.clip_value) is not None:
            error = max(error, (old + min(max(value - old, -bound), bound) - target) ** 2)
        entropy = -sum(q * math.log(q) for q in p)
        terms.append(-gain + 0.5 * error - 0.1 * entropy)
    return sum(terms) / len(terms)


@pytest.mark.parametrize(
    "options",
    [{"algo": "ppo"}, {"algo": "ppo", "clip_value": 0.1}, {"algo": "a2c"}, {"algo": "reinforce"}],
    ids=str,
)
def test_the_loss_is_that_of_the_paper(options: dict[str, Any]) -> None:
    pg = make_pg(env="FrozenLake-v1", hidden=(8,), **options)
    for seed in range(3):
        batch = batch_of(pg, seed)
        loss, _ = Loss(pg.config, pg.policy.actions)(pg.network, batch)
        assert loss.item() == pytest.approx(by_hand(pg, batch), rel=1e-4)


def test_figures_beside_the_loss() -> None:
    pg = make_pg(env="FrozenLake-v1", hidden=(8,))
    batch = batch_of(pg)
    outputs, _ = pg.network(batch["obs"])
    now = torch.distributions.Categorical(logits=outputs).log_prob(batch["action"][:, 0])
    log_ratio = (now - batch["log_prob"])[batch["learned"]]
    _, figures = Loss(pg.config, pg.policy.actions)(pg.network, batch)
    kl = (log_ratio.exp() - 1 - log_ratio).mean()
    assert float(figures["approx_kl"]) == pytest.approx(kl.item(), rel=1e-4)
    clipped = ((log_ratio.exp() - 1).abs() > 0.2).float().mean()
    assert float(figures["clip_fraction"]) == pytest.approx(clipped.item())


def test_the_mean_is_of_what_is_learned_from_and_0_of_nothing() -> None:
    values, learned = torch.tensor([1.0, float("nan"), 3.0]), torch.tensor([True, False, True])
    assert float(mean_over(learned)(values)) == 2.0
    assert float(mean_over(torch.zeros(3, dtype=torch.bool))(values)) == 0.0


def test_advantages_are_standardized_over_what_is_learned_from() -> None:
    values, learned = torch.tensor([1.0, 99.0, 3.0, 8.0]), torch.tensor([True, False, True, True])
    part = standardized(values, learned)[learned].numpy()
    assert part.mean() == pytest.approx(0, abs=1e-6)
    assert part.std() == pytest.approx(1, rel=1e-5)


def test_epochs_end_where_the_policy_has_moved_too_far() -> None:
    common: dict[str, Any] = {"env": "CartPole-v1", "n_steps": 32, "lr": 0.05, "n_epochs": 10}
    for target_kl, epochs in ((None, 10), (1e-6, 2)):  # the first begins where it played
        pg = make_pg(**common, target_kl=target_kl)
        calls: list[Any] = []
        pg.update = noting(pg.update, calls.append)  # type: ignore[method-assign]
        train(pg, 1)
        assert len(calls) == epochs  # one minibatch of 256 each


def test_minibatches_hold_every_transition_once() -> None:
    batch = {"action": torch.arange(100), "obs": torch.arange(100)}
    drawn = [part["obs"] for part in minibatches(batch, 30, np.random.default_rng(0))]
    assert [len(part) for part in drawn] == [30, 30, 30, 10]
    assert sorted(torch.cat(drawn).tolist()) == list(range(100))


def test_the_weight_of_the_entropy_falls_on_a_line() -> None:
    pg = make_pg(entropy_coef=0.1, entropy_coef_end=0.02, budget=1_000)
    weights = []
    for clock in (0, 500, 1_000, 2_000):
        pg.ctx.clock = clock
        weights.append(pg.entropy_coef())
    assert np.allclose(weights, [0.1, 0.06, 0.02, 0.02])


def test_reinforce_without_a_critic_learns_from_returns_alone() -> None:
    """The gradient is that of Williams's estimator: the returns weigh the log probabilities."""
    pg = make_pg(
        algo="reinforce", env="FrozenLake-v1", baseline=False, hidden=(), n_envs=3, gamma=0.9,
        normalize_advantages=False, max_episode_steps=15,
    )  # fmt: skip
    rollout = pg.play_rollout()
    batch = pg.batch(rollout)
    for i in range(3):
        rewards = rollout["reward"][rollout["learned"][:, i], i]
        returns = [sum(0.9**k * r for k, r in enumerate(rewards[t:])) for t in range(len(rewards))]
        got = batch["advantage"].numpy().reshape(rollout["learned"].shape)
        assert np.allclose(got[rollout["learned"][:, i], i], returns)
    assert pg.network.critic is None
    train(pg, 1)
