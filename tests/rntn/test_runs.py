"""Runs: what they measure, resume and predict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lab
from lab.data.brackets import plain_tree, read_tree, written

SENTENCE = "the film is not very good"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that labels and one that parses."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("trained") / "runs"
    fixed: dict[str, Any] = {"runs_dir": folder, "wandb": "disabled", "preset": "none"}
    fixed["data_args"] = {"n": 200}
    shared: dict[str, Any] = {
        "data": "sentiment-trees",
        "dim": 6,
        "lr": 0.1,
        "eval_every": 10**6,
        **fixed,
    }
    lab.run("rntn", name="label", budget=1_200, media=True, **shared)
    lab.run("rntn", name="parse", budget=600, task="parse", media=True, **shared)
    return folder


@pytest.mark.xdist_group("rntn-runs")
def test_what_is_measured(runs) -> None:
    tests = {run.name: run.summary["test"] for run in lab.runs(runs)}
    label, parse = tests["label"], tests["parse"]
    assert label["test/n"] == 60
    assert label["test/node_accuracy"] > 0.7
    assert {"test/binary_accuracy", "test/negation_accuracy", "test/accuracy_low"} <= set(label)
    assert parse["test/f1"] == parse["test/precision"] == parse["test/recall"]
    assert parse["test/f1"] > 0.75
    assert parse["test/labeled_f1"] <= parse["test/f1"]
    for name in ("label", "parse"):
        assert list((runs / name / "media").glob("*trees.png"))


@pytest.mark.xdist_group("rntn-runs")
def test_a_text_without_a_tree_branches_to_the_right(runs, cli) -> None:
    result = cli("predict", runs / "label", "--json", SENTENCE)
    assert "texts without brackets branch to the right" in result.stderr
    (row,) = json.loads(result.stdout)
    tree = read_tree(row["tree"])
    assert tree.words == tuple(SENTENCE.split())
    assert tree.children == ((4, 5), (3, 6), (2, 7), (1, 8), (0, 9))
    ((name, probability),) = row["classes"].items()
    assert (name, 0.2 < probability <= 1) == (tree.labels[-1], True)


@pytest.mark.xdist_group("rntn-runs")
def test_a_given_tree_is_kept(runs, cli) -> None:
    given = "(1 (1 (1 the) (1 film)) (2 (2 is) (2 (0 not) (3 good))))"
    for run in ("label", "parse"):
        (row,) = json.loads(cli("predict", runs / run, "--json", given).stdout)
        assert read_tree(row["tree"]).children == read_tree(given).children
        assert None not in read_tree(row["tree"]).labels


@pytest.mark.xdist_group("rntn-runs")
@pytest.mark.parametrize("search", ["greedy", "chart"])
def test_what_parses_joins_the_words_of_a_subject(runs, cli, search) -> None:
    (row,) = json.loads(
        cli("predict", runs / "parse", "--json", "--search", search, SENTENCE).stdout
    )
    tree = read_tree(row["tree"])
    assert tree.words == tuple(SENTENCE.split())
    assert (0, 1) in tree.children  # the film


@pytest.mark.xdist_group("rntn-runs")
def test_trees_are_drawn_for_people(runs, cli) -> None:
    result = cli("predict", runs / "label", "not good")
    assert result.exit_code == 0
    head, root, left, right, *_ = result.stdout.splitlines()
    assert head.startswith("not good  ")
    assert root.strip() in head
    assert left.strip().startswith("├ ")
    assert (left.split()[-1], right.split()[-1]) == ("not", "good")
    assert cli("predict", runs / "label", "--csv", "not good").stdout.startswith(
        "input,class,probability,tree"
    )


@pytest.mark.xdist_group("rntn-runs")
def test_python_predicts_alike(runs) -> None:
    label, parse = lab.load(runs / "label"), lab.load(runs / "parse")
    texts = [SENTENCE, "(_ (_ not) (_ good))"]
    with pytest.warns(lab.InputWarning, match="branch to the right"):
        probabilities = label.predict(texts)
    assert probabilities.shape == (2, 5)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)
    np.testing.assert_allclose(label.predict(texts[1:])[0], probabilities[1], rtol=1e-4)
    assert read_tree(parse.predict([SENTENCE])[0]).words == tuple(SENTENCE.split())


@pytest.mark.xdist_group("rntn-runs")
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("the zebra is good", "training saw no word 'zebra'"),
        ("(1 (1 not) (1 good)", "is no tree: 1 of its brackets are not closed in this line"),
        ("(1 (1 not) (1 very) (1 good))", "is no tree: a node 1 has 3 children"),
        ("   ", "Nothing to predict"),
    ],
)
def test_what_cannot_be_read_is_said(runs, cli, text, why) -> None:
    result = cli("predict", runs / "label", text)
    assert result.exit_code == 2
    assert why in result.stderr
    assert len(result.stderr.splitlines()) <= 2


@pytest.mark.xdist_group("rntn-runs")
@pytest.mark.parametrize("name", ["new.csv", "new.txt"])
def test_the_name_of_a_file_is_no_text(runs, cli, tmp_path, name) -> None:
    (tmp_path / name).write_text("text\nthe film\n")
    result = cli("predict", runs / "label", tmp_path / name)
    assert result.exit_code == 2
    assert f"{name} is a file, which runs on texts with classes read" in result.stderr


@pytest.mark.xdist_group("rntn-runs")
def test_only_texts_are_predicted_from(runs) -> None:
    label = lab.load(runs / "label")
    with pytest.raises(lab.UsageError, match="predict from texts, or trees in brackets"):
        label.predict([[1, 2, 3]])
    with pytest.raises(lab.UsageError, match="no text to predict from"):
        label.predict([])
    with pytest.raises(lab.UsageError, match="predict takes a list of texts"):
        label.predict(SENTENCE)


@pytest.mark.parametrize("task", ["classify", "parse"])
def test_the_layers_of_a_network_are_listed(cli, tmp_path, task) -> None:
    lines = [f"(y (n w{n}) (y (n a) (n b)))" for n in range(30)]
    (tmp_path / "trees.txt").write_text("\n".join(lines))
    source = f"trees:{tmp_path / 'trees.txt'}"
    result = cli("model", "rntn", "--data", source, "--task", task, "--dim", "4", "--json")
    listed = json.loads(result.stdout)
    words = 33  # w0 to w29, a, b, and the end
    tensors = 3 * 4**3 + 8 * 4 + 4  # V without one of the blocks that say the same, W, bias
    heads = 2 * 4 + 2 + (4 if task == "parse" else 0)
    assert listed["parameters"] == 4 * words + tensors + heads


@pytest.mark.parametrize(("search", "warned"), [("chart", True), ("greedy", False)])
def test_charts_over_long_sentences_are_warned_of(train, tmp_path, search, warned) -> None:
    long = written(plain_tree(["w"] * 102))
    lines = [long, *(f"(_ (_ w{n}) (_ x))" for n in range(11))]
    (tmp_path / "trees.txt").write_text("\n".join(lines))
    run = train(
        f"trees:{tmp_path / 'trees.txt'}",
        data_args={},
        search=search,
        dim=1,
        budget=1,
        batch_size=1,
    )
    log = run.dir / "log.txt"
    assert (log.is_file() and "102 words takes 176,868 merges" in log.read_text()) == warned


@pytest.mark.parametrize("task", ["classify", "parse"])
@pytest.mark.parametrize("cell", ["plain", "matrix-vector", "tree-lstm"])
def test_every_cell_learns_either_task(train, cell, task) -> None:
    result = train(cell=cell, task=task, dim=8)
    assert result.state == "finished"


@pytest.mark.parametrize("options", [{}, {"search": "greedy", "ema": 0.9}])
def test_a_parsing_run_resumes_to_the_bit(train, options) -> None:
    facts = {"task": "parse", "budget": 128, **options}
    whole = train(name="whole", **facts)
    train(name="parts", **{**facts, "budget": 64})
    again = lab.resume(whole.dir.parent / "parts", budget=128)
    first, second = (torch.load(run.dir / "checkpoints" / "last.pt") for run in (whole, again))
    for name, value in first["experiment"]["model"].items():
        assert torch.equal(value, second["experiment"]["model"][name])


def test_words_that_training_did_not_see_are_unknown(train, tmp_path) -> None:
    place = tmp_path / "bank"
    place.mkdir()
    lines = [f"({n % 2} (2 w{n % 7}) ({n % 2} {('bad', 'fine')[n % 2]}))" for n in range(40)]
    (place / "train.txt").write_text("\n".join(lines))
    (place / "test.txt").write_text("(1 (2 never-seen) (1 fine))\n(0 (2 w1) (0 bad))\n")
    result = train(f"trees:{place}", data_args={})
    loaded = lab.load(result.dir)
    ours, theirs = "(_ (_ zebra) (_ bad))", "(_ (_ <unk>) (_ Bad))"
    np.testing.assert_array_equal(loaded.predict([ours]), loaded.predict([theirs]))


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("digits", "digits is image data to classify; this experiment learns from trees"),
        ("sentences", "sentences is tokens data to classify; this experiment learns from trees"),
        ("reverse", "reverse is to translate; this experiment can classify, parse"),
    ],
)
def test_other_data_are_refused(train, source, why) -> None:
    with pytest.raises(lab.UsageError, match=why):
        train(source, data_args={})


def test_a_graph_for_each_batch_is_not_compiled(train) -> None:
    with pytest.raises(lab.UsageError, match="--compile: each batch of trees"):
        train(compile=True)
