"""Trees are those that trying all of them finds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
import torch
from rntn.conftest import CELLS
from torch import Tensor

from lab.data.trees import check_trees
from lab_rntn.network import TreeNet
from lab_rntn.search import SEARCHES, chart, greedy

Span = tuple[int, int]
Found = tuple[float, Tensor, frozenset[Span]]  # sum of scores, state, spans of inner nodes


def leaf(net: TreeNet, tokens: Tensor, place: int) -> Tensor:
    return net.cell.leaf(net.embed(tokens[place : place + 1]))


def joined(net: TreeNet, left: Found, right: Found, span: Span, bonus: Tensor) -> Found:
    state = net.cell.compose(left[1], right[1])
    assert net.score is not None
    score = net.score(net.cell.vector(state)).item() + float(bonus[span])
    return left[0] + right[0] + score, state, left[2] | right[2] | {span}


def all_trees(net: TreeNet, tokens: Tensor, span: Span, bonus: Tensor) -> Iterator[Found]:
    """Yield every binary tree over a span."""
    start, end = span
    if end - start == 1:
        yield 0.0, leaf(net, tokens, start), frozenset()
    for cut in range(start + 1, end):
        for left in all_trees(net, tokens, (start, cut), bonus):
            for right in all_trees(net, tokens, (cut, end), bonus):
                yield joined(net, left, right, span, bonus)


def best_by_spans(net: TreeNet, tokens: Tensor, span: Span, bonus: Tensor) -> Found:
    """Return the best of the trees over a span whose two subtrees are the best over theirs."""
    start, end = span
    if end - start == 1:
        return 0.0, leaf(net, tokens, start), frozenset()
    parts = [((start, cut), (cut, end)) for cut in range(start + 1, end)]
    best = [[best_by_spans(net, tokens, part, bonus) for part in pair] for pair in parts]
    found = [joined(net, left, right, span, bonus) for left, right in best]
    return max(found, key=lambda tree: tree[0])


def by_pairs(net: TreeNet, tokens: Tensor, length: int, bonus: Tensor) -> frozenset[Span]:
    """Return the spans of joining the best pair of neighbors again and again."""
    nodes: list[tuple[Span, Found]] = [
        ((place, place + 1), (0.0, leaf(net, tokens, place), frozenset()))
        for place in range(length)
    ]
    while len(nodes) > 1:
        merges = []
        for (a, left), (b, right) in pairwise(nodes):
            span = (a[0], b[1])
            tree = joined(net, left, right, span, bonus)
            merges.append((tree[0] - left[0] - right[0], span, tree))
        at = max(range(len(merges)), key=lambda place: merges[place][0])
        nodes[at : at + 2] = [merges[at][1:]]
    return nodes[0][1][2]


def spans_of(tokens: Tensor, trees: Tensor) -> list[frozenset[Span]]:
    from lab_rntn.parsing import brackets

    check_trees(tokens.numpy(), trees.numpy(), None, "these")
    return [frozenset((start, end) for start, end in some) for some in brackets(tokens, trees)]


def sentences(lengths: list[int]) -> Tensor:
    tokens = torch.randint(1, 9, (len(lengths), max(lengths)))
    for row, length in zip(tokens, lengths, strict=True):
        row[length:] = 0
    return tokens


@pytest.mark.parametrize("bonused", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_a_chart_finds_the_best_tree_of_best_subtrees(make_net, cell, bonused) -> None:
    net, lengths = make_net(cell), [1, 2, 7, 5, 6]
    tokens = sentences(lengths)
    bonus = torch.randn(5, 7, 8, dtype=torch.float64) * bonused
    found = spans_of(tokens, chart(net, tokens, bonus if bonused else None))
    for row, length in enumerate(lengths):
        assert found[row] == best_by_spans(net, tokens[row], (0, length), bonus[row])[2]


def test_a_chart_finds_the_best_of_all_trees_where_scores_are_of_spans(make_net) -> None:
    net, lengths = make_net("plain"), [7, 4, 6]
    torch.nn.init.zeros_(net.score.weight)  # nothing but the bonus counts
    tokens, bonus = sentences(lengths), torch.randn(3, 7, 8, dtype=torch.float64)
    found = spans_of(tokens, chart(net, tokens, bonus))
    for row, length in enumerate(lengths):
        trees = list(all_trees(net, tokens[row], (0, length), bonus[row]))
        assert len(trees) == {7: 132, 4: 5, 6: 42}[length]  # Catalan's numbers
        assert found[row] == max(trees, key=lambda tree: tree[0])[2]


@pytest.mark.parametrize("bonused", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_the_best_pair_is_joined_first(make_net, cell, bonused) -> None:
    net, lengths = make_net(cell), [1, 9, 2, 5, 8]
    tokens = sentences(lengths)
    bonus = torch.randn(5, 9, 10, dtype=torch.float64) * bonused
    found = spans_of(tokens, greedy(net, tokens, bonus if bonused else None))
    for row, length in enumerate(lengths):
        assert found[row] == by_pairs(net, tokens[row], length, bonus[row])


@pytest.mark.parametrize("search", SEARCHES)
def test_a_sentence_alone_has_the_same_tree(make_net, search) -> None:
    net = make_net()
    tokens = sentences([3, 8, 6])
    together = spans_of(tokens, SEARCHES[search](net, tokens, None))
    for row, length in enumerate((3, 8, 6)):
        alone = tokens[row : row + 1, :length]
        assert spans_of(alone, SEARCHES[search](net, alone, None)) == [together[row]]


@pytest.mark.parametrize("search", SEARCHES)
def test_one_word_has_no_merge(make_net, search) -> None:
    assert SEARCHES[search](make_net(), torch.ones(2, 1, dtype=torch.long), None).shape == (2, 0, 2)


def test_merges_in_parts_are_those_at_once(make_net, monkeypatch) -> None:
    net, tokens = make_net(), sentences([9, 7])
    whole = chart(net, tokens)
    monkeypatch.setattr("lab_rntn.search.AT_ONCE", 5)
    assert torch.equal(chart(net, tokens), whole)
