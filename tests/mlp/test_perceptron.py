"""Rosenblatt's rule: by hand, on data that can be separated, and on data that cannot."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from helpers import rows
from hypothesis import given, settings
from hypothesis import strategies as st

import lab
from lab_mlp.model import Perceptron

XOR = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), torch.tensor([0, 1, 1, 0])


def test_one_lesson_by_hand() -> None:
    """Units of two classes, weights 0, rate 0.5. Nothing fires; the unit of class 1 should."""
    net = Perceptron(2, 2)
    error, right = net.learn(torch.tensor([[2.0, -1.0]]), torch.tensor([1]), lr=0.5)
    assert net.weight.tolist() == [[0.0, 0.0], [1.0, -0.5]]
    assert net.bias.tolist() == [0.0, 0.5]
    # one unit of two erred; of equal sums the first answers
    assert (error.item(), right.item()) == (0.5, 0.0)
    error, right = net.learn(torch.tensor([[1.0, 1.0]]), torch.tensor([0]), lr=0.5)
    # sums 0 and 1: unit 0 should fire and does not, unit 1 should not and does
    assert net.weight.tolist() == [[0.5, 0.5], [0.5, -1.0]]
    assert net.bias.tolist() == [0.5, 0.0]
    assert (error.item(), right.item()) == (1.0, 0.0)
    before = net.weight.clone()
    error, right = net.learn(torch.tensor([[2.0, -1.0]]), torch.tensor([1]), lr=0.5)
    # sums 1 and 2: unit 0 fires wrongly and alone is corrected
    assert torch.equal(net.weight[1], before[1])
    assert net.weight[0].tolist() == [-0.5, 1.0]
    assert (error.item(), right.item()) == (0.5, 1.0)


def test_a_batch_is_corrected_by_the_sum_of_its_lessons() -> None:
    inputs, classes = torch.randn(6, 3, generator=torch.manual_seed(0)), torch.arange(6) % 3
    batched, parts = Perceptron(3, 3), Perceptron(3, 3)
    batched.learn(inputs, classes, lr=1.0)
    for example, label in zip(inputs, classes, strict=True):
        single = Perceptron(3, 3)  # all see the weights before the batch
        single.learn(example[None], label[None], lr=1.0)
        parts.weight += single.weight
        parts.bias += single.bias
    assert torch.allclose(batched.weight, parts.weight)
    assert torch.allclose(batched.bias, parts.bias)


@settings(max_examples=20)
@given(seed=st.integers(0, 10_000), gap=st.floats(0.05, 1.0), lr=st.sampled_from([0.1, 1.0, 8.0]))
def test_novikoffs_bound_holds(seed, gap, lr) -> None:
    """Novikoff (1962): a unit corrects itself at most (R / margin)^2 times, whatever the rate."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=2)
    direction /= np.linalg.norm(direction)
    points = rng.uniform(-1, 1, size=(60, 2))
    side = np.sign(points @ direction)
    points += gap * side[:, None] * direction
    inputs = torch.tensor(points, dtype=torch.float64)
    classes = torch.tensor((side > 0).astype(int))
    # the bias is one more weight, of an input that is always 1
    radius = np.sqrt((np.square(points).sum(1) + 1).max())
    margin = (side * (points @ direction)).min()
    net = Perceptron(2, 2).double()
    mistakes = [0, 0]
    for _ in range(10_000):
        wrong = 0
        for example, label in zip(inputs, classes, strict=True):
            before = net.weight.clone()
            net.learn(example[None], label[None], lr)
            changed = (net.weight != before).any(1).tolist()
            mistakes = [m + c for m, c in zip(mistakes, changed, strict=True)]
            wrong += sum(changed)
        if not wrong:
            break
    assert not wrong, "separable data are learned without an error"
    assert max(mistakes) <= (radius / margin) ** 2 + 1  # + 1: a sum of 0 counts as not firing


def test_no_linear_unit_answers_more_than_three_of_xors_four() -> None:
    """Whatever its weights: those of the rule, and a grid of others."""
    inputs, classes = XOR
    net, best = Perceptron(2, 2), 0.0
    for _ in range(200):
        for example, label in zip(inputs, classes, strict=True):
            net.learn(example[None], label[None], lr=0.3)
            best = max(best, hits(net, inputs, classes))
    values = torch.linspace(-1, 1, 9)
    for a, b, c in itertools.product(values, values, values):
        net.weight[0], net.weight[1] = 0, torch.stack([a, b])
        net.bias[0], net.bias[1] = 0, c
        best = max(best, hits(net, inputs, classes))
    assert best == 0.75


def hits(net: Perceptron, inputs: torch.Tensor, classes: torch.Tensor) -> float:
    return float((net(inputs).argmax(1) == classes).float().mean())


def test_layers_learn_the_truth_table_and_threshold_units_do_not(train) -> None:
    options = {"data_args": "noise=0,n=200", "budget": 8_000}
    layers = train("xor", hidden=(8,), lr=0.02, batch_size=16, **options)
    assert layers.summary["test"]["test/accuracy"] == 1
    units = train("xor", arch="perceptron", **options)
    for row in rows(units.dir):
        assert row.get("eval/accuracy", 0) <= 0.75 + 0.1  # the four come about as often
    answers = lab.load(units.dir).predict(XOR[0]).argmax(1)
    assert (answers == XOR[1].numpy()).sum() <= 3
    assert lab.load(layers.dir).predict(XOR[0]).argmax(1).tolist() == XOR[1].tolist()


def test_the_perceptron_separates_what_can_be_separated(train) -> None:
    result = train("iris", arch="perceptron", classes=("setosa", "versicolor"), budget=2_000)
    assert result.summary["test"]["test/accuracy"] == 1
    record = result.summary["config"]
    assert (record["batch_size"], record["lr"]) == (1, 0.1)  # its preset came by itself
    assert rows(result.dir)[-2]["train/loss"] == 0  # the fraction of units that err


def test_the_perceptron_reads_digits(train) -> None:
    result = train("digits", arch="perceptron", budget=5_000)
    assert result.summary["test"]["test/accuracy"] > 0.85


def test_what_it_looks_like_inside_is_nothing(train) -> None:
    """It has no gradients, and asking for them is no error."""
    result = train("iris", arch="perceptron", budget=300, layer_stats=True)
    assert not [name for row in rows(result.dir) for name in row if "gradient" in name]


IDLE = {"hidden": (4,), "ema": 0.9, "schedule": "cosine", "class_weights": "balanced",
        "optimizer": "sgd"}  # fmt: skip


@pytest.mark.parametrize("option", IDLE)
def test_options_that_would_do_nothing_are_refused(train, option) -> None:
    message = f"--arch perceptron has no --{option.replace('_', '-')}"
    with pytest.raises(lab.UsageError, match=message):
        train(arch="perceptron", **{option: IDLE[option]})
