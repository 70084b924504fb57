"""Greedy decoding and sampling follow the model's own distribution, row by row."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from tiny_models import Recurrent, Table

from lab.sequence import NOTHING, Sampler, filtered, greedy, sample, select, stream

PROMPTS = [[0], [1, 2], [2, 0, 1, 1], [1]]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def by_hand(model: Recurrent, prompt: list[int], most: int, stop=()) -> list[int]:
    """Greedy decoding of one prompt, written out."""
    state = model.start(1)
    out: list[int] = []
    for token in prompt:
        logits, state = model.step(torch.tensor([token]), state)
    while len(out) < most:
        token = int(logits[0].argmax())
        if token in stop:
            break
        out.append(token)
        logits, state = model.step(torch.tensor([token]), state)
    return out


@pytest.mark.parametrize("seed", range(5))
def test_prompts_of_different_lengths_are_each_decoded_as_if_alone(seed) -> None:
    model = Recurrent(5, seed)
    found = greedy(model.step, model.start(4), PROMPTS, max_tokens=6, stop={3})
    for prompt, row in zip(PROMPTS, found, strict=True):
        assert row.tokens == by_hand(model, prompt, 6, {3})
        assert row.ended == (len(row.tokens) < 6)


def test_the_log_probability_counts_the_stop_token_and_not_the_prompt() -> None:
    model = Table(3, seed=1)
    for row, prompt in zip(
        greedy(model.step, model.start(4), PROMPTS, max_tokens=5, stop={2}), PROMPTS, strict=True
    ):
        tokens = [*row.tokens, 2] if row.ended else row.tokens
        assert row.log_probability == pytest.approx(model.log_probability(prompt, tokens))
        assert row.score == row.log_probability


def test_a_stream_yields_each_token_once_it_is_chosen_and_nothing_else() -> None:
    model = Recurrent(5, 3)
    calls = []

    def step(tokens, state):
        calls.append(len(tokens))
        return model.step(tokens, state)

    steps = stream(step, model.start(4), PROMPTS, max_tokens=6, stop={3})
    first = next(steps)
    assert len(calls) == 1  # not the whole text before the first token
    assert first.tokens.tolist()[1:3] == [NOTHING, NOTHING]  # they read their prompts still
    rows = torch.stack([first.tokens, *(one.tokens for one in steps)], 1).tolist()
    for row, prompt in zip(rows, PROMPTS, strict=True):
        tokens = [token for token in row if token != NOTHING]
        assert [token for token in tokens if token != 3] == by_hand(model, prompt, 6, {3})


def test_a_stream_ends_when_every_row_has_stopped() -> None:
    def always(tokens, state):
        return (torch.tensor([[0.0, 9.0]]).expand(len(tokens), 2), state)

    assert len(list(stream(always, {}, [[0], [0]], max_tokens=50, stop={1}))) == 1
    assert greedy(always, {}, [[0]], max_tokens=3)[0].tokens == [1, 1, 1]


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_p": 0.7}, {"temperature": 0.5}])
def test_rows_do_not_change_one_another_by_what_is_in_them(options) -> None:
    model = Recurrent(6, 1)
    one = sample(
        model.step, model.start(3), [[0], [1], [2]], generator=generator(), max_tokens=8, **options
    )
    other = sample(
        model.step, model.start(3), [[0], [5], [4]], generator=generator(), max_tokens=8, **options
    )
    assert one[0].tokens == other[0].tokens
    assert one[1:] != other[1:]


def test_temperature_0_is_greedy() -> None:
    model = Recurrent(5, 2)
    cold = sample(
        model.step, model.start(4), PROMPTS, generator=generator(), max_tokens=6, temperature=0
    )
    assert cold == greedy(model.step, model.start(4), PROMPTS, max_tokens=6)


def test_a_cold_temperature_comes_near_greedy() -> None:
    model = Recurrent(5, 2)
    cold = sample(
        model.step, model.start(4), PROMPTS, generator=generator(), max_tokens=6, temperature=1e-4
    )
    assert cold == greedy(model.step, model.start(4), PROMPTS, max_tokens=6)


def test_whole_sequences_come_as_often_as_the_model_says() -> None:
    model, number = Table(3, seed=5, scale=1.0), 6_000
    found = sample(
        model.step,
        model.start(number),
        [[0]] * number,
        generator=generator(),
        max_tokens=2,
        stop={2},
    )
    every = model.every([0], 2, stop={2})
    counts = dict.fromkeys(every, 0)
    for row in found:
        counts[(*row.tokens, 2) if row.ended else tuple(row.tokens)] += 1
    expected = [np.exp(every[tokens]) * number for tokens in every]
    assert chisquare(list(counts.values()), expected).pvalue > 1e-4


# -- filters


def enumerated(logits: list[float], temperature: float, top_k: int | None, top_p: float | None):
    """Filtered probabilities by sorting one row in plain Python."""
    weights = np.exp(np.array(logits) / temperature)
    order = sorted(range(len(logits)), key=lambda i: -weights[i])[: top_k or len(logits)]
    total, kept, reached = sum(weights[i] for i in order), [], 0.0
    for i in order:
        kept.append(i)
        reached += weights[i] / total
        if top_p is not None and reached >= top_p:
            break
    out = np.zeros(len(logits))
    out[kept] = weights[kept] / weights[kept].sum()
    return out


rows = st.lists(st.integers(-40, 40), min_size=1, max_size=8, unique=True)


@settings(max_examples=200)
@given(
    row=rows,
    temperature=st.sampled_from([0.3, 1.0, 2.5]),
    top_k=st.none() | st.integers(1, 10),
    top_p=st.none() | st.sampled_from([0.013, 0.29, 0.5, 0.77, 0.9, 0.999, 1.0]),
)
def test_filters_keep_what_enumeration_keeps(row, temperature, top_k, top_p) -> None:
    logits = torch.tensor([[value / 10 for value in row]], dtype=torch.float64)
    found = filtered(logits, temperature, top_k, top_p).softmax(-1)[0]
    truth = enumerated(logits[0].tolist(), temperature, top_k, top_p)
    np.testing.assert_allclose(found.numpy(), truth, atol=1e-12)


def test_top_p_keeps_the_token_that_crosses_and_at_least_one() -> None:
    logits = torch.tensor([[0.5, 0.25, 0.125, 0.125]]).log()

    def kept(p):
        return int((filtered(logits, top_p=p) > -torch.inf).sum())

    assert [kept(0.01), kept(0.49), kept(0.6), kept(0.8), kept(1.0)] == [1, 1, 2, 3, 4]


def test_of_equal_tokens_top_k_keeps_k() -> None:
    kept = filtered(torch.zeros(1, 5), top_k=2)
    assert (kept > -torch.inf).tolist() == [[True, True, False, False, False]]


@pytest.mark.parametrize("options", [{}, {"top_k": 3}, {"top_p": 0.8}, {"temperature": 1.7}])
def test_draws_follow_the_filtered_distribution(options) -> None:
    logits, number = torch.tensor([1.0, 0.2, -0.5, 2.0, -3.0]), 20_000
    drawn = Sampler(generator(), **options)(logits.expand(number, -1))
    counts = torch.bincount(drawn, minlength=5)
    probabilities = filtered(logits[None], **options).softmax(-1)[0].double()
    possible = probabilities > 0
    assert not counts[~possible].any()
    expected = probabilities / probabilities.sum() * number
    assert chisquare(counts[possible].numpy(), expected[possible].numpy()).pvalue > 1e-4


def test_tokens_of_probability_0_are_never_drawn() -> None:
    logits = torch.full((20_000, 6), -torch.inf)
    logits[:, [1, 4]] = 0
    assert set(Sampler(generator())(logits).tolist()) == {1, 4}


@pytest.mark.parametrize(("uniform", "token"), [(0.0, 1), (1 - 2**-53, 4)])
def test_they_are_not_drawn_by_the_least_and_the_largest_number_either(
    monkeypatch, uniform, token
) -> None:
    monkeypatch.setattr(
        torch, "rand", lambda n, **options: torch.full((n,), uniform, dtype=torch.float64)
    )
    logits = torch.tensor([[-torch.inf, 0.3, -torch.inf, 0.1, 0.2, -torch.inf]])
    assert Sampler(generator())(logits).tolist() == [token]


def test_draws_depend_on_the_seed_alone() -> None:
    logits = torch.zeros(50, 9)
    same = [Sampler(generator(seed))(logits).tolist() for seed in (0, 0, 1)]
    assert same[0] == same[1] != same[2]


# -- states and mistakes


def test_a_state_is_reordered_at_every_depth() -> None:
    state = {"h": torch.arange(3), "cache": {"k": torch.arange(6).view(3, 2)}}
    chosen = select(state, torch.tensor([2, 0, 0]))
    assert chosen["h"].tolist() == [2, 0, 0]
    assert chosen["cache"]["k"].tolist() == [[4, 5], [0, 1], [0, 1]]


@pytest.mark.parametrize("leaf", [3, (torch.zeros(2),), torch.tensor(3)])
def test_a_state_of_something_else_is_refused_by_name(leaf) -> None:
    with pytest.raises(TypeError, match="'position'"):
        select({"cache": {"position": leaf}}, torch.tensor([0]))


@pytest.mark.parametrize("prompts", [[], [[]], [[1], []]])
def test_an_empty_prompt_is_refused(prompts) -> None:
    model = Recurrent(3)
    with pytest.raises(ValueError, match="at least one token"):
        greedy(model.step, model.start(len(prompts)), prompts, max_tokens=3)


@pytest.mark.parametrize(
    "options",
    [{"temperature": -1}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.1}, {"max_tokens": 0}],
)
def test_values_that_are_none_are_refused(options) -> None:
    model = Recurrent(3)
    with pytest.raises(ValueError, match=next(iter(options))):
        sample(
            model.step, model.start(1), [[0]], generator=generator(), **{"max_tokens": 3} | options
        )


def test_no_gradient_is_kept() -> None:
    weight = torch.ones(2, 2, requires_grad=True)

    def step(tokens, state):
        return (weight[tokens], state)

    for chosen in itertools.islice(stream(step, {}, [[0]], max_tokens=2), 1):
        assert not chosen.log_probabilities.requires_grad
