"""Run the checks and report the result of each."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from lab.errors import LabError, UsageError
from lab.messages import did_you_mean
from lab.plugins import Plugins, discover
from lab.testing import kinds
from lab.testing.kinds import EXPERIMENT, Spec
from lab.testing.limits import SECONDS, OutOfTime, limited
from lab.testing.places import origin
from lab.testing.subject import PRESET, CheckFailed, Skipped, Unusable

PREFIX = "check_"
Check = Callable[[Any], None]  # takes a Subject, or what is like one
KEPT, BROKEN, SKIPPED, EXPECTED = "passed", "failed", "skipped", "expected"


@dataclass(frozen=True)
class Result:
    """The result of one check. status: passed, failed, skipped, or expected (to fail)."""

    check: str
    promise: str
    status: str
    message: str
    seconds: float
    traceback: str = ""


@dataclass(frozen=True)
class Report:
    """The results of all checks of an experiment, or of something else that a plugin offers."""

    kind: str
    name: str
    results: Sequence[Result]

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def failures(self) -> list[Result]:
        return [result for result in self.results if result.status == BROKEN]


@cache
def checks(kind: str = EXPERIMENT) -> Mapping[str, Check]:
    """Return every check of a kind by name, what is declared first and what is trained last."""
    modules = kinds.modules(kind)
    return {name: check for module in modules for name, check in _of(module)}


def _of(module: ModuleType) -> Iterator[tuple[str, Check]]:
    for name, value in vars(module).items():
        if name.startswith(PREFIX) and value.__module__ == module.__name__:
            yield name.removeprefix(PREFIX), value


def check_plugin(
    offer: str | Spec,
    *,
    kind: str | None = None,
    only: Sequence[str] = (),
    expected_failures: Mapping[str, str] | None = None,
    plugins: Plugins | None = None,
    preset: str = PRESET,
    time_limit: float = SECONDS,
    tell: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Check what a plugin offers, an experiment say, against the contract and return the report.

    `kind` selects where one name is offered as several: experiment, source, tracker, environment
    or command. `only` names checks; `expected_failures` gives the reason of each failure that is
    expected, in addition to those that the spec itself exempts. A check that takes longer than
    `time_limit` seconds has failed. `tell` gets each result as it comes. Raises UsageError for an
    unknown name or check, Stopped where a signal asks this process to end.
    """
    plugins = plugins or discover()
    spec = kinds.find_one(offer, plugins, kind) if isinstance(offer, str) else offer
    with closing(kinds.subject(spec, plugins, preset, time_limit)) as subject:
        expected = expectations(subject, expected_failures)
        names = only or checks(subject.kind)
        _refuse_unknown(names, subject.kind)
        results = []
        for name in names:
            results.append(examine(subject, name, expected.get(name)))
            tell(results[-1])
    return Report(subject.kind, kinds.name_of(spec), results)


def expectations(subject: Any, expected_failures: Mapping[str, str] | None) -> Mapping[str, str]:
    """Return the reason of every failure that is expected. Raises UsageError for an unknown check
    or one without a reason."""
    expected = {**getattr(subject.spec, "exempt", {}), **(expected_failures or {})}
    _refuse_unknown(expected, subject.kind)
    for name, reason in expected.items():
        if not reason.strip():
            raise UsageError(f"{name} is expected to fail, but the reason is missing")
    return expected


def _refuse_unknown(names: Sequence[str] | Mapping[str, object], kind: str) -> None:
    available = checks(kind)
    for name in names:
        if name not in available:
            hint = did_you_mean(name, available) or " `lab check --list` shows them all."
            raise UsageError(f"There is no check {name!r}.{hint}")


def examine(subject: Any, name: str, expected: str | None) -> Result:
    """Run one check. An expected failure that does not come is a failure; what another check has
    reported already is not reported again."""
    began = time.perf_counter()
    status, message, trace, cause = _outcome(subject, name)
    if status == BROKEN and cause in subject.reported and subject.reported[cause] != name:
        status, message, trace = SKIPPED, f"needs {subject.reported[cause]}", ""
    elif expected is not None and status == BROKEN:
        status, message = EXPECTED, expected
    elif expected is not None and status == KEPT:
        status, message = BROKEN, f"It passes, but was expected to fail: {expected}"
    elif status == BROKEN and cause is not None:
        subject.reported[cause] = name
    seconds = time.perf_counter() - began
    return Result(name, promise(name, subject.kind), status, message, seconds, trace)


def _outcome(subject: Any, name: str) -> tuple[str, str, str, object]:
    """Run a check and return its status, message and traceback, and what identifies the
    failure when it comes again; None where it is this check's own."""
    own = subject.own
    try:
        with limited(subject.time_limit, own, name, subject.close):
            checks(subject.kind)[name](subject)
    except Skipped as reason:
        return SKIPPED, str(reason), "", None
    except Unusable as failure:
        return BROKEN, str(failure), _trace(failure), failure.kind
    except CheckFailed as failure:
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


def promise(name: str, kind: str = EXPERIMENT) -> str:
    """Return what a check promises, in a sentence."""
    return " ".join((checks(kind)[name].__doc__ or "").split())
