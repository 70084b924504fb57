"""`--compile` puts a whole gradient step into one graph, and computes what the eager step does."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from dqn_tools import CPU, make_dqn, train
from torch import Tensor, nn

from lab.device import Compute
from lab.update import make_update

CASES: dict[str, tuple[type[torch.optim.Adam], dict[str, Any], float | None]] = {
    "Adam": (torch.optim.Adam, {"fused": True}, None),
    "Adam, clipped": (torch.optim.Adam, {"fused": True}, 0.05),
    "Adam, weight decay": (torch.optim.Adam, {"weight_decay": 0.1}, None),
    "Adam, betas": (torch.optim.Adam, {"betas": (0.5, 0.9), "eps": 1e-3}, 0.05),
    "AdamW": (torch.optim.AdamW, {"weight_decay": 0.5}, None),
    "Adam, amsgrad": (torch.optim.Adam, {"amsgrad": True}, None),
    "Adam, maximize": (torch.optim.Adam, {"maximize": True}, None),
}


@pytest.fixture(autouse=True)
def fresh_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def parts(
    compiled: bool, make: type[torch.optim.Adam], options: dict[str, Any], clip: float | None
) -> tuple[nn.Module, torch.optim.Optimizer, Any]:
    compute = Compute(CPU, compiled=compiled)
    torch.manual_seed(0)
    module = compute.wrap(nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 2)))
    optimizer = make(module.parameters(), lr=0.01, **options)

    def loss(model: Any, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        error = model(x) - y
        return (error**2).mean(), error.detach()

    return module, optimizer, make_update(compute, module, optimizer, loss, clip)


def data(step: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(step)
    return torch.randn(8, 4, generator=generator), torch.randn(8, 2, generator=generator)


def same(one: tuple[nn.Module, Any, Any], other: tuple[nn.Module, Any, Any]) -> None:
    """Compare weights and the optimiser's whole state, steps and moments."""
    torch.testing.assert_close(one[0].state_dict(), other[0].state_dict(), rtol=1e-4, atol=1e-6)
    states = one[1].state_dict()["state"], other[1].state_dict()["state"]
    torch.testing.assert_close(*states, rtol=1e-4, atol=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_compiled_step_is_the_eager_one(case) -> None:
    eager, compiled = (parts(flag, *CASES[case]) for flag in (False, True))
    for step in range(5):
        results = [update(*data(step)) for *_, update in (eager, compiled)]
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-6)
        same(eager, compiled)


@pytest.mark.slow
def test_a_learning_rate_that_changes_at_every_step_needs_no_new_graph() -> None:
    eager, compiled = (parts(flag, torch.optim.Adam, {}, 0.1) for flag in (False, True))
    for step in range(20):
        for _, optimizer, update in (eager, compiled):
            optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            update(*data(step))
    same(eager, compiled)


@pytest.mark.slow
def test_a_compiled_step_goes_on_from_an_eager_checkpoint() -> None:
    eager, compiled = (parts(flag, torch.optim.Adam, {"fused": True}, 0.1) for flag in (0, 1))
    for step in range(3):
        eager[2](*data(step))
    compiled[0].load_state_dict(eager[0].state_dict())
    compiled[1].load_state_dict(copy.deepcopy(eager[1].state_dict()))
    for step in range(3, 6):
        for *_, update in (eager, compiled):
            update(*data(step))
    same(eager, compiled)


@pytest.mark.slow
def test_a_compiled_dqn_learns_what_the_eager_one_learns() -> None:
    options: dict[str, Any] = {
        "n_envs": 4,
        "hidden": (16,),
        "double": True,
        "dueling": True,
        "learning_starts": 10**9,
    }
    eager = train(make_dqn(**options), 100)
    compiled = train(make_dqn(compute=Compute(CPU, compiled=True), **options), 100)
    for _ in range(3):
        eager.learn(2)
        compiled.learn(2)
    one, other = (dqn.state_dict() for dqn in (eager, compiled))
    torch.testing.assert_close(one["model"], other["model"], rtol=1e-4, atol=1e-6)
    assert list(one["model"]) == list(other["model"])
    obs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    assert eager.predict(obs) == pytest.approx(compiled.predict(obs), rel=1e-3, abs=1e-4)


def test_without_compile_nothing_is_compiled(monkeypatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("torch.compile was called")

    monkeypatch.setattr(torch, "compile", refuse)
    train(make_dqn(n_envs=4, learning_starts=0), 50)
