"""Losses are torch's means, and parts of a batch add up to it by their weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from lab.nn import MSE, CrossEntropy, Huber, class_weights

CLASSES, VOID = 4, 255
WEIGHTS = torch.tensor([0.5, 1.0, 2.0, 4.0])


def batch(n: int = 12, pictures: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    shape = (n, 3, 2) if pictures else (n,)
    logits = torch.randn(n, CLASSES, *shape[1:], requires_grad=True)
    return logits, torch.randint(CLASSES, shape)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("pictures", [False, True])
@pytest.mark.parametrize("ignore", [None, VOID])
def test_cross_entropy_is_torchs_mean(smoothing, weights, pictures, ignore) -> None:
    logits, targets = batch(pictures=pictures)
    if ignore is not None:
        targets[::3] = ignore
    loss = CrossEntropy(smoothing, weights, ignore)(logits, targets)
    expected = functional.cross_entropy(
        logits, targets, weights, label_smoothing=smoothing,
        ignore_index=-100 if ignore is None else ignore,
    )  # fmt: skip
    torch.testing.assert_close(loss, expected)
    ours, torchs = (torch.autograd.grad(x, logits)[0] for x in (loss, expected))
    torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("pictures", [False, True])
def test_cross_entropy_of_shares_is_torchs_mean(weights, pictures) -> None:
    logits, _ = batch(pictures=pictures)
    probabilities = torch.rand_like(logits).softmax(1)
    expected = functional.cross_entropy(logits, probabilities, weights)
    torch.testing.assert_close(CrossEntropy(0.0, weights)(logits, probabilities), expected)


def test_cross_entropy_is_sklearns_log_loss() -> None:
    logits, targets = batch(50)
    expected = log_loss(targets.numpy(), logits.detach().softmax(1).numpy(), labels=range(CLASSES))
    assert CrossEntropy()(logits, targets).item() == pytest.approx(expected, rel=1e-5)


def test_where_all_is_ignored_loss_and_gradient_are_0() -> None:
    logits, targets = batch()
    loss = CrossEntropy(ignore=VOID)(logits, torch.full_like(targets, VOID))
    loss.backward()
    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@given(st.integers(1, 11), st.booleans(), st.sampled_from([0.0, 0.1]), st.booleans(), st.booleans())
def test_two_parts_add_up_to_the_whole(cut, weighted, smoothing, ignoring, soft) -> None:
    logits, targets = batch()
    if ignoring and not soft:
        targets[1::2] = VOID
    if soft:
        targets = torch.rand_like(logits).softmax(1)
    ignore = VOID if ignoring else None
    loss = CrossEntropy(smoothing, WEIGHTS if weighted else None, ignore)
    total = sum(
        loss(x, y) * loss.weight(y)
        for x, y in zip(logits.split([cut, 12 - cut]), targets.split([cut, 12 - cut]), strict=True)
    )
    torch.testing.assert_close(total / loss.weight(targets), loss(logits, targets))


@pytest.mark.parametrize(
    ("loss", "of_torch"),
    [
        (MSE(), functional.mse_loss),
        (Huber(), functional.huber_loss),
        (Huber(0.3), lambda x, y: functional.huber_loss(x, y, delta=0.3)),
    ],
)
def test_the_others_are_torchs_and_refuse_to_broadcast(loss, of_torch) -> None:
    x, y = torch.randn(6, 3), torch.rand(6, 3)
    torch.testing.assert_close(loss(x, y), of_torch(x, y))
    assert loss.weight(y).item() == 18
    parts = sum(loss(x[s], y[s]) * loss.weight(y[s]) for s in (slice(2), slice(2, 6)))
    torch.testing.assert_close(parts / 18, loss(x, y))
    with pytest.raises(ValueError, match=r"outputs are \(6, 1\) and targets \(6,\)"):
        loss(torch.randn(6, 1), torch.rand(6))


@given(st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=60))
def test_balanced_weights_are_sklearns(labels) -> None:
    computed = class_weights(torch.tensor(labels), CLASSES)
    present = np.unique(labels)
    expected = compute_class_weight("balanced", classes=present, y=np.array(labels))
    assert computed[present].numpy() == pytest.approx(expected, rel=1e-5)
    assert not computed[[c for c in range(CLASSES) if c not in present]].any()
