"""Text comes back from its ids, through plain data too."""

from __future__ import annotations

import json
import sys
from collections import Counter

import helpers
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lab
from lab.tokenizers import (
    SPECIAL,
    TOKENIZERS,
    BPETokenizer,
    ByteTokenizer,
    CharTokenizer,
    WordTokenizer,
    load_tokenizer,
    train_tokenizer,
)

text = st.text(max_size=40)
wordy = st.lists(
    st.sampled_from(["the", "dog's", "DOG", "3", ".", ",", "<unk>", "狗", "咬", "，", "カ", "né"]),
    max_size=12,
)


def trained(name: str, *texts: str):
    if name == "bpe":
        pytest.importorskip("tokenizers")
        return train_tokenizer(name, texts, vocab_size=300)
    return train_tokenizer(name, texts)


@given(text)
def test_characters_come_back(value) -> None:
    tokenizer = CharTokenizer.train([value])
    ids = tokenizer.encode(value)
    assert tokenizer.decode(ids) == value
    assert len(ids) == len(value)
    assert tokenizer.vocab_size == 4 + len(set(value))
    assert all(4 <= token < tokenizer.vocab_size for token in ids)


@given(text)
def test_bytes_come_back(value) -> None:
    ids = ByteTokenizer().encode(value)
    assert ByteTokenizer().decode(ids) == value
    assert bytes(token - 4 for token in ids) == value.encode()


@given(st.lists(st.integers(-1, 259), max_size=20))
def test_any_byte_ids_decode_to_some_text(ids) -> None:
    assert isinstance(ByteTokenizer().decode(ids), str)


@given(text)
def test_words_come_back_but_for_the_spaces(value) -> None:
    tokenizer = WordTokenizer.train([value])
    decoded = tokenizer.decode(tokenizer.encode(value))
    assert "".join(decoded.split()) == "".join(value.split())


@given(wordy)
def test_what_words_decode_to_encodes_to_the_same(words) -> None:
    value = " ".join(words)
    tokenizer = WordTokenizer.train([value])
    ids = tokenizer.encode(value)
    assert tokenizer.encode(tokenizer.decode(ids)) == ids


@given(text)
def test_byte_pairs_come_back_whatever_they_were_trained_on(value) -> None:
    tokenizer = trained("bpe", "the dog bit the man, the man bit the dog; 狗咬人")
    ids = tokenizer.encode(value)
    assert tokenizer.decode(ids) == value
    assert all(4 <= token < tokenizer.vocab_size for token in ids)


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
@pytest.mark.parametrize("value", ["The dog bit the man.", "狗咬人，人咬狗。", "日本語のテキスト"])
def test_plain_data_describe_all_of_a_tokenizer(name, value) -> None:
    tokenizer = trained(name, value)
    plain = json.loads(json.dumps(tokenizer.to_plain()))
    again = load_tokenizer(plain)
    assert again.encode(value) == tokenizer.encode(value) != []
    assert (
        again.decode(again.encode(value))
        == tokenizer.decode(tokenizer.encode(value))
        == value.replace("man.", "man ." if name == "word" else "man.")
    )
    assert again.vocab_size == tokenizer.vocab_size
    assert again.to_plain() == tokenizer.to_plain()


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_special_ids_are_no_text_and_no_text_is_special(name) -> None:
    spelled = "<pad> <bos> <eos> <unk> <s> </s> <|endoftext|>"
    tokenizer = trained(name, spelled)
    ids = tokenizer.encode(spelled)
    assert not set(ids) & {SPECIAL.pad, SPECIAL.bos, SPECIAL.eos, SPECIAL.unknown}
    surrounded = [SPECIAL.bos, *ids, SPECIAL.eos, SPECIAL.pad, -1]
    assert tokenizer.decode(surrounded) == tokenizer.decode(ids)
    assert tokenizer.special == SPECIAL == (0, 1, 2, 3)


# -- what is unknown


