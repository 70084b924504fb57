"""Optimizers are torch's, decay what should decay, and take the fast path where there is one."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from lab.nn import freeze
from lab.optim import OptimizerOptions, make_optimizer
from lab.optim.optimizers import decay_groups, decays
from lab.optim.step import _is_plain_adam

OF_TORCH = {
    "sgd": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "rmsprop": lambda p: torch.optim.RMSprop(p, 0.01),
    "adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "radam": lambda p: torch.optim.RAdam(p, 0.01),
    "adam": lambda p: torch.optim.Adam(p, 0.01),
    "adamw": lambda p: torch.optim.AdamW(p, 0.01, weight_decay=0.0),
}


class Patches(nn.Module):
    """A network with all that must not decay."""

    def __init__(self) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.ones(1, 1, 4))
        self.pos_embed = nn.Parameter(torch.ones(1, 3, 4))
        self.wpe = nn.Embedding(3, 4)
        self.words = nn.Embedding(5, 4)
        self.conv = nn.Conv2d(1, 4, 2)
        self.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 1)


def net() -> nn.Sequential:
    """A bias before the normalization would have a gradient of rounding noise alone, which Adam
    scales up to whole steps: the convolution has none."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(1, 3, 2, bias=False), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 2)
    )


def train(module: nn.Module, optimizer: torch.optim.Optimizer, steps: int = 4) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        x = torch.randn(5, 1, 3, 3, generator=generator)
        optimizer.zero_grad()
        module(x).square().mean().backward()
        optimizer.step()
    return module


@pytest.mark.parametrize("kind", OF_TORCH)
def test_a_step_is_that_of_torch(kind) -> None:
    ours, theirs = net(), net()
    train(ours, make_optimizer(ours, OptimizerOptions(optimizer=kind, lr=0.01)))
    train(theirs, OF_TORCH[kind](theirs.parameters()))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-5, atol=1e-6)


def test_momentum_and_further_arguments_reach_torch() -> None:
    options = OptimizerOptions(optimizer="sgd", momentum=0.5, nesterov=True)
    group = make_optimizer(net(), options).param_groups[0]
    assert (group["momentum"], group["nesterov"]) == (0.5, True)
    options = OptimizerOptions(optimizer="rmsprop", momentum=0.3)
    assert make_optimizer(net(), options).param_groups[0]["momentum"] == 0.3
    betas = make_optimizer(net(), OptimizerOptions(), betas=(0.5, 0.9)).param_groups[0]["betas"]
    assert betas == (0.5, 0.9)


def test_norms_biases_tokens_and_positions_do_not_decay() -> None:
    module = Patches()
    groups = decay_groups(module, 0.1)
    names = {id(p): name for name, p in module.named_parameters()}
    decayed, kept = ({names[id(p)] for p in group["params"]} for group in groups)
    assert decayed == {"words.weight", "conv.weight", "head.weight"}
    assert decayed | kept == set(names.values())
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]


def test_a_plugin_names_what_else_is_kept() -> None:
    assert decays("words.weight", nn.Parameter(torch.zeros(2, 2)))
    assert not decays("words.weight", nn.Parameter(torch.zeros(2, 2)), ("words",))


@pytest.mark.parametrize("kind", OF_TORCH)
def test_decay_moves_weights_alone(kind) -> None:
    """Where gradients are 0, nothing but decay moves."""
    module = net()
    for value in module.parameters():
        nn.init.ones_(value)
    optimizer = make_optimizer(module, OptimizerOptions(optimizer=kind, lr=0.01, weight_decay=0.1))
    (torch.stack([value.sum() for value in module.parameters()]).sum() * 0.0).backward()
    optimizer.step()
    for name, value in module.named_parameters():
        assert bool((value < 1).all()) == (value.dim() >= 2), name
        assert bool((value == 1).all()) == (value.dim() < 2), name


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_without_decay_the_update_by_the_kernel_is_reached(kind) -> None:
    optimizer = make_optimizer(net(), OptimizerOptions(optimizer=kind))
    assert _is_plain_adam(optimizer)
    assert optimizer.param_groups[0]["fused"]
    assert optimizer.param_groups[0]["weight_decay"] == 0.0


def test_where_all_decays_there_is_one_group() -> None:
    module = nn.Linear(3, 2, bias=False)
    optimizer = make_optimizer(module, OptimizerOptions(weight_decay=0.1))
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.1]
    assert _is_plain_adam(optimizer)


def test_frozen_parameters_are_left_out() -> None:
    module = net()
    freeze(module, "0")
    optimizer = make_optimizer(module, OptimizerOptions(weight_decay=0.1))
    ids = {id(p) for group in optimizer.param_groups for p in group["params"]}
    assert ids == {id(p) for p in module.parameters() if p.requires_grad}
    with pytest.raises(ValueError, match="no parameter that requires a gradient"):
        make_optimizer(copy.deepcopy(module).requires_grad_(False), OptimizerOptions())
