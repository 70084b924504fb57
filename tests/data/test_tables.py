"""Tables are read as what they hold, and encoded as scikit-learn encodes them."""

from __future__ import annotations

import helpers
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lab
from lab.data.dataset_info import DatasetInfo
from lab.data.encoding import TableColumn, TableEncoding
from lab.data.tables import encode_frame, from_frame

TEXTS = {
    "numbers": (["1", " 2.5 ", ""], "number", [1.0, 2.5, np.nan]),
    "true and false": (["true", "False", None], "boolean", [1.0, 0.0, np.nan]),
    "dates": (["1970-01-02", "2000-01-01T12:00", ""], "date", [1.0, 10957.5, np.nan]),
    "points in dates": (["2.1.1970", "01.01.2000", ""], "date", [1.0, 10957.0, np.nan]),
    "days first": (["01/01/2000", "31/1/1970", ""], "date", [10957.0, 30.0, np.nan]),
    "months first": (["01/01/2000", "1/31/1970", ""], "date", [10957.0, 30.0, np.nan]),
    "years first": (["2000/1/1 12:00", "1970/01/31 6:00:00"], "date", [10957.5, 30.25]),
    "days or months": (["02/01/2000", "01/02/2000"], "category", [1.0, 0.0]),
    "two orders": (["31/01/2000", "01/31/2000"], "category", [1.0, 0.0]),
    "words": (["b", "a ", ""], "category", [1.0, 0.0, np.nan]),
}


