"""Texts with labels become tokens by a tokenizer that the training split alone taught."""

from __future__ import annotations

import numpy as np
import pytest

import lab
from lab.data.options import TextOptions
from lab.data.record import DataRecord
from lab.data.text_encoding import TextEncoding
from lab.tokenizers.protocol import SPECIAL

TEXTS = ["Good film, good!", "bad film", "good or bad"]
WORDS = ("good", "bad", "film")  # those that come twice, the most frequent first


def encoding(**options) -> TextEncoding:
    return TextEncoding.fit(TEXTS, TextOptions(**options))


def test_words_that_come_twice_are_known_by_any_spelling() -> None:
    read = encoding()
    assert read.vocabulary == ("", "<bos>", "<eos>", "<unk>", *WORDS)
    (ids,) = read.ids(["GOOD new film"])
    assert [read.vocabulary[number] for number in ids] == ["good", "<unk>", "film"]


def test_rows_are_cut_and_filled_up() -> None:
    read = encoding()
    assert read.length == 5  # of the longest training text: good film , good !
    ids = read.ids(["bad", "", "good " * 7])
    np.testing.assert_array_equal(
        read.rows(ids), [[5, 0, 0, 0, 0], [SPECIAL.unknown, 0, 0, 0, 0], [4] * 5]
    )
    assert read.cut(ids) == 1
    assert read.unknown(ids) == pytest.approx(1 / 9)


def test_options_choose_pieces_and_how_many() -> None:
    assert encoding(max_length=2).length == 2
    assert encoding(vocab_size=5).vocabulary[4:] == ("good",)
    characters = encoding(tokenizer="char")
    assert set(characters.vocabulary[4:]) == set("".join(TEXTS))
    assert characters.length == len(TEXTS[0])
    assert encoding(tokenizer="byte").ids(["é"]) == [[4 + 0xC3, 4 + 0xA9]]


@pytest.mark.parametrize("tokenizer", [None, "char", "byte", "bpe"])
def test_plain_data_read_the_same(tokenizer) -> None:
    if tokenizer == "bpe":
        pytest.importorskip("tokenizers")
    read = encoding(tokenizer=tokenizer)
    again = TextEncoding.from_plain(read.as_plain())
    new = ["a Good one", "狗", ""]
    np.testing.assert_array_equal(again.rows(again.ids(new)), read.rows(read.ids(new)))
    assert again.vocabulary == read.vocabulary


class Reads(TextOptions, lab.DataOptions): ...


def dataset(number: int = 60) -> lab.Dataset:
    texts = [f"{'fine' if n % 2 else 'poor'} work {'x' * (n % 3)} number{n}" for n in range(number)]
    return lab.Dataset(texts, np.arange(number) % 2, ("no", "yes"))


def test_splits_are_tokens_that_training_texts_taught(load_data) -> None:
    data = load_data(dataset(), options=Reads).data
    info = data.info
    assert (info.kind, info.shape, info.task) == ("tokens", (4,), "classify")
    assert not [word for word in info.vocabulary if word.startswith("number")]  # each comes once
    for tokens, row in zip(data.test.first(9)["inputs"].tolist(), data.parts["test"], strict=False):
        words = data.dataset.inputs[row].split()
        known = [word if word in info.vocabulary else "<unk>" for word in words]
        assert [info.vocabulary[token] for token in tokens if token] == known
    assert lab.DatasetInfo.from_plain(info.as_plain()).as_plain() == info.as_plain()


def test_what_is_cut_or_unknown_is_told(load_data) -> None:
    loaded = load_data(dataset(), record=DataRecord(), options=Reads, max_length=2)
    _ = loaded.data.train, loaded.data.eval, loaded.data.test
    cut, unknown = loaded.warned
    assert "60 of 60 texts are longer than 2 tokens and are cut there (--max-length)" in cut
    assert "of the words of its eval and test splits are unknown" in unknown


def test_an_experiment_without_the_options_is_told_that_it_takes_numbers(load_data) -> None:
    with pytest.raises(lab.UsageError, match="gives texts, and what it is for takes numbers"):
        _ = load_data(dataset()).data.train
