"""The margin loss is the paper's, by its own arithmetic."""

from __future__ import annotations

import pytest
import torch

from lab_capsnet.losses import MarginLoss, memberships


def test_the_margin_loss_of_lengths_is_that_of_equation_4() -> None:
    lengths = torch.tensor([[0.95, 0.3, 0.05], [0.2, 0.6, 0.1]])
    expected = [0 + 0.5 * 0.2**2, 0.5 * 0.1**2 + 0.3**2]  # classes 0 and 1
    loss = MarginLoss()(lengths.log(), torch.tensor([0, 1]))
    assert float(loss) == pytest.approx(sum(expected) / 2, abs=1e-6)


def test_several_classes_may_be_there_at_once() -> None:
    lengths = torch.tensor([[0.5, 0.5, 0.5]])
    loss = MarginLoss()(lengths.log(), torch.tensor([[1.0, 1.0, 0.0]]))
    assert float(loss) == pytest.approx(2 * 0.4**2 + 0.5 * 0.4**2, abs=1e-6)


def test_untrained_capsules_of_no_length_cost_the_square_of_the_margin() -> None:
    loss = MarginLoss()(torch.full((4, 10), 1e-4).log(), torch.arange(4))
    assert float(loss) == pytest.approx(0.81, abs=1e-3)


def test_a_mean_over_parts_weighs_them_by_their_pictures() -> None:
    loss, outputs, targets = MarginLoss(), torch.randn(10, 3) - 1, torch.arange(10) % 3
    parts = [(outputs[:7], targets[:7]), (outputs[7:], targets[7:])]
    joined = sum(loss(o, t) * loss.weight(t) for o, t in parts) / 10
    torch.testing.assert_close(joined, loss(outputs, targets))


def test_memberships_of_classes_and_of_mixtures() -> None:
    assert memberships(torch.tensor([2, 0]), 3).tolist() == [[0, 0, 1], [1, 0, 0]]
    mixed = torch.tensor([[0.3, 0.7]])
    assert memberships(mixed, 2) is mixed
