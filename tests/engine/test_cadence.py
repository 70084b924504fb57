"""A grid point is served by the step that reaches it, once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lab.engine.cadence import Every

steps = st.lists(st.integers(1, 50), max_size=60)


@given(st.integers(1, 40), st.integers(0, 500), st.integers(0, 100))
def test_reached_is_the_last_multiple_in_the_half_open_interval(every, before, moved) -> None:
    points = [p for p in range(before + 1, before + moved + 1) if p % every == 0]
    assert Every(every).reached(before, before + moved) == (points[-1] if points else None)


@given(st.integers(1, 40), steps)
def test_a_walk_serves_every_point_that_no_later_one_replaced_and_none_twice(every, walk) -> None:
    clock, served = 0, []
    for moved in walk:
        point = Every(every).reached(clock, clock + moved)
        clock += moved
        if point is not None:
            served.append(point)
    assert served == sorted(set(served))
    assert all(point % every == 0 and 0 < point <= clock for point in served)
    if all(moved <= every for moved in walk):
        assert served == list(range(every, clock + 1, every))


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_never_is_never_due(before, moved) -> None:
    assert Every(None).reached(before, before + moved) is None
