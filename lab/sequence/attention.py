"""Let each step look at others (Vaswani et al., 2017, section 3.2).

Shapes: batch B, heads h, queries T, keys S, width of a head d. Masks are True where a query may
attend, and broadcast to [B, h, T, S]. A query that may attend to nothing gets zeros.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lab.sequence.cache import KeyValue, empty_cache, write
from lab.sequence.choices import ATTENTION, check_choice
from lab.sequence.masks import both, causal_mask
from lab.sequence.positions import Rotary, count_up


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    dropout: float = 0.0,
    implementation: str = "matmul",
) -> Tensor:
    """Return softmax(Q K^T / sqrt(d)) V, [B, h, T, d], of queries [B, h, T, d] and keys and values
    [B, h, S, d].

    causal: query t sees keys 0..t, and there are as many of both. dropout: of the weights, in any
    mode. implementation: "matmul", which torch.func.vmap takes, or "sdpa", torch's own kernel.
    Raises ValueError for another one, and for causal attention between different lengths.
    """
    check_choice("attention", implementation, ATTENTION)
    if causal and query.shape[-2] != key.shape[-2]:
        raise ValueError(
            f"causal attention of {query.shape[-2]} queries to {key.shape[-2]} keys: "
            "say which keys come before each query by a mask"
        )
    compute = by_matmul if implementation == "matmul" else by_sdpa
    return compute(query, key, value, mask, causal, dropout)


def by_matmul(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, dropout: float
) -> Tensor:
    """Compute attention as it is written."""
    if causal:
        mask = both(mask, causal_mask(query.shape[-2], query.device))
    weights = attention_weights(query, key, mask)
    return functional.dropout(weights, dropout) @ value if dropout else weights @ value


def by_sdpa(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, causal: bool, dropout: float
) -> Tensor:
    """Compute attention by the fastest kernel that torch has for the device."""
    attention = functional.scaled_dot_product_attention
    if mask is None:  # the one form that the fastest kernels take
        return attention(query, key, value, None, dropout, causal)
    if causal:
        mask = mask & causal_mask(query.shape[-2], query.device)
    some = mask.any(-1, keepdim=True)
    # without a key to attend to, kernels differ, down to NaN: let such a query see all, then none
    return attention(query, key, value, mask | ~some, dropout).masked_fill(~some, 0.0)


def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the weights [B, h, T, S] of each query's keys: their sum is 1, or 0 without a key."""
    query = query / math.sqrt(query.shape[-1])
    return masked_softmax(query @ key.transpose(-2, -1), mask)


def masked_softmax(scores: Tensor, mask: Tensor | None) -> Tensor:
    """Return the softmax over the last axis of what the mask keeps; 0 elsewhere.

    The lowest finite number stands in for minus infinity: where everything is masked, no NaN comes
    up that anomaly detection would stop at.
    """
    if mask is None:
        return scores.softmax(-1)
    scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(-1).masked_fill(~mask, 0.0)


class HeadNorm(nn.RMSNorm):
    """Normalize in full precision, under autocast too: torch's kernel takes one type alone."""

    def forward(self, vectors: Tensor) -> Tensor:
        return super().forward(vectors.to(self.weight.dtype))


