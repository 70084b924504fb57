"""Sentences are prepared, scored and written as their definitions say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

import lab
from lab.compute.device import Compute
from lab.data.batches import IGNORED, Batch
from lab.engine.context import Context
from lab.plugins import discover
from lab.sequence.decoding import Hypothesis
from lab.supervised.sentences import Sentences
from lab.supervised.translation import Search, TranslationTask
from lab.supervised.translation_config import TranslationOptions
from lab.supervised.translation_scores import TranslationScores, draw_by_length

SMALL = {"data": "reverse", "data_args": {"n": 60, "longest": 5, "symbols": 3}}


def translation(folder: Path, **options: Any) -> TranslationTask:
    compute, sources = Compute(torch.device("cpu")), discover().sources()
    ctx = Context(
        seed=0,
        budget=1,
        dir=folder / "run",
        compute=compute,
        sources=sources,
        objective=("eval/error_rate", "min"),
    )
    return TranslationTask(TranslationOptions(**{**SMALL, "batch_size": 16, **options}), ctx)


def letters(tokens: Sequence[int]) -> str:
    return "".join("abc"[token - 1] for token in tokens if token > 0)


def backwards(batch: Batch, search: Search) -> list[Hypothesis]:
    """What a perfect network writes."""
    rows = [[token for token in row if token] for row in batch["inputs"].tolist()]
    return [Hypothesis(row[::-1], -1.5, -1.5, True) for row in rows]


def again(batch: Batch, search: Search) -> list[Hypothesis]:
    """What a network writes that has learned to copy."""
    rows = [[token for token in row if token] for row in batch["inputs"].tolist()]
    return [Hypothesis(row, -1.5, -1.5, True) for row in rows]


# -- what is learned


def test_a_decoder_reads_the_target_one_step_late_and_learns_one_end(tmp_path) -> None:
    task = translation(tmp_path)
    assert task.bos == 4
    for _ in range(8):
        batch = task.next()
        assert batch["targets"].shape == batch["decoder_inputs"].shape
        for source, target, read in zip(
            batch["inputs"].tolist(),
            batch["targets"].tolist(),
            batch["decoder_inputs"].tolist(),
            strict=True,
        ):
            expected = [token for token in source if token][::-1]
            steps = len(expected)
            assert target[: steps + 1] == [*expected, 0]
            assert set(target[steps + 1 :]) <= {IGNORED}
            assert read[: steps + 1] == [4, *expected]


def test_a_target_that_fills_its_row_has_an_end_all_the_same(tmp_path) -> None:
    task = translation(tmp_path)
    full = {"inputs": torch.tensor([[1, 2], [1, 0]]), "targets": torch.tensor([[2, 1], [1, 0]])}
    batch = task.prepare(full)
    assert batch["targets"].tolist() == [[2, 1, 0], [1, 0, IGNORED]]
    assert batch["decoder_inputs"].tolist() == [[4, 2, 1], [4, 1, 0]]


def test_steps_that_are_padding_in_each_row_are_cut_and_no_others(tmp_path) -> None:
    task = translation(tmp_path)
    batch = {"inputs": torch.tensor([[1, 2, 0, 0], [3, 0, 0, 0]])}
    batch["targets"] = torch.tensor([[1, 0, 0, 0], [3, 1, 0, 0]])
    prepared = task.prepare(batch)
    assert prepared["inputs"].tolist() == [[1, 2], [3, 0]]
    assert prepared["targets"].tolist() == [[1, 0, IGNORED], [3, 1, 0]]
    task._trims = False
    assert task.prepare(batch)["inputs"].shape == (2, 4)
    assert task.prepare(batch)["targets"].shape == (2, 5)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_mean_over_tokens_and_ends(tmp_path, smoothing) -> None:
    task = translation(tmp_path, label_smoothing=smoothing)
    batch = task.next()
    logits = torch.randn(*batch["targets"].shape, 4, dtype=torch.float64)
    loss, accuracy = task.loss(logits, batch)
    nats, right = [], []
    for row, targets in zip(logits, batch["targets"].tolist(), strict=True):
        for scores, token in zip(row.log_softmax(-1), targets, strict=True):
            if token != IGNORED:
                nats.append(-(1 - smoothing) * scores[token] - smoothing * scores.mean())
                right.append(int(scores.argmax()) == token)
    assert float(loss) == pytest.approx(float(torch.stack(nats).mean()))
    assert float(accuracy) == pytest.approx(np.mean(right))
    assert float(task.weight(batch)) == len(nats)
    changed = logits.where((batch["targets"] != IGNORED)[..., None], 7.0)
    assert float(task.loss(changed, batch)[0]) == pytest.approx(float(loss))


def test_what_is_no_translation_is_refused(tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="iris is table data to classify"):
        translation(tmp_path, data="iris", data_args={})


# -- what is measured


@pytest.mark.parametrize("split", ["eval", "test"])
def test_a_perfect_writer_makes_no_error(tmp_path, split) -> None:
    task = translation(tmp_path)

    def certain(batch: Batch) -> torch.Tensor:
        targets = batch["targets"].clamp(min=0)
        return 50.0 * functional.one_hot(targets, 4).float()

    metrics = task.measure(certain, backwards, split)
    assert (metrics["error_rate"], metrics["exact_match"], metrics["token_accuracy"]) == (0, 1, 1)
    assert metrics["bleu"] == pytest.approx(100)
    assert metrics["loss"] == pytest.approx(0, abs=1e-6)
    assert ("n" in metrics) == (split == "test")


def test_what_is_written_and_what_is_known_are_measured_apart(tmp_path) -> None:
    """Uniform scores have ln V nats a token; who copies is right where a word is its own mirror."""
    task = translation(tmp_path)
    metrics = task.measure(lambda batch: torch.zeros(*batch["targets"].shape, 4), again, "test")
    inputs = task.data.test.first(100)["inputs"].tolist()
    words = [letters(row) for row in inputs]
    mirrors = [word == word[::-1] for word in words]
    assert 0 < np.mean(mirrors) < 1
    assert metrics["exact_match"] == pytest.approx(np.mean(mirrors))
    assert metrics["loss"] == pytest.approx(math.log(4))
    assert metrics["perplexity"] == pytest.approx(4)
    assert metrics["n"] == len(words)
    edits = sum(edits_of(word, word[::-1]) for word in words)
    assert metrics["error_rate"] == pytest.approx(edits / sum(map(len, words)))


def edits_of(a: str, b: str) -> int:
    """Levenshtein's distance by his own recursion."""
    if not a or not b:
        return len(a) + len(b)
    if a[0] == b[0]:
        return edits_of(a[1:], b[1:])
    return 1 + min(edits_of(a[1:], b), edits_of(a, b[1:]), edits_of(a[1:], b[1:]))


