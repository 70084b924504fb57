"""Weights that learn nothing are told once, after the first steps, and only then."""

from __future__ import annotations

import torch

from lab_capsnet.startup import STEPS, Startup

MOVING = {"margin_loss": 0.1, "routing_entropy": 0.01}


def test_noise_of_saturated_capsules_is_no_movement() -> None:
    """Nine absent classes of full length cost 9 x 0.5 x 0.81; batches differ by little."""
    startup = Startup(False)
    losses = [3.6 + 0.1 * (step % 3) for step in range(STEPS)]
    told = [startup.add({"margin_loss": torch.tensor(value)}) for value in losses]
    assert told[-1] == ("margin_loss",)


def watched(startup: Startup, steps: int, **rates: float) -> list[tuple[str, ...]]:
    """Feed metrics that fall by a rate a step, from where the watch stands."""
    began = startup.steps
    return [
        startup.add({n: torch.tensor(0.8 - rate * (began + s)) for n, rate in rates.items()})
        for s in range(steps)
    ]


def test_what_moves_is_not_told() -> None:
    assert not any(watched(Startup(True), 3 * STEPS, **MOVING))


def test_what_stays_is_told_once() -> None:
    told = watched(Startup(True), 3 * STEPS, margin_loss=0, routing_entropy=1e-9)
    assert told[STEPS - 1] == ("margin_loss", "routing_entropy")
    assert sum(map(bool, told)) == 1


def test_coefficients_that_cannot_move_are_not_watched() -> None:
    told = watched(Startup(False), STEPS, margin_loss=0.1, routing_entropy=0)
    assert not any(told)


def test_a_watch_goes_on_where_it_was_saved() -> None:
    first = Startup(True)
    watched(first, STEPS - 10, **MOVING)
    second = Startup(True)
    second.load_state_dict(first.state_dict())
    still = watched(second, 10, margin_loss=0, routing_entropy=0)
    assert not any(still)  # it remembers that they moved before
    assert second.steps == STEPS
