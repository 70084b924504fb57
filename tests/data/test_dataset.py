"""What cannot be learnt from is refused in plain words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lab.data.dataset import Dataset, checked, nbytes
from lab.errors import UsageError

IMAGES = Dataset(np.zeros((6, 1, 4, 4), np.uint8), np.array([0, 1, 0, 1, 0, 1]), ("a", "b"))


@pytest.mark.parametrize(
    ("dataset", "kind", "task"),
    [
        (IMAGES, "image", "classify"),
        (replace(IMAGES, targets=None), "image", "none"),
        (replace(IMAGES, targets=np.zeros((6, 4, 4), np.uint8)), "image", "segment"),
        (replace(IMAGES, targets=np.zeros((6, 1)), classes=()), "image", "regress"),
        (Dataset(np.zeros((6, 2)), np.zeros(6, int), ("a",)), "table", "classify"),
        (Dataset(np.zeros((6, 3, 1, 4, 4)), np.zeros((6, 3), int), ("a",)), "video", "classify"),
        (Dataset(["a", "b"]), "text", "none"),
        (Dataset(["a", "b"], np.array([0, 1]), ("x", "y")), "text", "classify"),
    ],
)
def test_kind_and_task_follow_from_the_shapes(dataset, kind, task) -> None:
    assert (dataset.kind, dataset.task) == (kind, task)
    assert checked(dataset, "some") == (dataset, [])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(np.zeros((5, 3, 4))), "inputs of shape (5, 3, 4) are neither a table"),
        (Dataset(np.zeros((5, 1, 1, 1))), "images of 1 x 1 pixels show nothing"),
        (Dataset(np.zeros((5, 1, 9, 1))), "images of 9 x 1 pixels show nothing"),
        (Dataset(np.zeros((5, 0))), "its examples are empty"),
        (Dataset(np.zeros((0, 3))), "some has no example."),
        (Dataset([]), "some has no example."),
        (Dataset(np.array([["x"], ["y"]])), "inputs of type <U1 are no numbers"),
        (replace(IMAGES, targets=np.zeros(5, int)), "6 inputs, but 5 targets"),
        (replace(IMAGES, test=np.zeros(7, bool)), "6 inputs, but 7 test"),
        (replace(IMAGES, groups=np.zeros(1, int)), "6 inputs, but 1 groups"),
        (replace(IMAGES, factors={"angle": np.zeros(2)}), "6 inputs, but 2 angle"),
        (
            replace(IMAGES, targets=IMAGES.targets + 1),
            "class numbers run from 1 to 2, but there are 2",
        ),
        (replace(IMAGES, targets=IMAGES.targets - 1), "class numbers run from -1 to 0"),
        (replace(IMAGES, targets=IMAGES.targets + 0.5), "type float64 are no whole numbers"),
        (Dataset(np.zeros((5, 2)), features=("p",)), "2 columns, but names for 1"),
    ],
)
def test_what_no_source_should_return_is_refused(dataset, message) -> None:
    with pytest.raises(UsageError) as error:
        checked(dataset, "some")
    assert message in str(error.value)
    assert str(error.value).startswith("some")


def table() -> Dataset:
    values = np.arange(20.0).reshape(10, 2)
    values[3, 1], values[7, 0], values[7, 1] = np.nan, np.inf, np.nan
    return Dataset(values, np.arange(10) % 2, ("a", "b"), features=("height", "weight"))


def test_a_row_without_a_number_is_named() -> None:
    with pytest.raises(UsageError) as error:
        checked(table(), "some")
    assert str(error.value) == (
        "some: row 3: weight is nan (and 1 more). --skip-bad goes on without."
    )
    with pytest.raises(UsageError, match="row 3: column 1 is nan"):
        checked(replace(table(), features=()), "some")


def test_skipping_leaves_the_bad_rows_out_and_counts_them() -> None:
    dataset, bad = checked(table(), "some", skip_bad=True)
    assert bad == ["row 3: weight is nan", "row 7: height is inf"]
    kept = [0, 1, 2, 4, 5, 6, 8, 9]
    np.testing.assert_array_equal(dataset.inputs, table().inputs[kept])
    np.testing.assert_array_equal(dataset.targets, np.array(kept) % 2)


def test_values_that_are_no_numbers_are_bad_rows_too() -> None:
    targets = np.arange(6.0)[:, None]
    targets[2] = np.nan
    dataset = Dataset(np.zeros((6, 1)), targets)
    with pytest.raises(UsageError, match="row 2: its target is no finite number"):
        checked(dataset, "some")
    kept, bad = checked(dataset, "some", skip_bad=True)
    assert (len(kept), len(bad)) == (5, 1)


def test_what_a_source_could_not_read_counts_as_bad() -> None:
    dataset = replace(IMAGES, bad=("b/7.png cannot be read",))
    with pytest.raises(UsageError, match="some: b/7.png cannot be read. --skip-bad"):
        checked(dataset, "some")
    kept, bad = checked(dataset, "some", skip_bad=True)
    assert len(kept) == 6
    assert bad == ["b/7.png cannot be read"]
    with pytest.raises(UsageError, match="no example that can be read"):
        checked(replace(table(), inputs=np.full((10, 2), np.nan)), "some", skip_bad=True)


def test_rows_are_taken_of_everything() -> None:
    dataset = replace(
        IMAGES,
        inputs=np.arange(96, dtype=np.uint8).reshape(6, 1, 4, 4),
        test=np.arange(6) > 2,
        groups=np.arange(6),
        factors={"angle": np.arange(12).reshape(6, 2)},
    )
    rows = np.array([4, 1])
    taken = dataset.take(rows)
    np.testing.assert_array_equal(taken.inputs, dataset.inputs[rows])
    for name in ("targets", "test", "groups"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(dataset, name)[rows])
    np.testing.assert_array_equal(taken.factors["angle"], [[8, 9], [2, 3]])
    assert Dataset(["a", "b", "c"]).take(np.array([2, 0])).inputs == ["c", "a"]


def test_a_column_that_is_read_by_batch_stays_so_when_rows_are_taken(lazy) -> None:
    values = np.arange(96, dtype=np.uint8).reshape(6, 1, 4, 4)
    column = lazy(values)
    taken = replace(IMAGES, inputs=column).take(np.array([5, 0, 2])).take(np.array([2, 1]))
    assert column.read == 0
    assert (len(taken), taken.shape, taken.kind) == (2, (1, 4, 4), "image")
    np.testing.assert_array_equal(taken.inputs[np.array([0, 1])], values[[2, 0]])
    assert nbytes(taken.inputs) == 32
