"""Muon is torch's Muon on hidden matrices and torch's AdamW on all else."""

from __future__ import annotations

import copy

import torch
from torch import nn

from lab.optim import OptimizerOptions, make_optimizer


class Words(nn.Module):
    """A network with all that Muon leaves to AdamW."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(7, 6)
        self.pos_embed = nn.Embedding(4, 6)
        self.hidden = nn.Linear(6, 8)
        self.norm = nn.LayerNorm(8)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(tokens.shape[1])
        return self.head(self.norm(self.hidden(self.words(tokens) + self.pos_embed(steps))))


def train(module: Words, *optimizers: torch.optim.Optimizer, steps: int = 3) -> Words:
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        tokens = torch.randint(7, (5, 4), generator=generator)
        module.zero_grad()
        module(tokens).square().mean().backward()
        for optimizer in optimizers:
            optimizer.step()
    return module


OPTIONS = OptimizerOptions(optimizer="muon", lr=0.01, weight_decay=0.1)


def test_matrices_step_by_torchs_muon_and_the_rest_by_adamw() -> None:
    ours, theirs = Words(), Words()
    train(ours, make_optimizer(ours, OPTIONS))
    muon = torch.optim.Muon(
        [theirs.hidden.weight], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"
    )
    kept = [p for n, p in theirs.named_parameters() if n not in ("hidden.weight", "head.weight")]
    decayed = torch.optim.AdamW([theirs.head.weight], lr=0.01, weight_decay=0.1)
    train(theirs, muon, decayed, torch.optim.AdamW(kept, lr=0.01, weight_decay=0.0))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict(), rtol=1e-5, atol=1e-6)


def test_what_is_not_a_hidden_matrix_is_left_to_adamw() -> None:
    module = Words()
    groups = make_optimizer(module, OPTIONS).param_groups
    names = {id(p): name for name, p in module.named_parameters()}
    found = {
        (group["matrices"], group["weight_decay"]): {names[id(p)] for p in group["params"]}
        for group in groups
    }
    assert found[True, 0.1] == {"hidden.weight"}
    assert found[False, 0.1] == {"head.weight"}
    assert {"words.weight", "pos_embed.weight", "norm.weight", "hidden.bias"} <= found[False, 0.0]


def test_a_saved_optimizer_goes_on_as_it_would_have() -> None:
    its = Words()
    before = make_optimizer(its, OPTIONS)
    train(its, before)
    mine = copy.deepcopy(its)
    after = make_optimizer(mine, OPTIONS)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    for optimizer in (before, after):
        for group in optimizer.param_groups:
            group["lr"] = 0.02  # which reaches both kinds of steps
    train(mine, after)
    train(its, before)
    torch.testing.assert_close(mine.state_dict(), its.state_dict(), rtol=0, atol=0)


def test_a_network_without_matrices_has_adamw_alone() -> None:
    module = nn.LayerNorm(4)
    module(torch.randn(2, 4)).square().sum().backward()
    make_optimizer(module, OPTIONS).step()
    assert not torch.equal(module.weight, torch.ones(4))