def test_an_unknown_character_is_refused_by_name_and_place() -> None:
    tokenizer = CharTokenizer.train(["abc"])
    with pytest.raises(lab.UsageError, match="character '中' at position 2 .* the 3 that"):
        tokenizer.encode("ab中c")


def test_an_unknown_character_is_mapped_where_that_is_wanted() -> None:
    tokenizer = CharTokenizer.train(["abc"], unknown="map")
    ids = tokenizer.encode("a中c")
    assert ids[1] == SPECIAL.unknown
    assert tokenizer.decode(ids) == "a\ufffdc"
    assert load_tokenizer(tokenizer.to_plain()).encode("a中c") == ids


def test_unknown_words_are_counted() -> None:
    tokenizer = WordTokenizer.train(["the dog bit the man"])
    value = "the cat bit the other cat"
    ids = tokenizer.encode(value)
    assert ids.count(SPECIAL.unknown) == 3
    assert tokenizer.unknown(value) == Counter({"cat": 2, "other": 1})
    assert tokenizer.decode(ids) == "the <unk> bit the <unk> <unk>"


def test_words_are_kept_by_their_counts() -> None:
    value = "a a a b b c d The the"
    assert WordTokenizer.train([value]).words == ("a", "b", "The", "c", "d", "the")
    assert WordTokenizer.train([value], max_words=2).words == ("a", "b")
    assert WordTokenizer.train([value], min_count=2).words == ("a", "b")
    lower = WordTokenizer.train([value], lowercase=True, min_count=2)
    assert lower.words == ("a", "b", "the")
    assert lower.encode("THE A") == [6, 4]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("Don't stop, 3.5 times!", ["Don't", "stop", ",", "3", ".", "5", "times", "!"]),
        ("我爱 deep learning。", ["我", "爱", "deep", "learning", "。"]),
        ("naïve café_2", ["naïve", "café_2"]),
    ],
)
def test_words_are_parted_from_marks_and_ideographs(value, words) -> None:
    tokenizer = WordTokenizer.train([value])
    assert sorted(tokenizer.words) == sorted(set(words))
    assert [tokenizer.decode([token]) for token in tokenizer.encode(value)] == words


# -- byte pairs


def test_byte_pairs_merge_the_most_frequent_pair_first() -> None:
    """Sennrich et al. (2016), section 3.2: "a" + "b" comes 4 times, then "ab" + "c" 3 times."""
    tokenizer = trained("bpe", "abc,abc,abc,ab")
    assert len(tokenizer.encode("abc")) == 1
    assert len(tokenizer.encode("ab")) == 1
    assert len(tokenizer.encode("bc")) == 2


def test_byte_pairs_need_room_for_the_bytes() -> None:
    with pytest.raises(lab.UsageError, match="260 ids or more, not 100"):
        BPETokenizer.train(["text"], vocab_size=100)


def test_without_the_library_one_line_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(lab.UsageError, match=r"pip install 'rl-gen-lab\[text\]'"):
        train_tokenizer("bpe", ["text"])


# -- names


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(lab.UsageError, match="no tokenizer 'syllable'. There is: char, byte, word"):
        train_tokenizer("syllable", [])
    with pytest.raises(lab.UsageError, match="no 'tokenizer'"):
        load_tokenizer({"characters": "abc"})


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
def test_a_name_is_its_tokenizers_own(name) -> None:
    module, _, attribute = TOKENIZERS[name].partition(":")
    assert getattr(__import__(module, fromlist=[attribute]), attribute).name == name


def test_the_names_and_the_declarations_come_without_anything_heavy(tmp_path) -> None:
    code = (
        "import sys; from lab.tokenizers import TOKENIZERS\n"
        "from lab.metrics import TOKEN_METRICS, LANGUAGE_MODEL_METRICS, FORECAST_METRICS\n"
        "print('LOADED', *{'torch', 'numpy', 'scipy', 'tokenizers'} & set(sys.modules))"
    )
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert child.stdout.split() == ["LOADED"], child.stderr
