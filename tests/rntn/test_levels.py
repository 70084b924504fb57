"""A batch by levels computes what each node computes by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from rntn.conftest import CELLS, batch_of
from torch import Tensor

from lab.data.trees import chain, packed
from lab_rntn.levels import plan
from lab_rntn.network import TreeNet

LENGTHS = [1, 2, 7, 3, 12, 1, 5]


def states_one_by_one(net: TreeNet, tokens: Tensor, trees: Tensor) -> list[Tensor]:
    """Return the state of each node of one tree, each child before its parent."""
    length = int((tokens > 0).sum())
    states = [net.cell.leaf(net.embed(tokens[place : place + 1])) for place in range(length)]
    for left, right in trees[: length - 1].tolist():
        states.append(net.cell.compose(states[left], states[right]))
    return states


@pytest.mark.parametrize("cell", CELLS)
def test_levels_equal_nodes_one_by_one(make_net, cell) -> None:
    net = make_net(cell)
    tokens, trees = batch_of(LENGTHS)
    read = net(tokens, trees)
    for row, length in enumerate(LENGTHS):
        vectors = torch.cat(
            [net.cell.vector(state) for state in states_one_by_one(net, tokens[row], trees[row])]
        )
        count = 2 * length - 1
        torch.testing.assert_close(read.logits[row, :, :count].T, net.head(vectors))
        torch.testing.assert_close(read.scores[row, length:count], net.score(vectors)[length:, 0])
        assert not read.logits[row, :, count:].any()
        assert not read.scores[row, :length].any()
        assert not read.scores[row, count:].any()


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_those_of_nodes_one_by_one(make_net, cell) -> None:
    net = make_net(cell)
    tokens, trees = batch_of(LENGTHS)
    weights = torch.randn(len(LENGTHS), 3, 2 * max(LENGTHS) - 1, dtype=torch.float64)
    expected = torch.zeros((), dtype=torch.float64)
    for row in range(len(LENGTHS)):
        for node, state in enumerate(states_one_by_one(net, tokens[row], trees[row])):
            expected = expected + weights[row, :, node] @ net.head(net.cell.vector(state))[0]
    used = [net.embed.weight, net.head.weight, *net.cell.parameters()]
    value = (net(tokens, trees).logits * weights).sum()
    for ours, theirs in zip(
        torch.autograd.grad(value, used), torch.autograd.grad(expected, used), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("direction", ["left", "right"])
def test_five_hundred_levels_are_no_recursion(make_net, direction) -> None:
    net = make_net("plain")
    tokens = torch.ones(2, 501, dtype=torch.long)
    trees = torch.from_numpy(packed([chain(501, direction), chain(3, direction)], 501)).long()
    tokens[1, 3:] = 0
    scores = net(tokens, trees).scores
    assert scores[0, 501:].all()
    scores.sum().backward()
    assert torch.isfinite(net.embed.weight.grad).all()


def test_a_level_holds_all_nodes_of_its_height() -> None:
    tokens, trees = batch_of([1, 6, 4, 9])
    order = plan(tokens.numpy(), trees.numpy())
    sizes = [sum(level.sizes) for level in order.levels]
    assert sizes[0] == order.leaves == 20
    assert sum(sizes) == len(order.places) == len(set(order.places.tolist())) == 1 + 11 + 7 + 17
    for level, size in zip(order.levels[1:], sizes[1:], strict=True):
        assert sorted(level.children.tolist()) == list(range(2 * size))  # each child goes up once


def test_the_order_of_the_batch_changes_nothing(make_net) -> None:
    net = make_net()
    tokens, trees = batch_of(LENGTHS)
    order = torch.from_numpy(np.random.default_rng(1).permutation(len(LENGTHS)))
    torch.testing.assert_close(
        net(tokens[order], trees[order]).logits, net(tokens, trees).logits[order]
    )
