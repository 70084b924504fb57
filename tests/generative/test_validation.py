"""Requests are answered, or refused plainly."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

import lab
from lab.data.batches import Split
from lab.generative import check_size, check_variety, class_number, sample_table


def test_classes_are_found_by_name() -> None:
    assert class_number("b", ("a", "b")) == 1
    with pytest.raises(lab.UsageError, match="no class 'c'; there is: a, b"):
        class_number("c", ("a", "b"))


def test_samples_that_are_no_pictures_are_rows() -> None:
    table = sample_table(torch.arange(8.0).view(2, 2, 2))
    assert table.columns == ["x0", "x1", "x2", "x3"]
    assert table.rows == [[0, 1, 2, 3], [4, 5, 6, 7]]


@pytest.mark.parametrize("position", [None, 0, 1_500, 2_999])
def test_one_other_example_is_variety_wherever_it_stands(position) -> None:
    inputs = torch.full((3_000, 1, 2, 2), 7, dtype=torch.uint8)
    if position is not None:
        inputs[position, 0, 1, 1] = 8
    split = Split(inputs, None, torch.arange(3_000).numpy(), torch.device("cpu"))
    data: Any = SimpleNamespace(train=split, info=SimpleNamespace(name="toy"))
    if position is not None:
        return check_variety(data)
    with pytest.raises(lab.UsageError, match="toy: all 3000 training examples are the same"):
        check_variety(data)


@pytest.mark.parametrize(
    ("held_out", "samples", "short"),
    [
        ({"eval": 12, "test": 12}, 6, None),
        ({"eval": 11, "test": 40}, 40, "40 samples and 11 examples to eval are too few: 6 and 12"),
        ({"eval": 40, "test": 11}, 40, "40 samples and 11 examples to test"),
        ({"eval": 40, "test": 40}, 5, "5 samples and 40 examples to eval"),
    ],
)
def test_too_few_to_measure_are_refused(held_out, samples, short) -> None:
    parts = {name: [None] * size for name, size in held_out.items()}
    data: Any = SimpleNamespace(part=parts.get, request=SimpleNamespace(data="toy"))
    if short is None:
        return check_size(data, samples)
    with pytest.raises(lab.UsageError, match=f"toy: {short}"):
        check_size(data, samples)
