"""Remember where an environment first gave a number that is not finite.

Nothing is stopped by it: it explains a training that diverged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]

SMALL = 4_096  # values that take about a microsecond to look at; larger arrays are passed over


class Watch:
    """The first such number of N environments, in words; None while there was none."""

    def __init__(self) -> None:
        self.found: str | None = None
        self._zeros: dict[tuple[int, Any], Array] = {}

    def see(self, obs: Any, lengths: Array) -> None:
        """Look at observations [N, ...] that follow `lengths` [N] steps of their episodes."""
        if self.found is not None:
            return
        for part in obs.values() if isinstance(obs, Mapping) else (obs,):
            if isinstance(part, Mapping):
                self.see(part, lengths)
            elif part.dtype.kind == "f" and part.size <= SMALL and not self._is_finite(part):
                self._tell(part, lengths)

    def _is_finite(self, values: Array) -> bool:
        """Tell it in one pass, and without a new array: 0 times a number is 0 if it is finite."""
        key = (values.size, values.dtype)
        if key not in self._zeros:
            self._zeros[key] = np.zeros(values.size, values.dtype)
        return math.isfinite(values.ravel().dot(self._zeros[key]))

    def _tell(self, obs: Array, lengths: Array) -> None:
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(obs))[0])
        within = f"[{', '.join(map(str, place[1:]))}]" if place[1:] else ""
        self.found = (
            f"an observation{within} of {obs[place]} after step {int(lengths[place[0]]) + 1} of an "
            f"episode (environment {place[0]})"
        )

    def count(self, returns: Array, lengths: Array) -> None:
        """Look at the returns of episodes, and their lengths until now: one reward that is not
        finite shows in all of its episode's return."""
        if self.found is None and not np.isfinite(returns).all():
            index = int(np.flatnonzero(~np.isfinite(returns))[0])
            self.found = (
                f"rewards that add up to {returns[index]} in the first {int(lengths[index])} steps "
                "of an episode"
            )
