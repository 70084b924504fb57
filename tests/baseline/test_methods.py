"""Each method is scikit-learn's, on the lab's split, with the metrics that networks get."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from helpers import rows
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, log_loss, r2_score
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.svm import SVC, SVR

import lab
from lab_baseline.config import METHODS
from lab_baseline.models import RAREST


def split_of(loaded, name):
    """Return scaled inputs [N, F] and the targets of a split, as numpy."""
    part = loaded.data.part(name)
    inputs = loaded.info.prepare_inputs(part.inputs).flatten(1).double().numpy()
    return inputs, part.targets.numpy()


def forest(seed):
    return RandomForestClassifier(20, max_depth=4, random_state=seed)


def boosting(seed):
    return HistGradientBoostingClassifier(max_iter=20, max_depth=3, random_state=seed)


CLASSIFIERS: dict[
    str, tuple[dict[str, Any], Any]
] = {  # those that draw are made of the seed that the run drew
    "knn": ({"neighbors": 7, "weights": "distance"}, KNeighborsClassifier(7, weights="distance")),
    "svc": ({"c": 10.0, "gamma": 0.1}, SVC(C=10, gamma=0.1)),
    "logistic": ({"c": 0.5}, LogisticRegression(C=0.5, max_iter=1_000)),
    "forest": ({"trees": 20, "depth": 4}, forest),
    "boosting": ({"trees": 20, "depth": 3}, boosting),
}


@pytest.mark.parametrize("algo", CLASSIFIERS)
def test_a_classifier_measures_what_scikit_learn_measures(fit, algo) -> None:
    options, theirs = CLASSIFIERS[algo]
    test = fit(algo, "wine", **options)
    loaded = lab.load(test.dir)
    train, classes = split_of(loaded, "train")
    inputs, truth = split_of(loaded, "test")
    if theirs in (forest, boosting):
        theirs = theirs(loaded.learned["seed"])
    predicted = theirs.fit(train, classes).predict(inputs)
    metrics = test.summary["test"]
    assert metrics["test/n"] == len(truth)
    assert metrics["test/accuracy"] == np.mean(predicted == truth)
    assert metrics["test/macro_f1"] == pytest.approx(f1_score(truth, predicted, average="macro"))
    assert metrics["test/accuracy_low"] <= metrics["test/accuracy"] <= metrics["test/accuracy_high"]
    if algo != "svc":
        chances = theirs.predict_proba(inputs).clip(min=RAREST)
        chances /= chances.sum(1, keepdims=True)
        assert metrics["test/loss"] == pytest.approx(log_loss(truth, chances), rel=1e-6)


REGRESSORS: dict[
    str, tuple[dict[str, Any], Any]
] = {  # boosting draws nothing of fewer than 10,000 examples
    "boosting": (
        {"trees": 30, "depth": 2},
        HistGradientBoostingRegressor(max_iter=30, max_depth=2),
    ),
    "knn": ({"neighbors": 9}, KNeighborsRegressor(9)),
    "ridge": ({"alpha": 3.0}, Ridge(alpha=3.0)),
    "svr": ({"c": 2.0, "epsilon": 0.2, "kernel": "linear"}, SVR(C=2, epsilon=0.2, kernel="linear")),
}


@pytest.mark.parametrize("algo", REGRESSORS)
def test_a_regression_measures_what_scikit_learn_measures(fit, algo) -> None:
    options, theirs = REGRESSORS[algo]
    result = fit(algo, "diabetes", **options)
    loaded = lab.load(result.dir)
    train, values = split_of(loaded, "train")
    inputs, truth = split_of(loaded, "test")
    mean, std = values.mean(), values.std()
    predicted = theirs.fit(train, (values[:, 0] - mean) / std).predict(inputs) * std + mean
    metrics = result.summary["test"]
    assert metrics["test/r2"] == pytest.approx(r2_score(truth[:, 0], predicted), abs=1e-4)
    assert metrics["test/mse"] == pytest.approx(np.mean((truth[:, 0] - predicted) ** 2), rel=1e-3)
    assert result.summary["objective"]["metric"] == "eval/r2"


def test_a_forest_beats_the_mean(fit) -> None:
    assert fit("forest", "diabetes", trees=50).summary["test"]["test/r2"] > 0.3


def test_images_are_flattened_and_read_well(fit) -> None:
    result = fit("svc", "digits")
    assert result.summary["test"]["test/accuracy"] > 0.97
    assert result.summary["test"]["test/n"] == 360


def test_before_the_fit_nothing_is_known(fit) -> None:
    assert rows(fit().dir)[0]["eval/loss"] == pytest.approx(np.log(3))
    assert rows(fit("ridge", "diabetes").dir)[0]["eval/r2"] == pytest.approx(0, abs=0.05)


def test_the_clock_is_the_training_split_seen_once(fit) -> None:
    result = fit()
    loaded = lab.load(result.dir)
    assert result.summary["clock"]["value"] == len(loaded.data.train)
    assert result.summary["ended"] == "complete"
    assert loaded.step() == 0


def test_without_probabilities_there_is_no_loss_and_no_calibration_error(fit) -> None:
    result = fit("svc", "iris")
    named = {name for row in rows(result.dir) for name in row}
    assert {"eval/accuracy", "test/accuracy", "test/macro_f1"} <= named
    assert not [name for name in named if name.endswith(("/loss", "/ece"))]


@pytest.mark.parametrize(("data", "options"), [("ring", "n=400,std=1.5"), ("xor", "n=200")])
def test_the_answer_of_an_svc_is_the_largest_decision_value(fit, data, options) -> None:
    """Also where votes are tied: of five classes of noise many are. And of two classes, of which
    scikit-learn returns a single value."""
    loaded = lab.load(fit("svc", data, data_args=options).dir)
    inputs = loaded.data.test.inputs
    theirs = loaded.estimator.predict(loaded.columns(inputs))
    assert np.array_equal(loaded.predict(inputs).argmax(1), theirs)


def test_probabilities_sum_to_one_and_no_class_is_impossible(fit) -> None:
    loaded = lab.load(fit("knn", "iris").dir)
    chances = loaded.predict(loaded.example(8))
    np.testing.assert_allclose(chances.sum(1), np.ones(8), rtol=1e-6)
    assert (chances > 0).all()


@pytest.mark.parametrize(
    "algo", [name for name, method in METHODS.items() if "regress" in method.tasks]
)
def test_several_values_are_learned_together(tmp_path, algo) -> None:
    from lab_baseline.baseline import Baseline

    exp = made_for_values(tmp_path, algo, outputs=2)
    assert isinstance(exp, Baseline)
    assert exp.step() == 40
    assert exp.predict(torch.zeros(5, 3)).shape == (5, 2)
    assert exp.evaluate("eval")["r2"] <= 1


def made_for_values(tmp_path, algo, outputs):
    """Return a baseline for regression without a runner, on data that are passed directly."""
    from types import SimpleNamespace

    from lab.compute.device import Compute
    from lab.data.batches import make_split
    from lab.data.dataset import Dataset
    from lab.data.dataset_info import DatasetInfo
    from lab.engine.context import Context
    from lab_baseline.baseline import Baseline
    from lab_baseline.config import Config

    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(60, 3)).astype(np.float32)
    values = (inputs @ rng.normal(size=(3, outputs))).astype(np.float32)
    dataset = Dataset(inputs, values)
    rows = {"train": np.arange(40), "eval": np.arange(40, 50), "test": np.arange(50, 60)}
    cpu = torch.device("cpu")
    parts = {n: make_split(inputs, values, r, cpu, True) for n, r in rows.items()}
    info = DatasetInfo.of("values", dataset, rows["train"])
    ctx = Context(seed=0, budget=100, dir=tmp_path, compute=Compute(cpu), task="regress")
    given = SimpleNamespace(info=info, part=parts.get, **parts)
    ctx.data = lambda config: given  # type: ignore[method-assign, assignment, return-value]
    return Baseline(Config(algo=algo, data="diabetes"), ctx)
