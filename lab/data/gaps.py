"""Fill what is missing in a series from its neighbors."""

from __future__ import annotations

import numpy as np

from lab.data.dataset import Array


def filled(values: Array) -> Array:
    """Return a series float [N, F] in which what is missing (NaN) lies on the line between its
    neighbors in time, or equals the nearest one at an end. A column of NaN alone stays."""
    out, steps = values.copy(), np.arange(len(values))
    for column in out.T:
        there = ~np.isnan(column)
        if there.any():
            column[~there] = np.interp(steps[~there], steps[there], column[there])
    return out
