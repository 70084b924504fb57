"""Build feed-forward networks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import prod

import torch
from torch import Tensor, nn

from lab import DatasetInfo, UsageError
from lab.nn import activation, check_network, initialize, load_network
from lab_mlp.bag import TokenBag
from lab_mlp.config import Config
from lab_mlp.embedding import CategoryEmbedding

KINDS = ("image", "table", "tokens")
WORD_DIM = 64  # numbers that a word becomes, unless said


def build(config: Config, info: DatasetInfo) -> nn.Module:
    """Return the network that the config asks for: inputs [B, ...] -> outputs [B, K].

    Raises UsageError for data that it cannot learn from.
    """
    if info.kind not in KINDS or info.task not in ("classify", "regress") or info.per_step:
        raise UsageError(
            "A feed-forward network gives each image, row of a table or text a class or values; "
            f"{info.name} is {info.kind} data to {info.task}."
        )
    if info.kind == "tokens" and (config.model or config.arch == "perceptron"):
        option = "--model" if config.model else f"--arch {config.arch}"
        raise UsageError(f"{option} takes numbers; {info.name} gives tokens")
    if config.model:
        own = load_network(config.model, inputs=prod(info.shape), outputs=info.outputs)
        return check_network(own, config.model, info)
    if config.arch == "perceptron":
        return Perceptron(prod(info.shape), info.outputs)
    net = nn.Sequential(*_layers(config, info))
    initialize(net, config.init, config.activation)
    return net


def _layers(config: Config, info: DatasetInfo) -> Iterator[nn.Module]:
    inputs = prod(info.shape)
    if info.kind == "tokens":
        inputs = config.embedding_dim or WORD_DIM
        yield TokenBag(len(info.vocabulary), inputs)
    else:
        yield nn.Flatten()
    if config.embedding_dim and info.kind != "tokens":
        embedding = _embedding(config.embedding_dim, info)
        inputs = embedding.width
        yield embedding
    widths = (inputs, *config.hidden)
    for before, after in pairwise(widths):
        yield nn.Linear(before, after)
        if config.norm:
            yield nn.BatchNorm1d(after)
        yield activation(config.activation)
        if config.dropout:
            yield nn.Dropout(config.dropout)
    yield nn.Linear(widths[-1], info.outputs)


def _embedding(most: int, info: DatasetInfo) -> CategoryEmbedding:
    columns = () if info.encoding is None else info.encoding.columns
    if not any(column.type == "category" for column in columns):
        raise UsageError(f"--embedding-dim: {info.name} has no column of categories")
    assert info.encoding is not None
    return CategoryEmbedding(info.encoding, most)


class Perceptron(nn.Module):
    """A layer of threshold units, one for each class, with the rule that trains them.

    Rosenblatt, "The perceptron", Psychological Review 65 (1958). A unit fires where its weighted
    sum is above 0. The class is that of the largest sum, so that it is decided where none or
    several fire.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.register_buffer("weight", torch.zeros(classes, inputs))
        self.register_buffer("bias", torch.zeros(classes))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the weighted sums [B, K]."""
        return inputs.flatten(1) @ self.weight.T + self.bias

    @torch.no_grad()
    def learn(self, inputs: Tensor, targets: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        """Correct the units in error: w <- w + lr (t - y) x, summed over a batch.

        Returns the error rate of the units, and the accuracy.
        """
        sums = self(inputs)  # [B, K]
        t = nn.functional.one_hot(targets, len(self.bias)).to(sums.dtype)
        error = t - (sums > 0).to(sums.dtype)  # t - y, in {-1, 0, 1}
        self.weight += lr * error.T @ inputs.flatten(1)
        self.bias += lr * error.sum(0)
        return error.abs().mean(), (sums.argmax(1) == targets).float().mean()
