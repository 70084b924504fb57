"""Run the checks and say what came of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from lab.errors import LabError, UsageError
from lab.plugins import Plugins
from lab.spec import ExperimentSpec
from lab.testing.limits import SECONDS, OutOfTime, limited
from lab.testing.places import origin
from lab.testing.subject import PRESET, Broken, Skipped, Subject, Unusable
from lab.text import did_you_mean

PREFIX = "check_"
Check = Callable[[Subject], None]
KEPT, BROKEN, SKIPPED, EXPECTED = "passed", "failed", "skipped", "expected"


@dataclass(frozen=True)
class Result:
    """What came of one check. status: passed, failed, skipped, or expected (to fail)."""

    check: str
    promise: str
    status: str
    message: str
    seconds: float
    traceback: str = ""


@dataclass(frozen=True)
class Report:
    """What came of all checks of an experiment."""

    experiment: str
    results: Sequence[Result]

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if result.status == BROKEN]


@cache
def checks() -> Mapping[str, Check]:
    """Return every check by name, what is declared first and what is trained last."""
    from lab.testing import (
        capabilities,
        evaluating,
        learning,
        manners,
        omissions,
        resuming,
        seeding,
        splits,
        static,
        variants,
    )

    trained = (learning, seeding, resuming, omissions, evaluating, splits, variants)
    modules = (static, *trained, capabilities, manners)
    return {name: check for module in modules for name, check in _of(module)}


def _of(module: ModuleType) -> Iterator[tuple[str, Check]]:
    for name, value in vars(module).items():
        if name.startswith(PREFIX) and value.__module__ == module.__name__:
            yield name.removeprefix(PREFIX), value


def check_plugin(
    experiment: str | ExperimentSpec,
    *,
    only: Sequence[str] = (),
    expected_failures: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
    preset: str = PRESET,
    time_limit: float = SECONDS,
    tell: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Check an experiment against the contract and return the report.

    `only` names checks; `expected_failures` gives the reason of each failure that is expected,
    beside those that the spec itself exempts. A check that takes longer than `time_limit` seconds
    has failed. `tell` gets each result as it comes. Raises UsageError for an unknown experiment or
    check, Stopped where a signal asks this process to end.
    """
    with closing(Subject(experiment, plugins, preset, time_limit)) as subject:
        expected = expectations(subject, expected_failures)
        names = only or checks()
        _refuse_unknown(names)
        results = []
        for name in names:
            results.append(examine(subject, name, expected.get(name)))
            tell(results[-1])
    return Report(subject.spec.name, results)


def expectations(subject: Subject, given: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the reason of every failure that is expected. Raises UsageError for an unknown check
    or one without a reason."""
    expected = {**subject.spec.exempt, **(given or {})}
    _refuse_unknown(expected)
    for name, reason in expected.items():
        if not reason.strip():
            raise UsageError(f"{name} is expected to fail, but the reason is missing")
    return expected


def _refuse_unknown(names: Sequence[str] | Mapping[str, object]) -> None:
    for name in names:
        if name not in checks():
            hint = did_you_mean(name, checks()) or " `lab check --list` shows them all."
            raise UsageError(f"There is no check {name!r}.{hint}")


def examine(subject: Subject, name: str, expected: str | None) -> Result:
    """Run one check. An expected failure that does not come is a failure; what another check has
    told already is not told again."""
    began = time.perf_counter()
    status, message, trace, kind = _outcome(subject, name)
    if status == BROKEN and kind in subject.told and subject.told[kind] != name:
        status, message, trace = SKIPPED, f"needs {subject.told[kind]}", ""
    elif expected is not None and status == BROKEN:
        status, message = EXPECTED, expected
    elif expected is not None and status == KEPT:
        status, message = BROKEN, f"It passes, but was expected to fail: {expected}"
    elif status == BROKEN and kind is not None:
        subject.told[kind] = name
    return Result(name, promise(name), status, message, time.perf_counter() - began, trace)


def _outcome(subject: Subject, name: str) -> tuple[str, str, str, object]:
    """Run a check and return its status, message and traceback, and what the failure is known by
    when it comes again; None for what is this check's own."""
    own = subject.own
    try:
        with limited(subject.time_limit, own, name, subject.close):
            checks()[name](subject)
    except Skipped as reason:
        return SKIPPED, str(reason), "", None
    except Unusable as failure:
        return BROKEN, str(failure), _trace(failure), failure.kind
    except Broken as failure:
        return BROKEN, str(failure), "", None
    except OutOfTime as late:
        return BROKEN, str(late), "", str(late)
    except (Exception, SystemExit) as error:  # of the plugin: it may fail in any way
        place = own.place(origin(error))
        return BROKEN, own.describe(error), traceback.format_exc(), place or str(error)
    return KEPT, "", "", None


def _trace(failure: Unusable) -> str:
    """Return the traceback of the plugin's own error, where one is the reason."""
    cause = failure.__cause__
    if cause is None or isinstance(cause, LabError):
        return ""
    return "".join(traceback.format_exception(cause))


def promise(name: str) -> str:
    """Return what a check promises, in a sentence."""
    return " ".join((checks()[name].__doc__ or "").split())
