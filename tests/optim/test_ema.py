"""Averages follow their closed form, evaluate in the module's place, and leave it as it was."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers import difference
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from lab.optim import EMA


def net() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.head = nn.Linear(3, 5, bias=False)
        self.head.weight = self.words.weight


def move(module: nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    with torch.no_grad():
        for value in module.parameters():
            value.add_(torch.randn(value.shape, generator=generator))
    module.train()(torch.randn(8, 3, generator=generator))


@settings(max_examples=30)
@given(decay=st.floats(0, 0.999), steps=st.integers(1, 30))
def test_averages_are_the_closed_form(decay, steps) -> None:
    """a_T = sum over t of (1 - d_t) prod_{s > t} d_s w_t, with w_0 as the start."""
    module: Any = net()
    ema = EMA(module, decay)
    seen = [module[0].weight.detach().double().clone()]
    for step in range(steps):
        move(module, step)
        ema.update()
        seen.append(module[0].weight.detach().double().clone())
    decays = [min(decay, (1 + t) / (10 + t)) for t in range(steps)]
    expected = seen[0] * torch.tensor(decays).double().prod()
    for t in range(steps):
        rest = torch.tensor([1.0, *decays[t + 1 :]]).double().prod()
        expected = expected + (1 - decays[t]) * rest * seen[t + 1]
    average = ema.model_state()["0.weight"].double()
    torch.testing.assert_close(average, expected, rtol=1e-4, atol=1e-5)


def test_running_statistics_are_averaged_and_counts_copied() -> None:
    module: Any = net()
    ema = EMA(module, 0.9)
    start = module[1].running_mean.clone()
    move(module, 0)
    ema.update()
    state = ema.model_state()
    expected = 0.1 * start + 0.9 * module[1].running_mean
    torch.testing.assert_close(state["1.running_mean"], expected)
    assert state["1.num_batches_tracked"].item() == 1


def test_swapped_lends_the_averages_and_gives_all_back_to_the_bit() -> None:
    module = net()
    ema = EMA(module, 0.9)
    for step in range(3):
        move(module, step)
        ema.update()
    own, averages = copy.deepcopy(dict(module.state_dict())), copy.deepcopy(ema.model_state())
    with pytest.raises(ZeroDivisionError), ema.swapped():
        assert difference(dict(module.state_dict()), averages) is None
        raise ZeroDivisionError
    assert difference(dict(module.state_dict()), own) is None
    assert difference(ema.model_state(), averages) is None


def test_a_tied_weight_has_one_average_under_both_its_names() -> None:
    module = Tied()
    ema = EMA(module, 0.5)
    with torch.no_grad():
        module.words.weight.add_(1.0)
    ema.update()
    own = module.words.weight.detach().clone()
    state = ema.model_state()
    assert state["words.weight"] is state["head.weight"]
    assert not torch.equal(state["words.weight"], own)
    with ema.swapped():
        pass
    assert torch.equal(module.words.weight, own)


def test_a_state_goes_into_another_average() -> None:
    original, restored = EMA(net(), 0.9), EMA(net(), 0.9)
    move(original.module, 0)
    original.update()
    restored.load_model_state(original.model_state())
    assert difference(restored.model_state(), original.model_state()) is None
    fresh = net()
    fresh.load_state_dict(original.model_state())
    assert difference(dict(fresh.state_dict()), original.model_state()) is None
