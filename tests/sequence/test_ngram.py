"""The n-gram model against the recursion of the paper, and a chain that it is true of."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from lab.sequence import NGram

V = 4
tokens = st.integers(0, V - 1)
sequences = st.lists(st.lists(tokens, max_size=25), min_size=1, max_size=4).filter(any)

Gram = tuple[int, ...]


class Reference:
    """Chen & Goodman (1999), sections 2.7 and 3, n-gram by n-gram."""

    def __init__(self, texts, order: int) -> None:
        self.counts: list[dict[Gram, int]] = []
        for n in range(1, order + 1):
            counts: Counter[Gram] = Counter()
            before: defaultdict[Gram, set[int]] = defaultdict(set)
            for text in texts:
                for place in range(len(text) - n + 1):
                    gram = tuple(text[place : place + n])
                    counts[gram] += 1 if place == 0 else 0
                    if place:
                        before[gram].add(text[place - 1])
            raw = Counter(
                tuple(text[place : place + n])
                for text in texts
                for place in range(len(text) - n + 1)
            )
            longest = n == order or not any(len(text) > n for text in texts)
            adjusted = {gram: counts[gram] + len(before[gram]) for gram in raw}
            self.counts.append(dict(raw) if longest else adjusted)
        self.discounts = [self.discount(counts) for counts in self.counts]

    @staticmethod
    def discount(counts) -> list[float]:
        n = [0, *(sum(count == k for count in counts.values()) for k in (1, 2, 3, 4))]
        found = [0.5, 1.0, 1.5]
        if all(n[1:]):
            y = n[1] / (n[1] + 2 * n[2])
            estimate = [1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]]
            found = estimate if min(estimate) > 0 else found
        return [0.0, *found]

    def probability(self, context: tuple[int, ...], token: int) -> float:
        n = len(context) + 1
        lower = self.probability(context[1:], token) if context else 1 / V
        counts, discount = self.counts[n - 1], self.discounts[n - 1]
        follow = [counts.get((*context, other), 0) for other in range(V)]
        if not sum(follow):
            return lower
        taken = [discount[min(count, 3)] for count in follow]
        return (follow[token] - taken[token]) / sum(follow) + sum(taken) / sum(follow) * lower


@settings(max_examples=150)
@given(texts=sequences, held_out=sequences, order=st.integers(1, 5))
def test_probabilities_are_those_of_the_recursion(texts, held_out, order) -> None:
    model, truth = NGram.fit(texts, order, V), Reference(texts, order)
    expected = [
        truth.probability(tuple(text[max(0, place - order + 1) : place]), token)
        for text in held_out
        for place, token in enumerate(text)
    ]
    np.testing.assert_allclose(np.exp(model.log_probabilities(held_out)), expected, rtol=1e-10)


@settings(max_examples=100)
@given(texts=sequences, context=st.lists(tokens, max_size=6), order=st.integers(1, 5))
def test_what_may_follow_sums_to_1_and_nothing_is_impossible(texts, context, order) -> None:
    following = NGram.fit(texts, order, V).distribution(context)
    assert following.shape == (V,)
    assert following.sum() == pytest.approx(1)
    assert following.min() > 0


@given(texts=sequences, held_out=sequences, order=st.integers(1, 4))
def test_what_may_follow_is_what_is_scored(texts, held_out, order) -> None:
    model = NGram.fit(texts, order, V)
    scores = iter(np.exp(model.log_probabilities(held_out)))
    for text in held_out:
        for place, token in enumerate(text):
            assert model.distribution(text[:place])[token] == pytest.approx(next(scores))


def test_a_bigram_by_hand() -> None:
    """0 1 0 1 0 2: too few counts for estimates, so the discounts are 1/2, 1, 3/2.

    Of predecessors, 1 and 2 have one, 0; 0 has one, 1, and begins the sequence.
    """
    model = NGram.fit([0, 1, 0, 1, 0, 2], 2, 3)
    unigram = np.array([2 - 1, 1 - 0.5, 1 - 0.5]) / 4 + (1 + 0.5 + 0.5) / 4 / 3
    np.testing.assert_allclose(model.distribution([]), unigram)
    after_0 = np.array([0, 2 - 1, 1 - 0.5]) / 3 + (1 + 0.5) / 3 * unigram
    np.testing.assert_allclose(model.distribution([0]), after_0)
    np.testing.assert_allclose(model.distribution([2]), unigram)  # nothing follows 2
    bits = -np.log2([unigram[0], after_0[2], unigram[1]]).mean()
    assert model.bits_per_token([0, 2, 1]) == pytest.approx(bits)


def chain(length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A text whose next token depends on the two before it, and the true log-probabilities."""
    table = np.random.default_rng(7).dirichlet(np.ones(V) / 2, (V, V))
    rng, tokens, truth = np.random.default_rng(seed), [0, 0], [0.0, 0.0]
    for draw in rng.random(length - 2):
        following = table[tokens[-2], tokens[-1]]
        tokens.append(min(int(np.searchsorted(following.cumsum(), draw)), V - 1))
        truth.append(float(np.log(following[tokens[-1]])))
    return np.array(tokens), np.array(truth)


def test_it_comes_near_the_entropy_of_a_chain_that_it_can_express() -> None:
    train, _ = chain(40_000, 0)
    held_out, truth = chain(20_000, 1)
    excess = {}
    for order in (1, 2, 3, 5):
        scores = NGram.fit(train, order, V).log_probabilities(held_out)
        excess[order] = float((truth - scores)[2:].mean())
    assert excess[1] > excess[2] > 0.1
    assert 0 < excess[3] < 0.002
    assert excess[3] < excess[5] < 0.02  # more to learn, and nothing in it


def test_no_n_gram_goes_across_sequences() -> None:
    apart = NGram.fit([[0, 1], [2, 3]], 2, V)
    together = NGram.fit([0, 1, 2, 3], 2, V)
    assert apart.distribution([1])[2] == pytest.approx(apart.distribution([])[2])
    assert together.distribution([1])[2] > together.distribution([])[2]


def test_what_begins_a_sequence_counts_as_often_as_it_occurs() -> None:
    """So the first word after `bos` comes as often as it did, in a model of any order."""
    texts = [[0, 1, 2]] * 8 + [[0, 2, 1]] * 2
    first = NGram.fit(texts, 3, V).distribution([0])
    assert first[1] > 3 * first[2]


def test_sequences_may_be_arrays_lists_or_one_text() -> None:
    text = [0, 1, 0, 2, 1, 1]
    array = np.array(text)
    forms: list[ArrayLike] = [text, array, [text], [array], array[None], (text, [])]
    scores = [NGram.fit(form, 3, V).log_probabilities(form).tolist() for form in forms]
    assert all(score == scores[0] for score in scores)


@pytest.mark.parametrize("texts", [[], [[]], np.zeros(0, int)])
def test_nothing_to_count_is_refused(texts) -> None:
    with pytest.raises(ValueError, match="no token"):
        NGram.fit(texts, 2, V)
    with pytest.raises(ValueError, match="no token"):
        NGram.fit([0, 1], 2, V).bits_per_token(texts)


@pytest.mark.parametrize("token", [-1, V, 1.5])
def test_ids_that_are_none_are_refused(token) -> None:
    with pytest.raises(ValueError, match="from 0 to 3"):
        NGram.fit([0, token], 2, V)
    with pytest.raises(ValueError, match="from 0 to 3"):
        NGram.fit([0, 1], 2, V).bits_per_token([0, token])


def test_an_order_of_0_is_refused() -> None:
    with pytest.raises(ValueError, match="order"):
        NGram.fit([0, 1], 0, V)
