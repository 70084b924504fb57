"""What is frozen stays as it is, to the bit, whoever switches the network to train."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from helpers import difference
from torch import nn

import lab
from lab.nn import freeze, unfreeze
from lab.optim import OptimizerOptions, make_optimizer


def net() -> nn.Sequential:
    body = nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3), nn.Dropout(0.5), nn.ReLU())
    head = nn.Sequential(nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    return nn.Sequential(body, head)


def train(module: nn.Module, ctx: lab.Context) -> None:
    optimizer = make_optimizer(module, OptimizerOptions(lr=0.1))
    for _ in range(3):
        module.train()
        with ctx.compute.evaluating():
            module(torch.randn(4, 1, 3, 3))
        module.train(True)
        ctx.optimize(optimizer, module(torch.randn(6, 1, 3, 3)).square().mean())


def changed(module: nn.Module, before: dict[str, torch.Tensor]) -> set[str]:
    after = module.state_dict()
    return {name for name in before if not torch.equal(before[name], after[name])}


def test_frozen_layers_are_bit_equal_after_training_in_train_mode(ctx) -> None:
    module = ctx.wrap(net())
    assert freeze(module, "0") == ["0.0.weight", "0.0.bias", "0.1.weight", "0.1.bias"]
    before = copy.deepcopy(dict(module.state_dict()))
    train(module, ctx)
    assert changed(module, before) == {name for name in before if name.startswith("1.")}, (
        "the head learns, its running statistics too"
    )
    assert [part.training for part in module[0]] == [True, False, True, True]


def test_a_frozen_norm_uses_its_running_statistics(ctx) -> None:
    module = ctx.wrap(net())
    module(torch.randn(8, 1, 3, 3))
    freeze(module, "0.1")
    x = torch.randn(5, 3, 2, 2)
    expected = nn.functional.batch_norm(
        x, module[0][1].running_mean, module[0][1].running_var, module[0][1].weight,
        module[0][1].bias,
    )  # fmt: skip
    torch.testing.assert_close(module.train()[0][1](x), expected)


def test_a_copy_is_frozen_for_itself(ctx) -> None:
    module: Any = net()
    freeze(module)
    clone = copy.deepcopy(module).train()
    before = copy.deepcopy(dict(clone.state_dict()))
    clone(torch.randn(6, 1, 3, 3))
    assert difference(dict(clone.state_dict()), before) is None
    unfreeze(clone)
    clone(torch.randn(6, 1, 3, 3))
    assert clone[0][1].training
    assert not module[0][1].training
    assert difference(dict(module.state_dict()), before) is None


def test_what_is_unfrozen_learns_again(ctx) -> None:
    module = ctx.wrap(net().train())
    state = set(module.state_dict())
    freeze(module)
    assert not any(p.requires_grad for p in module.parameters())
    assert unfreeze(module, "0.0", "0.1", "1") == [name for name, _ in module.named_parameters()]
    before = copy.deepcopy(dict(module.state_dict()))
    train(module, ctx)
    assert changed(module, before) == state == set(before)


def test_an_unknown_layer_is_refused_before_anything_is_frozen() -> None:
    module = net()
    with pytest.raises(lab.UsageError, match=r"no layer '0.9'.*The first level is: 0, 1"):
        freeze(module, "1", "0.9")
    assert all(p.requires_grad for p in module.parameters())
