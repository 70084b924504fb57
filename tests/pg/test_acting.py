"""NumPy acts by the very numbers that torch learns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from pg_tools import make_pg, train

from lab.compute.device import Compute
from lab_pg.acting import NumpyActor, TorchActor

SMALL: dict[str, Any] = {"n_envs": 2, "n_steps": 16, "lr": 0.05}


@pytest.mark.parametrize(
    "options",
    [
        {"env": "CartPole-v1"},
        {"env": "CartPole-v1", "hidden": ()},
        {"env": "Pendulum-v1", "log_std_init": -0.3, "ema": 0.9},
        {"env": "worlds:worlds/Odd-v0", "env_args": {"action": "several"}},
    ],
    ids=str,
)
def test_numpy_gives_what_torch_gives_also_after_learning(options: dict[str, Any]) -> None:
    pg = make_pg(**SMALL, **options)
    numpy, by_torch = pg.policy.outputs_of, TorchActor(pg.network, pg.ctx)
    assert isinstance(numpy, NumpyActor)
    obs = np.random.default_rng(0).normal(size=(7, *pg.task.frame)).astype(np.float32)
    before = numpy(obs)
    train(pg, 3)
    assert np.abs(numpy(obs) - before).max() > 1e-3
    assert np.allclose(numpy(obs), by_torch(obs), atol=1e-5)
    with pg.updater.averaged():
        assert np.allclose(numpy(obs), by_torch(obs), atol=1e-5)
    assert numpy(obs).dtype == by_torch(obs).dtype == np.float32


def test_torch_acts_where_numpy_would_not_give_the_same() -> None:
    for env in ("Taxi-v4", "lab/Catch-v0"):
        assert isinstance(make_pg(env=env).policy.outputs_of, TorchActor)
    bf16 = Compute(torch.device("cpu"), precision="bf16")
    assert isinstance(make_pg(env="CartPole-v1", compute=bf16).policy.outputs_of, TorchActor)
