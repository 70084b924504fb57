"""Names are to be had without torch, and each of them is built."""

from __future__ import annotations

import subprocess
import sys

from lab.sequence import ALIGNMENTS, CELLS, POSITIONS, Recurrent, make_alignment, make_positions

LIGHT = """
import sys
from lab.sequence import ALIGNMENTS, ATTENTION, CELLS, POSITIONS, TRANSFORMER_INITIALIZERS
assert not {"torch", "numpy"} & set(sys.modules)
"""


def test_options_may_name_them_without_importing_what_is_heavy() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


def test_every_name_is_built() -> None:
    assert all(Recurrent(name, 4, 4) for name in CELLS)
    assert all(make_alignment(name, 4, 4, 4) for name in ALIGNMENTS)
    assert all(make_positions(name, 4, 4) or name == "rotary" for name in POSITIONS)
