"""Runs of every shape of task: what they learn, go on to learn, and answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
import torch

import lab

SHAPES: dict[str, dict[str, Any]] = {
    "pictures": {"data": "digits"},
    "sentences": {"data": "sentences", "data_args": {"n": 200}},
    "values": {"data": "adding", "data_args": {"n": 100, "steps": 8}},
    "steps": {"data": "copy-memory", "data_args": {"n": 100, "blanks": 5}},
    "spans": {"data": "stories", "data_args": {"n": 200, "facts": 3}, "answer": "span"},
    "masked": {"data": "sentences", "data_args": {"n": 200}, "pretrain": "masked"},
    "translations": {"data": "reverse", "data_args": {"n": 200, "longest": 4}},
}


def weights_of(folder: Path, which: str = "last") -> dict[str, torch.Tensor]:
    state = torch.load(folder / "checkpoints" / f"{which}.pt", weights_only=True)
    return dict(state["experiment"]["model"])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_run_that_was_cut_goes_on_to_the_bit(shape: str, train) -> None:
    options = {**SHAPES[shape], "dropout": 0.1, "budget": 64}
    whole = train(**options, name="whole")
    cut = train(**{**options, "budget": 32}, name="cut")
    resumed = lab.resume(cut.dir, budget=64)
    assert resumed.summary["state"] == "finished"
    weights, expected = weights_of(cut.dir), weights_of(whole.dir)
    assert helpers.difference(weights, expected) is None


@pytest.mark.parametrize("shape", SHAPES)
def test_a_loaded_run_answers_without_its_data(shape: str, train) -> None:
    folder = train(**SHAPES[shape], budget=16, name=shape).dir
    experiment = lab.load(folder)
    inputs = experiment.example(3)
    answers = experiment.predict(inputs)
    assert len(answers) == 3
    one = experiment.predict(inputs[:1])
    np.testing.assert_allclose(answers[:1], one, atol=1e-5)


def test_pretrained_weights_are_begun_with_but_for_the_head(runs: Path, train) -> None:
    options = {"data": "stories", "data_args": {"n": 200, "facts": 3}, "lr": 1e-12, "budget": 16}
    result = train(**options, answer="span", init_from=str(runs / "pretrained"), name="tuned")
    before, after = weights_of(runs / "pretrained", "best"), weights_of(result.dir)
    readers = {name for name in after if name.startswith("reader.")}
    assert readers
    assert readers == {name for name in before if name.startswith("reader.")}
    for name in readers:
        torch.testing.assert_close(after[name], before[name], atol=1e-9, rtol=0)
    assert after["head.weight"].shape == (2, 16)


def test_weights_are_read_once(runs: Path, train) -> None:
    options = {"data": "stories", "data_args": {"n": 200, "facts": 3}, "answer": "span"}
    first = train(**options, budget=16, name="first")
    second = train(**options, budget=16, init_from=str(first.dir), name="second")
    (first.dir / "checkpoints" / "best.pt").unlink()
    assert lab.resume(second.dir, budget=32).summary["state"] == "finished"


def test_what_is_guessed_and_found_is_said_in_words(runs: Path, cli) -> None:
    story = "mary went to the kitchen . john went to the garden . where is mary ?"
    found = cli("predict", runs / "answering", story, "--json")
    assert found.exit_code == 0, found.output
    assert set(json.loads(found.output)[0]) == {"input", "answer", "probability"}
    hidden = cli(
        "predict", runs / "pretrained", "mary [MASK] to the [MASK] .", "--top", 2, "--json"
    )
    rows = json.loads(hidden.output)
    assert [len(row["classes"]) for row in rows] == [2, 2]


def test_attention_is_drawn_in_the_end(runs: Path) -> None:
    for name in ("pretrained", "answering"):
        assert list((runs / name / "media").glob("*-attention.png"))


@pytest.mark.parametrize("shape", ["pictures", "spans", "masked", "translations"])
def test_an_exported_program_answers_the_same(shape: str, train, cli, tmp_path: Path) -> None:
    """`lab export` reads its file back, and fails where it does not give the same."""
    folder = train(**SHAPES[shape], budget=16, name=shape).dir
    done = cli("export", folder, "--to", "torchexport", "--out", tmp_path / "model.pt2")
    assert done.exit_code == 0, done.output
    program = torch.export.load(tmp_path / "model.pt2").module()
    inputs = lab.load(folder).example(5)
    words = [torch.zeros(5, 5, dtype=torch.long)] if shape == "translations" else []
    assert len(program(inputs, *words)) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "digits", "answer": "span"}, "--answer span finds words of a text"),
        ({"data": "sentences", "answer": "span"}, "says where answers stand"),
        ({"data": "digits", "pretrain": "masked"}, "--pretrain masked hides words"),
        ({"data": "iris"}, "no steps to read one by one"),
        ({"data": "digits", "patch": 3}, "--patch 3 does not divide"),
        ({"data": "digits", "heads": 3}, "--heads 3 do not divide --width 16"),
        ({"data": "digits", "width": 6, "heads": 2, "positions": "rotary"}, "is odd"),
        ({"data": "digits", "init_from": "nobody"}, "nobody"),
        ({"data": "stories", "answer": "span", "pretrain": "masked"}, "leave out --answer"),
        ({**SHAPES["spans"], "label_smoothing": 0.1}, "--label-smoothing has no use here: answers"),
        ({**SHAPES["masked"], "class_weights": "balanced"}, "--class-weights has no use here"),
        ({**SHAPES["translations"], "loss": "huber"}, "--loss has no use here: sentences"),
        ({**SHAPES["translations"], "augment": {"noise": 0.1}}, "--augment varies numbers"),
    ],
)
def test_what_cannot_be_is_said_plainly(options: dict[str, Any], message: str, train) -> None:
    with pytest.raises(lab.UsageError) as error:
        train(**options)
    assert message in str(error.value)
    assert str(error.value).count("\n") < 2


@pytest.mark.parametrize("shape", ["sentences", "translations"])
def test_what_is_longer_than_learned_positions_is_refused_plainly(shape: str, train) -> None:
    result = train(**SHAPES[shape], positions="learned", budget=16, name=f"learned {shape}")
    experiment = lab.load(result.dir)
    words = experiment.example(1)
    longest = words.shape[1]
    longer = np.repeat(np.asarray(words)[:, :1], longest + 3, 1)
    message = f"{longest + 3} steps are more than the {longest} of the longest in training"
    with pytest.raises(lab.UsageError, match=message):
        experiment.predict(longer)


def test_words_that_hide_nothing_or_that_nobody_knows_are_refused(runs: Path, cli) -> None:
    for text, message in (("mary went", "hides no word"), ("zebra [MASK]", "'zebra'")):
        result = cli("predict", runs / "pretrained", text)
        assert result.exit_code != 0
        assert message in result.output
    result = cli("predict", runs / "answering", "where is mary ?", "--beam", 2)
    assert "--beam is not for a run that answers by spans" in result.output
