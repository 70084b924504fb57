"""A bag of words is the mean of their vectors, as torch's own gives it."""

from __future__ import annotations

import torch
from torch import nn

from lab_mlp.bag import TokenBag

TOKENS = torch.tensor([[1, 2, 2, 0], [3, 0, 0, 0], [0, 0, 0, 0]])


def test_it_is_torchs_bag() -> None:
    bag = TokenBag(5, 3)
    known = nn.EmbeddingBag.from_pretrained(bag.embedding.weight, mode="mean", padding_idx=0)
    torch.testing.assert_close(bag(TOKENS), known(TOKENS))


def test_what_fills_up_is_never_learned() -> None:
    bag = TokenBag(5, 3)
    bag(TOKENS).square().sum().backward()
    gradient = bag.embedding.weight.grad
    assert gradient is not None
    assert not gradient[0].any()
    assert gradient[1:4].abs().sum(1).all()
    assert not bag.embedding.weight[0].any()
