"""Cells compute the formulas of their papers, written here once more, number by number."""

from __future__ import annotations

import numpy as np
import torch

from lab_rntn.cells import MatrixVector, Plain, TensorCell, TreeLSTM

WIDTH = 3


def drawn(cell: torch.nn.Module) -> None:
    cell.double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.5)


def arrays(cell: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: value.detach().numpy() for name, value in cell.named_parameters()}


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_plain() -> None:
    cell = Plain(WIDTH)
    drawn(cell)
    a, b = torch.randn(2, 5, WIDTH, dtype=torch.float64)
    w = arrays(cell)
    for row in range(5):
        pair = np.concatenate([a[row], b[row]])
        expected = np.tanh(w["linear.weight"] @ pair + w["linear.bias"])
        np.testing.assert_allclose(cell.compose(a, b)[row].detach(), expected)


def test_each_number_of_the_tensors_parent_has_a_slice() -> None:
    cell = TensorCell(WIDTH)
    drawn(cell)
    a, b = torch.randn(2, 5, WIDTH, dtype=torch.float64)
    w = arrays(cell)
    slices = np.zeros((WIDTH, 2 * WIDTH, 2 * WIDTH))  # b beside a, but not a beside b
    for number in range(WIDTH):
        columns = slice(number * WIDTH, (number + 1) * WIDTH)
        slices[number, :, :WIDTH] = w["before_left"][:, columns]
        slices[number, WIDTH:, WIDTH:] = w["before_right"][:, columns]
    slices /= WIDTH
    for row in range(5):
        pair = np.concatenate([a[row], b[row]])
        plain = w["linear.weight"] @ pair + w["linear.bias"]
        for number in range(WIDTH):
            expected = np.tanh(pair @ slices[number] @ pair + plain[number])
            np.testing.assert_allclose(cell.compose(a, b)[row, number].item(), expected)


def test_a_matrix_of_each_child_acts_on_the_other() -> None:
    cell = MatrixVector(WIDTH)
    drawn(cell)
    words = torch.randn(2, cell.embedding, dtype=torch.float64)
    left, right = cell.leaf(words[:1]), cell.leaf(words[1:])
    w = arrays(cell)
    nodes = []
    for word in words.numpy():
        factors = word[2 * WIDTH :].reshape(2, WIDTH, 3)
        matrix = factors[0] @ factors[1].T + np.diag(1 + word[WIDTH : 2 * WIDTH])
        nodes.append((np.tanh(word[:WIDTH]), matrix))
    (a, first), (b, second) = nodes
    vector = np.tanh(
        w["linear.weight"] @ np.concatenate([second @ a, first @ b]) + w["linear.bias"]
    )
    matrix = w["matrices.weight"] @ np.concatenate([first, second])
    parent = cell.compose(left, right).detach().numpy()[0]
    np.testing.assert_allclose(parent, np.concatenate([vector, matrix.ravel()]))
    np.testing.assert_allclose(cell.vector(cell.compose(left, right)).detach()[0], vector)


def test_a_tree_lstm_forgets_each_child_by_itself() -> None:
    cell = TreeLSTM(WIDTH)
    drawn(cell)
    w = arrays(cell)
    words = torch.randn(2, WIDTH, dtype=torch.float64)
    hidden, memories = [], []
    for word in words.numpy():
        enter, leave, update = np.split(w["words.weight"] @ word + w["words.bias"], 3)
        memories.append(sigmoid(enter) * np.tanh(update))
        hidden.append(sigmoid(leave) * np.tanh(memories[-1]))
    gates = w["gates.weight"] @ np.concatenate(hidden) + w["gates.bias"]
    enter, leave, update, keep, hold = np.split(gates, 5)
    memory = sigmoid(enter) * np.tanh(update)
    memory = memory + sigmoid(keep) * memories[0] + sigmoid(hold) * memories[1]
    expected = sigmoid(leave) * np.tanh(memory)
    parent = cell.compose(cell.leaf(words[:1]), cell.leaf(words[1:]))
    np.testing.assert_allclose(cell.vector(parent).detach()[0], expected)
