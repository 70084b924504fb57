"""A stop criterion compares one evaluation metric with a number, and says when it is none."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine.stop import StopAt
from lab.errors import UsageError

SIGNS = {">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt}
values = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**6), 10**6)


@given(st.sampled_from(sorted(SIGNS)), values, values, st.sampled_from(["", " ", "  "]))
def test_a_criterion_holds_exactly_where_its_comparison_does(sign, limit, value, space) -> None:
    criterion = StopAt.parse(f"{space}eval/return{space}{sign}{space}{limit!r}{space}")
    assert criterion.met({"eval/return": value}) == SIGNS[sign](value, limit)


def test_an_absent_metric_meets_nothing() -> None:
    assert not StopAt.parse("eval/error<=0.1").met({"eval/return": 0.0})


@pytest.mark.parametrize(
    "text",
    ["", "return>=1", "eval/return", "eval/return>=", "eval/return>=high", "test/return>=1",
     "train/loss<1", "eval/return==1", "eval/return>=1e", "eval/return>=1 or so", "eval/a/b>1",
     "eval/return>=--1", "eval/return=>1"],
)  # fmt: skip
def test_what_is_no_criterion_is_refused_with_the_form_to_write(text) -> None:
    with pytest.raises(UsageError, match="eval/<metric>"):
        StopAt.parse(text)


@given(st.sampled_from(sorted(SIGNS)), st.integers(-1000, 1000))
def test_a_criterion_prints_as_it_is_written(sign, limit) -> None:
    text = f"eval/return{sign}{limit}"
    assert str(StopAt.parse(text)) == text
