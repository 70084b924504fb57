"""What surrounds a fit: resume, checkpoints, prediction, wrong options, and one table for all."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows

import lab
from lab.data.fingerprint import digests
from lab.tracking.terminal import Silent


@pytest.mark.parametrize("algo", ["forest", "boosting", "svc"])
def test_killed_and_resumed_it_is_the_same(fit, tmp_path, algo) -> None:
    """After the fit, where a checkpoint holds what was learned from. The row that was written since
    comes again."""
    options = {} if algo == "svc" else {"trees": 10}
    uninterrupted = fit(algo, name="whole", checkpoint_every=50, **options)
    with pytest.raises(lab.RunFailed):
        fit(algo, name="killed", checkpoint_every=50, terminal=Stopper(), **options)
    state = torch.load(tmp_path / "runs/killed/checkpoints/last.pt", weights_only=True)
    assert state["clock"] > 0
    resumed = lab.resume(tmp_path / "runs" / "killed")
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None
    original, restored = lab.load(uninterrupted.dir), lab.load(resumed.dir)
    assert np.array_equal(
        original.predict(original.example(15)), restored.predict(restored.example(15))
    )


class Stopper(Silent):
    """A terminal on which the step after the fit fails."""

    def __init__(self) -> None:
        self.ticks = 0

    def tick(self, clock: int) -> None:
        self.ticks += clock > 0  # not the evaluation before it
        if self.ticks == 2:
            raise RuntimeError("ended here")


def test_it_answers_without_its_source(fit, monkeypatch) -> None:
    result = fit("forest", "iris", trees=10)
    loaded = lab.load(result.dir)
    expected = loaded.predict(loaded.example(5))

    def gone(*args, **options):
        raise AssertionError("the source was read")

    inputs = loaded.example(5)
    monkeypatch.setattr("lab.data.sources.load", gone)
    assert np.array_equal(lab.load(result.dir).predict(inputs), expected)


def test_a_state_that_is_the_same_is_not_fitted_again(fit) -> None:
    loaded = lab.load(fit("forest", "iris", trees=10).dir)
    fitted = loaded.estimator
    loaded.load_state_dict(loaded.state_dict())
    assert loaded.estimator is fitted
    changed = {**loaded.learned, "seed": loaded.learned["seed"] + 1}
    loaded.load_state_dict({"model": changed})
    assert loaded.estimator is not fitted


def test_the_seed_moves_a_forest_and_nothing_else(fit) -> None:
    for algo, alike, options in (("knn", True, {}), ("forest", False, {"trees": 10})):
        a, b = (fit(algo, "iris", seed=seed, **options) for seed in (0, 1))
        assert (rows(a.dir) == rows(b.dir)) == alike


def test_what_does_not_converge_is_said_in_a_line(fit, recwarn) -> None:
    result = fit("logistic", "wine", iterations=2)
    log = (result.dir / "log.txt").read_text()
    assert "logistic did not converge: give more --iterations" in log
    assert not recwarn.list


def test_predict_names_the_likeliest_classes(fit, cli) -> None:
    fit("logistic", "iris", name="irises")
    result = cli("predict", "irises", "5.1,3.5,1.4,0.2", "6.3,3.3,6.0,2.5", "--top", "2")
    assert result.exit_code == 0, result.output
    head, first, second = (line.split() for line in result.stdout.splitlines())
    assert head == ["input", "class", "probability", "next"]
    assert first[:2] == ["5.1,3.5,1.4,0.2", "setosa"]
    assert second[:2] == ["6.3,3.3,6.0,2.5", "virginica"]
    assert float(first[2]) > 0.9
    assert len(first) == 5  # one class more, and its probability


def test_what_is_no_probability_is_not_called_one(fit, cli) -> None:
    fit("svc", "iris", name="irises")
    result = cli("predict", "irises", "5.1,3.5,1.4,0.2", "--csv")
    assert result.stdout.startswith("input,class,score,class_2,score_2,")


def test_networks_and_baselines_share_one_table(fit, cli, tmp_path) -> None:
    """The same examples in the same split, the same metrics, the same objective."""
    common = {"data": "digits", "runs_dir": tmp_path / "runs", "wandb": "disabled", "media": False}
    runs = [
        fit("knn", "digits", name="one"),
        lab.run("mlp", name="two", hidden=(32,), budget=2_000, lr=1e-2, **common),
        lab.run("cnn", name="three", arch="simple", width=0.5, budget=1_500, lr=1e-2, **common),
    ]
    assert {run.summary["objective"]["metric"] for run in runs} == {"eval/accuracy"}
    assert {run.summary["clock"]["name"] for run in runs} == {"samples"}
    assert {run.summary["test"]["test/n"] for run in runs} == {360}
    assert len({tuple(sorted(run.summary["test"])) for run in runs}) == 1
    loaded = [lab.load(run.dir) for run in runs]
    data = [getattr(item, "supervision", item).data for item in loaded]
    assert len({tuple(digests(item.dataset, item.parts).items()) for item in data}) == 1
    result = cli("compare", "--json")
    assert result.exit_code == 0, result.output
    comparison = json.loads(result.stdout)
    (table,) = comparison["tables"]
    assert table["metric"] == "test/accuracy"
    assert len(table["groups"]) == 3
    means = {group["name"].split("-")[0]: group["mean"] for group in table["groups"]}
    assert means["baseline"] == max(means.values())
    assert not comparison["excluded"]


MISTAKES = {
    "classes by ridge": (["--algo", "ridge"], "knn, svc, logistic, forest, boosting"),
    "values by svc": (["--algo", "svc", "--data", "diabetes"], "knn, forest, boosting, ridge, svr"),
    "an unknown method": (["--algo", "bayes"], "--algo"),
    "another method's option": (
        ["--algo", "knn", "--trees", "5"],
        "it belongs to forest, boosting",
    ),
    "a shared option": (["--algo", "forest", "--c", "2"], "it belongs to svc, logistic, svr"),
    "no neighbors": (["--neighbors", "0"], "--neighbors"),
    "pixels": (["--data", "shapes", "--task", "segment"], "which it cannot"),
    "an unknown source": (["--data", "irises"], "Did you mean 'iris'?"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_a_plain_line_and_no_run_folder(cli, tmp_path, case) -> None:
    words, expected = MISTAKES[case]
    result = cli("run", "baseline", "--wandb", "disabled", "--quiet", *words)
    assert result.exit_code == 2, result.output
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "runs").exists()


def test_more_neighbors_than_examples_is_said(cli) -> None:
    words = ["--data", "iris", "--labels-per-class", "2", "--wandb", "disabled", "--quiet"]
    result = cli("run", "baseline", "--neighbors", "7", *words)
    assert result.exit_code != 0
    assert "--neighbors 7: it learns from 6 examples" in result.stderr
    assert "Traceback" not in result.output


def test_a_confusion_matrix_is_drawn(fit) -> None:
    result = fit("knn", "iris", media=True)
    assert list((result.dir / "media").glob("*confusion.png"))


def test_a_checkpoint_holds_the_training_examples_as_they_came(fit) -> None:
    loaded = lab.load(fit("knn", "digits", labels_per_class=5).dir)
    assert loaded.state_dict()["model"]["inputs"].dtype == torch.uint8
    assert loaded.state_dict()["model"]["inputs"].shape == (50, 1, 8, 8)
    assert np.bincount(loaded.state_dict()["model"]["targets"]).tolist() == [5] * 10
