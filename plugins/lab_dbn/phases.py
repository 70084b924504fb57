"""Part the budget into phases: each layer in its turn, then all of them at once."""

from __future__ import annotations

from itertools import accumulate

from lab_dbn.config import Config


class Phases:
    """Phases count from 0, a layer each, fine-tuning last; the clock runs through all of them.

    Where a run goes on with a larger budget, phases end later; what was passed stays passed.
    """

    def __init__(self, config: Config, budget: int) -> None:
        self.layers = len(config.layers)
        tuned = config.finetune != "none"
        greedy = config.phase_fractions or (1.0,) * self.layers + (float(self.layers),) * tuned
        shares = greedy if config.pretrain else (0.0,) * self.layers + (1.0,)
        self.ends = [budget * part / sum(shares) for part in accumulate(shares)]
        self.last = len(shares) - 1

    def is_over(self, phase: int, clock: int) -> bool:
        """Tell whether the next phase is due."""
        return phase < self.last and clock >= self.ends[phase]

    def done(self, phase: int, clock: int) -> float:
        """Return which share of a phase lies behind, in [0, 1]."""
        begin = self.ends[phase - 1] if phase else 0.0
        share = (clock - begin) / (self.ends[phase] - begin)
        return min(1.0, max(0.0, share))
