"""Know how far each schedule of a run is, also where its budget is raised later.

A schedule, of the learning rate or of exploration, is a function of its progress: 0 in the
beginning, 1 at its end. Here is what makes a clock into that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.messages import listed


@dataclass
class Course:
    """A line of progress, from `done` at the clock `begin` to 1 at `end`. span: the fraction of the
    budget that the schedule takes."""

    span: float
    end: float
    begin: int = 0
    done: float = 0.0

    def progress(self, clock: int) -> float:
        if clock >= self.end:
            return 1.0
        return self.done + (1.0 - self.done) * ((clock - self.begin) / (self.end - self.begin))


class Schedules:
    """The courses of a run, by the name of what is scheduled; each begins when it is first asked
    for."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self._courses: dict[str, Course] = {}

    def progress(self, name: str, clock: int, span: float = 1.0) -> float:
        """Return how much of a schedule is done, from 0 to 1: all of it after `span` of the
        budget."""
        if name not in self._courses:
            self._courses[name] = Course(span, span * self.budget)
        return self._courses[name].progress(clock)

    def horizon(self, name: str, clock: int) -> float:
        """Return the budget for which a schedule would be as far, had it been there from the start:
        for who computes progress by a budget alone."""
        done = self.progress(name, clock)
        course = self._courses[name]
        return course.end if course.done == 0 else clock / done

    def extend(self, clock: int, *, restart: bool) -> list[str]:
        """Go on to a larger budget, and return lines on what becomes of the schedules.

        Nothing goes back: what has ended has ended, and the rest of what has not is stretched, from
        where it is. restart: all are as if the larger budget had been there from the start.
        """
        ended = [name for name, course in self._courses.items() if course.progress(clock) == 1]
        others = [name for name in self._courses if name not in ended]
        for name, course in self._courses.items():
            end = course.span * self.budget
            begin, done = (0, 0.0) if restart else (clock, course.progress(clock))
            self._courses[name] = Course(course.span, end, begin, done)
        if restart and self._courses:
            return [f"Schedules begin anew, for {self.budget:,}: {listed([*ended, *others])}."]
        lines = []
        if ended:
            lines.append(
                f"Schedules that have ended stay so: {listed(ended)} (--restart-schedules)."
            )
        if others:
            lines.append(f"Others now end later: {listed(others)}.")
        return lines

    def state_dict(self) -> dict[str, Any]:
        return {name: asdict(course) for name, course in self._courses.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._courses = {name: Course(**course) for name, course in state.items()}
