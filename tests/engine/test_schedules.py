"""Schedules never go back, and end where the budget says, also where it is raised."""

from __future__ import annotations

import pytest

from lab.engine.schedules import Schedules


def test_progress_is_the_part_of_the_span_that_is_done() -> None:
    schedules = Schedules(1_000)
    assert [schedules.progress("lr", clock) for clock in (0, 250, 1_000, 2_000)] == [0, 0.25, 1, 1]
    assert [schedules.progress("epsilon", clock, 0.1) for clock in (0, 50, 100)] == [0, 0.5, 1]
    assert schedules.progress("none", 0, 0.0) == 1


def extended(clock: int, restart: bool = False) -> tuple[Schedules, list[str]]:
    """Return schedules whose budget grows from 1,000 to 3,000 at a clock, and what is said."""
    before = Schedules(1_000)
    before.progress("lr", clock)
    before.progress("epsilon", clock, 0.1)
    schedules = Schedules(3_000)
    schedules.load_state_dict(before.state_dict())
    return schedules, schedules.extend(clock, restart=restart)


def test_what_has_ended_stays_so() -> None:
    schedules, said = extended(1_000)
    for clock in (1_000, 1_500, 3_000):
        assert schedules.progress("lr", clock) == schedules.progress("epsilon", clock) == 1
    assert said == ["Schedules that have ended stay so: lr, epsilon (--restart-schedules)."]
    assert schedules.horizon("lr", 1_500) == 1_500


def test_what_has_not_ended_goes_on_from_where_it_is_to_the_new_end() -> None:
    schedules, said = extended(500)
    assert schedules.progress("lr", 500) == 0.5
    assert schedules.progress("lr", 1_750) == pytest.approx(0.75)  # half of the way to 3,000
    assert schedules.progress("lr", 3_000) == 1
    assert schedules.progress("epsilon", 500) == 1
    assert said == [
        "Schedules that have ended stay so: epsilon (--restart-schedules).",
        "Others now end later: lr.",
    ]
    assert 1_750 / schedules.horizon("lr", 1_750) == pytest.approx(0.75)


def test_extended_twice_it_still_goes_on_from_where_it_is() -> None:
    schedules, _ = extended(500)
    later = Schedules(5_000)
    later.load_state_dict(schedules.state_dict())
    later.extend(1_750, restart=False)
    assert later.progress("lr", 1_750) == pytest.approx(0.75)
    assert later.progress("lr", 5_000) == 1


def test_restarted_they_are_as_if_the_budget_had_always_been_so() -> None:
    schedules, said = extended(1_000, restart=True)
    assert schedules.progress("lr", 1_500) == 0.5
    assert schedules.progress("epsilon", 150) == 0.5
    assert said == ["Schedules begin anew, for 3,000: lr, epsilon."]
