"""Hidden words are as many, and as hidden, as Devlin et al. (2019) say."""

from __future__ import annotations

import torch

from lab.data.batches import IGNORED
from lab_transformer.masking import hide

WORDS, FRACTION = 50, 0.15


def drawn(generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    tokens = torch.randint(1, WORDS, (400, 500), generator=generator)
    present = torch.ones_like(tokens, dtype=torch.bool)
    present[:, 400:] = False
    read, targets = hide(tokens, present, WORDS, FRACTION, generator)
    return tokens, present, read, targets


def test_what_is_asked_is_the_word_that_stood_there(generator) -> None:
    tokens, present, read, targets = drawn(generator)
    asked = targets != IGNORED
    assert torch.equal(targets[asked], tokens[asked])
    assert torch.equal(read[~asked], tokens[~asked])
    assert not (asked & ~present).any()
    # 160,000 trials: a standard deviation of the fraction is 0.0009
    assert abs(float(asked.sum() / present.sum()) - FRACTION) < 0.005


def test_eight_of_ten_are_the_mask_one_is_any_word_and_one_stays(generator) -> None:
    tokens, _, read, targets = drawn(generator)
    asked = targets != IGNORED
    hidden, before = read[asked], tokens[asked]
    masked = hidden == WORDS
    assert abs(float(masked.float().mean()) - 0.8) < 0.015
    others = hidden[~masked]
    assert others.min() == 1  # never the end
    assert others.max() == WORDS - 1
    # one of 49 times the word drawn is the one that stood there
    stays = (others == before[~masked]).float().mean()
    assert abs(float(stays) - (0.5 + 0.5 / (WORDS - 1))) < 0.03


def test_the_same_generator_hides_the_same(generator) -> None:
    state = generator.get_state()
    first = drawn(generator)
    generator.set_state(state)
    assert all(map(torch.equal, first, drawn(generator)))
