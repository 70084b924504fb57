"""Name what networks over sequences are built of, and build it by name.

Nothing heavy is imported before that: the names are options' choices. Cells have a file of their
own, `cells.py`, and so have initial weights, `initial_weights.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from lab.spec import import_object

if TYPE_CHECKING:
    from torch import nn

    from lab.sequence.alignment import Alignment

ATTENTION = ("matmul", "sdpa")  # as it is written, or by torch's own kernels
SCANS = ("rows", "pixels", "grid")  # what of a picture is a step
POSITIONS: Mapping[str, str | None] = {
    "sinusoidal": "lab.sequence.positions:Sinusoidal",
    "learned": "lab.sequence.positions:Learned",
    "rotary": None,  # nothing is added: attention turns its queries and keys
}
ALIGNMENTS: Mapping[str, str] = {
    "additive": "lab.sequence.alignment:Additive",
    "dot": "lab.sequence.alignment:Dot",
    "general": "lab.sequence.alignment:General",
}


def make_positions(name: str, width: int, capacity: int) -> nn.Module | None:
    """Return the module of the positions that are added to embeddings, by a name of POSITIONS; None
    for rotary ones, which are `BlockConfig.rotary`.

    capacity: as many learned positions there are. Raises ValueError for another name, and for an
    odd width of sinusoidal ones.
    """
    check_choice("positions", name, POSITIONS)
    reference = POSITIONS[name]
    if reference is None:
        return None
    made: nn.Module = import_object(reference)(width, capacity)
    return made


def make_alignment(name: str, query_size: int, memory_size: int, width: int) -> Alignment:
    """Return the attention of a recurrent decoder by a name of ALIGNMENTS; `width` is that of the
    additive one's hidden layer.

    Raises ValueError for another name, and for a dot product of different sizes.
    """
    check_choice("alignment", name, ALIGNMENTS)
    made: Alignment = import_object(ALIGNMENTS[name])(query_size, memory_size, width)
    return made


def check_choice(what: str, name: str, choices: Collection[str]) -> None:
    """Raise ValueError for a name that is not among the choices, and say which there are."""
    if name not in choices:
        raise ValueError(f"no {what} {name!r}; there is: {', '.join(choices)}")
