"""Check that an experiment trains, improves, and depends on its seed alone."""

from __future__ import annotations

import math

from lab.testing.compare import difference
from lab.testing.static import METRIC
from lab.testing.subject import Subject, Trained, expect

SECONDS = 120


def check_tiny_finishes_within_seconds(subject: Subject) -> None:
    """The tiny preset comes to its end on a CPU while one waits for it."""
    _ = subject.first
    seconds = subject.again.summary["seconds"]  # without the first import of everything
    expect(
        seconds < SECONDS,
        f"The preset {subject.preset!r} took {seconds:.0f} s. It is for tests: make it smaller.",
    )


def check_tiny_improves_its_objective(subject: Subject) -> None:
    """Training makes the objective better than it was at the start."""
    name, direction = subject.resolve().objective
    values = [row[name] for row in subject.first.rows if name in row]
    expect(len(values) >= 2, f"{name} was measured {len(values)} times: evaluate must return it.")
    best = max(values[1:]) if direction == "max" else min(values[1:])
    better = best > values[0] if direction == "max" else best < values[0]
    expect(
        better,
        f"{name} was {values[0]:.4g} before training and {best:.4g} at best: the preset "
        f"{subject.preset!r} learns nothing, or its objective points the wrong way.",
    )


def check_same_seed_same_metrics(subject: Subject) -> None:
    """Two runs of one seed have the same metrics and the same weights, to the bit."""
    change = _difference(subject.first, subject.again)
    expect(
        change is None,
        f"Two runs of seed 0 differ ({change}). Something draws randomness of its own, or depends "
        "on the time, on memory addresses or on the order of a set.",
    )


def check_another_seed_other_metrics(subject: Subject) -> None:
    """Another seed trains differently."""
    reseeded = subject.train("another seed", seed=1)
    expect(
        subject.first.rows != reseeded.rows,
        "Seeds 0 and 1 have the same metrics: randomness does not come from the runner's seed.",
    )


def check_cadences_change_nothing(subject: Subject) -> None:
    """Other intervals of evaluation, logging and checkpoints lead to the same weights."""
    budget = subject.budget
    changed = subject.train(
        "other cadences",
        eval_every=max(1, budget // 7),
        log_every=max(1, budget // 31),
        checkpoint_every=max(1, budget // 3),
    )
    change = difference(
        subject.first.checkpoint()["experiment"], changed.checkpoint()["experiment"], "state"
    )
    expect(
        change is None,
        f"Evaluating and saving at other times gave another result ({change}). evaluate or "
        "state_dict changes what training goes on with, or what is built on first use draws "
        "training's randomness.",
    )


def check_metrics_are_declared_numbers(subject: Subject) -> None:
    """Every logged metric is well named, declared on the spec and a finite number."""
    for row in subject.first.rows:
        for name, value in row.items():
            if name == "clock":
                continue
            expect(
                METRIC.fullmatch(name) is not None,
                f"The metric {name!r} is not lower case, digits and underscores with one slash.",
            )
            expect(
                isinstance(value, int | float) and math.isfinite(value),
                f"{name} is {value!r} at clock {row['clock']}: no finite number.",
            )
            expect(
                subject.spec.declares(name),
                f"{name!r} is logged, but not among the spec's metrics.",
            )


def check_clock_is_kept(subject: Subject) -> None:
    """step returns how far the clock moved, a whole number; the run ends within one step of its
    budget, or where step returned 0."""
    largest = 1
    with subject.experiment() as (experiment, ctx):
        while ctx.clock < ctx.budget:
            moved = subject.step(experiment)
            if moved == 0:
                break
            ctx.clock += moved
            largest = max(largest, moved)
    summary = subject.first.summary
    clock, budget = summary["clock"]["value"], subject.budget
    complete = summary["ended"] == "complete"
    expect(
        complete or budget <= clock < budget + largest,
        f"The run ended at {clock}, outside of [{budget}, {budget + largest}).",
    )


def _difference(a: Trained, b: Trained) -> str | None:
    return difference(a.rows, b.rows, "metrics") or difference(
        a.checkpoint()["experiment"], b.checkpoint()["experiment"], "state"
    )
