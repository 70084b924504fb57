"""Texts of a person's own, from a file to an answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import lab
from lab.cli import main

GOOD, BAD = ("lovely", "fine", "great"), ("awful", "dull", "poor")
FAMILIES: dict[str, dict[str, Any]] = {
    "mlp": {"budget": 4_000, "lr": 1e-2},
    "rnn": {"budget": 4_000, "lr": 1e-2, "hidden_size": 16, "cell": "gru"},
    "transformer": {"budget": 4_000, "lr": 5e-3, "layers": 1, "width": 16, "pool": "mean"},
    "baseline": {"algo": "logistic"},
}


def reviews(number: int = 120) -> tuple[list[str], list[str]]:
    rng = np.random.default_rng(0)
    kinds = ["bad", "good"] * (number // 2)
    words = [rng.choice(GOOD if kind == "good" else BAD) for kind in kinds]
    return [f"A {word} film, on day {n % 9}." for n, word in enumerate(words)], kinds


@pytest.fixture(scope="module", params=FAMILIES)
def run(request, tmp_path_factory) -> lab.RunResult:
    """A run of each family on reviews in a csv file."""
    folder = tmp_path_factory.mktemp("texts")
    lines = [f'"{text}",{n},{kind}' for n, (text, kind) in enumerate(zip(*reviews(), strict=True))]
    (folder / "reviews.csv").write_text("\n".join(["review,number,label", *lines]))
    quiet: dict[str, Any] = {"runs_dir": folder, "wandb": "disabled", "media": False}
    data = f"csv-text:{folder / 'reviews.csv'}"
    options = FAMILIES[request.param]
    return lab.run(
        request.param, name="it", data=data, data_args={"target": "label"}, **options, **quiet
    )


def test_every_family_of_labels_learns_from_texts(run) -> None:
    assert run.summary["test"]["test/accuracy"] > 0.9
    answers = lab.load(run.dir).predict(["a FINE film", "awful film, on day 3."])
    assert answers.argmax(1).tolist() == [1, 0]
    with pytest.raises(
        lab.UsageError, match=r"predict takes a list of texts: of one text, \[text\]"
    ):
        lab.load(run.dir).predict("a fine film")


def test_texts_files_and_lines_are_answered(run) -> None:
    Path("new.csv").write_text("number,review\n1,a lovely film\n2,a poor film\n")
    Path("note.txt").write_text("great film\n")
    words = ["predict", str(run.dir), "new.csv", "note.txt", "awful film", "-", "--json", "--top=1"]
    done = CliRunner().invoke(main, words, input="a dull film\n\na fine film\n")
    assert done.exit_code == 0, done.output
    said = {row["input"]: next(iter(row["classes"])) for row in json.loads(done.stdout)}
    assert said == {
        "new.csv:0": "good",
        "new.csv:1": "bad",
        "note.txt": "good",
        "awful film": "bad",
        "a dull film": "bad",
        "a fine film": "good",
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.csv",), "There is no file nowhere.csv"),
        (("nowhere.TXT",), "There is no file nowhere.TXT"),
        (("texts/bad",), "texts/bad is a folder: name the files in it"),
        (("",), "Nothing to predict. Give texts"),
        (("other.csv",), "other.csv has no column 'review'; it has a, b"),
        (("gap.csv",), "gap.csv: row 1: its review is missing"),
        (("empty.txt",), "empty.txt is empty"),
        (("old.txt",), "old.txt is not UTF-8: line 1 holds byte 0xe9"),
    ],
)
def test_what_is_no_text_is_said_in_a_line(run, cli, words, message) -> None:
    Path("other.csv").write_text("a,b\n1,2\n")
    Path("gap.csv").write_text("review,b\nfine,2\n,3\n")
    Path("texts/bad").mkdir(parents=True, exist_ok=True)
    Path("empty.txt").write_text(" \n")
    Path("old.txt").write_bytes("café".encode("latin-1"))
    done = cli("predict", run.dir, *words)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_long_text_is_told_and_shown_short(run, cli) -> None:
    done = cli("predict", run.dir, "fine film " * 100)
    assert "1 of 1 text is longer than 8 tokens: the rest is not read" in done.stderr
    assert len(done.stdout) < 1_000


def test_networks_of_numbers_refuse_texts() -> None:
    quiet: dict[str, Any] = {"wandb": "disabled", "media": False, "data": reviews()}
    with pytest.raises(lab.UsageError, match="--arch perceptron takes numbers; .* gives tokens"):
        lab.run("mlp", arch="perceptron", **quiet)
    with pytest.raises(lab.UsageError, match="convolutional network needs images"):
        lab.run("cnn", **quiet)
