"""Verdicts on adversarial training are what one would say."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lab_gan.diagnostics import HEALTH_METRICS, health

GOOD = {"d_loss": 1.3, "g_loss": 0.8, "d_accuracy": 0.6, "diversity": 0.95, "coverage": 0.9}


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "healthy"),
        ({"g_loss": math.nan}, "diverged"),
        ({"d_loss": math.inf, "diversity": 0.0}, "diverged"),
        ({"g_loss": -2e4}, "diverged"),
        ({"diversity": 0.05}, "collapsed"),
        ({"coverage": 0.1, "precision": 0.9}, "collapsed"),
        ({"coverage": 0.1, "precision": 0.1}, "healthy"),  # not yet good, not collapsed
        ({"d_accuracy": 0.999}, "discriminator won"),
        ({"g_gradient": 1e-9}, "discriminator won"),
        ({"d_accuracy": 1.0, "diversity": 0.0}, "collapsed"),
    ],
)
def test_a_row_has_a_verdict(change, verdict) -> None:
    row = health({**GOOD, **change})
    assert row.verdict == verdict
    assert row.why
    metrics = row.figures()
    assert sum(metrics.values()) == 1
    assert {f"eval/{name}" for name in metrics} < set(HEALTH_METRICS)


def test_a_log_is_judged_by_its_end_and_by_means() -> None:
    bad = {"train/d_accuracy": 1.0, "eval/diversity": 0.9}
    fine = {"train/d_accuracy": 0.7, "eval/diversity": 0.9}
    assert health([bad] * 20 + [fine] * 5).verdict == "healthy"
    assert health([fine] * 20 + [bad] * 5).verdict == "discriminator won"
    assert health([fine, fine, bad]).verdict == "healthy"
    assert health([{"g_loss": math.nan}, *[fine] * 3]).verdict == "diverged"


def test_nothing_is_held_against_a_log_that_says_nothing() -> None:
    logs: tuple[Any, ...] = ([], {}, {"accuracy": 0.5})
    for logged in logs:
        assert "nothing is known" in health(logged).why
