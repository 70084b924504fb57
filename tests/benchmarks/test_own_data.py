"""On a csv file of one's own the lab learns what scikit-learn's pipelines learn."""

from __future__ import annotations

import pytest

from benchmarks.own_data import TABLES, Row, compare, customers


@pytest.mark.parametrize("table", ["customers", "houses", "diabetes"])
def test_the_same_method_has_the_same_score(table: str) -> None:
    """Numbers, categories, dates and gaps become the same features of the same rows; where a
    boolean is one feature and not two, the penalty of a linear model is shared otherwise."""
    row = compare(table, "linear", folds=2)
    assert row.lab == pytest.approx(row.scikit_learn, abs=0.01)
    assert min(row.lab) > 0.3  # and it is no chance


def test_a_network_is_not_below_scikit_learns() -> None:
    row = compare("customers", "mlp", folds=2)
    assert min(row.differences) > -0.03, row


def test_an_interval_below_zero_is_marked() -> None:
    assert "below" in str(Row("t", "mlp", [0.5, 0.6, 0.7], [0.6, 0.7, 0.81], 1.0))
    assert "below" not in str(Row("t", "mlp", [0.5, 0.6, 0.7], [0.5, 0.7, 0.65], 1.0))


def test_tables_hold_what_they_say() -> None:
    frame = customers(500)
    assert frame["age"].isna().any()
    assert frame["city"].nunique() == 6
    assert 0.3 < (frame["target"] == "leaves").mean() < 0.7
    assert all(len(make()) > 100 for make in TABLES.values())
