"""Figures of trees: of brackets, checked against counts made by hand; of classes of nodes."""

from __future__ import annotations

import pytest
import torch

from lab.metrics import Brackets, NodeClassification

# The two parses of "the man saw the dog with the telescope", words from 0 to 8
NOUN = [(0, 8), (0, 2), (2, 8), (3, 8), (3, 5), (5, 8), (6, 8)]
VERB = [(0, 8), (0, 2), (2, 8), (2, 5), (3, 5), (5, 8), (6, 8)]


def test_brackets_count_over_all_trees_together() -> None:
    figures = Brackets()
    figures.add([NOUN, [(0, 2)]], [VERB, [(0, 2)]])
    found = figures.compute("test")
    assert found["precision"] == found["recall"] == found["f1"] == 7 / 8  # 6 of 7, and 1 of 1
    assert (found["exact_match"], found["n"]) == (0.5, 2)
    assert found["exact_match_low"] < 0.5 < found["exact_match_high"]


def test_precision_divides_by_what_is_found_and_recall_by_what_is_right() -> None:
    figures = Brackets()
    figures.add([[(0, 3), (1, 3)]], [[(0, 3), (0, 2), (3, 5), (3, 6)]])
    found = figures.compute()
    assert (found["precision"], found["recall"]) == (1 / 2, 1 / 4)
    assert found["f1"] == pytest.approx(2 * (1 / 2) * (1 / 4) / (1 / 2 + 1 / 4))


def test_a_bracket_counts_as_often_as_it_is_right() -> None:
    figures = Brackets("labeled_")
    figures.add([[(0, 2, 1), (0, 2, 1), (0, 2, 3)]], [[(0, 2, 1), (0, 2, 2)]])
    found = figures.compute()
    assert (found["labeled_precision"], found["labeled_recall"]) == (1 / 3, 1 / 2)


def test_trees_of_one_word_are_right() -> None:
    figures = Brackets()
    figures.add([[]], [[]])
    assert figures.compute()["f1"] == 1
    with pytest.raises(ValueError, match="nothing was added"):
        Brackets().compute()


def logits_of(classes: list[list[int]], count: int = 5) -> torch.Tensor:
    """Return logits [B, K, M] that say these classes, with certainty."""
    return 20.0 * torch.nn.functional.one_hot(torch.tensor(classes), count).movedim(-1, 1)


def test_roots_and_nodes_are_counted_apart() -> None:
    figures = NodeClassification()
    targets = torch.tensor([[1, 2, 3], [4, -100, -100], [0, 1, -100]])
    figures.add(logits_of([[1, 2, 0], [4, 0, 0], [0, 0, 0]]), targets, torch.tensor([2, 0, 2]))
    found = figures.compute("test")
    assert found["node_accuracy"] == 4 / 6
    assert found["accuracy"] == 1 / 2  # the third root has no class
    assert found["n"] == 2
    assert found["loss"] == pytest.approx(2 * 20 / 6, rel=1e-5)
    assert "binary_accuracy" not in found
    assert "negation_accuracy" not in found


def test_sides_of_neutral_go_by_summed_probabilities() -> None:
    figures = NodeClassification(neutral=2)
    logits = torch.tensor([[0.30, 0.05, 0.1, 0.27, 0.28], [0.4, 0.0, 0.5, 0.05, 0.05]]).log()
    targets = torch.tensor([[3], [1]])
    figures.add(logits[..., None], targets, torch.zeros(2, dtype=torch.long))
    figures.add(logits[..., None], torch.tensor([[1], [2]]), torch.zeros(2, dtype=torch.long))
    assert figures.compute()["binary_accuracy"] == 2 / 3  # of four roots one is neutral


def test_negated_roots_are_counted_apart() -> None:
    figures = NodeClassification()
    targets = torch.tensor([[0], [1], [2]])
    negated = torch.tensor([True, True, False])
    figures.add(logits_of([[0], [0], [0]]), targets, torch.zeros(3, dtype=torch.long), negated)
    found = figures.compute("test")
    assert (found["accuracy"], found["negation_accuracy"]) == (1 / 3, 1 / 2)


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="are for nodes"):
        NodeClassification().add(
            torch.zeros(2, 5, 3), torch.zeros(2, 4, dtype=torch.long), torch.zeros(2)
        )
    figures = NodeClassification()
    figures.add(torch.zeros(1, 5, 1), torch.tensor([[-100]]), torch.tensor([0]))
    with pytest.raises(ValueError, match="no node"):
        figures.compute()
