"""Inputs go to the scale that generators work in, and come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import lab
from lab.generative import centered, restored, scaled, showable, uncentered

IMAGES = lab.DatasetInfo("toy", "image", "none", (2, 3, 4), (), 0, (0.25, 0.5), (0.5, 0.125))
TABLE = lab.DatasetInfo("toy", "table", "none", (3,), (), 0, (1.0, -2.0, 0.0), (2.0, 0.5, 1.0))


def test_bytes_become_intensities_and_come_back() -> None:
    inputs = torch.randint(0, 256, (5, 2, 3, 4), dtype=torch.uint8)
    values = scaled(inputs, IMAGES)
    assert np.array_equal(values.numpy(), inputs.numpy().astype(np.float32) / 255)
    assert torch.equal((restored(values.flatten(1), IMAGES) * 255).round().byte(), inputs)


def test_columns_are_standardized_and_come_back() -> None:
    inputs = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32) * 3 + 1
    values = scaled(torch.from_numpy(inputs), TABLE)
    assert values.numpy() == pytest.approx((inputs - [1, -2, 0]) / [2, 0.5, 1], abs=1e-6)
    assert restored(values, TABLE).numpy() == pytest.approx(inputs, abs=1e-6)


def test_sequences_are_standardized_by_feature_and_come_back() -> None:
    info = lab.DatasetInfo("toy", "sequence", "none", (4, 3), (), 0, TABLE.mean, TABLE.std)
    inputs = np.random.default_rng(0).normal(size=(6, 4, 3)).astype(np.float32) * 3 + 1
    values = scaled(torch.from_numpy(inputs), info)
    assert values.numpy() == pytest.approx((inputs - [1, -2, 0]) / [2, 0.5, 1], abs=1e-6)
    assert restored(values.flatten(1), info).numpy() == pytest.approx(inputs, abs=1e-6)


def test_either_scale_can_be_asked_for() -> None:
    images = torch.randint(0, 256, (5, 2, 3, 4), dtype=torch.uint8)
    values = scaled(images, IMAGES, standardized=True)
    by_hand = (images.numpy() / 255 - np.reshape([0.25, 0.5], (2, 1, 1))) / np.reshape(
        [0.5, 0.125], (2, 1, 1)
    )
    assert values.numpy() == pytest.approx(by_hand, abs=1e-5)
    again = restored(values, IMAGES, standardized=True)
    assert torch.allclose(again, images / 255, atol=1e-6)
    rows = torch.randn(4, 3)
    assert torch.equal(scaled(rows, TABLE, standardized=False), rows)


def test_images_are_clipped_and_rows_are_not() -> None:
    assert restored(torch.full((1, 24), 7.0), IMAGES).max() == 1
    assert restored(torch.full((1, 3), 7.0), TABLE).max() == 15


@pytest.mark.parametrize(("channels", "expected"), [(1, 1), (2, 1), (3, 3), (5, 1)])
def test_any_channels_can_be_shown(channels, expected) -> None:
    images = torch.rand(2, channels, 3, 3)
    rgb = showable(images)
    assert rgb.shape == (2, expected, 3, 3)
    assert torch.allclose(rgb.mean(1), images.mean(1))


def test_centered_images_run_from_minus_one_to_one_and_come_back() -> None:
    inputs = torch.tensor([[0, 51], [128, 255]], dtype=torch.uint8).view(1, 1, 2, 2)
    info = lab.DatasetInfo("toy", "image", "none", (1, 2, 2), (), 0, (0.5,), (0.1,))
    values = centered(inputs, info)
    assert values.flatten().tolist() == pytest.approx([-1, -0.6, 256 / 255 - 1, 1], abs=1e-6)
    assert torch.equal((uncentered(values.flatten(1), info) * 255).round().byte(), inputs)
    assert uncentered(torch.full((1, 4), 3.0), info).max() == 1


def test_centered_columns_are_standardized_ones() -> None:
    rows = torch.randn(4, 3)
    assert torch.equal(centered(rows, TABLE), scaled(rows, TABLE))
    assert torch.allclose(uncentered(centered(rows, TABLE), TABLE), rows, atol=1e-6)
