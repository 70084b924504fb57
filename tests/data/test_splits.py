"""No example, and no copy or relative of one, stands on two sides of a split."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.data.dataset import Dataset
from lab.data.splits import FOLDS, _equal_inputs, few, only, split
from lab.errors import UsageError

quick = settings(max_examples=25, suppress_health_check=list(HealthCheck))


@st.composite
def datasets(draw: st.DrawFn, copies: bool = False, groups: bool = False) -> Dataset:
    """Tables of some classes, each with 15 to 60 examples, in any order."""
    sizes = draw(st.lists(st.integers(15, 60), min_size=1, max_size=4))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    targets = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    inputs = rng.permutation(len(targets)).astype(np.float32)[:, None]
    if copies:
        inputs = np.floor(inputs / 3)
    group_ids = rng.integers(0, len(targets) // 2, len(targets)) if groups else None
    return Dataset(inputs, targets, tuple(map(str, range(len(sizes)))), groups=group_ids)


def part_of(dataset: Dataset, fold: int = 0, seed: int = 0) -> np.ndarray:
    """Return which part each example is in, 0 to 2, and check that it is in exactly one."""
    parts = split(dataset, "some", fold, seed)
    joined = np.concatenate(list(parts.values()))
    np.testing.assert_array_equal(np.sort(joined), np.arange(len(dataset)))
    for rows in parts.values():
        np.testing.assert_array_equal(rows, np.unique(rows))
    numbers = np.empty(len(dataset), int)
    for number, rows in enumerate(parts.values()):
        numbers[rows] = number
    return numbers


@quick
@given(datasets(), st.integers(0, 4), st.integers(0, 5))
def test_parts_are_disjoint_and_cover_everything(dataset, fold, seed) -> None:
    part_of(dataset, fold, seed)


@quick
@given(datasets(), st.integers(0, 5))
def test_the_test_sets_of_the_folds_are_a_partition(dataset, seed) -> None:
    tests = [split(dataset, "some", fold, seed)["test"] for fold in range(FOLDS)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(dataset)))


@quick
@given(datasets(), st.integers(0, 4), st.integers(0, 5))
def test_every_class_is_in_every_part_within_one_of_its_share(dataset, fold, seed) -> None:
    parts = split(dataset, "some", fold, seed)
    for label in range(len(dataset.classes)):
        size = (dataset.targets == label).sum()
        there = {part: (dataset.targets[rows] == label).sum() for part, rows in parts.items()}
        assert abs(there["test"] - size / 5) < 1
        assert abs(there["eval"] - (size - there["test"]) / 8) < 1
    assert abs(len(parts["test"]) - len(dataset) / 5) < 1


@quick
@given(datasets(copies=True), st.integers(0, 4), st.integers(0, 5))
def test_equal_inputs_are_never_parted(dataset, fold, seed) -> None:
    try:
        part = part_of(dataset, fold, seed)
    except UsageError:  # a small class may fall to one side with its copies
        return
    for value in np.unique(dataset.inputs):
        assert len(set(part[dataset.inputs[:, 0] == value])) == 1


@quick
@given(datasets(copies=True, groups=True), st.integers(0, 4))
def test_groups_are_never_parted_nor_are_equal_inputs_that_link_them(dataset, fold) -> None:
    try:
        part = part_of(dataset, fold)
    except UsageError:
        return
    for column in (dataset.groups, dataset.inputs[:, 0]):
        for value in np.unique(column):
            assert len(set(part[column == value])) == 1


def test_two_groups_that_share_an_example_are_one() -> None:
    inputs = np.array([[0.0], [1], [1], [2], [3]] + [[10.0 + i] for i in range(45)])
    groups = np.array([0, 0, 1, 1, 2, *range(10, 55)])
    for seed in range(20):
        part = part_of(Dataset(inputs, groups=groups), seed=seed)
        assert len(set(part[:4])) == 1


def test_what_stands_alone_may_equal_anything() -> None:
    table = Dataset(np.tile([[0.0], [1]], (20, 1)), np.tile([0, 1], 20), ("a", "b"))
    with pytest.raises(UsageError, match="too few"):
        split(table, "truth")
    parts = split(replace(table, groups=np.full(40, -1)), "truth")
    assert [len(rows) for rows in parts.values()] == [28, 4, 8]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.uint8, np.bool_])
@pytest.mark.parametrize("width", [1, 3, 8, 11])
def test_inputs_are_equal_where_their_bytes_are(dtype, width) -> None:
    rng = np.random.default_rng(0)
    inputs = rng.integers(0, 2, (25_000, width)).astype(dtype)  # more than are read at once
    if dtype is np.float64:
        inputs[rng.random(inputs.shape) < 0.1] = np.nan
    ids: dict[bytes, int] = {}
    expected = [ids.setdefault(row.tobytes(), len(ids)) for row in inputs]
    found = _equal_inputs(Dataset(np.asfortranarray(inputs)))
    np.testing.assert_array_equal(found, expected)


def test_equal_texts_and_equal_images_are_found() -> None:
    texts = Dataset([f"line {i // 2}" for i in range(60)])
    images = Dataset(np.repeat(np.arange(30, dtype=np.uint8), 2)[:, None, None, None]
                     * np.ones((1, 1, 2, 2), np.uint8))  # fmt: skip
    for dataset in (texts, images):
        part = part_of(dataset)
        np.testing.assert_array_equal(part[::2], part[1::2])


def test_a_seed_decides_the_split_and_another_makes_another(blobs) -> None:
    np.testing.assert_array_equal(part_of(blobs, 0, 3), part_of(blobs, 0, 3))
    assert (part_of(blobs, 0, 3) != part_of(blobs, 0, 4)).any()
    assert (part_of(blobs, 0, 3) != part_of(blobs, 1, 3)).any()


def test_values_are_stratified_by_tenths() -> None:
    rng = np.random.default_rng(0)
    values = rng.exponential(size=(500, 1)).astype(np.float32)
    parts = split(Dataset(rng.normal(size=(500, 2)), values), "some")
    edges = np.quantile(values, np.linspace(0, 1, 11))
    counts = np.histogram(values[parts["test"]], edges)[0]
    assert counts.min() >= 9
    assert counts.max() <= 11


def test_a_sources_own_test_set_is_kept_and_its_copies_leave_train(blobs) -> None:
    test = np.zeros(200, bool)
    test[::4] = True
    inputs = blobs.inputs.copy()
    inputs[1] = inputs[0]  # in train as the source has it, in test too
    dataset = replace(blobs, inputs=inputs, test=test)
    parts = split(dataset, "some")
    np.testing.assert_array_equal(parts["test"], np.flatnonzero(test))
    assert 1 not in np.concatenate([parts["train"], parts["eval"]])
    assert len(parts["train"]) + len(parts["eval"]) == 149
    assert len(parts["eval"]) in (18, 19)
    evals = [split(dataset, "some", fold)["eval"] for fold in range(FOLDS)]
    assert len(np.unique(np.concatenate(evals))) == sum(map(len, evals))  # the fold turns it


def test_a_sources_own_eval_set_is_kept_and_its_copies_leave_train(blobs) -> None:
    numbers = np.arange(200)
    inputs = blobs.inputs.copy()
    inputs[0], inputs[4] = inputs[1], inputs[2]  # in train: copies of one in test and one in eval
    inputs[6] = inputs[5]  # in eval: a copy of one in test
    dataset = replace(blobs, inputs=inputs, test=numbers % 4 == 1, eval=numbers % 4 == 2)
    for fold in range(FOLDS):
        parts = split(dataset, "some", fold)
        np.testing.assert_array_equal(parts["test"], numbers[numbers % 4 == 1])
        np.testing.assert_array_equal(parts["eval"], np.setdiff1d(numbers[numbers % 4 == 2], 6))
        np.testing.assert_array_equal(
            parts["train"], np.setdiff1d(numbers[(numbers + 1) % 4 < 2], [0, 4])
        )


def test_folds_are_made_of_what_is_not_the_sources_eval_set(blobs) -> None:
    own = np.arange(200) % 4 == 2
    dataset = replace(blobs, eval=own)
    tests = [split(dataset, "some", fold)["test"] for fold in range(FOLDS)]
    np.testing.assert_array_equal(np.sort(np.concatenate(tests)), np.flatnonzero(~own))
    np.testing.assert_array_equal(split(dataset, "some", 3)["eval"], np.flatnonzero(own))


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(np.ones((30, 1, 4, 4), np.uint8)), "some: all 30 images are equal"),
        (Dataset(["one"] * 30), "some: all 30 texts are equal"),
        (
            Dataset(np.tile([[0.0], [1]], (20, 1))),
            "some: 40 examples, only 2 of them different, are too few",
        ),
    ],
)
def test_what_is_all_equal_is_said(dataset, message) -> None:
    with pytest.raises(UsageError, match=message):
        split(dataset, "some")


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_examples_are_said(count) -> None:
    with pytest.raises(UsageError, match=f"some has {count} examples?, too few"):
        split(Dataset(np.arange(count, dtype=float)[:, None]), "some")


def test_a_class_that_train_lacks_is_named() -> None:
    targets = np.array([0] * 60 + [1])
    dataset = Dataset(np.arange(61.0)[:, None], targets, ("usual", "rare"))
    messages = set()
    for fold in range(FOLDS):
        for seed in range(3):
            try:
                split(dataset, "some", fold, seed)
            except UsageError as error:
                messages.add(str(error))
    assert messages == {"some: class 'rare' is missing from train, of 1 example in all"}


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (["b"], ["b"]),
        (["c", "a"], ["c", "a"]),
        (["a-b"], ["a", "b"]),
        (["b", "a-c"], ["b", "a", "c"]),
    ],
)
def test_only_some_classes_are_numbered_in_the_order_asked(blobs, classes, expected) -> None:
    taken = only(blobs, "blobs", classes)
    assert list(taken.classes) == expected
    for number, name in enumerate(expected):
        rows = taken.inputs[taken.targets == number]
        np.testing.assert_array_equal(rows, blobs.inputs[blobs.targets == "abc".index(name)])


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (["d"], "blobs has no class 'd'. It has: a, b, c"),
        (["a-d"], "blobs has no class 'a-d'"),
        (["c-a"], "c comes after a; write a-c"),
    ],
)
def test_classes_that_are_not_there_are_said(blobs, classes, message) -> None:
    with pytest.raises(UsageError, match=message):
        only(blobs, "blobs", classes)


def test_a_class_whose_name_holds_a_dash_is_found() -> None:
    dataset = Dataset(np.zeros((2, 1)), np.array([0, 1]), ("t-shirt", "shoe"))
    assert only(dataset, "clothes", ["t-shirt"]).classes == ("t-shirt",)


def test_few_takes_as_many_of_each_class_and_all_where_there_are_fewer(blobs) -> None:
    train = split(blobs, "blobs")["train"]
    rows = few(blobs, "blobs", train, 30, seed=0)
    assert np.isin(rows, train).all()
    assert np.bincount(blobs.targets[rows]).tolist() == [28, 30, 30]
    np.testing.assert_array_equal(rows, few(blobs, "blobs", train, 30, seed=0))
    assert rows.tolist() != few(blobs, "blobs", train, 30, seed=1).tolist()


def test_more_labels_than_any_class_has_are_refused(blobs) -> None:
    train = split(blobs, "some")["train"]  # 28, 42 and 70
    assert len(few(blobs, "some", train, 70, seed=0)) == len(train)
    with pytest.raises(UsageError, match="-class 71: no class of some has more than 70 to train"):
        few(blobs, "some", train, 71, seed=0)


@pytest.mark.parametrize("kind", ["sequence", "tokens"])
def test_equal_sequences_stay_together(kind) -> None:
    rng = np.random.default_rng(0)
    originals = rng.integers(1, 9, (40, 5))
    which = rng.permutation(np.repeat(np.arange(40), 3))
    if kind == "tokens":
        dataset = Dataset(originals[which], vocabulary=("", *"abcdefgh"))
    else:
        dataset = Dataset(originals[which, :, None] / 8)
    parts = split(dataset, "some")
    assert [len(rows) for rows in parts.values()] == [84, 12, 24]
    sides = [set(which[rows]) for rows in parts.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 40


def test_few_and_only_need_one_class_for_each_example() -> None:
    clips = Dataset(np.zeros((4, 2, 1, 4, 4), np.uint8), np.zeros((4, 2), int), ("still",))
    values = Dataset(np.zeros((4, 2)), np.zeros((4, 1)))
    for dataset in (clips, values):
        with pytest.raises(UsageError, match="--labels-per-class"):
            few(dataset, "some", np.arange(4), 1, seed=0)
        with pytest.raises(UsageError, match="--classes"):
            only(dataset, "some", ["still"])
