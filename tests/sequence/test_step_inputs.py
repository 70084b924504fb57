"""Inputs of every kind of source become steps, as numpy and torch's own layers make them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import lab
from lab.nn.pyramid import Pyramid
from lab.sequence import StepInputs


def info(kind: str, shape: tuple[int, ...], **facts: Any) -> lab.DatasetInfo:
    return lab.DatasetInfo("it", kind, "classify", shape, ("a", "b"), 2, (0.0,), (1.0,), **facts)


WORDS = {"vocabulary": ("", "x", "y", "z")}


def test_a_picture_is_read_by_rows_or_by_pixels() -> None:
    pictures = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
    rows, lengths = StepInputs(info("image", (3, 4, 5)), 7, project=False)(torch.tensor(pictures))
    assert lengths is None
    for number in range(4):
        expected = pictures[:, :, number].reshape(2, 15)
        np.testing.assert_array_equal(rows[:, number], expected)
    pixels, _ = StepInputs(info("image", (3, 4, 5)), 7, scan="pixels", project=False)(
        torch.tensor(pictures)
    )
    for row in range(4):
        for column in range(5):
            np.testing.assert_array_equal(pixels[:, 5 * row + column], pictures[:, :, row, column])


@pytest.mark.parametrize(
    ("kind", "shape", "scan", "steps", "features"),
    [
        ("sequence", (6, 2), "rows", 6, 2),
        ("image", (1, 4, 5), "rows", 4, 5),
        ("image", (3, 4, 5), "pixels", 20, 3),
        ("series", (2,), "rows", None, 2),
    ],
)
def test_widths_are_as_asked_for_or_the_sources_own(kind, shape, scan, steps, features) -> None:
    projected = StepInputs(info(kind, shape), 7, scan=scan)
    own = StepInputs(info(kind, shape), 7, scan=scan, project=False)
    assert (projected.width, own.width) == (7, features)
    assert projected.steps == own.steps == steps
    inputs = torch.randn(3, 9, 2) if kind == "series" else torch.randn(3, *shape)
    outputs, _ = projected(inputs)
    plain, _ = own(inputs)
    assert outputs.shape == (*plain.shape[:2], 7)
    assert plain.shape[2] == features


def test_the_length_of_tokens_is_where_they_end() -> None:
    net = StepInputs(info("tokens", (4,), **WORDS), 5)
    tokens = torch.tensor([[1, 2, 0, 0], [3, 1, 2, 3], [0, 0, 0, 0]])
    steps, lengths = net(tokens)
    assert lengths.tolist() == [2, 4, 1]
    assert torch.equal(steps[1, 0], net.get_parameter("read.weight")[3])


def test_a_mask_says_the_length_where_there_is_one() -> None:
    mask = torch.tensor([[True, True, False, False], [True, True, True, True]])
    tokens = torch.tensor([[1, 0, 0, 0], [3, 1, 2, 3]])
    assert StepInputs(info("tokens", (4,), **WORDS), 5)(tokens, mask)[1].tolist() == [2, 4]
    sequences = torch.randn(2, 4, 3)
    assert StepInputs(info("sequence", (4, 3)), 5)(sequences, mask)[1].tolist() == [2, 4]


def test_each_frame_of_a_clip_is_read_by_itself() -> None:
    net = StepInputs(info("video", (3, 2, 9, 12)), 6)
    clips = torch.randn(2, 3, 2, 9, 12)
    steps, lengths = net(clips)
    assert lengths is None
    assert steps.shape == (2, 3, 6)
    assert torch.allclose(steps[1, 2], net.read(clips[1, 2][None])[0], atol=1e-6)


def test_a_pyramid_halves_sides_until_none_is_longer_than_four() -> None:
    net = Pyramid((3, 32, 20), 10)
    shapes = []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, __, output: shapes.append(tuple(output.shape[1:])))
    assert net(torch.randn(2, 3, 32, 20)).shape == (2, 10)
    assert [s for s in shapes if len(s) == 3][::2] == [(16, 16, 10), (32, 8, 5), (64, 4, 3)]
    assert Pyramid((1, 3, 3), 4)(torch.randn(2, 1, 3, 3)).shape == (2, 4)


def test_a_picture_is_read_cell_by_cell_of_what_convolutions_leave() -> None:
    """Two pairs of convolutions see 13 x 13 pixels: a corner changes the cells at it alone."""
    net = StepInputs(info("image", (3, 32, 20)), 6, scan="grid").eval()
    pictures = torch.randn(2, 3, 32, 20)
    cells, lengths = net(pictures)
    assert lengths is None
    assert cells.shape == (2, 40, 6)
    assert net.steps == 40
    changed = pictures.clone()
    changed[:, :, 31, 19] += 9
    differs = (net(changed)[0] != cells).any(-1).any(0).view(8, 5)
    assert differs[-1, -1]
    assert not differs[:5].any()
    assert not differs[:, :2].any()


@pytest.mark.parametrize("kind", ["table", "text"])
def test_data_without_steps_are_refused_plainly(kind) -> None:
    with pytest.raises(lab.UsageError, match=f"it is {kind} data, which has no steps"):
        StepInputs(info(kind, (4,)), 5)


def test_another_scan_is_refused() -> None:
    with pytest.raises(ValueError, match="no scan 'columns'; there is: rows, pixels, grid"):
        StepInputs(info("image", (1, 4, 4)), 5, scan="columns")