def test_who_is_not_forced_has_no_loss(tmp_path) -> None:
    metrics = translation(tmp_path).measure(None, backwards, "eval")
    assert set(metrics) == {"error_rate", "exact_match", "bleu"}


def test_exact_sentences_are_counted_by_the_length_of_their_source(tmp_path) -> None:
    scores = TranslationScores(Sentences(("", "a", "b")))
    targets = torch.tensor([[1, 0], [2, 0], [1, 2]])
    scores.add_sentences([[1], [1], [1, 2]], targets, torch.tensor([3, 3, 7]))
    scores.add_sentences([[1]], targets[2:], torch.tensor([9]))
    assert scores.by_length() == {3: [True, False], 7: [True], 9: [False]}
    bars = draw_by_length(scores.by_length()).axes[0].patches
    assert [bar.get_height() for bar in bars] == [0.5, 1.0, 0.0]
    many = draw_by_length({length: [True] for length in range(1, 31)})
    assert len(many.axes[0].patches) == 10


# -- what is written


def test_a_beam_finds_what_greed_misses_and_a_penalty_prefers_the_long() -> None:
    """After the start, 1 has .6 and 2 .4; after 1 an end has .5, after 2 all of it. 2 alone has
    .4 then, 1 alone .3, and 1 2 has .15, which being longer is worth from a penalty of 5.5 on."""
    table = torch.tensor([[1.0, 0, 0], [0.5, 0.25, 0.25], [1, 0, 0], [0.0, 0.6, 0.4]])

    def step(tokens, state):
        return table[tokens].log(), state

    def found(beam: int, penalty: float) -> list[int]:
        (best,) = Search(beam, penalty, 3, 3)(step, {}, 1)
        return best.tokens

    assert found(1, 0.0) == [1]
    assert found(2, 0.0) == [2]
    assert found(3, 5.0) == [2]
    assert found(3, 6.0) == [1, 2]


