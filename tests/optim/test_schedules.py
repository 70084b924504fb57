"""Rates are those of torch's own schedulers, at every step."""

from __future__ import annotations

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim import lr_scheduler

from lab.optim import OptimizerOptions, rate, set_rate
from lab.optim.schedules import START, WARMUPS

STEPS = 40
fractions = st.floats(0, 1)
schedules = st.sampled_from(["constant", "cosine", "one-cycle", "linear"])


def sgd(lr: float = 1.0) -> torch.optim.SGD:
    return torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)


def of_torch(make, lr: float = 1.0) -> list[float]:
    """Return the rates of a scheduler after 0, 1, ..., STEPS - 1 steps."""
    optimizer = sgd(lr)
    scheduler, rates = make(optimizer), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SequentialLR steps its parts in a way torch warns of
        for _ in range(STEPS):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            scheduler.step()
    return rates


def ours(per: int = STEPS, **options) -> list[float]:
    chosen = OptimizerOptions(**options)
    return [rate(chosen, step / per) for step in range(STEPS)]


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine_is_torchs(final) -> None:
    expected = of_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, eta_min=final))
    assert ours(schedule="cosine", final_lr_ratio=final) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("rise", [0.2, 0.5])
def test_cosine_after_a_warm_up_is_torchs(rise) -> None:
    top = int(rise * STEPS)

    def make(optimizer):
        up = lr_scheduler.LinearLR(optimizer, START, total_iters=top)
        down = lr_scheduler.CosineAnnealingLR(optimizer, STEPS - top)
        return lr_scheduler.SequentialLR(optimizer, [up, down], [top])

    rates = ours(schedule="cosine", warmup_fraction=rise)
    assert rates == pytest.approx(of_torch(make), abs=1e-9)


def test_linear_and_constant_are_torchs() -> None:
    line = of_torch(lambda o: lr_scheduler.LinearLR(o, 1.0, 0.25, total_iters=STEPS))
    assert ours(schedule="linear", final_lr_ratio=0.25) == pytest.approx(line, abs=1e-9)
    rising = of_torch(lambda o: lr_scheduler.LinearLR(o, START, 1.0, total_iters=STEPS // 2))
    assert ours(schedule="constant", warmup_fraction=0.5) == pytest.approx(rising, abs=1e-9)


@pytest.mark.parametrize("rise", [0.3, 0.5])
@pytest.mark.parametrize("final", [1e-3, 0.1])
def test_one_cycle_is_torchs(rise, final) -> None:
    """Torch ends its first phase one step early and its last at the last step."""
    expected = of_torch(
        lambda o: lr_scheduler.OneCycleLR(
            o, 1.0, total_steps=STEPS + 1, pct_start=rise, div_factor=1 / START,
            final_div_factor=START / final, cycle_momentum=False,
        )
    )  # fmt: skip
    top = (rise * (STEPS + 1) - 1) / STEPS
    rates = ours(schedule="one-cycle", warmup_fraction=top, final_lr_ratio=final)
    assert rates == pytest.approx(expected, abs=1e-9)


def test_one_cycle_rises_by_itself_for_the_share_that_is_usual() -> None:
    options = OptimizerOptions(schedule="one-cycle")
    assert rate(options, WARMUPS["one-cycle"]) == 1.0
    assert rate(options, 0.0) == pytest.approx(START)
    assert rate(options, 1.0) == pytest.approx(0.0)


def test_inverse_root_is_that_of_the_paper() -> None:
    """Vaswani et al. (2017), equation 3: min(step^-0.5, step * warmup^-1.5), here with its peak at
    1."""
    warmup = 10
    rates = ours(schedule="inverse-sqrt", warmup_fraction=warmup / STEPS)
    paper = [warmup**0.5 * min(step**-0.5, step * warmup**-1.5) for step in range(1, STEPS)]
    assert rates[warmup:] == pytest.approx(paper[warmup - 1 :], abs=1e-9)
    options = OptimizerOptions(schedule="inverse-sqrt", final_lr_ratio=0.5)
    assert rate(options, 1.0) == pytest.approx(0.5 + 0.5 * WARMUPS["inverse-sqrt"] ** 0.5)
    with pytest.raises(ValueError, match="it needs one"):
        OptimizerOptions(schedule="inverse-sqrt", warmup_fraction=0)


@given(schedule=schedules, warmup=st.floats(0, 0.99), final=fractions, progress=st.floats(-1, 2))
def test_a_rate_is_within_its_bounds(schedule, warmup, final, progress) -> None:
    options = OptimizerOptions(schedule=schedule, warmup_fraction=warmup, final_lr_ratio=final)
    value = rate(options, progress)
    assert min(START, final) - 1e-12 <= value <= 1 + 1e-12
    if progress >= 1:
        assert value == pytest.approx(1.0 if schedule == "constant" else final)
    if 0 < progress < 1 and final > 0:
        assert value > 0


@given(schedule=schedules, warmup=st.floats(0, 0.9), first=fractions, second=fractions)
def test_a_rate_rises_to_the_peak_and_falls_from_it(schedule, warmup, first, second) -> None:
    options = OptimizerOptions(schedule=schedule, warmup_fraction=warmup)
    before, after = sorted((first, second))
    if after <= warmup:
        assert rate(options, before) <= rate(options, after) + 1e-12
    if before >= warmup:
        assert rate(options, before) >= rate(options, after) - 1e-12


def test_set_rate_reaches_every_group() -> None:
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    optimizer = torch.optim.SGD([{"params": [first]}, {"params": [second]}], lr=1.0)
    set_rate(optimizer, 0.5, 0.1)
    assert [group["lr"] for group in optimizer.param_groups] == [0.05, 0.05]
