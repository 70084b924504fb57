"""Run the contract as pytest tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from lab.spec import ExperimentSpec
from lab.testing.limits import SECONDS, Stopped
from lab.testing.report import BROKEN, SKIPPED, checks, examine, expectations
from lab.testing.subject import Broken, Subject

__all__ = ["parametrize_with_checks"]


def parametrize_with_checks(
    experiment: str | ExperimentSpec,
    *,
    expected_failures: Mapping[str, str] | None = None,
    time_limit: float = SECONDS,
) -> Any:
    """Return a decorator that makes one test of each check::

        @parametrize_with_checks("my-net")
        def test_contract(check):
            check()

    `expected_failures` maps a check to the reason why it fails; one that passes then is a failure.
    A check that takes longer than `time_limit` seconds has failed.
    """
    import pytest

    @cache  # trained runs are shared by the tests of one process
    def subject() -> Subject:
        return Subject(experiment, time_limit=time_limit)

    given = dict(expected_failures or {})
    name = experiment if isinstance(experiment, str) else experiment.name
    group = pytest.mark.xdist_group(f"contract of {name}")
    params = [
        pytest.param(_test(subject, check, given), id=check, marks=group) for check in checks()
    ]
    return pytest.mark.parametrize("check", params)


def _test(
    subject: Callable[[], Subject], name: str, given: Mapping[str, str]
) -> Callable[[], None]:
    def run() -> None:
        import pytest

        examined = subject()
        try:
            result = examine(examined, name, expectations(examined, given).get(name))
        except Stopped as signal:
            raise KeyboardInterrupt(str(signal)) from None
        if result.status == SKIPPED:
            pytest.skip(result.message)
        if result.status == BROKEN:
            raise Broken("\n".join(filter(None, [result.message, result.traceback])))

    return run