class MultiHeadAttention(nn.Module):
    """Attention of `heads` heads to the inputs themselves, or to a memory.

    The parameters are nn.MultiheadAttention's: names, layout and draws.

    dropout: of the weights, while training. qk_norm: RMS norm of each query and key with a learned
    gain, which bounds the scores (Henry et al., 2020). rotary: positions as rotations, in
    self-attention. implementation: a name of ATTENTION.
    Raises ValueError for a width that the heads do not divide, and for another implementation.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        *,
        dropout: float = 0.0,
        bias: bool = True,
        qk_norm: bool = False,
        rotary: bool = False,
        implementation: str = "matmul",
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{heads} heads do not divide a width of {width}")
        check_choice("attention", implementation, ATTENTION)
        self.heads, self.dropout, self.implementation = heads, dropout, implementation
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width)) if bias else None
        self.out_proj = nn.Linear(width, width, bias)
        head = width // heads
        self.q_norm = HeadNorm(head, eps=1e-6) if qk_norm else nn.Identity()
        self.k_norm = HeadNorm(head, eps=1e-6) if qk_norm else nn.Identity()
        self.rotary = Rotary(head) if rotary else None
        nn.init.xavier_uniform_(self.in_proj_weight)
        if bias:
            nn.init.zeros_(self.out_proj.bias)

    def forward(
        self,
        inputs: Tensor,
        memory: Tensor | KeyValue | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        positions: Tensor | None = None,
        cache: KeyValue | None = None,
    ) -> Tensor:
        """Return outputs [B, T, W] of inputs [B, T, W].

        memory: [B, S, W], or what `remember` made of it; None attends to the inputs.
        mask: True where a query may attend, [B or 1, h or 1, T or 1, S].
        positions: [B, T], of rotary self-attention and of a cache; 0..T-1 where none are given.
        cache: keys and values by position, which the inputs join at theirs, in place, before they
            attend to all of them that the mask keeps; causal is not looked at.
        """
        query, key, value, mask = self._prepare(inputs, memory, mask, positions, cache)
        heads = attend(
            query,
            key,
            value,
            mask,
            causal=causal and cache is None,
            dropout=self.dropout if self.training else 0.0,
            implementation=self.implementation,
        )
        outputs: Tensor = self.out_proj(heads.transpose(1, 2).flatten(2))  # (B, T, W)
        return outputs

    def weights(
        self,
        inputs: Tensor,
        memory: Tensor | KeyValue | None = None,
        *,
        mask: Tensor | None = None,
        causal: bool = False,
        positions: Tensor | None = None,
        cache: KeyValue | None = None,
    ) -> Tensor:
        """Return the weights [B, h, T, S] that `forward` uses for the same arguments, before
        dropout."""
        query, key, _, mask = self._prepare(inputs, memory, mask, positions, cache)
        if causal and cache is None:
            mask = both(mask, causal_mask(inputs.shape[1], inputs.device))
        return attention_weights(query, key, mask)

    def remember(self, memory: Tensor) -> KeyValue:
        """Return keys and values [B, h, S, d] of a memory [B, S, W], to be attended to again."""
        key, value = self._project(memory, slice(1, 3))
        return {"key": self.k_norm(key), "value": value}

    def empty_cache(self, batch: int, capacity: int) -> KeyValue:
        """Return a cache for `capacity` positions of `batch` rows."""
        head = self.out_proj.in_features // self.heads
        return empty_cache(self.in_proj_weight, batch, self.heads, capacity, head)

    def _prepare(
        self,
        inputs: Tensor,
        memory: Tensor | KeyValue | None,
        mask: Tensor | None,
        positions: Tensor | None,
        cache: KeyValue | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return queries, keys, values and the mask."""
        if memory is not None:
            (query,) = self._project(inputs, slice(0, 1))
            known = self.remember(memory) if isinstance(memory, Tensor) else memory
            return self.q_norm(query), known["key"], known["value"], mask
        query, key, value = self._project(inputs, slice(0, 3))
        query, key = self.q_norm(query), self.k_norm(key)
        positions = count_up(inputs) if positions is None else positions
        if self.rotary is not None:
            query, key = self.rotary(query, positions), self.rotary(key, positions)
        if cache is None:
            return query, key, value, mask
        write(cache, key, value, positions)
        return query, cache["key"], cache["value"], mask

    def _project(self, inputs: Tensor, parts: slice) -> tuple[Tensor, ...]:
        """Return the chosen of queries, keys and values, [B, h, T, d] each, by one product."""
        width = self.out_proj.in_features
        rows = slice(parts.start * width, parts.stop * width)
        bias = None if self.in_proj_bias is None else self.in_proj_bias[rows]
        projected = functional.linear(inputs, self.in_proj_weight[rows], bias)
        split = projected.view(*inputs.shape[:2], parts.stop - parts.start, self.heads, -1)
        return split.permute(2, 0, 3, 1, 4).unbind()  # (B, h, T, d) each