def frame(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """A table with missing numbers and categories."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.integers(18, 80, rows).astype(float),
            "city": rng.choice(["Paris", "Rome", "Oslo"], rows),
            "member": rng.choice([True, False], rows),
            "income": 1e6 + rng.normal(size=rows),
            "bought": rng.choice(["no", "yes"], rows),
        }
    )
    table.loc[rng.random(rows) < 0.2, "age"] = np.nan
    table.loc[rng.random(rows) < 0.2, "city"] = None
    return table


@pytest.mark.parametrize(("texts", "kind", "values"), TEXTS.values(), ids=list(TEXTS))
def test_texts_are_read_as_what_they_say(texts, kind, values) -> None:
    dataset = from_frame(pd.DataFrame({"x": texts, "y": [0, 1, 0][: len(texts)]}), "t")
    assert dataset.columns[0].type == kind
    np.testing.assert_allclose(dataset.inputs[:, 0], values)


@pytest.mark.parametrize("missing", ["mean", "median", "most_frequent"])
def test_features_are_those_of_scikit_learns_pipeline(missing) -> None:
    table, train = frame(), np.arange(40)
    dataset = from_frame(table, "t", target="bought")
    info = DatasetInfo.of("t", dataset, train, missing)
    numbers = make_pipeline(SimpleImputer(strategy=missing), StandardScaler())
    words = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None),
        OneHotEncoder(sparse_output=False, categories=[["Oslo", "Paris", "Rome"]]),
    )
    pipeline = ColumnTransformer(
        [
            ("age", numbers, ["age"]),
            ("city", words, ["city"]),
            ("member", "passthrough", ["member"]),
            ("income", StandardScaler(), ["income"]),
        ]
    )
    objects = table.astype({"city": object}).where(table.notna(), None)
    objects = objects.astype({"age": float, "income": float, "member": float})
    pipeline.fit(objects.iloc[train])
    expected = pipeline.transform(objects)
    features = info.prepare_inputs(torch.from_numpy(dataset.inputs))
    np.testing.assert_allclose(features.numpy(), expected.astype(float), atol=1e-6)
    assert info.encoding is not None
    assert info.encoding.names == (
        "age", "city=Oslo", "city=Paris", "city=Rome", "member", "income",
    )  # fmt: skip


def test_an_indicator_tells_what_was_missing() -> None:
    dataset = from_frame(frame(), "t", target="bought")
    info = DatasetInfo.of("t", dataset, np.arange(60), "indicator")
    assert info.encoding is not None
    assert info.encoding.names[-2:] == ("age is missing", "city is missing")
    features = info.prepare_inputs(torch.from_numpy(dataset.inputs)).numpy()
    np.testing.assert_array_equal(features[:, -2:], np.isnan(dataset.inputs[:, :2]))


@given(st.integers(0, 2**31))
def test_what_is_encoded_can_be_decoded(seed) -> None:
    dataset = from_frame(frame(30, seed), "t", target="bought")
    info = DatasetInfo.of("t", dataset, np.arange(30))
    rows = torch.from_numpy(dataset.inputs)
    assert info.encoding is not None
    filled = torch.where(rows.isnan(), rows.new_tensor(info.encoding.fill), rows)
    restored = info.restore_inputs(info.prepare_inputs(rows))
    torch.testing.assert_close(restored, filled, rtol=1e-6, atol=1e-6)
    assert DatasetInfo.from_plain(info.as_plain()) == info


def test_a_small_change_of_a_large_number_stays() -> None:
    """float32 has 7 digits: of 1.7e9 + i, i below 128 would be rounded away."""
    rows = 1.7e9 + np.arange(200.0)
    table = pd.DataFrame({"x": rows, "y": rows * 3})
    dataset = from_frame(table, "t", task="regress")
    info = DatasetInfo.of("t", dataset, np.arange(200))
    x = info.prepare_inputs(torch.from_numpy(dataset.inputs))
    np.testing.assert_allclose(x[:, 0], (rows - rows.mean()) / rows.std(), atol=1e-6)
    y = info.prepare_targets(torch.from_numpy(dataset.targets))
    np.testing.assert_allclose(info.restore_targets(y)[:, 0], 3 * rows, atol=1e-3)


def test_a_category_that_training_never_saw_is_counted_and_is_none() -> None:
    dataset = from_frame(frame(), "t", target="bought")
    info = DatasetInfo.of("t", dataset, np.arange(60))
    new = pd.DataFrame({"age": ["30", ""], "city": ["Lima", "Rome"], "member": [1, 0],
                        "income": [1e6, 1e6]})  # fmt: skip
    rows, unknown = encode_frame(new.astype({"member": bool}), dataset.columns, "new")
    assert unknown == {"city": 1}
    features = info.prepare_inputs(torch.from_numpy(rows))
    assert features[:, 1:4].tolist() == [[0, 0, 0], [0, 0, 1]]
    assert torch.isfinite(features).all()


@pytest.mark.parametrize(
    ("values", "task"),
    [
        (["a", "b", "a"], "classify"),
        ([True, False, True], "classify"),
        ([0, 1, 2], "classify"),
        ([0.5, 1.0, 2.0], "regress"),
        (list(range(50)), "regress"),
    ],
)
def test_the_task_follows_from_the_target(values, task) -> None:
    dataset = from_frame(pd.DataFrame({"x": range(len(values)), "y": values}), "t")
    assert dataset.task == task


def test_the_choice_of_the_target_is_told_and_can_be_made() -> None:
    table = frame().rename(columns={"member": "label"})
    dataset = from_frame(table, "t")
    assert dataset.target == ("label",)
    assert "'label', for its name; target=COLUMN chooses another: age, city" in dataset.notes[0]
    last = from_frame(frame(), "t")
    assert last.target == ("bought",)
    assert "'bought', the last column" in last.notes[0]
    assert from_frame(table, "t", target="city").notes == ()
    with pytest.raises(lab.UsageError, match="no column 'agee'. Did you mean 'age'"):
        from_frame(table, "t", target="agee")


@pytest.mark.parametrize(
    ("column", "note"),
    [
        ([7] * 60, "'z' is constant"),
        (list(range(60)), "'z' looks like an identifier"),
        ([1_700_000_000 + 7 * n for n in range(60)], "'z' looks like a time in seconds"),
        ([f"name {n}" for n in range(60)], "'z' is left out: 60 different texts"),
        ([None] * 60, "'z' is empty"),
        (frame()["income"].tolist(), "'z' repeats 'income'"),
    ],
    ids=["constant", "identifier", "timestamp", "texts", "empty", "duplicate"],
)
def test_what_columns_are_worth_is_told(column, note) -> None:
    table = frame()
    table.insert(4, "z", column)
    notes = from_frame(table, "t", target="bought").notes
    assert len(notes) == 1
    assert note in notes[0]


def test_a_text_among_numbers_names_its_row() -> None:
    table = pd.DataFrame({"x": [*map(str, range(19)), "twelve"], "y": range(20)})
    with pytest.raises(lab.UsageError, match="x holds numbers, but 'twelve' in row 19"):
        from_frame(table, "t")


def test_dates_whose_order_cannot_be_told_are_named() -> None:
    texts = [f"{number % 12 + 1}/{number % 7 + 1}/2024" for number in range(84)]
    dataset = from_frame(pd.DataFrame({"day": texts, "x": range(84), "y": [0, 1] * 42}), "t")
    assert dataset.features == ("x",)
    assert "'day' looks like dates, but whether 1/1/2024 gives the day or the" in dataset.notes[1]
    assert dataset.notes[2].startswith("'day' is left out: 84 different texts")


@pytest.mark.parametrize("text", ["2024-02-30", "30.2.2024"])
def test_a_date_that_is_none_names_its_row(text) -> None:
    first = "2024-02-29" if "-" in text else "29.2.2024"
    with pytest.raises(lab.UsageError, match=f"t: x holds dates .*, but '{text}' in row 1"):
        from_frame(pd.DataFrame({"x": [first, text], "y": [0, 1]}), "t")


def test_new_dates_are_read_in_the_order_of_the_runs_own() -> None:
    """Of which some months have 12 days or fewer, so that they do not tell it themselves."""
    made = from_frame(pd.DataFrame({"x": ["1/2/1970", "1/31/1970"], "y": [0, 1]}), "t")
    assert made.columns[0].form == "%m/%d/%Y"
    for text in ("1/3/1970", "1970-01-03"):
        rows, _ = encode_frame(pd.DataFrame({"x": [text]}), made.columns, "new")
        assert rows.tolist() == [[2.0]]
    with pytest.raises(
        lab.UsageError, match=r"new: x holds dates \(12/31/2024\), but '31/1/1970' in"
    ):
        encode_frame(pd.DataFrame({"x": ["31/1/1970"]}), made.columns, "new")


def test_texts_are_looked_at_once_each(monkeypatch) -> None:
    lengths: list[int] = []
    noting = helpers.noting(pd.to_numeric, lambda values, **_: lengths.append(len(values)))
    monkeypatch.setattr(pd, "to_numeric", noting)
    table = pd.DataFrame({"x": ["a", "b", " a"] * 1_000, "n": ["1", "2", "3"] * 1_000})
    table["y"] = [0, 1, 1] * 1_000
    dataset = from_frame(table, "t")
    assert max(lengths) == 3
    assert dataset.inputs[:4].tolist() == [[0, 1], [1, 2], [0, 3], [0, 1]]


def test_columns_of_one_name_are_refused() -> None:
    table = pd.DataFrame([[1, 2, 3]], columns=["a", "a", "y"])
    with pytest.raises(lab.UsageError, match="two columns called 'a'"):
        from_frame(table, "t")


def test_a_column_without_a_training_value_is_filled() -> None:
    rows = np.array([[np.nan], [np.nan]])
    encoding = TableEncoding.fit([TableColumn("x")], rows, "median")
    assert torch.isfinite(encoding.encode(torch.from_numpy(rows))).all()


def test_values_are_shown_as_what_they_stand_for() -> None:
    dataset = from_frame(
        pd.DataFrame({"day": ["2000-01-01"] * 2, "city": ["a", "b"], "in": [True, False],
                      "y": [1, 2]}), "t",
    )  # fmt: skip
    row = [c.text(v) for c, v in zip(dataset.columns, dataset.inputs[1], strict=True)]
    assert row == ["2000-01-01T00:00:00", "b", "false"]
