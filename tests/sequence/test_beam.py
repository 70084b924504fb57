"""Beam search against an exhaustive search of small vocabularies."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from tiny_models import Recurrent, Table

from lab.sequence import beam_search, greedy


def ranked(model: Table, prompt, most: int, stop, penalty: float = 0.0):
    """Every continuation with its score, the best first: Wu et al. (2016), equation 14."""
    scores = {
        tokens: value / ((5 + len(tokens)) ** penalty / (5 + 1) ** penalty)
        for tokens, value in model.every(prompt, most, stop).items()
    }
    return sorted(scores.items(), key=lambda pair: -pair[1])


def whole(row, stop) -> list[tuple[int, ...]]:
    """Tokens with the stop token, of which these tests have one."""
    return [(*one.tokens, *stop) if one.ended else tuple(one.tokens) for one in row]


PROMPTS = [[0], [2, 1, 0], [1, 1]]


@pytest.mark.parametrize("penalty", [0.0, 0.6, 2.0])
@pytest.mark.parametrize("stop", [set(), {2}])
@pytest.mark.parametrize("seed", range(4))
def test_the_widest_beam_is_exhaustive_search(seed, stop, penalty) -> None:
    model, most = Table(3, seed), 3
    width = 3 ** (most - 1)
    found = beam_search(
        model.step, model.start(3), PROMPTS, beam_width=width, max_tokens=most,
        stop=stop, length_penalty=penalty,
    )  # fmt: skip
    for prompt, row in zip(PROMPTS, found, strict=True):
        truth = ranked(model, prompt, most, stop, penalty)[:width]
        assert whole(row, stop) == [tokens for tokens, _ in truth]
        assert [one.score for one in row] == pytest.approx([score for _, score in truth])


def test_a_beam_wider_than_all_there_is_returns_each_once() -> None:
    model = Table(2, 3)
    (row,) = beam_search(model.step, model.start(1), [[0]], beam_width=50, max_tokens=3, stop={1})
    assert whole(row, {1}) == [tokens for tokens, _ in ranked(model, [0], 3, {1})]
    assert len(row) == len({tuple(one.tokens) for one in row}) == 4


@pytest.mark.parametrize("stop", [set(), {4}, {1, 4}])
@pytest.mark.parametrize("seed", range(10))
def test_a_beam_of_1_is_greedy(seed, stop) -> None:
    model = Recurrent(5, seed)
    prompts = [[0], [1, 2], [2, 0, 1, 1]]
    beams = beam_search(model.step, model.start(3), prompts, beam_width=1, max_tokens=7, stop=stop)
    choices = greedy(model.step, model.start(3), prompts, max_tokens=7, stop=stop)
    for (found,), expected in zip(beams, choices, strict=True):
        assert (found.tokens, found.ended) == (expected.tokens, expected.ended)
        assert found.score == pytest.approx(expected.score)


def best(model, start, width: int, most: int, stop=(), penalty: float = 0.0) -> float:
    (row,) = beam_search(
        model.step, start, [[0]], beam_width=width, max_tokens=most,
        stop=stop, length_penalty=penalty,
    )  # fmt: skip
    return row[0].score


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("stop", [set(), {3}])
@pytest.mark.parametrize("seed", range(15))
def test_with_two_tokens_a_wider_beam_is_never_worse(seed, stop, penalty) -> None:
    """The first tokens that a beam keeps are among those that a wider one keeps, so all that the
    first can choose as second token is there for the wider one."""
    model = Table(4, seed)
    scores = [best(model, model.start(1), width, 2, stop, penalty) for width in range(1, 6)]
    assert all(b >= a - 1e-12 for a, b in itertools.pairwise(scores))


@pytest.mark.parametrize("seed", range(15))
def test_where_the_past_does_not_matter_the_k_best_are_the_true_ones(seed) -> None:
    """What has k better beginnings of its length has k better continuations: each of those, with
    the same end."""
    model, most = Table(3, seed, memory=False), 4
    truth = ranked(model, [0], most, set())
    for width in (1, 2, 3, 5, 9, 27):
        (row,) = beam_search(model.step, model.start(1), [[0]], beam_width=width, max_tokens=most)
        assert whole(row, ()) == [tokens for tokens, _ in truth[:width]]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("width", [1, 2, 3, 5, 8])
def test_no_beam_beats_exhaustive_search(seed, width) -> None:
    model = Table(3, seed)
    assert best(model, model.start(1), width, 4, {2}) <= ranked(model, [0], 4, {2})[0][1] + 1e-12


def test_a_wider_beam_can_be_worse_in_three_tokens() -> None:
    """Greedy's beginning 0 0 is pushed out by the two endings of 1, which lead nowhere."""
    model = Table(3)
    for history, probabilities in {
        (2,): [0.52, 0.47, 0.01],
        (2, 0): [0.34, 0.33, 0.33],
        (2, 1): [0.50, 0.49, 0.01],
        (2, 0, 0): [0.98, 0.01, 0.01],
    }.items():
        model.known[history] = torch.tensor(probabilities, dtype=torch.float64).log()
    for first, second in itertools.product(range(3), repeat=2):
        history = (2, first, second)
        model.known.setdefault(history, torch.zeros(3, dtype=torch.float64))

    def score(width):
        return beam_search(model.step, model.start(1), [[2]], beam_width=width, max_tokens=3)[0][
            0
        ].score

    assert score(1) > score(2)
    assert score(9) == pytest.approx(ranked(model, [2], 3, set())[0][1])


