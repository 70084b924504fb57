"""Measure whether `lab compare` says what is true, as often as it says.

    python -m benchmarks.statistics             all figures
    python -m benchmarks.statistics coverage    how often intervals hold the mean, by n and kind
    python -m benchmarks.statistics alike       how often groups that are alike are told apart
    python -m benchmarks.statistics power       how often a true difference is called
    python -m benchmarks.statistics runs        40 real pairs of groups, alike but for their seeds

What is simulated is compared by the same functions as run folders are. Figures go to
benchmarks/results/statistics.json, part by part.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

import lab
from benchmarks.measure import keep
from lab.comparison.differences import differences
from lab.comparison.groups import Group
from lab.comparison.statistics import summarize
from lab.statistics import wilson

RESULTS = Path(__file__).parent / "results" / "statistics.json"
SAMPLES = 4_000
PAIRS = 2_000  # of groups that are alike
REAL, SEEDS = 40, 3

Rng = np.random.Generator
Draw = Callable[[Rng, int], Any]
Row = dict[str, Any]


def capped(rng: Rng, n: int) -> Any:
    """Returns of CartPole: most at the limit, some far below."""
    return 500 - np.where(rng.random(n) < 0.7, rng.exponential(2, n), rng.exponential(150, n))


KINDS: Mapping[str, tuple[Draw, float]] = {  # and the true mean
    "normal": (lambda rng, n: rng.normal(0, 1, n), 0.0),
    "exponential": (lambda rng, n: rng.exponential(1, n), 1.0),
    "capped returns": (capped, 500 - 0.7 * 2 - 0.3 * 150),
}


def coverage() -> list[Row]:
    """The 95 % interval of the mean, and the percentile bootstrap beside it."""
    rows: list[Row] = []
    for kind, (draw, mean) in KINDS.items():
        for n in (3, 5, 10):
            rng = np.random.default_rng(n)
            samples = [draw(rng, n).tolist() for _ in range(SAMPLES)]
            student = [summarize(sample)[1] for sample in samples]
            percentile = [bootstrap(sample) for sample in samples[: SAMPLES // 4]]
            held, beside = _held(student, mean), _held(percentile, mean)
            rows.append({"kind": kind, "n": n, "interval": held, "bootstrap": beside})
            print(f"{kind:16} n={n:<3} interval {_percent(held)}   bootstrap {_percent(beside)}",
                  flush=True)  # fmt: skip
    return rows


def bootstrap(values: Sequence[float], draws: int = 1_000) -> tuple[float, float]:
    """Return the 95 % percentile interval of the mean, from a bootstrap."""
    rows = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(np.asarray(values)[rows].mean(1), (0.025, 0.975))
    return float(low), float(high)


def _held(intervals: Sequence[Any], mean: float) -> list[float]:
    """Return the fraction of intervals that hold the mean, and its own interval."""
    held = sum(ends is not None and ends[0] <= mean <= ends[1] for ends in intervals)
    return _fraction(held, len(intervals))


def _fraction(count: int, n: int) -> list[float]:
    return [count / n, *wilson(count / n, n)]


def _percent(fraction: Sequence[float]) -> str:
    middle, low, high = (100 * part for part in fraction)
    return f"{middle:5.1f} % [{low:.1f}, {high:.1f}]"


def group(name: str, values: Sequence[float], seeds: Sequence[int]) -> Group:
    """Return a group of runs that came to some values."""
    mean, ends = summarize(values)
    low, high = ends or (None, None)
    return Group(
        name=name, runs=[], experiment="", differing={}, options={}, n=len(values), mean=mean,
        low=low, high=high, iqm=mean, best=max(values), seconds=1.0, rate=1.0,
        values=values, seeds=seeds,
    )  # fmt: skip


def told_apart(groups: Sequence[Group]) -> bool:
    """Tell whether any group is said to be better than another one."""
    ordered = sorted(groups, key=lambda group: group.mean, reverse=True)
    return any(difference.shown for difference in differences(ordered, "max"))


def alike() -> list[Row]:
    """Groups of one distribution, by their number, with the same seeds and with others."""
    rows = []
    for kind, (draw, _) in KINDS.items():
        for n in (3, 5, 10):
            for number in (2, 5):
                for paired in (True, False):
                    rng = np.random.default_rng(n)
                    found = 0
                    for _ in range(PAIRS):
                        seeds = [range(n) if paired else range(i * n, i * n + n)
                                 for i in range(number)]  # fmt: skip
                        found += told_apart(
                            [group(str(i), draw(rng, n).tolist(), s) for i, s in enumerate(seeds)]
                        )
                    told = _fraction(found, PAIRS)
                    rows.append({"kind": kind, "n": n, "groups": number, "paired": paired,
                                 "told apart": told})  # fmt: skip
                    way = "same seeds" if paired else "other seeds"
                    print(f"{kind:16} n={n:<3} {number} groups, {way:12} {_percent(told)}",
                          flush=True)  # fmt: skip
    return rows


def power() -> list[Row]:
    """A true difference of one standard deviation: of the differences of pairs of the same seed,
    and of each group's values where seeds are others."""
    rows = []
    for n in (3, 5, 10, 20):
        for paired in (True, False):
            rng = np.random.default_rng(n)
            called = 0
            for _ in range(SAMPLES):
                first, second = rng.normal(0, 1, n), rng.normal(0, 1, n)
                shared = rng.normal(0, 3, n) if paired else 0
                scale = 2**-0.5 if paired else 1.0  # of a value, so that differences have 1
                first, second = shared + scale * first + 1, shared + scale * second
                seeds = range(n) if paired else range(n, 2 * n)
                called += told_apart(
                    [group("a", first.tolist(), range(n)), group("b", second.tolist(), seeds)]
                )
            share = _fraction(called, SAMPLES)
            rows.append({"n": n, "paired": paired, "called": share})
            print(f"n={n:<3} {'same seeds' if paired else 'other seeds':12} {_percent(share)}",
                  flush=True)  # fmt: skip
    return rows


def runs() -> list[Row]:
    """Groups of the same configuration: three seeds each, all others."""
    found, pairs = 0, []
    for pair in range(REAL):
        with tempfile.TemporaryDirectory() as folder:
            for number in range(2):
                first = 100 * pair + 10 * number
                lab.run("mlp", data="digits", budget=2_500, eval_every=2_500, group=f"g{number}",
                        seeds=list(range(first, first + SEEDS)), runs_dir=folder,
                        wandb="disabled", media=False, threads=1)  # fmt: skip
            comparison = lab.compare(folder, by=["group"])
            found += any(d.shown for table in comparison.tables for d in table.differences)
            pairs.append([g.values for g in comparison.groups])
    told = _fraction(found, REAL)
    print(f"mlp on digits, {REAL} pairs of {SEEDS} seeds told apart: {_percent(told)}")
    return [{"told apart": told, "pairs": pairs}]


PARTS: Mapping[str, Callable[[], list[Row]]] = {
    "coverage": coverage,
    "alike": alike,
    "power": power,
    "runs": runs,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(PARTS)))
def main(names: Sequence[str] = ()) -> None:
    for name in names or PARTS:
        print(f"\n{name}: {PARTS[name].__doc__}")
        keep(RESULTS, name, PARTS[name]())


if __name__ == "__main__":
    main()
