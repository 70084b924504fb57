"""Guidance leads from no class to the class, and beyond."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lab_diffusion.guidance import dropped, guided

NONE = 3
X, TIME = torch.randn(4, 2), torch.full((4,), 0.5)
CLASSES = torch.tensor([0, 1, 2, 0])


def net(x: Tensor, time: Tensor, classes: Tensor) -> Tensor:
    return x + 10 * classes[:, None] * time[:, None]


@pytest.mark.parametrize("weight", [0, 0.5, 1, 2, 7.5])
def test_outputs_lie_on_the_line_through_both(weight) -> None:
    free, with_class = X + 5 * NONE, X + 5 * CLASSES[:, None]
    expected = (1 - weight) * free + weight * with_class
    assert torch.allclose(guided(net, X, TIME, CLASSES, NONE, weight), expected, atol=1e-4)


@pytest.mark.parametrize(("weight", "rows"), [(0, 4), (1, 4), (2, 8)])
def test_the_network_sees_no_more_than_it_must(weight, rows) -> None:
    seen: list[int] = []

    def counting(x: Tensor, time: Tensor, classes: Tensor) -> Tensor:
        seen.append(len(x))
        return net(x, time, classes)

    guided(counting, X, TIME, CLASSES, NONE, weight)
    assert seen == [rows]


def test_a_fraction_of_the_classes_is_withheld(generator) -> None:
    classes = torch.arange(30_000) % 3
    kept = dropped(classes, NONE, 0.2, generator)
    assert float((kept == NONE).double().mean()) == pytest.approx(0.2, abs=0.01)
    assert bool((kept[kept != NONE] == classes[kept != NONE]).all())
    assert torch.equal(dropped(classes, NONE, 0.0, generator), classes)
