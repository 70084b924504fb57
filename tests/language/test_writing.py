"""What is written is what the model says, prompt by prompt as in a batch."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

import pytest
import torch
from language_models import Bigrams, Window, Words

import lab
from lab.capabilities import Write
from lab.options import build
from lab.supervised.writing import Writer
from lab.tokenizers import ByteTokenizer, CharTokenizer, WordTokenizer

CHARS = CharTokenizer.train(["abcdefgh \n"], unknown="map")
CPU = torch.device("cpu")


def writer(model, tokenizer=CHARS, one_text=True) -> Writer:
    return Writer(model, tokenizer, one_text, CPU)


def written(model, tokenizer=CHARS, *, one_text=True, seed=0, **options) -> list[str]:
    generator = torch.Generator().manual_seed(seed)
    texts = writer(model, tokenizer, one_text).texts(build(Write, options), generator)
    return ["".join(pieces) for pieces in texts]


def recurrent(seed: int = 0, size: int = CHARS.vocab_size) -> Words:
    torch.manual_seed(seed)
    model = Words(size)
    with torch.no_grad():
        model.scores.weight.mul_(20)  # the likeliest token is so by far
    return model


def window(length: int = 4, seed: int = 0) -> Window:
    torch.manual_seed(seed)
    return Window(CHARS.vocab_size, length)


def chain(text: str) -> Bigrams:
    """A model that goes around in a text whose characters all differ."""
    ids = CHARS.encode(text)
    scores = torch.full((CHARS.vocab_size, CHARS.vocab_size), -20.0)
    for before, after in zip(ids, [*ids[1:], ids[0]], strict=True):
        scores[before, after] = 0
    return Bigrams(scores)


def by_hand(model, prompt: str, number: int) -> str:
    """Greedy writing as it is defined: all that was read, once more for each token."""
    ids = CHARS.encode(prompt)
    for _ in range(number):
        with torch.no_grad():
            logits, _ = model(torch.tensor([ids]))
        scores = logits[0, -1].clone()
        scores[:4] = -torch.inf
        ids.append(int(scores.argmax()))
    return CHARS.decode(ids)


@pytest.mark.parametrize("model", [recurrent(), window()], ids=["carried", "window"])
def test_greedy_writing_is_the_likeliest_token_after_all_that_was_read(model) -> None:
    for prompt in ("a", "abc", "hgfedcba abc"):
        options = {"prompt": prompt, "temperature": 0, "max_tokens": 12}
        assert written(model, **options) == [by_hand(model, prompt, 12)]


@pytest.mark.parametrize("model", [recurrent(1), window(5, 1)], ids=["carried", "window"])
def test_prompts_of_all_lengths_are_written_together_as_one_by_one(model) -> None:
    letters = "abcdefgh"
    prompts = tuple(
        "".join(letters[(seed * 7 + 3 * place) % 8] for place in range(1 + seed % 13))
        for seed in range(70)
    )
    options = {"temperature": 0, "max_tokens": 10}
    alone = [written(model, prompt=prompt, **options)[0] for prompt in prompts]
    assert written(model, prompt=prompts, **options) == alone
    assert all(text.startswith(prompt) for text, prompt in zip(alone, prompts, strict=True))


def test_beyond_the_context_only_the_end_of_a_prompt_counts() -> None:
    model = window(4)
    options = {"temperature": 0, "max_tokens": 9}
    (long,) = written(model, prompt="hhhhgfaebd", **options)
    (short,) = written(model, prompt="aebd", **options)
    assert long.removeprefix("hhhhgf") == short


def test_tokens_are_drawn_as_often_as_the_model_says() -> None:
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    scores = torch.full((CHARS.vocab_size, CHARS.vocab_size), -torch.inf)
    scores[:, CHARS.encode("abcd")] = probabilities.log()
    texts = written(Bigrams(scores), prompt="a", n=4_000, max_tokens=1)
    counts = Counter(text[1] for text in texts)
    for letter, p in zip("abcd", probabilities.tolist(), strict=True):
        assert counts[letter] / 4_000 == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 4_000))
    assert set("".join(written(Bigrams(scores), n=50, max_tokens=9, top_k=2))) == {"a", "b"}
    assert set("".join(written(Bigrams(scores), n=50, max_tokens=9, top_p=0.4))) == {"a"}


def test_a_seed_writes_the_same_again_and_another_something_else() -> None:
    options = {"prompt": "a", "max_tokens": 30}
    assert written(recurrent(), seed=3, **options) == written(recurrent(), seed=3, **options)
    assert written(recurrent(), seed=3, **options) != written(recurrent(), seed=4, **options)


def test_what_is_no_text_is_never_written() -> None:
    scores = torch.zeros(CHARS.vocab_size, CHARS.vocab_size)
    scores[:, :4] = 50.0
    texts = written(Bigrams(scores), n=20, max_tokens=50)
    assert {len(text) for text in texts} == {50}  # one text has no end
    assert "\ufffd" not in "".join(texts)


def test_texts_of_their_own_begin_after_bos_and_end() -> None:
    special = CHARS.special
    scores = torch.full((CHARS.vocab_size, CHARS.vocab_size), -20.0)
    scores[special.bos, CHARS.encode("a")] = 0
    scores[CHARS.encode("a"), CHARS.encode("b")] = 0
    scores[CHARS.encode("b"), special.eos] = 0
    model = Bigrams(scores)
    assert written(model, one_text=False, temperature=0) == ["ab"]
    assert written(model, one_text=False, beam=3) == ["ab"]
    assert written(model, one_text=False, temperature=0, prompt="a") == ["ab"]


def test_a_line_begins_where_there_is_no_prompt() -> None:
    assert written(chain("\nabc"), temperature=0, max_tokens=5) == ["abc\na"]


def test_a_stop_string_ends_a_text_and_is_left_out() -> None:
    options = {"prompt": "a", "max_tokens": 50, "stop": ("ef",)}
    assert written(chain("abcdefgh"), temperature=0, **options) == ["abcd"]
    assert written(chain("abcdefgh"), beam=2, **options) == ["abcd"]


def test_a_beam_finds_what_is_likelier_than_the_greedy_text() -> None:
    scores = torch.full((CHARS.vocab_size, CHARS.vocab_size), 1e-9)
    ids = dict(zip("abcd", CHARS.encode("abcd"), strict=True))
    scores[ids["a"], ids["b"]], scores[ids["a"], ids["c"]] = 0.55, 0.45
    scores[ids["b"], ids["a"]], scores[ids["b"], ids["d"]] = 0.5, 0.5
    scores[ids["c"], ids["d"]] = 1.0
    model = Bigrams(scores.log())
    options = {"prompt": "a", "max_tokens": 2}
    assert written(model, temperature=0, **options) == ["aba"]
    assert written(model, beam=1, **options) == ["aba"]
    assert written(model, beam=4, n=3, **options)[0] == "acd"


def test_a_single_text_comes_piece_by_piece() -> None:
    options = build(Write, {"prompt": "ab", "temperature": 0, "max_tokens": 4})
    ((*pieces,),) = writer(chain("abcdefgh")).texts(options, torch.Generator())
    assert pieces == ["ab", "c", "d", "e", "f", ""]


def test_words_go_on_behind_a_space() -> None:
    words = WordTokenizer.train(["the dog bit ."])
    ids = words.encode("the dog bit .")
    scores = torch.full((words.vocab_size, words.vocab_size), -20.0)
    scores[ids[:-1], ids[1:]] = 0
    texts = written(Bigrams(scores), words, prompt="the", temperature=0, max_tokens=3)
    assert texts == ["the dog bit ."]


def test_bytes_of_any_language_are_prompts() -> None:
    model = recurrent(size=ByteTokenizer().vocab_size)
    (text,) = written(model, ByteTokenizer(), prompt="狗咬人🐕", max_tokens=5)
    assert text.startswith("狗咬人🐕")


def test_a_character_that_nothing_was_learned_of_is_no_prompt() -> None:
    with pytest.raises(
        lab.UsageError, match=r"the prompt 'ax': character 'x' at position 1 is none"
    ):
        written(recurrent(), prompt="ax")


def test_words_that_training_did_not_show_are_told() -> None:
    words = WordTokenizer.train(["the dog bit the man ."])
    model = recurrent(size=words.vocab_size)
    told = r"1 of 3 tokens of 'the zebra bit' are none that training showed"
    with pytest.warns(lab.InputWarning, match=told):
        written(model, words, prompt="the zebra bit", max_tokens=1)
    with pytest.warns(lab.InputWarning, match=told):
        writer(model, words).log_probability("the zebra bit")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 2, "temperature": 0.5}, "--beam draws nothing: it has no --temperature"),
        ({"beam": 2, "n": 3}, "--beam 2 finds no more than 2 texts"),
        ({"max_tokens": 0}, "max-tokens"),
        ({"temperature": -1}, "temperature"),
        ({"top_p": 0}, "top-p"),
    ],
)
def test_options_that_cannot_be_are_refused(options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        build(Write, options)


# -- how likely a text is


def test_the_probability_of_a_text_is_that_of_its_tokens() -> None:
    scores = torch.randn(CHARS.vocab_size, CHARS.vocab_size).log_softmax(-1)
    ids = CHARS.encode("\nabcab")
    expected = sum(float(scores[a, b]) for a, b in pairwise(ids))
    nats, tokens = writer(Bigrams(scores)).log_probability("abcab")
    assert nats == pytest.approx(expected)
    assert tokens == 5


def test_the_probabilities_of_all_texts_of_one_length_add_up_to_one() -> None:
    model = recurrent()
    with torch.no_grad():
        model.scores.bias[:4] = -1e4  # what is no text
    letters = CHARS.decode(range(CHARS.vocab_size)).replace("\ufffd", "")
    texts = [a + b for a in letters for b in letters]
    nats = [writer(model).log_probability(text)[0] for text in texts]
    assert sum(map(math.exp, nats)) == pytest.approx(1, abs=1e-4)


def test_a_text_of_nothing_has_no_probability() -> None:
    with pytest.raises(lab.UsageError, match="the text '' has no char tokens"):
        writer(recurrent()).log_probability("")
