"""What a person types or points to becomes inputs as the source gives them, or is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lab
from lab.supervised.command_inputs import read_inputs


def info(kind: str, shape: tuple[int, ...]) -> lab.DatasetInfo:
    return lab.DatasetInfo("some", kind, "classify", shape, ("a", "b"), 2, (0.0,), (1.0,))


def test_rows_of_numbers_are_read() -> None:
    inputs = read_inputs(["1,2.5", "-3,1e2"], info("table", (2,)))
    assert torch.equal(inputs.values, torch.tensor([[1, 2.5], [-3, 100]], dtype=torch.float64))
    assert inputs.names == ("1,2.5", "-3,1e2")


def test_images_are_brought_to_the_runs_size_and_channels(tmp_path: Path) -> None:
    Image.fromarray(np.full((10, 6, 3), 90, np.uint8)).save(tmp_path / "gray.png")
    inputs = read_inputs([str(tmp_path / "gray.png")], info("image", (1, 5, 4)))
    assert torch.equal(inputs.values, torch.full((1, 1, 5, 4), 90, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("words", "kind", "shape", "message"),
    [
        ((), "image", (1, 8, 8), "Give image files, or a folder of them."),
        ((), "table", (4,), "Give 4 numbers (column 0, "),
        (("1,2",), "table", (3,), "'1,2' has 2 fields; the run learned from 3 numbers"),
        (("1,x",), "table", (2,), "column 1 holds numbers, but 'x'"),
        (("1,nan",), "table", (2,), "column 1 is missing in row 0"),
        (("nowhere.png",), "image", (1, 8, 8), "nowhere.png cannot be read"),
        (("1,x",), "sequence", (2, 1), "neither a file nor numbers"),
        (("a dog",), "tokens", (2,), "training saw no character"),
        ((), "tokens", (2,), "Give texts, or - for lines"),
        (("a dog",), "text", (), "some is text data"),
        (("a.gif",), "video", (2, 1, 8, 8), "some is video data"),
    ],
)
def test_what_cannot_be_read_is_a_plain_line(words, kind, shape, message) -> None:
    with pytest.raises(lab.UsageError) as error:
        read_inputs(words, info(kind, shape))
    assert message in str(error.value)
