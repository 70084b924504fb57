"""Draw the initial weights of a Transformer by a named rule.

Everything is drawn from torch's global generator, which the runner seeds. Nothing heavy is imported
before that: the names are an option's choices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from lab.sequence.choices import check_choice

if TYPE_CHECKING:
    from torch import Tensor, nn

GPT2_STD = 0.02


def initialize_transformer(module: nn.Module, init: str = "xavier") -> None:
    """Draw the matrices of attention, linear layers and embeddings, in place; biases become 0.

    xavier: uniform, variance 2 / (n_in + n_out), queries, keys and values each by itself (Glorot &
    Bengio, 2010, equation 16; the original Transformer's choice); embeddings normal with a standard
    deviation of 1 / sqrt(width).
    gpt2: normal, standard deviation 0.02 and, of the layers that write to the residual stream, 0.02
    / sqrt(n) where a stack has n of them (Radford et al., 2019, section 2.3).
    default: nothing is touched. Raises ValueError for another name.
    """
    check_choice("initial weights", init, TRANSFORMER_INITIALIZERS)
    draw = TRANSFORMER_INITIALIZERS[init]
    if draw is None:
        return
    import torch

    with torch.no_grad():
        draw(module)
        for name, parameter in module.named_parameters():
            if name.endswith("bias"):
                parameter.zero_()


def _xavier(module: nn.Module) -> None:
    from torch.nn import init

    for embedding in _embeddings(module):
        embedding.normal_(0.0, 1 / math.sqrt(embedding.shape[1]))
    for weight in _matrices(module):
        init.xavier_uniform_(weight)


def _gpt2(module: nn.Module) -> None:
    from lab.sequence.transformer import Stack

    for weight in (*_embeddings(module), *_matrices(module)):
        weight.normal_(0.0, GPT2_STD)
    for stack in module.modules():
        if isinstance(stack, Stack):
            writers = [
                parameter
                for name, parameter in stack.named_parameters()
                if name.endswith(("out_proj.weight", "linear2.weight"))
            ]
            for weight in writers:
                weight.normal_(0.0, GPT2_STD / math.sqrt(len(writers)))


def _embeddings(module: nn.Module) -> Iterator[Tensor]:
    from torch import nn

    for layer in module.modules():
        if isinstance(layer, nn.Embedding):
            yield layer.weight


def _matrices(module: nn.Module) -> Iterator[Tensor]:
    from torch import nn

    from lab.sequence.attention import MultiHeadAttention

    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            yield layer.weight
        elif isinstance(layer, MultiHeadAttention):
            yield from layer.in_proj_weight.chunk(3)


TRANSFORMER_INITIALIZERS: Mapping[str, Callable[[nn.Module], None] | None] = {
    "default": None,  # torch's own stay
    "xavier": _xavier,
    "gpt2": _gpt2,
}
