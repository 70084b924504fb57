"""Networks of different cells have as many parameters."""

from __future__ import annotations

import pytest

import lab
from lab_rntn.build import build, matched, parameters
from lab_rntn.config import Config
from lab_rntn.network import TreeNet

OTHERS = ("plain", "matrix-vector", "tree-lstm")


@pytest.mark.parametrize("words", [20, 60])
@pytest.mark.parametrize("dim", [12, 25])
@pytest.mark.parametrize("cell", OTHERS)
def test_widths_give_as_many_parameters_to_five_percent(cell, dim, words) -> None:
    facts = (words, 5, True)
    width = matched(cell, dim, *facts)
    made = TreeNet(cell, width, *facts)
    tensor = TreeNet("tensor", dim, *facts)
    ours, theirs = (sum(p.numel() for p in net.parameters()) for net in (made, tensor))
    assert abs(ours / theirs - 1) <= 0.05


@pytest.mark.parametrize("cell", OTHERS)
def test_no_other_width_is_nearer(cell) -> None:
    facts = (200, 5, False)
    goal = parameters("tensor", 8, *facts)
    apart = {width: abs(parameters(cell, width, *facts) - goal) for width in range(1, 60)}
    assert matched(cell, 8, *facts) == min(apart, key=lambda width: apart[width])


def test_the_width_of_tensors_is_what_is_asked_for() -> None:
    words = ("", "a", "b")
    info = lab.DatasetInfo("it", "tree", "classify", (4,), ("x", "y"), 2, (), (), vocabulary=words)
    net = build(Config(dim=7), info)
    assert net.embed.weight.shape == (3, 7)
    assert net.head is not None
    assert net.head.weight.shape == (2, 7)
    assert net.score is None
    assert sum(p.numel() for p in net.parameters()) == 3 * 7 + 3 * 7**3 + 2 * 7**2 + 7 + 2 * 8
