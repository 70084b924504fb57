"""Figures of tokens are those of all tokens that are no padding, however the set is cut."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from lab.metrics import Perplexity, TokenAccuracy

PAD = 0


def batch(seed: int, rows: int = 12, steps: int = 6, vocabulary: int = 4):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, steps, vocabulary, generator=generator)
    targets = torch.randint(1, vocabulary, (rows, steps), generator=generator)
    lengths = torch.randint(0, steps + 1, (rows, 1), generator=generator)
    targets[torch.arange(steps) >= lengths] = PAD
    hints = torch.rand(rows, 1, generator=generator) < 0.5  # so that some rows are right throughout
    logits[torch.nn.functional.one_hot(targets, vocabulary).bool() & hints[..., None]] += 9
    return logits, targets


@given(seed=st.integers(0, 1_000), cut=st.integers(1, 12))
def test_accuracy_is_that_of_a_loop_over_tokens(seed, cut) -> None:
    logits, targets = batch(seed)
    predicted, meter = logits.argmax(-1), TokenAccuracy(ignore=PAD)
    for parts in zip(predicted.split(cut), targets.split(cut), strict=True):
        meter.add(*parts)
    right, tokens, exact, sequences = 0, 0, 0, 0
    for guess, truth in zip(predicted.tolist(), targets.tolist(), strict=True):
        pairs = [(g, t) for g, t in zip(guess, truth, strict=True) if t != PAD]
        right += sum(g == t for g, t in pairs)
        tokens += len(pairs)
        exact += bool(pairs) and all(g == t for g, t in pairs)
        sequences += bool(pairs)
    figures = meter.compute("test")
    assert figures["token_accuracy"] == pytest.approx(right / tokens)
    assert figures["exact_match"] == pytest.approx(exact / sequences)
    ends = binomtest(exact, sequences).proportion_ci(method="wilson")
    assert (figures["exact_match_low"], figures["exact_match_high"]) == pytest.approx(tuple(ends))
    assert figures["n"] == sequences


@given(seed=st.integers(0, 1_000), cut=st.integers(1, 12))
def test_perplexity_is_that_of_all_tokens_and_no_mean_of_means(seed, cut) -> None:
    logits, targets = batch(seed)
    meter = Perplexity(ignore=PAD)
    for parts in zip(logits.split(cut), targets.split(cut), strict=True):
        meter.add(*parts)
    kept = targets != PAD
    probabilities = logits.double().softmax(-1)[kept, targets[kept]].numpy()
    figures = meter.compute("test", characters=50, bytes=70)
    assert figures["loss"] == pytest.approx(-np.log(probabilities).mean(), rel=1e-5)
    assert figures["perplexity"] == pytest.approx(
        np.prod(probabilities ** (-1 / len(probabilities))), rel=1e-5
    )
    assert figures["bits_per_token"] == pytest.approx(-np.log2(probabilities).mean(), rel=1e-5)
    assert figures["bits_per_character"] == pytest.approx(-np.log2(probabilities).sum() / 50, 1e-5)
    assert figures["bits_per_byte"] == pytest.approx(-np.log2(probabilities).sum() / 70, 1e-5)
    assert figures["n"] == kept.sum()


def test_a_uniform_model_has_the_perplexity_of_its_vocabulary() -> None:
    meter = Perplexity()
    meter.add(torch.zeros(3, 5, 8), torch.ones(3, 5, dtype=torch.long))
    meter.add_nats(torch.tensor(2 * math.log(8)), torch.tensor(2))
    figures = meter.compute()
    assert figures == pytest.approx({"loss": math.log(8), "perplexity": 8, "bits_per_token": 3})


def test_a_loss_beyond_all_numbers_has_an_infinite_perplexity() -> None:
    meter = Perplexity()
    meter.add(torch.tensor([[[0.0, 2_000.0]]]), torch.tensor([[0]]))
    figures = meter.compute()
    assert (figures["loss"], figures["perplexity"]) == (2_000, math.inf)


def test_what_is_predicted_at_padding_does_not_matter() -> None:
    targets = torch.tensor([[1, 2, PAD], [3, PAD, PAD]])
    meter = TokenAccuracy(ignore=PAD)
    meter.add(torch.tensor([[1, 2, 3], [3, 1, PAD]]), targets)
    assert meter.compute() == {"token_accuracy": 1, "exact_match": 1}


def test_torchs_own_ignored_class_is_the_default() -> None:
    targets = torch.tensor([[1, -100]])
    accuracy, perplexity = TokenAccuracy(), Perplexity()
    accuracy.add(torch.tensor([[1, 0]]), targets)
    perplexity.add(torch.zeros(1, 2, 4), targets)
    assert accuracy.compute("test")["token_accuracy"] == 1
    assert perplexity.compute("test")["n"] == 1


@pytest.mark.parametrize("meter", [TokenAccuracy(PAD), Perplexity(PAD)])
def test_nothing_or_only_padding_is_refused(meter) -> None:
    with pytest.raises(ValueError, match="nothing was added"):
        meter.compute()
    padding = torch.full((2, 3), PAD)
    meter.add(padding if isinstance(meter, TokenAccuracy) else torch.zeros(2, 3, 4), padding)
    with pytest.raises(ValueError, match="nothing but padding"):
        meter.compute()


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="tokens are"):
        TokenAccuracy().add(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match="one row each"):
        Perplexity().add(torch.zeros(2, 5, 3), torch.zeros(2, 3, dtype=torch.long))
