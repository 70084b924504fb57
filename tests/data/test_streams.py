"""Streams keep their order, and each step is learned exactly once an epoch."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lab.data.batches import Batches
from lab.data.dataset import Dataset, checked
from lab.data.dataset_info import DatasetInfo
from lab.data.fingerprint import changes, digests
from lab.data.splits import split
from lab.data.streams import StreamBatches, WindowBatches
from lab.errors import UsageError

sizes = st.integers(2, 60), st.integers(1, 9), st.integers(1, 12)


@given(*sizes)
def test_each_step_but_the_first_is_a_target_once_an_epoch(length, size, steps) -> None:
    batches = StreamBatches(torch.arange(length), size, steps)
    targets: Counter[int] = Counter()
    for batch in batches.once():
        assert batch["inputs"].shape == batch["mask"].shape == (batches.size, steps)
        assert torch.equal(batch["targets"], batch["inputs"] + 1)
        targets.update(batch["targets"][batch["mask"]].tolist())
    assert targets == Counter(range(1, length))


@given(*sizes)
def test_rows_go_on_where_they_stopped(length, size, steps) -> None:
    batches = StreamBatches(torch.arange(length), size, steps)
    before = batches.next()
    assert bool(before["begins"])
    for _ in range(batches.batches - 1):
        batch = batches.next()
        assert not bool(batch["begins"])
        goes_on = batch["mask"][:, 0]
        assert torch.equal(batch["inputs"][goes_on, 0], before["targets"][goes_on, -1])
        before = batch
    assert batches.epoch == 1
    assert bool(batches.next()["begins"])


@pytest.mark.parametrize(
    "make",
    [
        lambda: StreamBatches(torch.arange(50), 4, 5),
        lambda: WindowBatches(torch.arange(50), 4, 5, seed=3),
    ],
    ids=["lanes", "windows"],
)
def test_a_state_alone_decides_what_comes_next(make) -> None:
    one, other = make(), make()
    assert isinstance(one.epoch, float)
    batches: Batches = one
    for _ in range(7):
        batches.next()
    other.load_state_dict(batches.state_dict())
    assert other.epoch == one.epoch
    for _ in range(9):
        a, b = one.next(), other.next()
        assert list(a) == list(b)
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_windows_begin_anywhere_alike() -> None:
    batches = WindowBatches(torch.arange(12), 1_000, 5, seed=0)
    begins = torch.cat([batches.next()["inputs"][:, 0] for _ in range(7)])
    counts = begins.bincount(minlength=7)
    assert counts.sum() == 7_000
    assert len(counts) == 7  # 0 to 6: the last target is step 11
    assert ((counts - 1_000).abs() < 150).all()  # 5 standard deviations
    batch = batches.next()
    assert torch.equal(batch["targets"], batch["inputs"] + 1)


def test_windows_depend_on_their_seed() -> None:
    first = [WindowBatches(torch.arange(999), 8, 5, seed).next()["inputs"] for seed in (0, 0, 1)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])


@pytest.mark.parametrize("length", [0, 1])
def test_a_stream_that_is_too_short_is_refused(length) -> None:
    with pytest.raises(UsageError, match="too short to predict after 1: it needs 2"):
        StreamBatches(torch.arange(length), 1, 1)
    with pytest.raises(UsageError, match="after 8: it needs 9"):
        WindowBatches(torch.arange(8), 1, 8, 0)


# -- splits


def series(length: int) -> Dataset:
    return Dataset(np.arange(2.0 * length).reshape(length, 2), stream=True)


@given(st.integers(20, 500))
def test_a_series_is_cut_in_order(length) -> None:
    parts = split(series(length), "some")
    assert np.array_equal(np.concatenate(list(parts.values())), np.arange(length))
    assert list(parts) == ["train", "eval", "test"]
    assert len(parts["train"]) == pytest.approx(0.8 * length, abs=1)
    assert len(parts["eval"]) == pytest.approx(0.1 * length, abs=2)


def test_a_text_is_cut_by_its_characters() -> None:
    texts = ["x" * 800, *["y" * 10] * 10, "z" * 100]
    parts = split(Dataset(texts, stream=True), "some")
    assert [list(rows) for rows in parts.values()] == [[0], list(range(1, 11)), [11]]


def test_a_fold_of_a_stream_is_refused() -> None:
    with pytest.raises(UsageError, match="--fold: some is a stream"):
        split(series(50), "some", fold=1)


def test_a_stream_that_leaves_a_part_empty_is_refused() -> None:
    with pytest.raises(UsageError, match="too few"):
        split(series(3), "some")


def test_a_series_is_standardized_by_its_first_part() -> None:
    dataset = series(100)
    info = DatasetInfo.of("some", dataset, split(dataset, "some")["train"])
    assert (info.kind, info.task, info.shape) == ("series", "forecast", (2,))
    prepared = info.prepare_inputs(torch.from_numpy(dataset.inputs[:80]))
    assert torch.allclose(prepared.mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(prepared.std(0, unbiased=False), torch.ones(2))


# -- translations

PAIRS = Dataset(
    np.array([[1, 2], [2, 0]]), np.array([[1, 1, 0], [2, 0, 0]]),
    vocabulary=("", "a", "b"), target_vocabulary=("", "A", "B"),
)  # fmt: skip


def test_targets_may_be_sentences_of_another_length_and_vocabulary() -> None:
    dataset, bad = checked(PAIRS, "some")
    assert (dataset.kind, dataset.task, bad) == ("tokens", "translate", [])
    info = DatasetInfo.of("some", dataset, np.arange(2))
    assert (info.outputs, info.target_vocabulary) == (3, ("", "A", "B"))
    assert DatasetInfo.from_plain(info.as_plain()) == info


def test_a_mask_of_inputs_leaves_sentences_to_write_alone() -> None:
    masked = replace(PAIRS, targets=np.array([[1, 2], [2, 0]]), mask=np.array([[True, False]] * 2))
    info = DatasetInfo.of("some", masked, np.arange(2))
    batch = {
        name: torch.from_numpy(getattr(masked, name)) for name in ("inputs", "targets", "mask")
    }
    assert info.prepare(batch)["targets"].tolist() == [[1, 2], [2, 0]]


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array([[1, 3, 0], [2, 0, 0]]), "targets: row 0: token 3 is none of the 3 words"),
        (np.array([[1, 0, 1], [2, 0, 0]]), "targets: row 0 goes on after its end"),
        (np.array([[1.0, 0, 0], [2, 0, 0]]), "no whole numbers"),
        (np.array([1, 2]), r"tokens \[N, T\]"),
        (None, r"targets that are tokens \[N, U\] alone"),
    ],
)
def test_targets_that_are_no_sentences_are_refused(targets, message) -> None:
    dataset = Dataset(
        PAIRS.inputs, targets, vocabulary=("", "a", "b"), target_vocabulary=("", "A", "B")
    )
    with pytest.raises(UsageError, match=message):
        checked(dataset, "some")


def test_other_target_words_are_other_data() -> None:
    def entry(dataset: Dataset) -> dict[str, object]:
        words = {"vocabulary": 3, "target_vocabulary": len(dataset.target_vocabulary)}
        facts = {"kind": "tokens", "task": "translate", "shape": [2], "target_shape": [3]}
        return {**facts, **words, "classes": 0, "examples": 2, "digests": digests(dataset)}

    renamed = Dataset(
        PAIRS.inputs, PAIRS.targets, vocabulary=("", "a", "b"), target_vocabulary=("", "A", "C")
    )
    assert changes(entry(PAIRS), entry(PAIRS)) == []
    assert changes(entry(PAIRS), entry(renamed)) == ["other target words"]
