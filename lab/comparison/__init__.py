"""Compare groups of runs that differ by more than their seed.

Names load what they need when first used: `lab.compare` makes what is here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "Comparison": "lab.comparison.tables",
    "Group": "lab.comparison.groups",
    "Table": "lab.comparison.tables",
    "differing": "lab.comparison.tables",
    "group_name": "lab.comparison.groups",
    "subject": "lab.comparison.groups",
}

__all__ = [*_HOME]

if TYPE_CHECKING:
    from lab.comparison.groups import Group as Group
    from lab.comparison.groups import group_name as group_name
    from lab.comparison.groups import subject as subject
    from lab.comparison.tables import Comparison as Comparison
    from lab.comparison.tables import Table as Table
    from lab.comparison.tables import differing as differing

__getattr__, __dir__ = attach(__name__, _HOME)
