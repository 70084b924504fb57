"""What cannot be learned from is refused in plain words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lab.data import dataset as module
from lab.data.dataset import Dataset, checked, nbytes
from lab.data.tokens import sentence
from lab.errors import UsageError

LABELS = np.array([0, 1, 0, 1, 0, 1])
IMAGES = Dataset(np.zeros((6, 1, 4, 4), np.uint8), LABELS, ("a", "b"))


def tokens(rows: list[Any], vocabulary: tuple[str, ...] = ("", "a", "b")) -> Dataset:
    return Dataset(np.array(rows), vocabulary=vocabulary)


@pytest.mark.parametrize(
    ("dataset", "kind", "task"),
    [
        (IMAGES, "image", "classify"),
        (replace(IMAGES, targets=None), "image", "none"),
        (replace(IMAGES, targets=np.zeros((6, 4, 4), np.uint8)), "image", "segment"),
        (replace(IMAGES, targets=np.zeros((6, 1)), classes=()), "image", "regress"),
        (Dataset(np.zeros((6, 2)), np.zeros(6, int), ("a",)), "table", "classify"),
        (Dataset(np.zeros((6, 3, 1, 4, 4)), np.zeros((6, 3), int), ("a",)), "video", "classify"),
        (Dataset(np.zeros((6, 5, 2))), "sequence", "none"),
        (Dataset(np.zeros((6, 5, 2)), np.zeros((6, 5), int), ("a",)), "sequence", "classify"),
        (Dataset(np.zeros((6, 5, 2)), np.zeros((6, 1))), "sequence", "regress"),
        (Dataset(np.zeros((6, 5), np.uint8), vocabulary=("", "a")), "tokens", "lm"),
        (
            Dataset(np.zeros((6, 5), int), np.zeros((6, 5), int), ("a",), vocabulary=("",)),
            "tokens",
            "classify",
        ),
        (Dataset(["a", "b"]), "text", "lm"),
        (Dataset(np.zeros((6, 2)), stream=True), "series", "forecast"),
        (
            Dataset(np.zeros((6, 5)), np.ones((6, 3), int), target_vocabulary=("", "a")),
            "table",
            "translate",
        ),
        (Dataset(["a", "b"], np.array([0, 1]), ("x", "y")), "text", "classify"),
    ],
)
def test_kind_and_task_follow_from_the_shapes(dataset, kind, task) -> None:
    assert (dataset.kind, dataset.task) == (kind, task)
    assert checked(dataset, "some") == (dataset, [])


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(np.zeros(5)), "inputs of shape (5,) are neither a table"),
        (Dataset(np.zeros((5, 1, 1, 1, 3, 4))), "inputs of shape (5, 1, 1, 1, 3, 4) are neither"),
        (Dataset(np.zeros((5, 1, 1, 1))), "images of 1 x 1 pixels show nothing"),
        (Dataset(np.zeros((5, 1, 9, 1))), "images of 9 x 1 pixels show nothing"),
        (Dataset(np.zeros((5, 0))), "its examples are empty"),
        (Dataset(np.zeros((0, 3))), "some has no example."),
        (Dataset([]), "some has no example."),
        (Dataset(np.array([["x"], ["y"]])), "inputs of type <U1 are no numbers"),
        (replace(IMAGES, targets=np.zeros(5, int)), "6 inputs, but 5 targets"),
        (replace(IMAGES, test=np.zeros(7, bool)), "6 inputs, but 7 test"),
        (
            replace(IMAGES, test=np.ones(6, bool), eval=np.ones(6, bool)),
            "an example is for eval or for test, not for both",
        ),
        (replace(IMAGES, groups=np.zeros(1, int)), "6 inputs, but 1 groups"),
        (replace(IMAGES, factors={"angle": np.zeros(2)}), "6 inputs, but 2 angle"),
        (
            replace(IMAGES, targets=LABELS + 1),
            "class numbers run from 1 to 2, for 2 classes",
        ),
        (replace(IMAGES, targets=LABELS - 1), "class numbers run from -1 to 0"),
        (replace(IMAGES, targets=LABELS + 0.5), "type float64 are no whole numbers"),
        (Dataset(np.zeros((5, 2)), features=("p",)), "2 columns, but names for 1"),
        (Dataset(np.zeros((5, 9, 2)), features=("p",)), "2 columns, but names for 1"),
        (Dataset(np.zeros((5, 9, 0))), "its examples are empty"),
        (
            Dataset(np.zeros((5, 9, 2)), np.zeros((5, 8), int), ("a",)),
            "9 steps, but classes for 8",
        ),
        (tokens([[1.0, 0.0]]), "tokens of type float64 are no whole numbers"),
        (tokens([[True, False]]), "tokens of type bool are no whole numbers"),
        (tokens([[[1, 0]]]), "a vocabulary is for tokens [N, T], which its inputs are not"),
        (Dataset(["a b"], vocabulary=("", "a", "b")), "which its inputs are not"),
        (tokens([[1, 0]], ("a", "b")), "word 0 of a vocabulary, and no other one, should be ''"),
        (tokens([[1, 0]], ("", "b", "")), "word 0 of a vocabulary, and no other one, should be ''"),
        (tokens([[1, 0]], ("", "b", "b")), "a word stands twice in the vocabulary"),
        (tokens([[1, 0], [2, 3]]), "row 1: token 3 is none of the 3 words"),
        (tokens([[1, 0], [2, -1]]), "row 1: token -1 is none of the 3 words"),
        (tokens([[1, 0, 0], [1, 0, 2]]), "row 1 goes on after its end, token 0"),
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


def test_a_step_without_a_number_is_named(monkeypatch) -> None:
    values = np.zeros((7, 4, 2), np.float32)
    values[3, 2, 1] = values[3, 3, 0] = np.inf
    values[5, 0] = np.nan
    dataset = Dataset(values, features=("height", "weight"))
    with pytest.raises(UsageError, match="row 3: step 2: weight is inf .and 1 more"):
        checked(dataset, "some")
    with pytest.raises(UsageError, match="row 3: step 2: feature 1 is inf"):
        checked(replace(dataset, features=()), "some")
    monkeypatch.setattr(module, "AT_ONCE", 2)
    kept, bad = checked(dataset, "some", skip_bad=True)
    assert bad == ["row 3: step 2: weight is inf", "row 5: step 0: height is nan"]
    np.testing.assert_array_equal(kept.inputs, values[[0, 1, 2, 4, 6]])


def test_sentences_are_looked_through_part_by_part(monkeypatch, lazy) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 2)
    column = lazy(np.array([[1, 0], [1, 2], [2, 0], [1, 3], [0, 1]]))
    with pytest.raises(UsageError, match="row 4 goes on after its end"):
        checked(Dataset(column, vocabulary=("", "a", "b", "c")), "some")
    assert column.read == 5
    with pytest.raises(UsageError, match="row 3: token 3 is none of the 3 words"):
        checked(Dataset(column, vocabulary=("", "a", "b")), "some")


@pytest.mark.parametrize("row", [[2, 1, 0, 0], [2, 1], np.array([2, 1, 0], np.uint8)])
def test_tokens_are_read_up_to_the_end(row) -> None:
    assert sentence(row, ("", "world", "hello")) == ["hello", "world"]
    assert sentence([0, 0], ("", "a")) == []


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
        eval=np.arange(6) == 1,
        groups=np.arange(6),
        factors={"angle": np.arange(12).reshape(6, 2)},
    )
    rows = np.array([4, 1])
    taken = dataset.take(rows)
    np.testing.assert_array_equal(taken.inputs, dataset.inputs[rows])
    for name in ("targets", "test", "eval", "groups"):
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
