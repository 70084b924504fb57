"""Compose two children into their parent; to add a way: a class with `CELLS`' three methods.

A cell holds what a node is, its state [M, S]: `leaf` makes it of a word's embedding [M, E],
`compose` of two children's states, and `vector` [M, D] is what is classified and scored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

RANK = 3  # of a word's matrix beside its diagonal (Socher et al., 2012, section 2.3)
SPREAD = 0.01  # standard deviation around the matrices that cells begin with
FIRST = 0.075  # of what is kept of a tensor, the largest at first


class Cell(Protocol):
    """embedding: numbers of a word E. A module of `width`, the numbers of a vector D."""

    embedding: int

    def leaf(self, words: Tensor) -> Tensor: ...

    def compose(self, left: Tensor, right: Tensor) -> Tensor: ...

    def vector(self, states: Tensor) -> Tensor: ...


class Plain(nn.Module):
    """p = tanh(W [a; b] + bias), the recursive network of Socher et al. (2011, equation 1)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = width
        self.linear = nn.Linear(2 * width, width)
        _begin_with_the_mean(self.linear)

    def leaf(self, words: Tensor) -> Tensor:
        return torch.tanh(words)

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        return torch.tanh(self.linear(torch.cat([left, right], 1)))

    def vector(self, states: Tensor) -> Tensor:
        return states


class TensorCell(Plain):
    """p = tanh([a; b]^T V [a; b] + W [a; b] + bias), with a slice of V [2D, 2D] for each number of
    p: the recursive neural tensor network (Socher et al., 2013, section 4.3).

    Products of a with b stand in two blocks of a slice, of which one is left out: together they
    are one matrix. What is kept is D times V: steps of AdaGrad are as long for each parameter, and
    there are 1.5 D times as many products as terms of W. At first V says little beside W.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width)
        self.before_left = nn.Parameter(torch.empty(2 * width, width * width))  # [i, k * j]
        self.before_right = nn.Parameter(torch.empty(width, width * width))
        for slices in (self.before_left, self.before_right):
            nn.init.uniform_(slices, -FIRST, FIRST)

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        pair = torch.cat([left, right], 1)  # [M, 2D]
        products = _forms(pair @ self.before_left, left) + _forms(right @ self.before_right, right)
        return torch.tanh(products / left.shape[1] + self.linear(pair))


def _forms(before: Tensor, vectors: Tensor) -> Tensor:
    """Return the D products [M, D] of D rows [M, D * D] with one vector [M, D] each."""
    return (before.view(len(vectors), -1, vectors.shape[1]) * vectors[:, None]).sum(2)


class MatrixVector(nn.Module):
    """Every node has a vector and a matrix, p = tanh(W [B a; A b] + bias) and P = M [A; B], where A
    of a word is U V + diag(a) of low rank (Socher et al., 2012, equations 2 to 4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.embedding = width * (2 + 2 * RANK)
        self.linear = nn.Linear(2 * width, width)
        self.matrices = nn.Linear(2 * width, width, bias=False)
        _begin_with_the_mean(self.linear)
        _begin_with_the_mean(self.matrices)

    def leaf(self, words: Tensor) -> Tensor:
        width = self.width
        vector, diagonal, factors = words.split([width, width, 2 * RANK * width], 1)
        tall, wide = factors.view(-1, 2, width, RANK).unbind(1)
        matrix = tall @ wide.transpose(1, 2) + torch.diag_embed(1 + diagonal)
        return torch.cat([torch.tanh(vector), matrix.flatten(1)], 1)

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        (a, first), (b, second) = self._parts(left), self._parts(right)
        pair = torch.cat([second @ a[:, :, None], first @ b[:, :, None]], 1)[:, :, 0]
        matrix = self.matrices.weight @ torch.cat([first, second], 1)  # [M, D, D]
        return torch.cat([torch.tanh(self.linear(pair)), matrix.flatten(1)], 1)

    def _parts(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Return vectors [M, D] and matrices [M, D, D]."""
        vector, matrix = states.split([self.width, self.width**2], 1)
        return vector, matrix.view(-1, self.width, self.width)

    def vector(self, states: Tensor) -> Tensor:
        return states[:, : self.width]


class TreeLSTM(nn.Module):
    """A memory with a forget gate for each child (Tai et al., 2015, equations 9 to 14, binary)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = width
        self.words = nn.Linear(width, 3 * width)  # input and output gate, update
        self.gates = nn.Linear(2 * width, 5 * width)  # those, and a forget gate for each child

    def leaf(self, words: Tensor) -> Tensor:
        enter, leave, update = self.words(words).chunk(3, 1)
        return _remembered(torch.sigmoid(enter) * torch.tanh(update), leave)

    def compose(self, left: Tensor, right: Tensor) -> Tensor:
        (a, before), (b, beside) = left.chunk(2, 1), right.chunk(2, 1)
        enter, leave, update, keep, hold = self.gates(torch.cat([a, b], 1)).chunk(5, 1)
        memory = torch.sigmoid(enter) * torch.tanh(update)
        return _remembered(
            memory + torch.sigmoid(keep) * before + torch.sigmoid(hold) * beside, leave
        )

    def vector(self, states: Tensor) -> Tensor:
        return states.chunk(2, 1)[0]


def _remembered(memory: Tensor, leave: Tensor) -> Tensor:
    """Return the state of a memory [M, D]: what is let out of it, and itself."""
    return torch.cat([torch.sigmoid(leave) * torch.tanh(memory), memory], 1)


def _begin_with_the_mean(linear: nn.Linear) -> None:
    """Begin with the mean of two children, so that what words say first reaches the root."""
    width = linear.out_features
    with torch.no_grad():
        nn.init.normal_(linear.weight, std=SPREAD)
        linear.weight += 0.5 * torch.eye(width).repeat(1, 2)
        if linear.bias is not None:
            linear.bias.zero_()


CELLS: Mapping[str, type[Plain | MatrixVector | TreeLSTM]] = {
    "tensor": TensorCell,
    "plain": Plain,
    "matrix-vector": MatrixVector,
    "tree-lstm": TreeLSTM,
}
