"""The range test finds a rate that trains, and touches nothing."""

from __future__ import annotations

import copy
import itertools
import random

import numpy as np
import pytest
import torch
from helpers import difference
from matplotlib.figure import Figure
from torch import nn

from lab.optim import OptimizerOptions, range_test
from lab.optim.lr_finder import smooth, steepest

CURVATURE = torch.tensor([1.0, 4.0, 9.0])


def quadratic(model, batch):
    """Gradient descent diverges at rates above 2 / 9."""
    return (model(batch["x"]).diagonal() ** 2 * CURVATURE).sum() / 2, None


def bowl() -> nn.Linear:
    layer = nn.Linear(3, 3, bias=False)
    nn.init.ones_(layer.weight)
    return layer


def forever():
    return itertools.repeat({"x": torch.eye(3)})


def test_the_suggestion_trains_and_the_rates_rise_until_it_explodes(ctx) -> None:
    options = OptimizerOptions(optimizer="sgd", momentum=0.0)
    found = range_test(ctx, bowl(), options, quadratic, forever(), low=1e-4, high=10.0)
    assert 1e-3 < found.suggestion < 2 / 9
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 100
    ratios = np.array(found.rates[1:]) / np.array(found.rates[:-1])
    assert ratios == pytest.approx(ratios[0])
    assert found.rates[0] == pytest.approx(1e-4)
    assert 2 / 9 < found.rates[-1] < 2
    assert isinstance(found.draw(), Figure)


def test_losses_are_those_of_training_under_those_rates(ctx) -> None:
    options = OptimizerOptions(optimizer="sgd", momentum=0.0)
    found = range_test(ctx, bowl(), options, quadratic, forever(), low=1e-3, high=0.1, steps=20)
    weights = np.ones(3)
    for rate, loss in zip(found.rates, found.losses, strict=True):
        assert loss == pytest.approx((weights**2 * CURVATURE.numpy()).sum() / 2, rel=1e-4)
        weights = weights - rate * CURVATURE.numpy() * weights


def test_nothing_is_touched(ctx) -> None:
    module = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 1))
    module.eval()
    rest = copy.deepcopy(dict(module.state_dict()))
    numpys = np.random.get_state()[1].copy()  # noqa: NPY002
    rng = torch.get_rng_state(), numpys, random.getstate()
    scaler = ctx.compute.scaler.state_dict()

    def loss(model, batch):
        assert model.training
        random.random()
        np.random.rand()  # noqa: NPY002
        return model(batch["x"]).square().mean(), None

    with torch.no_grad():  # as an evaluation is
        batches = itertools.repeat({"x": torch.ones(8, 3)})
        range_test(ctx, module, OptimizerOptions(), loss, batches)
    assert difference(dict(module.state_dict()), rest) is None
    assert all(p.grad is None for p in module.parameters())
    assert not module.training
    assert torch.equal(torch.get_rng_state(), rng[0])
    assert (np.random.get_state()[1] == rng[1]).all()  # noqa: NPY002
    assert random.getstate() == rng[2]
    assert ctx.compute.scaler.state_dict() == scaler


def test_too_few_batches_are_refused(ctx) -> None:
    with pytest.raises(ValueError, match="3 batches before the loss exploded say nothing"):
        range_test(ctx, bowl(), OptimizerOptions(), quadratic, itertools.islice(forever(), 3))


def test_smoothing_is_a_weighted_mean() -> None:
    weights = 0.9 ** np.arange(3)[::-1]
    expected = np.average([3.0, 1.0, 2.0], weights=weights)
    assert smooth([3.0, 1.0, 2.0])[-1] == pytest.approx(expected)
    assert smooth([5.0] * 4) == pytest.approx([5.0] * 4)


def test_the_steepest_point_is_that_of_a_known_curve() -> None:
    rates = np.logspace(-5, 0, 101)
    losses = -np.tanh(np.log10(rates) + 3)  # falls fastest at 1e-3
    assert steepest(list(rates), list(losses)) == pytest.approx(1e-3, rel=0.15)
