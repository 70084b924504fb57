"""Build Transformers of one block (Vaswani et al., 2017; pre-norm: Xiong et al., 2020).

Parameters have the names and the layout of nn.TransformerEncoder and nn.TransformerDecoder, so
that state dicts may be exchanged. Shapes: batch B, steps T, steps of the memory S, width W.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import cast

from torch import Tensor, nn

from lab.nn.activations import activation
from lab.sequence.attention import MultiHeadAttention
from lab.sequence.cache import KeyValue, past, reached
from lab.sequence.masks import both, key_mask
from lab.sequence.positions import count_up

BlockCache = dict[str, KeyValue]  # "self" by position and, of a decoder with a memory, "memory"
Cache = dict[str, BlockCache]  # of each block by its number; all tensors are [B, ...]


@dataclass(frozen=True)
class BlockConfig:
    """What a block is made of.

    feedforward: width of the hidden layer; None is 4 W. dropout: of what each sublayer adds, while
    training; attention_dropout: of its weights. pre_norm: normalize what goes into a sublayer,
    rather than the sum that comes out, as in 2017. bias: of all layers, norms included.
    activation: a name of ACTIVATIONS. qk_norm, rotary, implementation: see `MultiHeadAttention`.
    """

    width: int
    heads: int
    feedforward: int | None = None
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation: str = "relu"
    pre_norm: bool = False
    bias: bool = True
    qk_norm: bool = False
    rotary: bool = False
    implementation: str = "matmul"

    def attention(self, rotary: bool = False) -> MultiHeadAttention:
        """Return a new attention of this kind."""
        return MultiHeadAttention(
            self.width,
            self.heads,
            dropout=self.attention_dropout,
            bias=self.bias,
            qk_norm=self.qk_norm,
            rotary=rotary,
            implementation=self.implementation,
        )

    def norm(self) -> nn.LayerNorm:
        """Return a new layer norm of this width."""
        return nn.LayerNorm(self.width, bias=self.bias)


class Block(nn.Module):
    """Self-attention, with `cross` attention to a memory, and a feed-forward network."""

    def __init__(self, config: BlockConfig, *, cross: bool = False) -> None:
        super().__init__()
        hidden = config.feedforward or 4 * config.width
        self.pre_norm = config.pre_norm
        self.self_attn = config.attention(config.rotary)
        self.multihead_attn = config.attention() if cross else None
        self.linear1 = nn.Linear(config.width, hidden, config.bias)
        self.activation = activation(config.activation)
        self.linear2 = nn.Linear(hidden, config.width, config.bias)
        self.norm1 = config.norm()
        self.norm2 = config.norm()
        self.norm3 = config.norm() if cross else None
        self.dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        causal: bool = False,
        positions: Tensor | None = None,
        cache: BlockCache | None = None,
    ) -> Tensor:
        """Return outputs [B, T, W]; the arguments are those of `MultiHeadAttention`."""
        past = None if cache is None else cache["self"]
        self_attention = partial(
            self.self_attn, mask=mask, causal=causal, positions=positions, cache=past
        )
        x = self._add(x, self_attention, self.norm1)  # (B, T, W)
        if self.multihead_attn is not None:
            known = memory if cache is None else cache["memory"]
            cross_attention = partial(self.multihead_attn, memory=known, mask=memory_mask)
            x = self._add(x, cross_attention, self.norm2)  # (B, T, W)
        return self._add(x, self._feed_forward, self.norm3 or self.norm2)

    def start(self, batch: int, capacity: int, memory: Tensor | None) -> BlockCache:
        """Return a cache for `capacity` positions of `batch` rows, and the memory [B, S, W]."""
        past = self.self_attn.empty_cache(batch, capacity)
        if self.multihead_attn is None or memory is None:
            return {"self": past}
        return {"self": past, "memory": self.multihead_attn.remember(memory)}

    def _add(self, x: Tensor, sublayer: Callable[[Tensor], Tensor], norm: nn.Module) -> Tensor:
        if self.pre_norm:
            x = x + self.dropout(sublayer(norm(x)))
        else:
            x = norm(x + self.dropout(sublayer(x)))
        return x

    def _feed_forward(self, x: Tensor) -> Tensor:
        hidden = self.activation(self.linear1(x))  # (B, T, 4 W)
        outputs: Tensor = self.linear2(hidden)  # (B, T, W)
        return outputs


class Stack(nn.Module):
    """Blocks one after another and, behind pre-norm blocks, whose sums grow, a last norm."""

    def __init__(self, layers: int, config: BlockConfig, *, cross: bool = False) -> None:
        super().__init__()
        self.cross = cross
        self.layers = nn.ModuleList(Block(config, cross=cross) for _ in range(layers))
        self.norm = config.norm() if config.pre_norm else nn.Identity()

    def blocks(self) -> Iterator[Block]:
        """Yield the blocks, first to last."""
        yield from cast("Iterator[Block]", self.layers)


class Encoder(Stack):
    """Blocks in which every step sees every other."""

    def __init__(self, layers: int, config: BlockConfig) -> None:
        super().__init__(layers, config)

    def forward(
        self, x: Tensor, keep: Tensor | None = None, positions: Tensor | None = None
    ) -> Tensor:
        """Return outputs [B, T, W] of inputs [B, T, W]; keep [B, T] says which steps there are,
        positions [B, T] where they stand, if rotary and not 0..T-1."""
        mask = None if keep is None else key_mask(keep)
        for block in self.blocks():
            x = block(x, mask=mask, positions=positions)
        outputs: Tensor = self.norm(x)
        return outputs


class Decoder(Stack):
    """Blocks in which a step sees those before it and, with `cross`, a memory."""

    def forward(
        self,
        x: Tensor,
        memory: Tensor | None = None,
        *,
        keep: Tensor | None = None,
        memory_keep: Tensor | None = None,
        positions: Tensor | None = None,
        cache: Cache | None = None,
    ) -> Tensor:
        """Return outputs [B, T, W] of inputs [B, T, W], where output t depends on inputs 0..t.

        memory: [B, S, W]. keep: [B, T] and memory_keep: [B, S], the steps that there are; padding
        at the end needs no keep, as no step before it sees it. positions: [B, T], 0..T-1 where none
        are given. cache: from `start`, which has seen the memory; only new steps are given then,
        with their positions, and keep is of the cache's places.
        Raises ValueError for a memory that is missing, or that nothing looks at.
        """
        if cache is None:
            self._check(memory)
        mask = None if keep is None else key_mask(keep)
        memory_mask = None if memory_keep is None else key_mask(memory_keep)
        if cache is not None:
            positions = count_up(x) if positions is None else positions
            places, seen = past(positions, _capacity(cache))
            cache = {name: _reached(block, places) for name, block in cache.items()}
            mask = both(None if mask is None else mask[..., :places], seen)
        for number, block in enumerate(self.blocks()):
            x = block(
                x,
                memory,
                mask=mask,
                memory_mask=memory_mask,
                causal=True,
                positions=positions,
                cache=None if cache is None else cache[str(number)],
            )
        outputs: Tensor = self.norm(x)
        return outputs

    def start(self, batch: int, capacity: int, memory: Tensor | None = None) -> Cache:
        """Return a cache for `capacity` positions of `batch` rows, with what there is to know of
        the memory [B, S, W]. It is written in place: for decoding, without gradients.

        All tensors have the batch first, so rows are chosen by `index_select(0, rows)`.
        """
        self._check(memory)
        blocks = enumerate(self.blocks())
        return {str(number): block.start(batch, capacity, memory) for number, block in blocks}

    def _check(self, memory: Tensor | None) -> None:
        if self.cross != (memory is not None):
            raise ValueError(
                "a decoder with cross attention needs a memory"
                if self.cross
                else "a decoder without cross attention takes no memory"
            )


def _capacity(cache: Cache) -> int:
    return cache["0"]["self"]["key"].shape[2]


def _reached(block: BlockCache, places: int) -> BlockCache:
    return {**block, "self": reached(block["self"], places)}
