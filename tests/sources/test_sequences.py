"""Waves are the curves that scipy draws, and sentences what a grammar by hand allows."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest
from scipy import signal

from lab.data.splits import split
from lab.data.tokens import sentence
from lab.errors import UsageError
from lab_sources.sentences import NUMBERS, is_sentence, language, vocabulary
from lab_sources.waves import FORMS

GRAMMAR = re.compile(
    "((a|the) ((small|big|young) )?(dog|cat|child|mouse) "
    "(sleeps|runs|(sees|likes|hears) OBJECT)"
    "|(some|the) ((small|big|young) )?(dogs|cats|children|mice) "
    "(sleep|run|(see|like|hear) OBJECT))( again| today)?".replace(
        "OBJECT", "((a|the) (dog|cat|child|mouse)|(some|the) (dogs|cats|children|mice))"
    )
)


# -- waves


def test_without_noise_waves_are_the_curves_of_their_factors(ask) -> None:
    dataset = ask("waves", n=400, steps=50, noise=0)
    assert (dataset.kind, dataset.task, dataset.shape) == ("sequence", "classify", (50, 1))
    assert dataset.classes == ("sine", "square", "triangle", "sawtooth")
    f, phase, a = (dataset.factors[name] for name in ("frequency", "phase", "amplitude"))
    turned = 2 * np.pi * f[:, None] * np.arange(50) / 50 + phase[:, None]
    truth = np.choose(
        dataset.targets[:, None],
        [
            np.sin(turned),
            signal.square(turned),
            signal.sawtooth(turned + np.pi / 2, width=0.5),  # scipy's begins at -1
            signal.sawtooth(turned),
        ],
    )
    np.testing.assert_allclose(dataset.inputs[:, :, 0], a[:, None] * truth, atol=1e-5)
    assert np.bincount(dataset.targets).tolist() == [100] * 4


def test_factors_of_waves_fill_their_ranges_whatever_the_form(ask) -> None:
    dataset = ask("waves", n=4_000)
    ranges = {"frequency": (1, 3), "phase": (0, 2 * np.pi), "amplitude": (0.5, 1.5)}
    assert set(dataset.factors) == set(ranges)
    for name, (low, high) in ranges.items():
        values = (dataset.factors[name] - low) / (high - low)
        assert 0 <= values.min() < 0.01
        assert 0.99 < values.max() <= 1
        for form in range(len(FORMS)):  # of 1,000 even draws, the mean deviates by 0.009
            assert values[dataset.targets == form].mean() == pytest.approx(0.5, abs=0.045)


def test_noise_of_waves_is_as_asked_and_changes_nothing_else(ask) -> None:
    still, noisy = ask("waves", noise=0), ask("waves", noise=0.3)
    for name, values in still.factors.items():
        np.testing.assert_array_equal(values, noisy.factors[name])
    noise = noisy.inputs - still.inputs
    assert noise.std() == pytest.approx(0.3, rel=0.02)
    assert abs(noise.mean()) < 0.01


def sides(ask) -> list[tuple[np.ndarray, np.ndarray]]:
    dataset = ask("waves")
    parts = split(dataset, "waves")
    return [(dataset.inputs[parts[p], :, 0], dataset.targets[parts[p]]) for p in ("train", "test")]


def test_what_adds_up_the_steps_of_a_wave_guesses(ask) -> None:
    from sklearn.linear_model import LogisticRegression

    train, test = sides(ask)
    assert LogisticRegression(max_iter=500).fit(*train).score(*test) < 0.35


@pytest.mark.slow
def test_what_sees_the_steps_of_a_wave_together_knows_the_form(ask) -> None:
    from sklearn.neural_network import MLPClassifier

    train, test = sides(ask)
    hidden = MLPClassifier((128, 128), max_iter=300, random_state=0)
    assert hidden.fit(*train).score(*test) > 0.9


# -- sentences


def test_the_language_has_as_many_sentences_as_the_product_rule_says() -> None:
    begin = 2 * (1 + 3) * 4  # determiner, adjective or none, noun: of each number
    ends = 2 + 3 * (2 * 4 + 2 * 4)  # an intransitive verb, or a transitive one and its object
    adverbs = 1 + 2
    everything = [words for words, _, _ in language()]
    assert len(everything) == len(set(everything)) == 2 * begin * ends * adverbs == 9_600


def test_every_sentence_keeps_the_grammar(ask) -> None:
    dataset = ask("sentences")
    assert (dataset.kind, dataset.task, dataset.shape) == ("tokens", "classify", (8,))
    assert dataset.vocabulary == vocabulary()
    assert len(vocabulary()) == 27
    sentences = [sentence(row, dataset.vocabulary) for row in dataset.inputs]
    assert len({tuple(words) for words in sentences}) == 9_600
    for words in sentences:
        assert GRAMMAR.fullmatch(" ".join(words)), words
        assert is_sentence(words), words
    assert {word for words in sentences for word in words} == set(vocabulary()) - {""}


def test_targets_and_factors_are_read_off_the_words(ask) -> None:
    dataset = ask("sentences", n=500)
    plurals = {"dogs", "cats", "children", "mice"}
    nouns = {"dog", "cat", "child", "mouse"} | plurals
    for row, tokens in enumerate(dataset.inputs):
        words = sentence(tokens, dataset.vocabulary)
        subject, *objects = [word for word in words if word in nouns]
        assert dataset.classes[dataset.targets[row]] == NUMBERS[subject in plurals]
        assert dataset.factors["object"][row] == (1 + (objects[0] in plurals) if objects else 0)
        assert dataset.factors["length"][row] == len(words) == (tokens != 0).sum() < 8
        assert dataset.factors["adjective"][row] == bool({"small", "big", "young"} & set(words))


def test_a_sentence_with_one_change_is_judged_as_the_whole_language_judges() -> None:
    everything = {words for words, _, _ in language()}
    ordered, words = sorted(everything), [*vocabulary()[1:], "fish", ""]
    rng, wrong = random.Random(0), 0
    for _ in range(4_000):
        changed = list(rng.choice(ordered))
        place = rng.randrange(len(changed))
        change = rng.choice(("replace", "leave out", "put in", "swap"))
        if change == "replace":
            changed[place] = rng.choice(words)
        elif change == "leave out":
            del changed[place]
        elif change == "put in":
            changed.insert(place, rng.choice(words))
        else:
            second = rng.randrange(len(changed))
            changed[place], changed[second] = changed[second], changed[place]
        assert is_sentence(changed) == (tuple(changed) in everything), changed
        wrong += not is_sentence(changed)
    assert wrong > 2_000


@pytest.mark.parametrize(
    "words",
    [
        "", "dog", "the dog", "the dog sees", "the dog sleeps the cat", "a dogs sleep",
        "some dog sleeps", "the dog sleep", "the dogs sees a cat", "a small big dog sleeps",
        "the small dogs sees the cats", "the dog sees a cats", "the dog sees a small cat",
        "the dog sleeps again today", "again the dog sleeps", "the dog sleeps the dog sleeps",
    ],
)  # fmt: skip
def test_what_the_grammar_forbids_is_no_sentence(words) -> None:
    assert not is_sentence(words.split())


def test_some_sentences_are_drawn_without_repetition(ask) -> None:
    some = ask("sentences", n=2_000, seed=3)
    assert len(np.unique(some.inputs, axis=0)) == 2_000
    assert 0.45 < some.targets.mean() < 0.55
    np.testing.assert_array_equal(some.inputs, ask("sentences", seed=3).inputs[:2_000])
    assert len(ask("sentences", n=9_600)) == 9_600
    with pytest.raises(UsageError, match="sentences: n=9601, but there are 9,600"):
        ask("sentences", n=9_601)
