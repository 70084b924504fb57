"""Offer an experiment with options of every kind, that fails in every way its options say."""

from __future__ import annotations

from collections.abc import Iterator

from lab import ExperimentSpec, hookimpl


@hookimpl
def lab_experiments() -> Iterator[ExperimentSpec]:
    yield ExperimentSpec(
        name="odd",
        summary="Options of every kind, and every way to fail",
        config="lab_odd.config:Odd",
        experiment="lab_odd.odd:Odd",
        presets={"quick": {"lr": 0.25, "budget": 40}, "marsh": {"lr": 0.75}},
        capabilities={"play": "lab_odd.config:Play", "sample": "lab_odd.config:Sample"},
    )
