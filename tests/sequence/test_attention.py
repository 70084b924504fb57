"""Attention is torch's, a query without keys gets zeros, and no mask is taken for its opposite."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from lab.sequence import (
    ATTENTION,
    MultiHeadAttention,
    attend,
    attention_maps,
    attention_weights,
    causal_mask,
    keep_mask,
    key_mask,
)

KEEP = keep_mask(torch.tensor([2, 6, 4]), 6)


def close(one: object, other: object, *, atol: float = 1e-5) -> None:
    torch.testing.assert_close(one, other, atol=atol, rtol=0)


def by_loops(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Return attention by the definition, one query at a time, over the keys it may see."""
    outputs = torch.zeros(*query.shape[:3], value.shape[-1])
    for at in torch.cartesian_prod(*(torch.arange(n) for n in query.shape[:3])).tolist():
        b, h, t = at
        seen = [s for s in range(key.shape[2]) if mask[b, h, t, s]]
        scores = [float(query[b, h, t] @ key[b, h, s]) / math.sqrt(query.shape[-1]) for s in seen]
        total = sum(math.exp(score) for score in scores)
        for s, score in zip(seen, scores, strict=True):
            outputs[b, h, t] += math.exp(score) / total * value[b, h, s]
    return outputs


@pytest.mark.parametrize("implementation", ATTENTION)
@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_its_definition(causal, implementation) -> None:
    query, key, value = torch.randn(3, 2, 3, 5, 4)
    mask = torch.rand(2, 3, 5, 5) < 0.7
    mask[:, :, 2] = False  # may attend to nothing
    seen = mask & torch.ones(5, 5).tril().bool() if causal else mask
    outputs = attend(query, key, value, mask, causal=causal, implementation=implementation)
    close(outputs, by_loops(query, key, value, seen))
    everything = torch.ones(2, 3, 5, 5).tril().bool() if causal else torch.ones(2, 3, 5, 5).bool()
    outputs = attend(query, key, value, causal=causal, implementation=implementation)
    close(outputs, by_loops(query, key, value, everything))


@pytest.mark.parametrize("implementation", ATTENTION)
def test_a_query_without_keys_gets_zeros_and_finite_gradients(implementation) -> None:
    tensors = [torch.randn(2, 1, 4, 3, requires_grad=True) for _ in range(3)]
    mask = torch.ones(2, 1, 4, 4).bool()
    mask[0, :, 1] = mask[1] = False
    query, key, value = tensors
    outputs = attend(query, key, value, mask, implementation=implementation)
    assert not outputs[0, :, 1].any()
    assert not outputs[1].any()
    with torch.autograd.set_detect_anomaly(True):  # no NaN comes up on the way, either
        gradients = torch.autograd.grad(outputs.sum(), tensors)
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert not any(gradient[1].any() for gradient in gradients)
    assert gradients[2][0].any()


def test_weights_of_a_row_sum_to_1_or_to_0() -> None:
    query, key = torch.randn(2, 2, 1, 4, 3) * 50
    mask = torch.ones(4, 4).tril(-1).bool()
    weights = attention_weights(query, key, mask)
    close(weights.sum(-1), torch.tensor([0.0, 1, 1, 1]).expand(2, 1, 4))
    assert not weights[..., ~mask].any()


def test_causal_attention_between_different_lengths_is_refused() -> None:
    """With one cached query it would see the first key alone."""
    query, key = torch.randn(1, 1, 1, 4), torch.randn(1, 1, 3, 4)
    with pytest.raises(ValueError, match="causal attention of 1 queries to 3 keys"):
        attend(query, key, key, causal=True)
    with pytest.raises(ValueError, match="no attention 'flash'; there is: matmul, sdpa"):
        attend(key, key, key, implementation="flash")


