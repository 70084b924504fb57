"""A gradient step is torch's own loop: backward, clip, Adam. Its fast forms compute the same."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from dqn_tools import CPU, make_dqn, train
from torch import Tensor, nn
from torch._inductor import list_options

from lab import Batch
from lab.compute.device import Compute
from lab.optim.step import make_update

CASES: dict[str, tuple[type[torch.optim.Adam], dict[str, Any], float | None]] = {
    "Adam": (torch.optim.Adam, {"fused": True}, None),
    "Adam, not fused": (torch.optim.Adam, {}, None),
    "Adam, clipped": (torch.optim.Adam, {"fused": True}, 0.05),
    "Adam, clip far away": (torch.optim.Adam, {"fused": True}, 1e6),
    "Adam, weight decay": (torch.optim.Adam, {"fused": True, "weight_decay": 0.1}, None),
    "Adam, clip and decay": (torch.optim.Adam, {"fused": True, "weight_decay": 0.1}, 0.05),
    "Adam, betas": (torch.optim.Adam, {"betas": (0.5, 0.9), "eps": 1e-3}, 0.05),
    "AdamW": (torch.optim.AdamW, {"fused": True, "weight_decay": 0.5}, 0.05),
    "Adam, amsgrad": (torch.optim.Adam, {"fused": True, "amsgrad": True}, 0.05),
    "Adam, maximize": (torch.optim.Adam, {"fused": True, "maximize": True}, 0.05),
}
FORMS = [
    pytest.param(False, id="eager"),
    pytest.param(True, id="compiled", marks=pytest.mark.slow),
]


@pytest.fixture(autouse=True)
def fresh_graphs() -> Iterator[None]:
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


class Net(nn.Module):
    """A layer whose weight is used the other way round than it lies in memory, and one as usual."""

    def __init__(self) -> None:
        super().__init__()
        self.turned = nn.Parameter(torch.randn(16, 4))
        self.layer = nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        hidden = (x[:, :, None] * self.turned.t()).sum(1)
        out: Tensor = self.layer(hidden.relu())
        return out


def error(model: Any, batch: Batch) -> tuple[Tensor, Tensor]:
    residual = model(batch["x"]) - batch["y"]
    return (residual**2).mean(), residual.detach()


class Lab:
    """The step under test."""

    def __init__(self, compiled: bool, case: str) -> None:
        kind, options, clip = CASES[case]
        compute = Compute(CPU, compiled=compiled)
        torch.manual_seed(0)
        self.module = compute.wrap(Net())
        self.optimizer = kind(self.module.parameters(), lr=0.01, **options)
        self.update = make_update(compute, self.module, self.optimizer, error, clip)


class Torch(Lab):
    """The same by torch's own loop."""

    def __init__(self, case: str) -> None:
        super().__init__(False, case)
        self.clip = CASES[case][2]

    def update(self, batch: Batch) -> tuple[Tensor, Tensor]:
        loss, residual = error(self.module, batch)
        self.optimizer.zero_grad()
        loss.backward()
        if self.clip is not None:
            nn.utils.clip_grad_norm_(self.module.parameters(), self.clip)
        self.optimizer.step()
        return loss.detach(), residual


def data(step: int) -> Batch:
    generator = torch.Generator().manual_seed(step)
    return {
        "x": torch.randn(8, 4, generator=generator),
        "y": torch.randn(8, 2, generator=generator),
    }


def same(a: Lab, b: Lab) -> None:
    """Compare weights and the optimizer's full state, steps and moments."""
    weights = a.module.state_dict(), b.module.state_dict()
    torch.testing.assert_close(*weights, rtol=1e-4, atol=1e-6)
    states = a.optimizer.state_dict()["state"], b.optimizer.state_dict()["state"]
    torch.testing.assert_close(*states, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("compiled", FORMS)
@pytest.mark.parametrize("case", CASES)
def test_a_step_is_that_of_torch(case, compiled) -> None:
    ours, torchs = Lab(compiled, case), Torch(case)
    for step in range(5):
        results = [learner.update(data(step)) for learner in (ours, torchs)]
        torch.testing.assert_close(*results, rtol=1e-4, atol=1e-6)
        same(ours, torchs)


@pytest.mark.parametrize("compiled", FORMS)
def test_a_learning_rate_may_change_at_every_step(compiled) -> None:
    """And needs no new graph: a ninth one would be refused."""
    ours, torchs = Lab(compiled, "Adam, clipped"), Torch("Adam, clipped")
    for step in range(20):
        for learner in (ours, torchs):
            learner.optimizer.param_groups[0]["lr"] = 0.01 / (1 + step)
            learner.update(data(step))
    same(ours, torchs)


@pytest.mark.parametrize("compiled", FORMS)
@pytest.mark.parametrize("back", [False, True], ids=["from torch", "to torch"])
def test_a_step_goes_on_from_a_checkpoint_of_the_other_form(compiled, back) -> None:
    forms = Torch("Adam, clipped"), Lab(compiled, "Adam, clipped")
    first, second = forms[::-1] if back else forms
    for step in range(3):
        first.update(data(step))
    second.module.load_state_dict(first.module.state_dict())
    second.optimizer.load_state_dict(copy.deepcopy(first.optimizer.state_dict()))
    for step in range(3, 6):
        for learner in (first, second):
            learner.update(data(step))
    same(first, second)


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
    a, b = (dqn.state_dict() for dqn in (eager, compiled))
    torch.testing.assert_close(a["model"], b["model"], rtol=1e-4, atol=1e-6)
    assert list(a["model"]) == list(b["model"])
    obs = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    assert eager.q(obs) == pytest.approx(compiled.q(obs), rel=1e-3, abs=1e-4)


def test_without_compile_nothing_is_compiled(monkeypatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("torch.compile was called")

    monkeypatch.setattr(torch, "compile", refuse)
    train(make_dqn(n_envs=4, learning_starts=0), 50)


@pytest.mark.parametrize(("version", "affected"), [("2.11.0+cu130", True), ("2.13.0", False)])
def test_a_compiler_that_fails_on_lists_of_tensors_does_not_reorder_loops(
    monkeypatch, version, affected
) -> None:
    """What failed on an H200 with torch 2.11: pytorch/pytorch#176591."""
    monkeypatch.setattr(torch, "__version__", version)
    passed = {}
    monkeypatch.setattr(torch, "compile", lambda step, options, **_: passed.update(options))
    net = nn.Linear(2, 1)
    compute = Compute(torch.device("cpu"), compiled=True)
    adam = torch.optim.Adam(net.parameters(), fused=True)
    make_update(compute, net, adam, lambda model, batch: (model(batch), None))
    assert ("loop_ordering_after_fusion" in passed) is affected
    assert set(passed) - {"guard_filter_fn"} <= set(list_options())
