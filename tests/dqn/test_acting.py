"""What is acted by equals the network that learns, at every moment of its learning."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lab_dqn.acting import NumpyQ, TorchQ, make_q
from lab_dqn.config import Config
from lab_dqn.model import QNetwork
from lab_dqn.returns import make_returns
from lab_dqn.task import Task

CPU = torch.device("cpu")
RETURNS = make_returns(Config(), CPU)
VECTOR = Task("vector", (4,), "float32", 1, 0, 3)
SCALED = VECTOR._replace(center=(1.0, 0.0, -2.0, 5.0), half_range=(0.5, 2.0, 1.0, 4.0))
STACKED = VECTOR._replace(stack=3)


@pytest.mark.parametrize("dueling", [False, True])
@pytest.mark.parametrize("rows", [1, 7])
@pytest.mark.parametrize("task", [VECTOR, SCALED, STACKED, SCALED._replace(stack=3)])
def test_numpy_and_torch_give_the_same_values_of_the_same_parameters(task, rows, dueling) -> None:
    network = QNetwork(task, (32, 16), dueling)
    q = make_q(network, RETURNS, CPU)
    assert isinstance(q, NumpyQ)
    shape = (rows, *task.frame) if task.stack == 1 else (rows, task.stack, *task.frame)
    obs = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for _ in range(2):
        expected = TorchQ(network, RETURNS, CPU)(obs)
        np.testing.assert_allclose(q(obs), expected, rtol=1e-5, atol=1e-6)
        with torch.no_grad():  # it learns
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter))
    network.load_state_dict(QNetwork(task, (32, 16), dueling).state_dict())
    np.testing.assert_allclose(q(obs), TorchQ(network, RETURNS, CPU)(obs), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("task", "options"),
    [
        (VECTOR, {"noisy": True}),
        (VECTOR, {"quantiles": 5}),
        (Task("discrete", (), "int64", 1, 9, 3), {}),
        (Task("image", (5, 5, 1), "uint8", 1, 0, 3), {}),
    ],
)
def test_what_is_no_stack_of_linear_layers_stays_with_torch(task, options) -> None:
    network = QNetwork(task, (8,), dueling=False, **options)
    returns = make_returns(Config(**options), CPU)
    assert isinstance(make_q(network, returns, CPU), TorchQ)


def test_values_that_are_not_finite_are_no_warning(recwarn) -> None:
    network = QNetwork(VECTOR, (8,), dueling=False)
    with torch.no_grad():
        network.advantage.weight.fill_(float("inf"))
    assert not np.isfinite(make_q(network, RETURNS, CPU)(np.zeros((1, 4), np.float32))).all()
    assert not recwarn.list
