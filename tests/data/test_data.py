"""What an experiment is lent is what the options asked for, and no more is read than needed."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from lab.data.dataset import Dataset
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError


def same(a, b) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def test_nothing_is_read_before_it_is_needed(lend, blobs) -> None:
    calls = []
    lent = lend(lambda: calls.append(1) or blobs)
    assert calls == []
    assert len(lent.data.train) == 140
    lent.data.info, lent.data.eval, lent.data.test, lent.data.batches()
    assert calls == [1]


def test_a_restored_run_knows_its_shapes_without_reading(lend, blobs) -> None:
    first = lend(blobs)
    info = first.data.info

    def gone():
        raise FileNotFoundError

    restored = lend(gone, facts=first.facts)
    assert restored.data.info == info
    assert info == DatasetInfo.of("stand-in", blobs, first.data.parts["train"])


def test_two_requests_of_one_source_are_remembered_apart(lend, blobs) -> None:
    facts: dict = {}
    lend(blobs, facts=facts).data.info  # noqa: B018
    other = lend(blobs, facts=facts, classes=("a", "b"))
    assert other.data.info.outputs == 2
    assert lend(blobs, facts=facts, fold=1).data.info.mean != other.data.info.mean
    assert len(facts) == 3


def test_the_split_is_the_same_for_runs_of_all_seeds_and_their_order_is_not(lend, blobs) -> None:
    one, other = lend(blobs, seed=1).data, lend(blobs, seed=2).data
    for part in ("train", "eval", "test"):
        np.testing.assert_array_equal(one.part(part).indices, other.part(part).indices)
    assert not torch.equal(one.batches().next()["rows"], other.batches().next()["rows"])
    assert torch.equal(
        one.batches().next()["rows"], lend(blobs, seed=1).data.batches().next()["rows"]
    )


def test_a_source_that_draws_and_seeds_leaves_randomness_alone(lend, blobs) -> None:
    def draws():
        torch.manual_seed(1)
        np.random.seed(1)  # noqa: NPY002
        random.seed(1)
        return blobs

    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    lend(draws).data.train  # noqa: B018
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]


def test_a_column_that_fits_is_read_once_and_whole(lend, lazy) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    images[1] = images[0]
    column = lazy(images)
    data = lend(Dataset(column)).data
    both = [part for part in ("train", "eval", "test") if {0, 1} & set(data.parts[part])]
    assert len(both) == 1  # equal images are seen
    for _ in range(10):
        data.batches().next()
    assert column.read == 60
    assert isinstance(data.train.inputs, torch.Tensor)


def test_a_column_that_does_not_fit_is_read_by_batch_and_gives_the_same(lend, lazy) -> None:
    images = np.random.default_rng(0).integers(0, 256, (400, 3, 32, 32), dtype=np.uint8)
    targets = np.arange(400) % 2
    column = lazy(images)
    streamed = lend(Dataset(column, targets, ("a", "b")), max_resident_mb=1, batch_size=16).data
    resident = lend(Dataset(images, targets, ("a", "b")), max_resident_mb=2, batch_size=16).data
    assert streamed.info == resident.info
    column.read = 0
    one, other = streamed.batches(), resident.batches()
    for _ in range(5):
        assert same(one.next(), other.next())
    assert column.read == 5 * 16
    for a, b in zip(streamed.test.batches(32), resident.test.batches(32), strict=True):
        assert same(a, b)
    assert not isinstance(streamed.train.inputs, torch.Tensor)
    classes = lend(Dataset(column, targets, ("a", "b")), max_resident_mb=0, classes=("b",)).data
    assert len(classes.parts["train"]) == 140
    column.read = 0
    assert torch.equal(classes.batches().next()["targets"], torch.zeros(64, dtype=torch.int64))
    assert column.read == 64


def test_a_run_is_told_what_it_reads(lend, blobs) -> None:
    lent = lend(blobs, fold=2, split_seed=3)
    assert lent.told == []
    lent.data.train, lent.data.test  # noqa: B018
    (told,) = lent.told
    digest = told.pop("fingerprint")
    assert told == {
        "name": "stand-in", "options": {}, "fold": 2, "split_seed": 3, "kind": "table",
        "task": "classify", "shape": [4], "classes": 3, "train": 140, "eval": 20, "test": 40,
    }  # fmt: skip
    assert len(digest) == 32


def test_a_fingerprint_tells_data_and_splits_apart(lend, blobs, lazy) -> None:
    def digest(dataset, **request) -> str:
        lent = lend(dataset, **request)
        lent.data.parts  # noqa: B018
        return lent.told[0]["fingerprint"]

    changed = blobs.inputs.copy()
    changed[7, 1] += 1e-3
    swapped = blobs.targets.copy()
    swapped[[0, -1]] = swapped[[-1, 0]]
    numbers, words = 1 + np.arange(60).reshape(30, 2), ("", *map(str, range(60)))
    found = [
        digest(blobs),
        digest(replace(blobs, inputs=changed)),
        digest(replace(blobs, targets=swapped)),
        digest(replace(blobs, classes=("x", "y", "z"))),
        digest(blobs, fold=1),
        digest(blobs, split_seed=1),
        digest(blobs, labels_per_class=5),
        digest(blobs, classes=("a", "b")),
        digest(Dataset([f"{i}" for i in range(30)])),
        digest(Dataset(numbers)),
        digest(Dataset(numbers, vocabulary=words)),
        digest(Dataset(numbers, vocabulary=("", *words[:0:-1]))),
        digest(Dataset(numbers[:, :, None])),
    ]
    assert len(set(found)) == len(found)
    assert digest(blobs) == found[0]
    images = np.arange(60 * 16, dtype=np.uint8).reshape(60, 1, 4, 4)
    assert digest(Dataset(images)) == digest(Dataset(lazy(images)))


def test_labels_thin_out_train_alone(lend, blobs) -> None:
    data, all_of_it = lend(blobs, labels_per_class=5).data, lend(blobs).data
    assert np.bincount(blobs.targets[data.parts["train"]]).tolist() == [5, 5, 5]
    for part in ("eval", "test"):
        np.testing.assert_array_equal(data.parts[part], all_of_it.parts[part])


def test_bad_rows_are_refused_and_left_out_with_one_warning(lend, blobs) -> None:
    inputs = blobs.inputs.copy()
    inputs[[3, 50]] = np.nan
    broken = replace(blobs, inputs=inputs)
    with pytest.raises(UsageError, match="stand-in: row 3: p is nan"):
        lend(broken).data.train  # noqa: B018
    lent = lend(broken, skip_bad=True)
    assert len(lent.data.dataset) == 198
    lent.data.train, lent.data.test  # noqa: B018
    assert lent.warned == ["stand-in: 2 bad examples are left out; the first: row 3: p is nan"]


def test_texts_are_parted_but_give_no_batches(lend) -> None:
    data = lend(Dataset([f"line {i}" for i in range(40)])).data
    assert [len(rows) for rows in data.parts.values()] == [28, 4, 8]
    assert data.info.kind == "text"
    with pytest.raises(UsageError, match="gives texts"):
        data.batches()


def test_sequences_and_tokens_come_in_batches(lend) -> None:
    rng = np.random.default_rng(0)
    sequences = rng.normal(size=(40, 5, 2)).astype(np.float32)
    steps = rng.integers(0, 2, (40, 5))
    data = lend(Dataset(sequences, steps, ("off", "on")), batch_size=8).data
    batch = data.batches().next()
    rows = data.train.indices[batch["rows"]]
    np.testing.assert_array_equal(batch["inputs"], sequences[rows])
    np.testing.assert_array_equal(batch["targets"], steps[rows])
    numbers = rng.integers(1, 4, (40, 6), dtype=np.uint16)
    for memory in (0, 100):
        lent = lend(Dataset(numbers, vocabulary=("", *"abc")), batch_size=8, max_resident_mb=memory)
        batch = lent.data.batches().next()
        prepared = lent.data.info.prepare_inputs(batch["inputs"])
        np.testing.assert_array_equal(prepared, numbers[lent.data.train.indices[batch["rows"]]])
        assert lent.told[0]["vocabulary"] == 4


def test_a_task_that_is_not_the_sources_is_said(lend, blobs) -> None:
    assert lend(blobs, task="classify").data.dataset is blobs
    with pytest.raises(UsageError, match="--task regress: stand-in is to classify"):
        lend(blobs, task="regress").data.dataset  # noqa: B018


@pytest.mark.parametrize("given", [None, "rows", np.zeros((3, 2))])
def test_a_source_that_returns_something_else_is_named(lend, given) -> None:
    message = f"stand-in returned a {type(given).__name__}, no lab.Dataset"
    with pytest.raises(UsageError, match=message):
        lend(lambda: given).data.dataset  # noqa: B018


def test_options_that_a_source_does_not_have_are_said(lend, blobs) -> None:
    with pytest.raises(UsageError, match="the source stand-in has no options"):
        lend(blobs, data_args={"n": 3}).data.dataset  # noqa: B018
