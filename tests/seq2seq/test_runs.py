"""A run learns, writes texts of texts, shows where it looks, and leaves for other software."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers import summary

import lab
from lab.capabilities import Translate

KINDS = ("gru", "transformer")
pytestmark = pytest.mark.xdist_group("seq2seq")


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_learned_is_more_than_what_comes_most_often(runs, kind) -> None:
    """Four letters are guessed right a quarter of the time, and no word of three is."""
    test = summary(runs(kind))["test"]
    assert test["test/token_accuracy"] > 0.5
    assert test["test/error_rate"] < 0.5
    assert test["test/exact_match"] > 0.3
    low, high = (test[f"test/exact_match_{end}"] for end in ("low", "high"))
    assert low < test["test/exact_match"] < high


@pytest.mark.parametrize("kind", KINDS)
def test_figures_of_the_test_are_those_of_what_is_predicted(runs, kind) -> None:
    run = lab.load(runs(kind))
    split = run.task.data.test.first(1_000)
    written = run.predict(split["inputs"])
    right = split["targets"].numpy()
    width = max(written.shape[1], right.shape[1])
    padded = [np.pad(a, ((0, 0), (0, width - a.shape[1]))) for a in (written, right)]
    exact = (padded[0] == padded[1]).all(1).mean()
    assert summary(runs(kind))["test"]["test/exact_match"] == pytest.approx(exact)


@pytest.mark.parametrize("kind", KINDS)
def test_texts_are_predicted_alike_from_python_and_the_command_line(runs, cli, kind) -> None:
    words = ["abcd", "ba", "d"]
    answers = lab.load(runs(kind)).predict(words)
    assert answers.shape == (3,)
    result = cli("predict", runs(kind), *words, "--json")
    rows = json.loads(result.stdout)
    assert [row["input"] for row in rows] == words
    assert [row["output"] for row in rows] == answers.tolist()
    assert all(row["log_probability"] <= 0 for row in rows)


def test_a_beam_of_the_command_finds_nothing_less_likely_for_short_words(runs, cli) -> None:
    plain, wide = (
        json.loads(cli("predict", runs("gru"), "d", "a", "--beam", beam, "--json").stdout)
        for beam in (1, 64)
    )
    for one, other in zip(plain, wide, strict=True):
        assert other["log_probability"] >= one["log_probability"] - 1e-4


def test_lines_of_standard_input_are_answered(runs, tmp_path, monkeypatch) -> None:
    from click.testing import CliRunner

    from lab.cli import main

    arguments = ["predict", str(runs("gru")), "-", "--csv"]
    result = CliRunner().invoke(main, arguments, input="abcd\nba\n", prog_name="lab")
    lines = result.stdout.splitlines()
    assert lines[0] == "input,output,log_probability"
    assert [line.split(",")[0] for line in lines[1:]] == ["abcd", "ba"]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["xyz"], "training saw no character 'x'; it has a, b, c, d"), ([], "Nothing to predict")],
)
def test_what_cannot_be_read_is_said_plainly(runs, cli, words, message) -> None:
    result = cli("predict", runs("gru"), *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_shows_where_it_looks_and_how_length_tells(runs, kind) -> None:
    names = " ".join(path.name for path in media(runs(kind)))
    assert "attention" in names
    assert "exact_by_length" in names


def media(folder: Path) -> list[Path]:
    return [path for path in (folder / "media").rglob("*") if path.is_file()]


def test_a_bottleneck_attends_to_nothing_that_could_be_shown(train) -> None:
    run = train(context="vector", media=True, name="vector")
    assert any("exact_by_length" in path.name for path in media(run.dir))
    assert not any("attention" in path.name for path in media(run.dir))


# -- other software


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("to", ["onnx", "torchexport"])
def test_an_exported_model_gives_the_logits_of_what_follows(runs, cli, tmp_path, kind, to) -> None:
    """Greedy words out of the file alone are those of `predict`, for another batch than was
    exported with."""
    path = tmp_path / ("it.onnx" if to == "onnx" else "it.pt2")
    result = cli("export", runs(kind), "--to", to, "--out", path)
    assert result.exit_code == 0, result.output
    assert not (tmp_path / "serve.py").exists()  # it is for models of one input
    run = lab.load(runs(kind))
    inputs = np.asarray(run.example(5))
    expected = run.predict(inputs)
    steps, words = expected.shape[1], 5
    tokens = np.zeros((5, steps), np.int64)
    tokens[:, 0] = words
    follow = onnx(path) if to == "onnx" else exported(path)
    for step in range(steps - 1):
        logits = follow(inputs, tokens)
        assert logits.shape == (5, steps, words)
        tokens[:, step + 1] = logits[:, step].argmax(-1)
    ended = np.logical_or.accumulate(tokens[:, 1:] == 0, axis=1)
    assert np.array_equal(np.where(ended, 0, tokens[:, 1:]), expected[:, :-1])


def onnx(path: Path) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["target_vocabulary"]) == ["", "a", "b", "c", "d"]
    return lambda inputs, tokens: session.run(None, {"inputs": inputs, "tokens": tokens})[0]


def exported(path: Path) -> Any:
    module = torch.export.load(path).module()
    return lambda *values: module(*map(torch.from_numpy, values)).detach().numpy()


# -- how training goes


def test_own_words_are_read_as_the_schedule_says(train) -> None:
    run = train(teacher_forcing=0.0, teacher_forcing_schedule="linear", log_every=32)
    rows = lab.Run(run.dir).metrics()
    forced = [row["train/teacher_forcing"] for row in rows if "train/teacher_forcing" in row]
    assert forced == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_training_stops_where_the_eval_split_gains_nothing(train) -> None:
    run = train(lr=1e-9, patience=1, budget=6_000, eval_every=6_000)
    ended = run.summary
    assert ended["ended"] == "complete"
    assert ended["clock"]["value"] < 6_000


def test_averaged_weights_are_those_that_write(train, monkeypatch) -> None:
    run = lab.load(train(ema=0.9).dir)
    inside: list[bool] = []

    @contextmanager
    def averaged() -> Iterator[None]:
        inside.append(True)
        yield
        inside.clear()

    def decode(batch: lab.Batch, search: Any) -> Any:
        assert inside
        return written(batch, search)

    written = run.decode
    monkeypatch.setattr(run, "decode", decode)
    monkeypatch.setattr(run.updater, "averaged", averaged)
    assert run.predict(["ab", "c"]).shape == (2,)
    assert len(run.predict_command(Translate(inputs=("ab",)))) == 1


def test_a_wider_beam_is_what_an_evaluation_searches_with(train) -> None:
    run = train(beam=3, length_penalty=0.6, max_tokens=4)
    search = lab.load(run.dir).task.search
    assert (search.beam, search.length_penalty, search.max_tokens) == (3, 0.6, 4)


@pytest.mark.parametrize(
    "options",
    [
        {"data": "captions", "data_args": {"n": 60}},
        {"data": "utterances", "data_args": {"n": 40}},
        {"data": "dates", "data_args": {"n": 60}, "encoder": "transformer"},
        {"data": "number-words", "data_args": {"n": 60, "unit": "word"}, "decoder": "transformer"},
    ],
)
def test_every_kind_of_source_is_learned_from_and_predicted(train, options) -> None:
    run = train(**options, batch_size=16, budget=32, eval_every=32)
    loaded = lab.load(run.dir)
    written = loaded.predict(loaded.example(3))
    assert written.shape[0] == 3
    assert written.dtype == np.int64


def test_sentences_of_a_file_of_ones_own(train, tmp_path, cli) -> None:
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{'ab' * n} {n}\t{n} yes\n" for n in range(1, 41)))
    run = train(data=f"pairs:{file}", data_args={"unit": "word"}, preset="none", hidden_size=8)
    answer = lab.load(run.dir).predict(["abab 2"])
    assert answer.dtype.kind == "U"
    result = cli("predict", run.dir, "abab 2", "abc 2")
    assert "training saw no word 'abc'" in result.stderr
