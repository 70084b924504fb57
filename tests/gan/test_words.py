"""Sentences are measured by counts that one can do by hand."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lab_gan import tokens


class Part:
    def __init__(self, rows: list[list[int]]) -> None:
        self.rows = torch.tensor(rows)

    def batches(self, size: int):
        yield {"inputs": self.rows}


def test_sentences_end_at_the_first_zero() -> None:
    made = torch.tensor([[1, 2, 0, 3], [1, 2, 3, 1], [0, 1, 1, 1]])
    assert tokens.sentences(made) == [(1, 2), (1, 2, 3, 1), ()]
    assert tokens.spoken(made, ("", "a", "cat", "sees")) == ["a cat", "a cat sees a", ""]


def test_known_new_and_distinct_are_shares() -> None:
    parts = {"train": [[1, 2]], "eval": [[2, 1]], "test": [[1, 1]]}
    data: Any = SimpleNamespace(part=lambda name: Part(parts[name]))
    made = torch.tensor([[1, 2], [1, 2], [2, 1], [2, 2]])
    metrics = tokens.measure(made, data, "eval")
    assert metrics["known"] == 3 / 4
    assert metrics["new"] == pytest.approx(1 / 3)
    assert metrics["distinct"] == 3 / 4


def test_pairs_of_words_are_compared_with_both_ends() -> None:
    """One sentence of two words has three pairs: (end, a), (a, b), (b, end)."""
    data: Any = SimpleNamespace(part=lambda name: Part([[1, 2]]))
    assert tokens.measure(torch.tensor([[1, 2]]), data, "eval")["distance"] == 0
    assert tokens.measure(torch.tensor([[2, 1]]), data, "eval")["distance"] == pytest.approx(1)
    assert tokens.measure(torch.tensor([[1, 1]]), data, "eval")["distance"] == pytest.approx(2 / 3)


def test_variation_is_half_the_difference_of_shares() -> None:
    a, b = Counter({(1, 1): 3, (1, 2): 1}), Counter({(1, 1): 1, (2, 2): 1})
    assert tokens.variation(a, b) == pytest.approx((1 / 4 + 1 / 4 + 1 / 2) / 2)
