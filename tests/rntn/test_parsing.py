"""The margin loss is the one of the paper, worked out tree by tree."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rntn.conftest import batch_of

from lab_rntn.parsing import Parsing, brackets, kept, taken, without_unnamed
from lab_rntn.search import chart


def parsing(margin: float, search: str = "chart") -> Any:
    task: Any = Parsing.__new__(Parsing)
    task.config = SimpleNamespace(margin=margin, search=search, label_smoothing=0.0)
    return task


@pytest.mark.parametrize("search", ["chart", "greedy"])
def test_each_wrong_span_should_cost_a_margin(make_net, search) -> None:
    net, (tokens, trees) = make_net("plain"), batch_of([6, 1, 4, 2])
    task = parsing(0.5, search)
    wrong = task.wrong_spans(tokens, trees).double()
    from lab_rntn.search import SEARCHES

    found = SEARCHES[search](net, tokens, 0.5 * wrong)
    ours, theirs = brackets(tokens, found), brackets(tokens, trees)
    scores, right = (net(tokens, some).scores.sum(1).tolist() for some in (found, trees))
    expected = 0.0
    for row in range(4):
        cost = 0.5 * len(set(ours[row]) - set(theirs[row]))
        expected += max(0.0, scores[row] + cost - right[row])
    loss, extra = task.loss(net, {"inputs": tokens, "trees": trees})
    nodes = 11 + 1 + 7 + 3
    assert loss.item() == pytest.approx(expected / nodes)
    assert 0 < float(extra["violations"]) <= 0.75  # trees of one and two words are as they should


def test_classes_of_the_right_trees_nodes_are_learned_beside(make_net) -> None:
    net, (tokens, trees) = make_net("plain"), batch_of([5, 3])
    targets = torch.full((2, 9), -100)
    targets[0, [0, 4, 8]], targets[1, 4] = torch.tensor([1, 0, 2]), 1
    batch = {"inputs": tokens, "trees": trees}
    alone = parsing(0.1).loss(net, batch)[0]
    both, extra = parsing(0.1).loss(net, {**batch, "targets": targets})
    logits = net(tokens, trees).logits
    chosen = [logits[0, :, 0], logits[0, :, 4], logits[0, :, 8], logits[1, :, 4]]
    nats = [-row.log_softmax(0)[k] for row, k in zip(chosen, (1, 0, 2, 1), strict=True)]
    assert (both - alone).item() == pytest.approx(sum(nats).item() / (9 + 5))
    right = [int(row.argmax()) == k for row, k in zip(chosen, (1, 0, 2, 1), strict=True)]
    assert float(extra["node_accuracy"]) == sum(right) / 4


def test_the_right_tree_costs_nothing_where_it_is_ahead(make_net) -> None:
    net, (tokens, _) = make_net("plain"), batch_of([6, 4])
    best = chart(net, tokens)
    loss, _ = parsing(0.0).loss(net, {"inputs": tokens, "trees": best})
    assert loss.item() == pytest.approx(0, abs=1e-12)


def test_brackets_are_those_over_two_words_or_more() -> None:
    tokens = torch.tensor([[1, 2, 3], [4, 5, 0]])
    trees = torch.tensor([[[1, 2], [0, 3]], [[0, 1], [-1, -1]]])
    classes = torch.tensor([[9, 9, 9, 7, -100], [9, 9, 8, -100, -100]])
    assert brackets(tokens, trees) == [[(1, 3), (0, 3)], [(0, 2)]]
    named = brackets(tokens, trees, classes)
    assert named == [[(1, 3, 7), (0, 3, -100)], [(0, 2, 8)]]
    assert kept(named) == [[(1, 3, 7)], [(0, 2, 8)]]
    found: list[list[tuple[int, ...]]] = [[(0, 2, 1), (0, 3, 1)], [(0, 2, 1)]]
    assert without_unnamed(found, named) == [[(0, 2, 1)], [(0, 2, 1)]]


def test_spans_of_a_tree_are_looked_up() -> None:
    tokens, trees = torch.tensor([[1, 2, 3]]), torch.tensor([[[1, 2], [0, 3]]])
    values = torch.arange(12.0).view(1, 3, 4)
    assert taken(values, tokens, trees).tolist() == [[0, 0, 0, 7, 3]]
