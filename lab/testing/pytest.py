"""Run the contract as pytest tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

from lab.plugins import discover
from lab.testing import kinds
from lab.testing.kinds import EXPERIMENT, Spec
from lab.testing.limits import SECONDS, Stopped
from lab.testing.report import BROKEN, SKIPPED, checks, examine, expectations
from lab.testing.subject import CheckFailed

__all__ = ["parametrize_with_checks"]

Test = TypeVar("Test", bound=Callable[..., None])


def parametrize_with_checks(
    offer: str | Spec,
    *,
    kind: str = EXPERIMENT,
    expected_failures: Mapping[str, str] | None = None,
    time_limit: float = SECONDS,
) -> Callable[[Test], Test]:
    """Return a decorator that makes one test of each check::

        @parametrize_with_checks("my-net")
        def test_contract(check):
            check()

    `kind` is what the name is offered as: experiment, source, tracker, environment or command.
    `expected_failures` maps a check to the reason why it fails; one that passes then is a failure.
    A check that takes longer than `time_limit` seconds has failed.
    """
    import pytest

    @cache  # trained runs are shared by the tests of one process
    def subject() -> Any:
        plugins = discover()
        spec = kinds.find_one(offer, plugins, kind) if isinstance(offer, str) else offer
        return kinds.subject(spec, plugins, time_limit=time_limit)

    expected_failures = dict(expected_failures or {})
    name = offer if isinstance(offer, str) else kinds.name_of(offer)
    group = pytest.mark.xdist_group(f"contract of {name}")
    params = [
        pytest.param(_test(subject, check, expected_failures), id=check, marks=group)
        for check in checks(kind)
    ]
    return pytest.mark.parametrize("check", params)


def _test(
    subject: Callable[[], Any], name: str, expected_failures: Mapping[str, str]
) -> Callable[[], None]:
    def run() -> None:
        import pytest

        examined = subject()
        try:
            result = examine(examined, name, expectations(examined, expected_failures).get(name))
        except Stopped as signal:
            raise KeyboardInterrupt(str(signal)) from None
        if result.status == SKIPPED:
            pytest.skip(result.message)
        if result.status == BROKEN:
            raise CheckFailed("\n".join(filter(None, [result.message, result.traceback])))

    return run