@pytest.mark.parametrize("implementation", ATTENTION)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_self_attention_is_torchs(bias, training, implementation) -> None:
    reference = nn.MultiheadAttention(8, 2, bias=bias, batch_first=True).train(training)
    module = MultiHeadAttention(8, 2, bias=bias, implementation=implementation).train(training)
    module.load_state_dict(reference.state_dict())
    x = torch.randn(3, 6, 8)
    expected, weights = reference(
        x, x, x, key_padding_mask=~KEEP, attn_mask=~causal_mask(6), average_attn_weights=False
    )
    close(module(x, mask=key_mask(KEEP), causal=True), expected)
    close(module.weights(x, mask=key_mask(KEEP), causal=True), weights)
    close(module(x), reference(x, x, x, need_weights=False)[0])


@pytest.mark.parametrize("implementation", ATTENTION)
def test_cross_attention_is_torchs(implementation) -> None:
    reference = nn.MultiheadAttention(8, 4, batch_first=True)
    module = MultiHeadAttention(8, 4, implementation=implementation)
    module.load_state_dict(reference.state_dict())
    assert module.in_proj_bias is not None
    nn.init.normal_(module.in_proj_bias)
    reference.load_state_dict(module.state_dict())
    x, memory = torch.randn(3, 5, 8), torch.randn(3, 6, 8)
    expected, weights = reference(
        x, memory, memory, key_padding_mask=~KEEP, average_attn_weights=False
    )
    close(module(x, memory, mask=key_mask(KEEP)), expected)
    close(module.weights(x, memory, mask=key_mask(KEEP)), weights)
    close(module(x, module.remember(memory), mask=key_mask(KEEP)), expected)


def test_parameters_begin_as_torchs() -> None:
    drawn = []
    for make in (nn.MultiheadAttention, MultiHeadAttention):
        torch.manual_seed(2)
        drawn.append(make(8, 2).state_dict())
    close(*drawn, atol=0)


@pytest.mark.parametrize("implementation", ATTENTION)
def test_dropout_is_of_the_weights_while_training(implementation) -> None:
    module = MultiHeadAttention(8, 2, dropout=0.5, implementation=implementation)
    x = torch.randn(64, 6, 8)
    with torch.no_grad():
        mean = torch.stack([module(x) for _ in range(400)]).mean(0)
        assert not torch.equal(module(x), module(x))
        module.eval()
        assert torch.equal(module(x), module(x))
        close(mean, module(x), atol=0.25)  # what is left is scaled


def test_normalized_queries_and_keys_bound_the_scores() -> None:
    """RMS norm gives vectors of length sqrt(d), whatever the inputs: scores are below sqrt(d)."""
    module = MultiHeadAttention(8, 2, qk_norm=True)
    x, memory = torch.randn(2, 5, 8) * 1e4, torch.randn(2, 6, 8) * 1e4
    for other in (None, memory):
        weights = module.weights(x, other)
        assert weights.max() / weights.min() <= math.exp(2 * math.sqrt(4)) * 1.001
        close(weights, module.weights(x * 7, other if other is None else other * 3))
    assert {name for name, _ in module.named_parameters()} >= {"q_norm.weight", "k_norm.weight"}


def test_maps_are_gathered_by_name_and_only_inside() -> None:
    one, two = MultiHeadAttention(8, 2), MultiHeadAttention(8, 4)
    net = nn.ModuleDict({"one": one, "two": two})
    x, memory = torch.randn(3, 5, 8), torch.randn(3, 6, 8)
    with attention_maps(net) as maps:
        one(x, causal=True)
        two(x, memory, mask=key_mask(KEEP))
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        "one": (3, 2, 5, 5),
        "two": (3, 4, 5, 6),
    }
    assert torch.equal(maps["one"], one.weights(x, causal=True))
    assert not maps["two"][0, :, :, 2:].any()
    before = dict(maps)
    one(x * 2)
    assert maps["one"] is before["one"]


def test_heads_divide_the_width() -> None:
    with pytest.raises(ValueError, match="3 heads do not divide a width of 8"):
        MultiHeadAttention(8, 3)
