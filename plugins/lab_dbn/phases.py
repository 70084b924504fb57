"""Divide the budget into phases: each layer in turn, then all of them at once."""

from __future__ import annotations

from itertools import accumulate

from lab_dbn.config import Config


class Phases:
    """Phases count from 0, a layer each, fine-tuning last; the clock runs through all of them.

    Where a run goes on with a larger budget, phases end later; completed ones stay completed.
    """

    def __init__(self, config: Config, budget: int) -> None:
        self.layers = len(config.layers)
        tuned = config.finetune != "none"
        greedy = config.phase_fractions or (1.0,) * self.layers + (float(self.layers),) * tuned
        fractions = greedy if config.pretrain else (0.0,) * self.layers + (1.0,)
        self.ends = [budget * part / sum(fractions) for part in accumulate(fractions)]
        self.last = len(fractions) - 1

    def is_over(self, phase: int, clock: int) -> bool:
        """Tell whether the next phase is due."""
        return phase < self.last and clock >= self.ends[phase]

    def done(self, phase: int, clock: int) -> float:
        """Return the completed fraction of a phase, in [0, 1]."""
        begin = self.ends[phase - 1] if phase else 0.0
        fraction = (clock - begin) / (self.ends[phase] - begin)
        return min(1.0, max(0.0, fraction))
