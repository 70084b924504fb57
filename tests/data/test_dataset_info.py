"""What a run remembers of its data is what numpy says of its training examples."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.data import dataset_info as module
from lab.data.dataset import Dataset
from lab.data.dataset_info import DatasetInfo
from lab.data.ranges import ranges

TRAIN = np.arange(0, 60)


def images(channels: int = 3) -> Dataset:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 200, (80, channels, 5, 4), dtype=np.uint8)
    pixels[60:] = 255  # not for training
    return Dataset(pixels, rng.integers(0, 3, 80), ("a", "b", "c"))


def test_images_are_measured_by_channel_on_train_alone() -> None:
    dataset = images()
    info = DatasetInfo.of("pictures", dataset, TRAIN)
    truth = dataset.inputs[:60].astype(float) / 255
    np.testing.assert_allclose(info.mean, truth.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(info.std, truth.std(axis=(0, 2, 3)), rtol=1e-12)
    assert (info.shape, info.outputs, info.kind, info.task) == (
        (3, 5, 4),
        3,
        "image",
        "classify",
    )


def test_clips_are_measured_by_channel() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (9, 4, 2, 3, 3), dtype=np.uint8)
    info = DatasetInfo.of("clips", Dataset(clips), np.arange(9))
    np.testing.assert_allclose(info.mean, clips.mean(axis=(0, 1, 3, 4)) / 255)
    prepared = info.prepare_inputs(torch.from_numpy(clips))
    torch.testing.assert_close(prepared.mean((0, 1, 3, 4)), torch.zeros(2), atol=1e-5, rtol=0)


def test_sequences_are_measured_by_feature_over_all_steps() -> None:
    rng = np.random.default_rng(0)
    sequences = (rng.normal(size=(50, 7, 3)) * [1, 20, 0] + [0, 5, 9]).astype(np.float32)
    info = DatasetInfo.of("signals", Dataset(sequences), np.arange(40))
    assert (info.kind, info.shape) == ("sequence", (7, 3))
    np.testing.assert_allclose(info.mean, sequences[:40].mean((0, 1), dtype=float), atol=1e-6)
    prepared = info.prepare_inputs(torch.from_numpy(sequences[:40]))
    torch.testing.assert_close(prepared.mean((0, 1)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(
        prepared.std((0, 1), correction=0), torch.tensor([1.0, 1.0, 0.0]), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32, np.int64])
def test_tokens_stay_whole_numbers_and_have_no_scale(dtype) -> None:
    dataset = Dataset(np.array([[1, 2], [2, 0]], dtype), vocabulary=("", "a", "b"))
    info = DatasetInfo.of("words", dataset, np.arange(2))
    assert (info.kind, info.shape, info.mean, info.std) == ("tokens", (2,), (), ())
    assert info.vocabulary == ("", "a", "b")
    prepared = info.prepare_inputs(torch.from_numpy(dataset.inputs))
    assert (prepared.dtype, prepared.tolist()) == (torch.int64, [[1, 2], [2, 0]])


def test_prepared_inputs_have_mean_0_and_deviation_1() -> None:
    dataset = images()
    info = DatasetInfo.of("pictures", dataset, TRAIN)
    prepared = info.prepare_inputs(torch.from_numpy(dataset.inputs[:60]))
    assert prepared.dtype == torch.float32
    torch.testing.assert_close(prepared.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(prepared.std((0, 2, 3), correction=0), torch.ones(3))


@pytest.mark.parametrize("value", [0.0, 0.1, 7.3, 1e9])
def test_a_constant_feature_becomes_0_and_disturbs_nothing(value) -> None:
    table = np.random.default_rng(0).normal(size=(5_000, 2)).astype(np.float32)
    table[:, 1] = value
    info = DatasetInfo.of("table", Dataset(table), np.arange(5_000))
    assert info.std[1] == 1
    prepared = info.prepare_inputs(torch.from_numpy(table))
    torch.testing.assert_close(prepared[:, 1], torch.zeros(5_000))


def test_a_feature_of_tiny_numbers_is_no_constant() -> None:
    table = 1e-12 * np.random.default_rng(0).normal(size=(100, 1))
    info = DatasetInfo.of("table", Dataset(table), np.arange(100))
    prepared = info.prepare_inputs(torch.from_numpy(table))
    assert float(prepared.std(correction=0)) == pytest.approx(1)


def test_single_precision_does_not_spoil_a_mean() -> None:
    table = np.full((10_000, 1), 0.1, np.float32)
    table[::2] = 4_000.1
    info = DatasetInfo.of("table", Dataset(table), np.arange(10_000))
    assert info.mean[0] == pytest.approx(table.astype(float).mean(), rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("width", [0, 1, 3])
def test_values_are_standardized_and_restored(dtype, width) -> None:
    shape = (100, width) if width else (100,)
    values = (50 * np.random.default_rng(0).normal(size=shape) + 300).astype(dtype)
    info = DatasetInfo.of("values", Dataset(np.zeros((100, 2)), values), np.arange(100))
    assert info.outputs == max(1, width)
    targets = info.prepare_targets(torch.from_numpy(values))
    assert targets.dtype == torch.float32
    assert targets.shape == shape
    torch.testing.assert_close(targets.mean(0), torch.zeros(shape[1:]), atol=1e-5, rtol=0)
    torch.testing.assert_close(targets.std(0, correction=0), torch.ones(shape[1:]))
    restored = info.restore_targets(targets)
    np.testing.assert_allclose(restored.numpy(), values, rtol=1e-5)


def test_class_numbers_and_masks_stay_whole_numbers() -> None:
    info = DatasetInfo.of("pictures", images(), TRAIN)
    for dtype in (torch.uint8, torch.int32, torch.int64):
        assert info.prepare_targets(torch.tensor([1, 2], dtype=dtype)).tolist() == [1, 2]
        assert info.prepare_targets(torch.tensor([1, 2], dtype=dtype)).dtype == torch.int64


def test_values_to_predict_are_no_labels_of_steps() -> None:
    """Three values of sequences of three steps stay what they are where steps are missing."""
    info = DatasetInfo("it", "sequence", "regress", (3, 1), (), 3, (0.0,), (1.0,),
                       (0.0,) * 3, (1.0,) * 3)  # fmt: skip
    mask = torch.tensor([[True, True, True], [True, False, False]])
    targets = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    batch = {"inputs": torch.ones(2, 3, 1), "mask": mask, "targets": targets}
    assert torch.equal(info.prepare(batch)["targets"], targets)


def test_it_comes_back_from_plain_data() -> None:
    words = Dataset(np.zeros((60, 2), int), vocabulary=("", "a"))
    for dataset in (images(), Dataset(np.eye(60), np.arange(60.0)[:, None]), words):
        info = DatasetInfo.of("some", dataset, TRAIN)
        assert DatasetInfo.from_plain(json.loads(json.dumps(info.as_plain()))) == info
        assert DatasetInfo.from_plain(info.as_plain()) == info


def test_it_comes_back_from_before_there_were_vocabularies() -> None:
    info = DatasetInfo.of("some", images(), TRAIN)
    old = info.as_plain()
    del old["vocabulary"]
    assert DatasetInfo.from_plain(old) == info


def test_large_images_are_sampled_so_that_memory_stays_bounded(monkeypatch, lazy) -> None:
    monkeypatch.setattr(module, "MOST_VALUES", 60 * 10)
    dataset = images()
    column = lazy(dataset.inputs)
    info = DatasetInfo.of("pictures", replace(dataset, inputs=column), TRAIN)
    assert column.read == 10
    rows = np.linspace(0, 59, 10).astype(int)
    truth = dataset.inputs[rows].astype(float) / 255
    np.testing.assert_allclose(info.mean, truth.mean(axis=(0, 2, 3)))


def test_texts_have_no_scale() -> None:
    info = DatasetInfo.of("lines", Dataset(["a", "b"]), np.arange(2))
    assert (info.kind, info.shape, info.mean, info.task) == ("text", (), (), "lm")


def test_ranges_are_in_the_sources_own_unit() -> None:
    dataset = images()
    for number, row in enumerate(ranges(dataset, TRAIN)):
        truth = dataset.inputs[:60, number]
        assert (row["name"], row["min"], row["max"]) == (
            f"channel {number}",
            truth.min(),
            truth.max(),
        )
        assert row["mean"] == pytest.approx(truth.mean())
        assert row["std"] == pytest.approx(truth.std())
    sequences = np.arange(12.0).reshape(2, 3, 2)
    rows = ranges(Dataset(sequences), np.arange(2))
    assert [row["name"] for row in rows] == ["feature 0", "feature 1"]
    assert [(row["min"], row["max"]) for row in rows] == [(0, 10), (1, 11)]
    assert ranges(Dataset(np.zeros((2, 3), int), vocabulary=("",)), np.arange(2)) == []
    table = Dataset(np.eye(2), np.array([[5.0], [7]]), features=("p", "q"))
    assert [row["name"] for row in ranges(table, np.arange(2))] == ["p", "q", "target 0"]
    named = Dataset(np.eye(2), np.array([[5.0], [7]]), target=("price",))
    assert [row["name"] for row in ranges(named, np.arange(2))][-1] == "price"


def test_what_is_missing_is_in_no_range() -> None:
    table = Dataset(np.array([[1.0, np.nan], [np.nan, np.nan], [3, np.nan]]))
    first, second = ranges(table, np.arange(3))
    assert (first["missing"], first["min"], first["mean"], first["std"]) == (1, 1, 2, 1)
    assert (second["missing"], second["min"], second["mean"]) == (3, None, None)


def test_numbers_are_brought_to_the_device_once_not_with_every_batch(monkeypatch) -> None:
    """A copy of values to an accelerator waits until that has done all of its work."""
    values = np.arange(12.0)[:, None]
    info = DatasetInfo.of("values", Dataset(np.ones((12, 2), np.float32), values), np.arange(12))
    inputs, targets = torch.empty(5, 2, device="meta"), torch.empty(5, 1, device="meta")

    def use() -> None:
        info.prepare_inputs(inputs)
        info.restore_targets(info.prepare_targets(targets))

    use()
    monkeypatch.setattr(torch, "tensor", None)  # the two ways in
    monkeypatch.setattr(torch.Tensor, "new_tensor", None)
    use()


def test_constants_serve_gradients_even_where_they_were_made_without() -> None:
    info = DatasetInfo("x", "table", "none", (2,), (), 0, (0.125, 0.25), (3.0, 7.0))
    with torch.inference_mode():
        info.prepare_inputs(torch.ones(1, 2))
    inputs = torch.ones(1, 2, requires_grad=True)
    info.prepare_inputs(inputs).sum().backward()
    torch.testing.assert_close(inputs.grad, torch.tensor([[1 / 3, 1 / 7]]))
