"""No option of anything takes a number that is not finite, or that a computer cannot hold."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest

import lab
from lab.config import RunOptions
from lab.messages import flag
from lab.option_text import unwrap
from lab.options import Options, build
from lab.plugins import discover
from lab.spec import import_object

CLOCKS = ("budget", "eval_every", "log_every", "checkpoint_every")


def models() -> dict[str, type[Options]]:
    """Return every set of options that the lab and its plugins have, by a name for the test."""
    classes: dict[str, type[Options]] = {"runner": RunOptions}
    plugins = discover()
    for spec in plugins.experiments():
        classes[spec.name] = spec.load_config()
        for name, path in spec.capabilities.items():
            classes[f"{spec.name} {name}"] = import_object(path)
    for source in plugins.sources().values():
        if source.options:
            classes[f"source {source.name}"] = import_object(source.options)
    for tracker in plugins.trackers().values():
        if tracker.options:
            classes[f"tracker {tracker.name}"] = tracker.load_options()
    return classes


MODELS = models()


def wrapped(annotation: Any, value: float) -> Iterator[Any]:
    """Yield `value` as the field would hold it; nothing where it may hold such a number."""
    refusing = (float,) if isinstance(value, float) else (int,)
    for kind in unwrap(annotation):
        if kind in refusing:
            yield value
        elif get_origin(kind) is tuple:
            yield from ((item,) for item in wrapped(get_args(kind)[0], value))
        elif get_origin(kind) is dict:
            yield from ({"x": item} for item in wrapped(get_args(kind)[1], value))


def refused(model: type[Options], name: str, value: Any) -> str:
    with pytest.raises(lab.UsageError) as error:
        build(model, {name: value})
    lines = [line for line in str(error.value).splitlines() if line.startswith(f"{flag(name)} ")]
    assert len(lines) == 1, str(error.value)
    return lines[0]


@pytest.mark.parametrize("name", MODELS)
def test_every_option_refuses_what_is_not_finite_or_too_large(name) -> None:
    model = MODELS[name]
    for field, info in model.model_fields.items():
        for number in (math.inf, -math.inf, math.nan):
            for value in wrapped(info.annotation, number):
                refused(model, field, value)
        beyond = 2**63 if field in CLOCKS and model is RunOptions else 2**31
        for number in (beyond, -beyond, 10**400):
            for value in wrapped(info.annotation, number):
                refused(model, field, value)


def test_a_clock_may_be_larger() -> None:
    for name in CLOCKS:
        assert getattr(build(RunOptions, {name: 2**63 - 1}), name) == 2**63 - 1
        assert getattr(build(RunOptions, {name: str(2**40)}), name) == 2**40


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--lr", "inf"), "--lr inf: should be a finite number"),
        (("--lr", "1e999"), "--lr 1e999: should be a finite number"),
        (("--hidden", "8,2147483648"), "should be at most 2147483647"),
        (("--log-every", str(2**63)), "should be at most 9223372036854775807"),
        (("--stop-at", "eval/score>=1e999"), "is no criterion"),
    ],
)
def test_it_is_one_plain_line(cli, words, message) -> None:
    result = cli("run", "odd", *words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1)
    assert re.search(re.escape(message), result.stderr), result.stderr
