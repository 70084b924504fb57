"""Metrics of a set in batches are sklearn's of the full set, for every way to cut it."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, t
from sklearn import metrics as sk

from lab.metrics import (
    CLASSIFICATION_METRICS,
    REGRESSION_METRICS,
    SEGMENTATION_METRICS,
    Classification,
    Regression,
    Segmentation,
)
from lab.nn import CrossEntropy
from lab.statistics import mean_interval, student, summed_up, wilson

CLASSES = 8
cuts = st.lists(st.integers(1, 17), min_size=1, max_size=6)


def pieces(sizes: list[int], *tensors: torch.Tensor):
    """Cut tensors into parts of these sizes, over and over."""
    start, index = 0, 0
    while start < len(tensors[0]):
        end = start + sizes[index % len(sizes)]
        yield tuple(tensor[start:end] for tensor in tensors)
        start, index = end, index + 1


def classified(n: int = 60, classes: int = CLASSES, seed: int = 0):
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(classes, (n,), generator=generator)
    logits = torch.randn(n, classes, generator=generator) * 2
    logits[torch.arange(n), targets] += 1.5
    return logits, targets


def calibration_error(logits: torch.Tensor, targets: torch.Tensor, bins: int = 15) -> float:
    """Guo et al. (2017), equation 3, by numpy."""
    probabilities = torch.softmax(logits.double(), 1).numpy()
    confidence, right = probabilities.max(1), probabilities.argmax(1) == targets.numpy()
    edges = np.linspace(0, 1, bins + 1)
    total = 0.0
    for low, high in itertools.pairwise(edges):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs(right[inside].mean() - confidence[inside].mean())
            total += inside.mean() * gap
    return total


@settings(max_examples=30)
@given(sizes=cuts, seed=st.integers(0, 1000), n=st.integers(1, 80))
def test_classification_is_sklearns_however_the_set_is_cut(sizes, seed, n) -> None:
    logits, targets = classified(n, seed=seed)
    meter = Classification(CLASSES)
    for x, y in pieces(sizes, logits, targets):
        meter.add(x, y)
    metrics, answers = meter.compute(), logits.argmax(1).numpy()
    truth, probabilities = targets.numpy(), logits.double().softmax(1).numpy()
    everything = range(CLASSES)
    assert metrics["accuracy"] == pytest.approx(sk.accuracy_score(truth, answers))
    assert metrics["macro_f1"] == pytest.approx(
        sk.f1_score(truth, answers, average="macro", zero_division=0)
    )
    assert metrics["loss"] == pytest.approx(
        sk.log_loss(truth, probabilities, labels=everything), rel=1e-5
    )
    top5 = sk.top_k_accuracy_score(truth, probabilities, k=5, labels=everything)
    assert metrics["top5"] == pytest.approx(top5)
    assert metrics["ece"] == pytest.approx(calibration_error(logits, targets), abs=1e-6)
    expected = sk.confusion_matrix(truth, answers, labels=everything)
    assert (meter.confusion() == expected).all()


@settings(max_examples=20, deadline=None)
@given(
    sizes=cuts, seed=st.integers(0, 1000), n=st.integers(1, 20),
    places=st.sampled_from([(), (1,), (7,), (3, 4), (2, 3, 4)]),
)  # fmt: skip
def test_labels_of_steps_and_pixels_are_sklearns_of_each_label_by_itself(
    sizes, seed, n, places
) -> None:
    """[B, C], [B, C, T], [B, C, H, W] and more: the same as all labels in one row."""
    labels = n * int(np.prod(places))
    rows, classes = classified(labels, seed=seed)
    targets = classes.view(n, *places)
    logits = rows.view(n, *places, CLASSES).movedim(-1, 1)
    meter = Classification(CLASSES)
    for x, y in pieces(sizes, logits, targets):
        meter.add(x, y)
    metrics, answers = meter.compute("test"), rows.argmax(1).numpy()
    truth, probabilities = classes.numpy(), rows.double().softmax(1).numpy()
    everything = range(CLASSES)
    expected = {
        "accuracy": sk.accuracy_score(truth, answers),
        "macro_f1": sk.f1_score(truth, answers, average="macro", zero_division=0),
        "loss": sk.log_loss(truth, probabilities, labels=everything),
        "top5": sk.top_k_accuracy_score(truth, probabilities, k=5, labels=everything),
        "ece": calibration_error(rows, classes),
        "n": n,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-5, abs=1e-6)
    counts = sk.confusion_matrix(truth, answers, labels=everything)
    assert (meter.confusion() == counts).all()
    assert ("accuracy_low" in metrics) == (not places)  # steps of one example are no trials


@pytest.mark.parametrize("places", [(), (7,), (3, 4)])
@pytest.mark.parametrize("ignore", [None, 1])
def test_overlap_is_sklearns_for_every_shape_of_labels(places, ignore) -> None:
    labels = 6 * int(np.prod(places))
    rows, classes = classified(labels)
    meter = Segmentation(CLASSES, ignore)
    meter.add(rows.view(6, *places, CLASSES).movedim(-1, 1), classes.view(6, *places))
    kept = np.ones(labels, bool) if ignore is None else classes.numpy() != ignore
    truth, answers = classes.numpy()[kept], rows.argmax(1).numpy()[kept]
    metrics, occurring = meter.compute("test"), np.union1d(truth, answers)
    assert metrics["pixel_accuracy"] == pytest.approx(sk.accuracy_score(truth, answers))
    expected = sk.jaccard_score(truth, answers, average="macro", labels=occurring)
    assert metrics["miou"] == pytest.approx(expected)
    assert metrics["n"] == 6


@pytest.mark.parametrize("meter", [Classification, Segmentation])
@pytest.mark.parametrize(
    ("logits", "targets"),
    [((4, 3), (5,)), ((4, 2), (4,)), ((4, 3, 7), (4, 6)), ((4, 3, 7), (4,)), ((4, 3), ())],
)
def test_labels_of_another_shape_are_refused(meter, logits, targets) -> None:
    """They would be compared by broadcasting, or counted in another row of the table."""
    with pytest.raises(ValueError, match=re.escape(f"logits are {logits}")):
        meter(3).add(torch.zeros(logits), torch.zeros(targets, dtype=torch.long))


def test_the_mean_is_not_the_mean_of_batch_means() -> None:
    logits, targets = classified(61)
    meter = Classification(CLASSES)
    batches = list(pieces([20], logits, targets))
    for x, y in batches:
        meter.add(x, y)
    means = np.mean([(x.argmax(1) == y).float().mean() for x, y in batches])
    truth = (logits.argmax(1) == targets).float().mean().item()
    assert meter.compute()["accuracy"] == pytest.approx(truth)
    assert means != pytest.approx(truth)


def test_top5_needs_more_than_five_classes() -> None:
    meter = Classification(5)
    meter.add(*classified(classes=5))
    assert not {"top5", "top5_low"} & set(meter.compute("test"))


def test_a_test_comes_with_n_and_wilsons_interval() -> None:
    logits, targets = classified(60)
    meter = Classification(CLASSES)
    meter.add(logits, targets)
    metrics = meter.compute("test")
    hits = int((logits.argmax(1) == targets).sum())
    interval = binomtest(hits, 60).proportion_ci(method="wilson")
    assert metrics["n"] == 60
    assert (metrics["accuracy_low"], metrics["accuracy_high"]) == pytest.approx(tuple(interval))
    assert metrics["top5_low"] < metrics["top5"] < metrics["top5_high"]
    assert not {"n", "accuracy_low"} & set(meter.compute("eval"))
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in metrics)


def test_the_loss_may_be_the_one_that_is_trained() -> None:
    logits, targets = classified(60)
    loss = CrossEntropy(0.1, torch.rand(CLASSES) + 0.1)
    meter = Classification(CLASSES, loss)
    for x, y in pieces([7], logits, targets):
        meter.add(x, y)
    assert meter.compute()["loss"] == pytest.approx(loss(logits, targets).item(), rel=1e-5)


def test_certain_answers_fall_into_the_last_bin() -> None:
    meter = Classification(2)
    meter.add(torch.tensor([[100.0, 0.0], [100.0, 0.0]]), torch.tensor([0, 1]))
    assert meter.compute()["ece"] == pytest.approx(0.5)


@pytest.mark.parametrize("meter", [Classification(3), Regression(), Segmentation(3)])
def test_an_empty_set_has_no_figures(meter) -> None:
    with pytest.raises(ValueError, match="nothing was added"):
        meter.compute()


@settings(max_examples=30)
@given(sizes=cuts, seed=st.integers(0, 1000), n=st.integers(2, 60), k=st.sampled_from([None, 1, 3]))
def test_regression_is_sklearns_however_the_set_is_cut(sizes, seed, n, k) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape = (n,) if k is None else (n, k)
    targets = torch.randn(shape, generator=generator) * 3 + 1e4  # far from 0: sums would cancel
    outputs = targets + torch.randn(shape, generator=generator)
    meter = Regression()
    for x, y in pieces(sizes, outputs, targets):
        meter.add(x, y)
    metrics, truth = meter.compute("test"), (targets.double().numpy(), outputs.double().numpy())
    assert metrics["mse"] == pytest.approx(sk.mean_squared_error(*truth))
    assert metrics["mae"] == pytest.approx(sk.mean_absolute_error(*truth))
    assert metrics["r2"] == pytest.approx(sk.r2_score(*truth), abs=1e-6)
    squares = ((truth[0] - truth[1]) ** 2).reshape(n, -1).mean(1)
    interval = t.interval(0.95, n - 1, squares.mean(), squares.std(ddof=1) / np.sqrt(n))
    assert (metrics["mse_low"], metrics["mse_high"]) == pytest.approx(interval, rel=1e-6)
    assert metrics["n"] == n


@pytest.mark.parametrize("outputs", [[2.0, 2.0], [2.0, 3.0]])
def test_targets_that_are_all_alike_are_as_sklearn_has_them(outputs) -> None:
    meter = Regression()
    meter.add(torch.tensor(outputs), torch.tensor([2.0, 2.0]))
    assert meter.compute()["r2"] == sk.r2_score([2.0, 2.0], outputs)


def test_regression_refuses_shapes_that_would_broadcast() -> None:
    with pytest.raises(ValueError, match=r"outputs are \(4, 1\), targets \(4,\)"):
        Regression().add(torch.zeros(4, 1), torch.zeros(4))


@settings(max_examples=30)
@given(sizes=cuts, seed=st.integers(0, 1000), ignore=st.sampled_from([None, 255, -1, 0]))
def test_segmentation_is_sklearns_without_absent_classes(sizes, seed, ignore) -> None:
    generator = torch.Generator().manual_seed(seed)
    targets = torch.randint(3, (9, 4, 5), generator=generator)  # classes 3 and 4 are absent
    logits = torch.randn(9, 5, 4, 5, generator=generator)
    logits[:, 4] = -100.0
    if ignore is not None:
        targets[torch.rand(targets.shape, generator=generator) < 0.3] = ignore
    meter = Segmentation(5, ignore)
    for x, y in pieces(sizes, logits, targets):
        meter.add(x, y)
    counted = (targets != ignore).numpy() if ignore is not None else np.ones(targets.shape, bool)
    truth, answers = targets.numpy()[counted], logits.argmax(1).numpy()[counted]
    metrics = meter.compute("test")
    assert metrics["pixel_accuracy"] == pytest.approx(sk.accuracy_score(truth, answers))
    occurring = np.union1d(truth, answers)
    expected = sk.jaccard_score(truth, answers, average="macro", labels=occurring)
    assert metrics["miou"] == pytest.approx(expected)
    loss = CrossEntropy(ignore=ignore)(logits, targets).item()
    assert metrics["loss"] == pytest.approx(loss, rel=1e-5)
    assert metrics["n"] == 9
    assert (meter.confusion() == sk.confusion_matrix(truth, answers, labels=range(5))).all()


@given(n=st.integers(1, 10_000), data=st.data(), level=st.sampled_from([0.9, 0.95, 0.99]))
def test_wilson_is_scipys(n, data, level) -> None:
    hits = data.draw(st.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(level, method="wilson")
    assert wilson(hits / n, n, level) == pytest.approx(tuple(expected), abs=1e-9)
    low, high = wilson(hits / n, n, level)
    assert 0 <= low <= hits / n <= high <= 1


def test_intervals_of_next_to_nothing() -> None:
    """One value says nothing about its own spread; one trial of a proportion says a little."""
    assert wilson(0.0, 0) == (0.0, 1.0)
    assert wilson(1.0, 1) == pytest.approx(tuple(binomtest(1, 1).proportion_ci(method="wilson")))
    for n in (0, 1):
        assert student(3.0, 0.0, n) is None
    assert mean_interval([3.0]) is None
    assert mean_interval([3.0, 3.0]) == (3.0, 3.0)
    assert summed_up("loss", torch.tensor([3.0]), "test") == {"loss": 3.0, "n": 1}
    metrics = summed_up("loss", torch.tensor([3.0, 5.0]), "test")
    expected = t.interval(0.95, 1, 4.0, 1.0)
    assert (metrics["loss_low"], metrics["loss_high"]) == pytest.approx(expected)


def test_one_example_of_a_regression_has_no_interval() -> None:
    meter = Regression()
    meter.add(torch.tensor([2.0]), torch.tensor([5.0]))
    assert meter.compute("test") == {"mse": 9.0, "mae": 3.0, "r2": 0.0, "n": 1.0}


def test_half_precision_and_inference_tensors_are_taken() -> None:
    logits, targets = classified()
    meter = Classification(CLASSES)
    with torch.inference_mode():
        for x, y in pieces([16], logits.bfloat16(), targets):
            meter.add(x, y)
    assert meter.compute()["accuracy"] == pytest.approx(
        (logits.bfloat16().argmax(1) == targets).double().mean().item()
    )


def test_what_specs_declare_is_what_is_returned() -> None:
    classifier, regression, segmentation = Classification(6), Regression(), Segmentation(3)
    classifier.add(torch.randn(4, 6), torch.arange(4))
    regression.add(torch.randn(9), torch.randn(9))
    segmentation.add(torch.randn(2, 3, 4, 4), torch.ones(2, 4, 4, dtype=torch.long))
    for meter, declared in (
        (classifier, CLASSIFICATION_METRICS),
        (regression, REGRESSION_METRICS),
        (segmentation, SEGMENTATION_METRICS),
    ):
        returned = {
            f"{split}/{name}" for split in ("eval", "test") for name in meter.compute(split)
        }
        assert returned == set(declared)


def test_nine_of_ten_values_lie_within_error_90() -> None:
    """Of 100 errors, whichever is left out, exactly those below the 90 % quantile are covered."""
    errors = torch.from_numpy(np.random.default_rng(0).standard_cauchy(100))[:, None]
    covered = 0
    for left_out in range(100):
        meter = Regression()
        others = torch.cat([errors[:left_out], errors[left_out + 1 :]])
        for part in others.split(40):
            meter.add(part, torch.zeros_like(part))
        covered += abs(float(errors[left_out])) <= meter.compute("test")["error_90"]
    assert covered == 90


@pytest.mark.parametrize(
    ("examples", "outputs", "told"), [(8, 1, False), (9, 1, True), (50, 2, False)]
)
def test_error_90_needs_nine_examples_and_one_output(examples, outputs, told) -> None:
    meter = Regression()
    meter.add(torch.rand(examples, outputs), torch.rand(examples, outputs))
    assert ("error_90" in meter.compute("test")) == told
    assert "error_90" not in meter.compute("eval")
