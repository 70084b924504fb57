"""Streamed text is the decoded text, cut before the first stop string."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sequence import TextStream, stream_text
from lab.tokenizers import ByteTokenizer, CharTokenizer, WordTokenizer

LETTERS = st.text("abc ", max_size=30)


def streamed(tokenizer, ids, stop=()) -> list[str]:
    text = TextStream(tokenizer, stop)
    return [*map(text.add, ids), text.close()]


def cut(text: str, stop: list[str]) -> str:
    """The text before the stop string that ends first; of those that end there the longest."""
    for end in range(1, len(text) + 1):
        found = [word for word in stop if text[:end].endswith(word)]
        if found:
            return text[: end - max(map(len, found))]
    return text


@settings(max_examples=200)
@given(st.text(max_size=20))
def test_bytes_come_as_whole_characters(value) -> None:
    pieces = streamed(ByteTokenizer(), ByteTokenizer().encode(value))
    assert "".join(pieces) == value
    if "\ufffd" not in value:
        assert not any("\ufffd" in piece for piece in pieces)


@settings(max_examples=200)
@given(st.lists(st.integers(-1, 259), max_size=20))
def test_bytes_that_are_no_text_come_as_they_decode(ids) -> None:
    assert "".join(streamed(ByteTokenizer(), ids)) == ByteTokenizer().decode(ids)


def test_a_character_comes_with_its_last_byte() -> None:
    assert streamed(ByteTokenizer(), ByteTokenizer().encode("é狗")) == ["", "é", "", "", "狗", ""]


@given(st.lists(st.sampled_from(["the", "dog", ".", "狗", "咬", "new"]), max_size=10))
def test_words_come_with_their_spaces(words) -> None:
    tokenizer = WordTokenizer.train(["the dog . 狗 咬"])
    ids = tokenizer.encode(" ".join(words))
    assert "".join(streamed(tokenizer, ids)) == tokenizer.decode(ids)


@given(st.lists(st.sampled_from(["the", "dog", ".", "狗", "咬"]), min_size=1, max_size=6))
def test_words_go_on_from_a_prompt_with_the_space_between(words) -> None:
    tokenizer = WordTokenizer.train(["the dog . 狗 咬"])
    ids = tokenizer.encode(" ".join(words))
    for cut in range(len(ids) + 1):
        text = TextStream(tokenizer, after=ids[:cut])
        pieces = [*map(text.add, ids[cut:]), text.close()]
        assert tokenizer.decode(ids[:cut]) + "".join(pieces) == tokenizer.decode(ids)


def test_a_stop_string_does_not_begin_in_the_prompt() -> None:
    tokenizer = ByteTokenizer()
    text = TextStream(tokenizer, ["ab"], after=tokenizer.encode("a"))
    assert "".join([*map(text.add, tokenizer.encode("bb")), text.close()]) == "bb"


@given(LETTERS)
def test_unknown_characters_come_too(value) -> None:
    tokenizer = CharTokenizer.train(["a "], unknown="map")
    ids = tokenizer.encode(value)
    assert "".join(streamed(tokenizer, ids)) == tokenizer.decode(ids)


@settings(max_examples=300)
@given(LETTERS, st.lists(st.text("abc ", min_size=1, max_size=4), max_size=3))
def test_text_ends_before_the_first_stop_string_however_it_is_cut_into_tokens(value, stop) -> None:
    for tokenizer in (CharTokenizer.train(["abc "]), ByteTokenizer()):
        assert "".join(streamed(tokenizer, tokenizer.encode(value), stop)) == cut(value, stop)
    pairs = Pairs()
    assert "".join(streamed(pairs, pairs.encode(value), stop)) == cut(value, stop)


class Pairs(ByteTokenizer):
    """Two letters a token."""

    def encode(self, text):
        return [
            4 + ord(a) * 128 + ord(b) for a, b in zip(text[::2], text[1::2] + "\0", strict=False)
        ]

    def decode(self, ids):
        return "".join(chr((i - 4) // 128) + chr((i - 4) % 128) for i in ids).replace("\0", "")


def test_what_may_begin_a_stop_string_is_held_back_and_no_more() -> None:
    tokenizer = CharTokenizer.train(["ab\n"])
    text = TextStream(tokenizer, ["\n\nb"])
    given = [text.add(token) for token in tokenizer.encode("a\n\n\na\n")]
    assert given == ["a", "", "", "\n", "\n\na", ""]
    assert text.close() == "\n"
    assert not text.stopped


def test_nothing_comes_after_a_stop_string() -> None:
    tokenizer = CharTokenizer.train(["ab"])
    text = TextStream(tokenizer, ["bb"])
    assert [text.add(token) for token in tokenizer.encode("abba")] == ["a", "", "", ""]
    assert text.stopped
    assert text.close() == ""


def test_an_empty_stop_string_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one character"):
        TextStream(ByteTokenizer(), [""])


class Script:
    """A model that continues each prompt by what is written for it."""

    def __init__(self, tokenizer, continuations: dict[str, str]) -> None:
        self.tokenizer, self.steps = tokenizer, 0
        self.texts = [
            [tokenizer.special.bos, *tokenizer.encode(prompt + more), tokenizer.special.eos]
            for prompt, more in continuations.items()
        ]

    def step(self, tokens, state):
        self.steps += 1
        place = state["place"]
        for row, (token, at) in enumerate(zip(tokens.tolist(), place.tolist(), strict=True)):
            following = self.texts[row][: at + 1]
            assert at >= len(following) or token == following[at]  # it reads what it wrote
        logits = torch.zeros(len(tokens), self.tokenizer.vocab_size)
        for row, at in enumerate(place.tolist()):
            rest = self.texts[row][at + 1 :]
            logits[row, rest[0] if rest else self.tokenizer.special.pad] = 9
        return logits, {"place": place + 1}


def run(continuations: dict[str, str], **options) -> tuple[list[str], int]:
    script = Script(ByteTokenizer(), continuations)
    state = {"place": torch.zeros(len(continuations), dtype=torch.long)}
    tokenizer = ByteTokenizer()
    prompts = [[tokenizer.special.bos, *tokenizer.encode(prompt)] for prompt in continuations]
    steps = stream_text(script.step, state, tokenizer, prompts, **options)
    return ["".join(pieces) for pieces in zip(*steps, strict=True)], script.steps


def test_prompts_of_different_lengths_are_continued_until_each_ends() -> None:
    texts, _ = run({"": "one", "狗咬": "人。", "long prompt": ""}, max_tokens=20)
    assert texts == ["one", "人。", ""]


def test_rows_stop_at_strings_and_the_last_one_stops_all() -> None:
    options = {"max_tokens": 100, "stop": ["\nQ:"]}
    texts, steps = run(
        {"A": "yes\nQ: more" + "." * 50, "B": "no, never\nQ: x" + "." * 50}, **options
    )
    assert texts == ["yes", "no, never"]
    assert steps == len("B") + len("no, never\nQ:")


def test_max_tokens_cuts_and_gives_what_was_held_back() -> None:
    texts, _ = run({"": "ab\n", "x": "abcdef"}, max_tokens=3, stop=["\n\n"])
    assert texts == ["ab\n", "abc"]
