"""Time contestants fairly, summarize values, and keep them."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lab.statistics import mean_interval


def alternate(
    contestants: Mapping[str, Callable[[], None]],
    rounds: int,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Run all in turn, forwards and backwards, once unmeasured; return the seconds of each round,
    of CPU time unless another clock is given."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):
        for name in list(contestants)[:: -1 if number % 2 else 1]:
            began = clock()
            contestants[name]()
            if number:
                seconds[name].append(clock() - began)
    return seconds


def ratio(above: Sequence[float], below: Sequence[float]) -> str:
    """Return the median of paired ratios and their range."""
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return f"{statistics.median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}]"


def summed_up(values: Sequence[float]) -> str:
    """Return the mean of values, with Student's 95 % interval where there are several."""
    interval = mean_interval(values)
    if interval is None:
        return f"{values[0]:.4f}"
    return f"mean {statistics.mean(values):.4f} [{interval[0]:.4f}, {interval[1]:.4f}]"


def keep(results: Path, part: str, figures: Any) -> None:
    """Write the figures of a part into a JSON file, beside those of the others."""
    known = json.loads(results.read_text()) if results.exists() else {}
    results.parent.mkdir(exist_ok=True)
    text = json.dumps({**known, part: figures}, indent=1, ensure_ascii=False)
    results.write_text(text + "\n", encoding="utf-8")
