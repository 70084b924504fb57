"""Sum up which faults were noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .listing import Mutant
from .runner import Result

GOAL = 0.95


def table(mutants: Sequence[Mutant], results: Mapping[str, Result]) -> str:
    """Return a line for each family and one for all: how many were killed, of how many."""
    families = list(dict.fromkeys(mutant.family for mutant in mutants))
    width = max(map(len, (*families, "all")))
    lines = [f"{'family':{width}}  killed  planted  timeouts  by lab check alone"]
    for family in (*families, "all"):
        outcomes = [results[m.id] for m in mutants if family in (m.family, "all")]
        killed = [outcome for outcome in outcomes if outcome.outcome != "survived"]
        late = sum(outcome.outcome == "timeout" for outcome in outcomes)
        alone = sum(outcome.checked for outcome in killed)
        lines.append(f"{family:{width}}  {len(killed):6}  {len(outcomes):7}  {late:8}  {alone:8}")
    return "\n".join(lines)


def survivors(
    mutants: Iterable[Mutant], results: Mapping[str, Result], excuses: Mapping[str, str]
) -> str:
    """Return the faults that nobody noticed, each with the reason why it is none, if it is."""
    lines = []
    for mutant in mutants:
        if results[mutant.id].outcome == "survived":
            lines.append(f"{mutant.id}: {mutant.fault}")
            lines.append(f"    {excuses.get(mutant.id, 'A TEST IS MISSING').strip()}")
    return "\n".join(lines)


def is_good(
    mutants: Sequence[Mutant], results: Mapping[str, Result], excuses: Mapping[str, str]
) -> bool:
    """Tell whether the goal is met, and each survivor has its reason."""
    alive = [mutant.id for mutant in mutants if results[mutant.id].outcome == "survived"]
    return len(alive) <= (1 - GOAL) * len(mutants) and set(alive) <= set(excuses)