def test_texts_are_answered_with_texts_and_rows_with_rows(tmp_path) -> None:
    task = translation(tmp_path)
    assert task.predict(["abc", "ba"], backwards).tolist() == ["cba", "ab"]
    rows = task.example(2)
    answers = task.predict(rows, backwards)
    assert answers.shape == (2, 6)
    for row, answer in zip(rows.tolist(), answers.tolist(), strict=True):
        assert letters(answer) == letters(row)[::-1]
    assert np.array_equal(answers, task.predict(rows.tolist(), backwards))


def test_typed_words_are_answered_in_order(tmp_path, monkeypatch) -> None:
    task = translation(tmp_path)
    seen = []

    def noting(batch: Batch, search: Search) -> list[Hypothesis]:
        seen.append(search)
        return backwards(batch, search)

    monkeypatch.setattr("sys.stdin", SimpleNamespace(read=lambda: "ab\n\ncc\n"))
    options = SimpleNamespace(inputs=("abcabca", "-"), beam=4, length_penalty=None, max_tokens=9)
    rows = task.predict_command(options, noting)
    assert [row["input"] for row in rows] == ["abcabca", "ab", "cc"]
    assert [row["output"] for row in rows] == ["acbacba", "ba", "cc"]
    assert rows[0]["log_probability"] == -1.5
    assert seen == [Search(4, 0.0, 9, 4)]


def test_the_longest_target_bounds_what_is_written(tmp_path) -> None:
    assert translation(tmp_path).search == Search(1, 0.0, 6, 4)
    searching = translation(tmp_path, beam=3, length_penalty=0.6, max_tokens=4).search
    assert searching == Search(3, 0.6, 4, 4)


@pytest.mark.parametrize(
    ("text", "message"),
    [("abz", "'abz': training saw no character 'z'; it has a, b"), ("  ", "an empty text")],
)
def test_what_training_never_saw_is_said(tmp_path, text, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        translation(tmp_path).predict([text], backwards)


# -- texts and tokens


@pytest.mark.parametrize(
    ("words", "text", "tokens"),
    [
        (("", "a", "b"), "abba", [1, 2, 2, 1]),
        (("", " ", "a", "b"), "a b", [2, 1, 3]),
        (("", "AH", "B"), "B AH", [2, 1]),
        (("", ",", "forty-two", "yes"), "yes, forty-two", [3, 1, 2]),
    ],
)
def test_texts_are_read_as_their_vocabulary_is_spelled(words, text, tokens) -> None:
    sentences = Sentences(words)
    assert sentences.tokens(text) == tokens
    assert sentences.text([*tokens, 0, 1]).replace(" ,", ",") == text


def test_rows_are_filled_up_to_the_longest() -> None:
    rows = Sentences(("", "a", "b")).rows(["ab", "b"], 1)
    assert rows.tolist() == [[1, 2], [2, 0]]
    assert Sentences(("", "a", "b")).rows(["ab"], 4).tolist() == [[1, 2, 0, 0]]
