"""Name the recurrent cells, and step each from one state to the next.

x are the inputs of a step, h the hidden state before it, * multiplies element by element. A cell
gets both projections, W x + b and U h + c, computed with torch's layout of rows: one block of H
rows for each gate. Nothing heavy is imported: the names are an option's choices.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from lab.sequence.choices import check_choice

if TYPE_CHECKING:
    from torch import Tensor

    State = dict[str, Tensor]  # "hidden" and, of an LSTM, "cell", each [B, ...]


class Cell(NamedTuple):
    """A step, torch's name for it, its blocks of rows in torch's order, what it remembers, and the
    gates that keep that and write to it, if they are gates of their own."""

    step: Callable[[Tensor, Tensor, State], State]
    mode: str
    blocks: tuple[str, ...]
    state: tuple[str, ...] = ("hidden",)
    keeps: str = ""
    writes: str = ""


def rnn(projected: Tensor, recurrent: Tensor, state: State) -> State:
    """Step the simple network of Elman (1990): h' = tanh(W x + b + U h + c); all [B, H]."""
    return {"hidden": (projected + recurrent).tanh()}


def rnn_relu(projected: Tensor, recurrent: Tensor, state: State) -> State:
    """Step it with rectified units (Le et al., 2015): h' = max(0, W x + b + U h + c)."""
    return {"hidden": (projected + recurrent).relu()}


def lstm(projected: Tensor, recurrent: Tensor, state: State) -> State:
    """Step the LSTM of Hochreiter & Schmidhuber (1997) with the forget gate of Gers et al. (2000).

    i, f, o = sigmoid(W x + b + U h + c), g = tanh(of the same), each with rows of its own;
    c' = f * c + i * g and h' = o * tanh(c'). Projections [B, 4 H] in the order i, f, g, o.
    """
    i, f, g, o = (projected + recurrent).chunk(4, -1)
    cell = f.sigmoid() * state["cell"] + i.sigmoid() * g.tanh()
    return {"hidden": o.sigmoid() * cell.tanh(), "cell": cell}


def gru(projected: Tensor, recurrent: Tensor, state: State) -> State:
    """Step the gated recurrent unit of Cho et al. (2014), equations 5 to 8.

    r, z = sigmoid(W x + b + U h + c), n = tanh(W x + b + r * (U h + c)), each with rows of its own;
    h' = z * h + (1 - z) * n. Projections [B, 3 H] in the order r, z, n. The reset gate meets the
    product U h, as in cuDNN and torch; the paper applies it to h before.
    """
    reset, update, candidate = projected.chunk(3, -1)
    reset_h, update_h, candidate_h = recurrent.chunk(3, -1)
    r, z = (reset + reset_h).sigmoid(), (update + update_h).sigmoid()
    n = (candidate + r * candidate_h).tanh()
    return {"hidden": n + z * (state["hidden"] - n)}


CELLS: Mapping[str, Cell] = {
    "rnn": Cell(rnn, "RNN_TANH", ("candidate",)),
    "rnn-relu": Cell(rnn_relu, "RNN_RELU", ("candidate",)),
    "lstm": Cell(
        lstm,
        "LSTM",
        ("input", "forget", "candidate", "output"),
        ("hidden", "cell"),
        keeps="forget",
        writes="input",
    ),
    "gru": Cell(gru, "GRU", ("reset", "update", "candidate"), keeps="update"),
}


def find_cell(name: str) -> Cell:
    """Return a cell by its name. Raises ValueError for one that is not among CELLS."""
    check_choice("cell", name, CELLS)
    return CELLS[name]
