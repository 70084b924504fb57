"""An experiment gets the data that its options select, and no more is read than needed."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from helpers import noting

from lab.data.dataset import Dataset
from lab.data.dataset_info import DatasetInfo
from lab.data.record import DataRecord
from lab.errors import UsageError


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_nothing_is_read_before_it_is_needed(load_data, blobs) -> None:
    calls = []
    loaded = load_data(noting(lambda: blobs, lambda: calls.append(1)))
    assert calls == []
    assert len(loaded.data.train) == 140
    loaded.data.info, loaded.data.eval, loaded.data.test, loaded.data.batches()
    assert calls == [1]


def test_a_restored_run_knows_its_shapes_without_reading(load_data, blobs) -> None:
    first = load_data(blobs)
    info = first.data.info

    def gone():
        raise FileNotFoundError

    restored = load_data(gone, facts=first.facts)
    assert restored.data.info == info
    assert info == DatasetInfo.of("stand-in", blobs, first.data.parts["train"])


def test_two_requests_of_one_source_are_remembered_apart(load_data, blobs) -> None:
    facts: dict[str, Any] = {}
    load_data(blobs, facts=facts).data.info  # noqa: B018
    subset = load_data(blobs, facts=facts, classes=("a", "b"))
    assert subset.data.info.outputs == 2
    assert load_data(blobs, facts=facts, fold=1).data.info.mean != subset.data.info.mean
    assert len(facts) == 3


def test_the_split_is_the_same_for_runs_of_all_seeds_and_their_order_is_not(
    load_data, blobs
) -> None:
    a, b = load_data(blobs, seed=1).data, load_data(blobs, seed=2).data
    for part in ("train", "eval", "test"):
        np.testing.assert_array_equal(a.part(part).indices, b.part(part).indices)
    assert not torch.equal(a.batches().next()["rows"], b.batches().next()["rows"])
    assert torch.equal(
        a.batches().next()["rows"], load_data(blobs, seed=1).data.batches().next()["rows"]
    )


def test_a_source_that_draws_and_seeds_leaves_randomness_alone(load_data, blobs) -> None:
    def draws():
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        return blobs

    def words() -> np.ndarray:
        return np.random.get_state(legacy=False)["state"]["key"]  # noqa: NPY002

    before = torch.get_rng_state(), words().copy(), random.getstate()
    load_data(draws).data.train  # noqa: B018
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(words(), before[1])
    assert random.getstate() == before[2]


def test_a_column_that_fits_is_read_once_and_whole(load_data, lazy) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    images[1] = images[0]
    column = lazy(images)
    data = load_data(Dataset(column)).data
    parts = [part for part in ("train", "eval", "test") if {0, 1} & set(data.parts[part])]
    assert len(parts) == 1  # equal images are seen
    for _ in range(10):
        data.batches().next()
    assert column.read == 60
    assert isinstance(data.train.inputs, torch.Tensor)


def test_a_column_that_does_not_fit_is_read_by_batch_and_gives_the_same(load_data, lazy) -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, 3, 32, 32), dtype=np.uint8)
    targets = np.arange(400) % 2
    column = lazy(images)
    streamed = load_data(
        Dataset(column, targets, ("a", "b")), max_resident_mb=1, batch_size=16
    ).data
    resident = load_data(
        Dataset(images, targets, ("a", "b")), max_resident_mb=2, batch_size=16
    ).data
    assert streamed.info == resident.info
    column.read = 0
    first, second = streamed.batches(), resident.batches()
    for _ in range(5):
        assert same(first.next(), second.next())
    assert column.read == 5 * 16
    for a, b in zip(streamed.test.batches(32), resident.test.batches(32), strict=True):
        assert same(a, b)
    assert not isinstance(streamed.train.inputs, torch.Tensor)
    classes = load_data(
        Dataset(column, targets, ("a", "b")), max_resident_mb=0, classes=("b",)
    ).data
    assert len(classes.parts["train"]) == 140
    column.read = 0
    assert torch.equal(classes.batches().next()["targets"], torch.zeros(64, dtype=torch.int64))
    assert column.read == 64


def test_a_run_is_told_what_it_reads(load_data, blobs) -> None:
    loaded = load_data(blobs, fold=2, split_seed=3)
    assert loaded.recorded == []
    loaded.data.train, loaded.data.test  # noqa: B018
    (record,) = loaded.recorded
    digest = record.pop("fingerprint")
    assert record == {
        "name": "stand-in", "options": {}, "fold": 2, "split_seed": 3, "kind": "table",
        "task": "classify", "shape": [4], "classes": 3, "columns": ["p", "q", "r", "s"],
        "train": 140, "eval": 20, "test": 40,
    }  # fmt: skip
    assert len(digest) == 32


def test_a_fingerprint_tells_data_and_splits_apart(load_data, blobs, lazy) -> None:
    def digest(dataset, **request) -> str:
        loaded = load_data(dataset, **request)
        loaded.data.parts  # noqa: B018
        return loaded.recorded[0]["fingerprint"]

    changed = blobs.inputs.copy()
    changed[7, 1] += 1e-3
    swapped = blobs.targets.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    tokens, words = 1 + np.arange(60).reshape(30, 2), ("", *map(str, range(60)))
    digests = [
        digest(blobs),
        digest(replace(blobs, inputs=changed)),
        digest(replace(blobs, targets=swapped)),
        digest(replace(blobs, classes=("x", "y", "z"))),
        digest(blobs, fold=1),
        digest(blobs, split_seed=1),
        digest(blobs, labels_per_class=5),
        digest(blobs, classes=("a", "b")),
        digest(Dataset([f"{i}" for i in range(30)])),
        digest(Dataset(tokens)),
        digest(Dataset(tokens, vocabulary=words)),
        digest(Dataset(tokens, vocabulary=("", *words[:0:-1]))),
        digest(Dataset(tokens[:, :, None])),
    ]
    assert len(set(digests)) == len(digests)
    assert digest(blobs) == digests[0]
    images = np.arange(60 * 16, dtype=np.uint8).reshape(60, 1, 4, 4)
    assert digest(Dataset(images)) == digest(Dataset(lazy(images)))


def test_labels_thin_out_train_alone(load_data, blobs) -> None:
    data, all_of_it = load_data(blobs, labels_per_class=5).data, load_data(blobs).data
    assert np.bincount(blobs.targets[data.parts["train"]]).tolist() == [5, 5, 5]
    for part in ("eval", "test"):
        np.testing.assert_array_equal(data.parts[part], all_of_it.parts[part])


def test_classes_with_fewer_labels_than_asked_for_are_told(load_data, blobs) -> None:
    loaded = load_data(blobs, labels_per_class=42, record=DataRecord())
    assert np.bincount(blobs.targets[loaded.data.parts["train"]]).tolist() == [28, 42, 42]
    assert loaded.warned == ["stand-in: --labels-per-class 42, but there are 28 a alone"]


def test_bad_rows_are_refused_and_left_out_with_one_warning(load_data, blobs) -> None:
    inputs = blobs.inputs.copy()
    inputs[[3, 50]] = np.nan
    broken = replace(blobs, inputs=inputs)
    with pytest.raises(UsageError, match="stand-in: row 3: p is nan"):
        load_data(broken).data.train  # noqa: B018
    loaded = load_data(broken, skip_bad=True)
    assert len(loaded.data.dataset) == 198
    loaded.data.train, loaded.data.test  # noqa: B018
    assert loaded.warned == ["stand-in: 2 bad examples are left out; the first: row 3: p is nan"]


def test_texts_are_parted_but_give_no_batches(load_data) -> None:
    data = load_data(Dataset([f"line {i}" for i in range(40)])).data
    assert [len(rows) for rows in data.parts.values()] == [28, 4, 8]
    assert data.info.kind == "text"
    with pytest.raises(UsageError, match="gives texts"):
        data.batches()


def test_sequences_and_tokens_come_in_batches(load_data) -> None:
    rng = np.random.default_rng(0)
    sequences = rng.normal(size=(40, 5, 2)).astype(np.float32)
    steps = rng.integers(0, 2, (40, 5))
    data = load_data(Dataset(sequences, steps, ("off", "on")), batch_size=8).data
    batch = data.batches().next()
    rows = data.train.indices[batch["rows"]]
    np.testing.assert_array_equal(batch["inputs"], sequences[rows])
    np.testing.assert_array_equal(batch["targets"], steps[rows])
    tokens = rng.integers(1, 4, (40, 6), dtype=np.uint16)
    for memory in (0, 100):
        loaded = load_data(
            Dataset(tokens, vocabulary=("", *"abc")), batch_size=8, max_resident_mb=memory
        )
        batch = loaded.data.batches().next()
        prepared = loaded.data.info.prepare_inputs(batch["inputs"])
        np.testing.assert_array_equal(prepared, tokens[loaded.data.train.indices[batch["rows"]]])
        assert loaded.recorded[0]["vocabulary"] == 4


def test_a_task_that_is_not_the_sources_is_said(load_data, blobs) -> None:
    assert load_data(blobs, task="classify").data.dataset is blobs
    with pytest.raises(UsageError, match="--task regress: stand-in is to classify"):
        load_data(blobs, task="regress").data.dataset  # noqa: B018


@pytest.mark.parametrize("returned", [None, "rows", np.zeros((3, 2))])
def test_a_source_that_returns_something_else_is_named(load_data, returned) -> None:
    message = f"stand-in returned a {type(returned).__name__}, no lab.Dataset"
    with pytest.raises(UsageError, match=message):
        load_data(lambda: returned).data.dataset  # noqa: B018


def test_options_that_a_source_does_not_have_are_said(load_data, blobs) -> None:
    with pytest.raises(UsageError, match="the source stand-in has no options"):
        load_data(blobs, data_args={"n": 3}).data.dataset  # noqa: B018


@pytest.mark.parametrize(
    ("counts", "note"),
    [
        ((60, 20), None),
        ((61, 20), "classes are uneven: 61 a, 20 b. Always to say a is right in 75%"),
        (
            (10, 50, 40, 30, 20, 16),
            "classes are uneven: 50 b, 40 c, 30 d, 20 e, ..., 10 a. Always to say b is right in "
            "30%",
        ),
    ],
)
def test_uneven_classes_are_told_at_the_first_read(load_data, counts, note) -> None:
    targets = np.repeat(np.arange(len(counts)), counts)
    inputs = np.arange(len(targets), dtype=np.float32)[:, None]
    loaded = load_data(
        Dataset(inputs, targets, tuple("abcdef"[: len(counts)])), record=DataRecord()
    )
    loaded.data.train  # noqa: B018
    assert loaded.warned == ([f"stand-in: {note}"] if note else [])


def test_a_class_that_a_split_lacks_is_told(load_data, blobs) -> None:
    """No figure of that split tells anything of it."""
    rare = np.flatnonzero(blobs.targets == 1)
    test = np.zeros(len(blobs), bool)
    test[np.flatnonzero(blobs.targets == 0)[:20]] = True
    assert not test[rare].any()
    loaded = load_data(replace(blobs, test=test), record=DataRecord())
    loaded.data.train  # noqa: B018
    others = ", ".join(name for number, name in enumerate(blobs.classes) if number)
    assert loaded.warned == [f"stand-in: its test split has no {others}"]


def test_a_fold_that_changes_nothing_is_told(load_data, blobs) -> None:
    rows = np.arange(200)
    own = replace(blobs, test=rows % 4 == 1, eval=rows % 4 == 2)
    for fold in (0, 2):
        loaded = load_data(own, fold=fold, record=DataRecord())
        loaded.data.train  # noqa: B018
        said = ["stand-in: it has eval and test sets of its own, so --fold changes nothing"]
        assert loaded.warned == (said if fold else [])
