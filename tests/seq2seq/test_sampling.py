"""Scheduled sampling replaces as many true tokens as asked, by what the network would say."""

from __future__ import annotations

import pytest
import torch

from lab_seq2seq.sampling import fraction, mixed


@pytest.mark.parametrize("schedule", ["constant", "linear", "sigmoid"])
def test_the_fraction_falls_from_one_to_what_is_asked_for(schedule) -> None:
    values = [fraction(0.2, schedule, step / 10) for step in range(11)]
    assert values[0] == pytest.approx(0.2 if schedule == "constant" else 1)
    assert values[-1] == pytest.approx(0.2)
    assert sorted(values, reverse=True) == values
    assert fraction(0.2, schedule, 1.5) == pytest.approx(0.2)


def test_a_line_is_straight_and_a_sigmoid_is_half_way_in_the_middle() -> None:
    assert fraction(0.0, "linear", 0.25) == pytest.approx(0.75)
    assert fraction(0.5, "sigmoid", 0.5) == pytest.approx(0.75)
    assert fraction(0.0, "sigmoid", 0.1) > fraction(0.0, "linear", 0.1)


def test_all_true_or_all_its_own() -> None:
    """Logits that are certain of 2 leave nothing to chance; what begins a sentence stays."""
    tokens = torch.tensor([[9, 1, 1, 1], [9, 1, 1, 1]])
    logits = torch.full((2, 4, 5), -torch.inf)
    logits[..., 2] = 0
    logits[1, 2] = torch.tensor([-torch.inf, -torch.inf, -torch.inf, 0, -torch.inf])
    assert mixed(tokens, logits, 1.0).tolist() == tokens.tolist()
    assert mixed(tokens, logits, 0.0).tolist() == [[9, 2, 2, 2], [9, 2, 2, 3]]


def test_own_tokens_are_drawn_as_they_are_likely() -> None:
    torch.manual_seed(0)
    tokens = torch.ones(4_000, 3, dtype=torch.long)
    logits = torch.tensor([0.5, 0.0, 0.5]).log().expand(4_000, 3, 3)
    read = mixed(tokens, logits, 0.25)
    assert (read[:, 0] == 1).all()
    shares = [(read[:, 1:] == token).double().mean().item() for token in range(3)]
    # four standard deviations of 8,000 draws
    assert shares == pytest.approx([0.375, 0.25, 0.375], abs=0.022)
