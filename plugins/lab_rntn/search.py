"""Find the tree over a sentence by the scores of merges: greedily, or in a chart.

Shapes: B sentences of up to T tokens, states of S numbers. A bonus [B, T, T + 1] is added to the
score of each merge by the tokens [start, end) that it covers. Trees come as int [B, T - 1, 2].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from lab.data.tokens import END
from lab.data.trees import NONE, packed
from lab_rntn.network import TreeNet

AT_ONCE = 16_384  # merges that are computed together

Search = Callable[[TreeNet, Tensor, Tensor | None], Tensor]


def greedy(net: TreeNet, tokens: Tensor, bonus: Tensor | None = None) -> Tensor:
    """Return the trees that come of joining, again and again, the two neighbors whose merge scores
    highest, the first of equals: T - 1 merges, and two more after each."""
    lengths = (tokens != END).sum(1)
    batch, steps = tokens.shape
    trees = torch.full((batch, steps - 1, 2), NONE, device=tokens.device)
    if steps == 1:
        return trees
    row = torch.arange(batch, device=tokens.device)
    start = torch.arange(steps, device=tokens.device).expand(batch, -1)
    nodes, end = start, start + 1
    states = net.leaves(tokens)
    merged, score = net.merge(states[:, :-1], states[:, 1:])
    score = score + _bonus(bonus, row[:, None], start[:, :-1], end[:, 1:])
    for step in range(steps - 1):
        pairs = torch.arange(steps - 1 - step, device=tokens.device)
        open_pairs = pairs < (lengths - 1 - step)[:, None]
        at = score.masked_fill(~open_pairs, -torch.inf).argmax(1)
        joined = torch.stack([nodes[row, at], nodes[row, at + 1]], 1)
        trees[:, step] = joined.where(open_pairs[:, :1], joined.new_full((), NONE))
        if step == steps - 2:
            break
        # what stands behind the pair moves up, and the new node takes the pair's place
        kept = pairs + (pairs > at[:, None])
        ends = kept + (pairs == at[:, None])
        end = end.gather(1, ends)
        start, nodes = start.gather(1, kept), nodes.gather(1, kept).clone()
        nodes[row, at] = lengths + step
        states = states.gather(1, _wide(kept, states)).clone()
        states[row, at] = merged[row, at]
        moved = pairs[:-1] + (pairs[:-1] > at[:, None])
        merged = merged.gather(1, _wide(moved, merged)).clone()
        score = score.gather(1, moved).clone()
        for pair in (at - 1, at):
            pair = pair.clamp(0, len(pairs) - 2)
            again, value = net.merge(states[row, pair], states[row, pair + 1])
            merged[row, pair] = again
            score[row, pair] = value + _bonus(bonus, row, start[row, pair], end[row, pair + 1])
    return trees


def chart(net: TreeNet, tokens: Tensor, bonus: Tensor | None = None) -> Tensor:
    """Return the best trees whose every subtree is the best over its span: for each span one
    subtree is kept, that of the highest sum of scores, and larger spans are made of those.

    A state depends on the subtree below, so this is the best tree of all only where scores do not.
    It takes T^3 / 6 merges.
    """
    batch, steps = tokens.shape
    row = torch.arange(batch, device=tokens.device)[:, None]
    states = {1: net.leaves(tokens)}  # by the size of a span, [B, places, S]
    totals = {1: states[1].new_zeros(batch, steps)}
    cuts = torch.zeros(batch, steps, steps + 1, dtype=torch.long, device=tokens.device)
    for size in range(2, steps + 1):
        places = steps - size + 1
        start = torch.arange(places, device=tokens.device)
        parts = [(part, size - part) for part in range(1, size)]
        left = torch.stack([states[a][:, :places] for a, _ in parts], 1)
        right = torch.stack([states[b][:, a : a + places] for a, b in parts], 1)
        merged, score = _merge_in_parts(net, left, right)
        total = score + torch.stack(
            [totals[a][:, :places] + totals[b][:, a : a + places] for a, b in parts], 1
        )
        best, part = total.max(1)  # [B, places]
        states[size] = merged[row, part, start]
        totals[size] = best + _bonus(bonus, row, start, start + size)
        cuts[row, start, start + size] = start + 1 + part
    lengths = (tokens != END).sum(1).tolist()
    pairs = zip(cuts.cpu().numpy(), lengths, strict=True)
    found = packed([_children(cut, length) for cut, length in pairs], steps)
    return torch.from_numpy(found).to(tokens.device, torch.long)


SEARCHES: Mapping[str, Search] = {"greedy": greedy, "chart": chart}


def _bonus(bonus: Tensor | None, row: Tensor, start: Tensor, end: Tensor) -> Tensor | float:
    return 0.0 if bonus is None else bonus[row, start, end]


def _wide(index: Tensor, states: Tensor) -> Tensor:
    return index[..., None].expand(-1, -1, states.shape[-1])


def _merge_in_parts(net: TreeNet, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Return states [..., S] and scores [...] of many merges, some at a time."""
    shape = left.shape[:-1]
    pairs = zip(
        left.flatten(0, -2).split(AT_ONCE), right.flatten(0, -2).split(AT_ONCE), strict=True
    )
    merged, score = zip(*(net.merge(a, b) for a, b in pairs), strict=True)
    return torch.cat(merged).view(*shape, -1), torch.cat(score).view(shape)


def _children(cuts: np.ndarray, length: int) -> list[tuple[int, int]]:
    """Return the children of each inner node, of where each span [start, end) is cut in two."""
    opened, order = [(0, length)], list[tuple[int, int]]()
    while opened:  # a parent before its right child, and that before its left one
        start, end = opened.pop()
        if end - start > 1:
            order.append((start, end))
            cut = int(cuts[start, end])
            opened += [(start, cut), (cut, end)]
    number = {(place, place + 1): place for place in range(length)}
    children = []
    for start, end in reversed(order):
        cut = int(cuts[start, end])
        children.append((number[start, cut], number[cut, end]))
        number[start, end] = length + len(children) - 1
    return children
