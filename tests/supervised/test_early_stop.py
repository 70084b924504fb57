"""Patience counts what brought no gain, in either direction, and survives a resume."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lab.supervised import EarlyStop, validate

values = st.lists(st.floats(-10, 10), min_size=1, max_size=30)


@given(values=values, patience=st.integers(1, 5), delta=st.floats(0, 2), up=st.booleans())
def test_it_ends_when_the_last_values_brought_no_gain(values, patience, delta, up) -> None:
    stop = EarlyStop(patience, "max" if up else "min", delta)
    best, since = None, 0
    for value in values:
        score = value if up else -value
        better = best is None or score - best > delta
        best, since = (score, 0) if better else (best, since + 1)
        assert stop.add(value) == stop.stopped == (since >= patience)


def test_without_patience_it_never_ends() -> None:
    stop = EarlyStop(None)
    assert not any(stop.add(1.0) for _ in range(50))


@given(values=values, cut=st.integers(0, 30))
def test_it_goes_on_from_its_state(values, cut) -> None:
    uninterrupted, half, resumed = (EarlyStop(3) for _ in range(3))
    stops = [uninterrupted.add(value) for value in values]
    for value in values[:cut]:
        half.add(value)
    resumed.load_state_dict(half.state_dict())
    assert [resumed.add(value) for value in values[cut:]] == stops[cut:]
    assert resumed.state_dict() == uninterrupted.state_dict()


def test_validating_leaves_no_trace(ctx) -> None:
    class Experiment:
        def __init__(self) -> None:
            self.net = ctx.wrap(torch.nn.Dropout(0.5))

        def evaluate(self, split):
            assert split == "eval"
            assert not self.net.training
            assert not torch.is_grad_enabled()
            ctx.media("picture", "text")
            return {"loss": float(torch.rand(()) + ctx.rng.random())}

    before = torch.get_rng_state(), ctx.rng.bit_generator.state
    experiment: Any = Experiment()  # what validating asks of one, and no more
    assert validate(experiment, ctx, "loss") == validate(experiment, ctx, "loss")
    assert torch.equal(torch.get_rng_state(), before[0])
    assert ctx.rng.bit_generator.state == before[1]
    assert experiment.net.training
    assert ctx.shown == []
    with pytest.raises(KeyError):
        validate(experiment, ctx, "accuracy")