def test_the_length_penalty_counts_what_was_generated_and_not_the_prompt() -> None:
    model = Table(3, 1)
    options: dict[str, Any] = {"beam_width": 9, "max_tokens": 3, "stop": {2}, "length_penalty": 0.8}
    rows = beam_search(model.step, model.start(3), [[0], [1, 1, 0], [0, 0]], **options)
    lengths = set()
    for one in itertools.chain(*rows):
        count = len(one.tokens) + one.ended
        lengths.add(count)
        assert one.score == pytest.approx(one.log_probability / ((5 + count) / 6) ** 0.8)
    assert lengths == {1, 2, 3}


def test_a_length_penalty_prefers_longer_answers() -> None:
    length = []
    for penalty in (0.0, 1.0, 3.0):
        total = 0
        for seed in range(20):
            model = Table(4, seed)
            (row,) = beam_search(
                model.step, model.start(1), [[0]], beam_width=4, max_tokens=6, stop={3},
                length_penalty=penalty,
            )  # fmt: skip
            total += len(row[0].tokens)
        length.append(total)
    assert length[0] < length[1] < length[2]


@pytest.mark.parametrize("penalty", [0.0, 1.5])
def test_rows_are_searched_as_if_alone(penalty) -> None:
    model = Recurrent(6, 4)
    prompts = [[0], [1, 2, 3], [4, 4], [5, 0, 0, 2]]
    options: dict[str, Any] = {
        "beam_width": 3,
        "max_tokens": 6,
        "stop": {1},
        "length_penalty": penalty,
    }
    together = beam_search(model.step, model.start(4), prompts, **options)
    for prompt, row in zip(prompts, together, strict=True):
        (alone,) = beam_search(model.step, model.start(1), [prompt], **options)
        assert [one.tokens for one in row] == [one.tokens for one in alone]
        assert [one.score for one in row] == pytest.approx([one.score for one in alone])


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_ending_early_changes_no_result(seed, penalty) -> None:
    model = Table(3, seed, scale=4.0)
    options: dict[str, Any] = {"beam_width": 2, "stop": {2}, "length_penalty": penalty}
    (short,) = beam_search(model.step, model.start(1), [[0]], max_tokens=9, **options)
    for one in short:
        tokens = (*one.tokens, 2) if one.ended else tuple(one.tokens)
        assert one.log_probability == pytest.approx(model.log_probability([0], tokens))
    truth = unpruned(model, 2, 9, 2, penalty)
    assert [tuple(one.tokens) for one in short] == [tokens for tokens, _ in truth]


def unpruned(model: Table, width: int, most: int, stop: int, penalty: float):
    """Beam search of one row in plain Python, which goes on to the last token in any case."""
    live: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    finished: list[tuple[tuple[int, ...], float]] = []
    for count in range(1, most + 1):
        divisor = ((5 + count) / 6) ** penalty
        total = [
            ((*tokens, token), value + float(model.logits((0, *tokens)).log_softmax(-1)[token]))
            for tokens, value in live
            for token in range(model.vocabulary)
        ]
        total.sort(key=lambda pair: -pair[1])
        finished += [(t[:-1], v / divisor) for t, v in total[:width] if t[-1] == stop]
        live = [pair for pair in total if pair[0][-1] != stop][:width]
    finished += [(t, v / divisor) for t, v in live]
    return sorted(finished, key=lambda pair: -pair[1])[:width]


def test_the_state_follows_its_beam() -> None:
    """Each hypothesis is scored by the history that its own beam has read."""
    model = Recurrent(6, 9)
    (row,) = beam_search(model.step, model.start(1), [[0]], beam_width=4, max_tokens=5)
    for one in row:
        state, total = model.start(1), 0.0
        for token, following in itertools.pairwise([0, *one.tokens]):
            logits, state = model.step(torch.tensor([token]), state)
            total += float(logits[0].log_softmax(-1)[following])
        assert one.log_probability == pytest.approx(total)


@pytest.mark.parametrize("options", [{"beam_width": 0}, {"length_penalty": -0.1}])
def test_values_that_are_none_are_refused(options) -> None:
    model = Recurrent(3)
    with pytest.raises(ValueError, match=next(iter(options))):
        beam_search(
            model.step, model.start(1), [[0]], **{"beam_width": 2, "max_tokens": 3} | options
        )
