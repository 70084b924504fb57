"""Measure recurrent networks on what sequences are known for, by the shipped presets.

    python -m benchmarks.sequences              all figures (an hour on one core)
    python -m benchmarks.sequences adding copy  some of them; --help lists all

Figures are of the test split, by seed. Each is kept in results/sequences.json as soon as it is
there, so that a part can be measured by itself. Times are CPU seconds of one thread.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from math import log
from pathlib import Path
from typing import Any

import click
import torch

import lab
from lab.nn import MSE
from lab_rnn.config import Config
from lab_rnn.networks import build
from lab_rnn.pictures import gradient_through_time

RESULTS = Path(__file__).with_name("results") / "sequences.json"
CELLS = ("rnn", "lstm", "gru")
RECALLED, STEPS = 10, 120  # symbols of the copying problem, and steps of a sequence


@dataclass(frozen=True)
class Figure:
    """Values of a metric by seed; what each should be at least or at most, as words."""

    part: str
    name: str
    metric: str
    values: list[float]
    wanted: str
    seconds: float  # of a run, the median


def measured(
    part: str, name: str, metrics: Mapping[str, str], seeds: int, **options: Any
) -> Iterator[Figure]:
    """Train a run for each seed; yield a figure for each metric, with what is wanted of it."""
    tests, seconds = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(seeds):
            began = time.process_time()
            result = lab.run(
                "rnn", runs_dir=folder, name=str(seed), seed=seed, wandb="disabled", media=False,
                threads=1, **options,
            )  # fmt: skip
            seconds.append(time.process_time() - began)
            tests.append(result.summary["test"])
    for metric, wanted in metrics.items():
        values = [test[f"test/{metric}"] for test in tests]
        yield Figure(part, name, metric, values, wanted, statistics.median(seconds))


def adding(seeds: int) -> Iterator[Figure]:
    """The sum of two marked numbers of 50; to say 1 always errs by 0.167. 1,500 updates."""
    for cell in CELLS:
        wanted = {"mse": "> 0.12" if cell == "rnn" else "< 0.01"}
        yield from measured("adding", cell, wanted, seeds, data="adding", cell=cell)


def copy(seeds: int) -> Iterator[Figure]:
    """Symbols to be written again after 100 steps: below what remembers nothing comes to."""
    wanted = {"loss": f"< {RECALLED * log(8) / STEPS:.4f}"}
    for cell in ("lstm", "gru"):
        yield from measured("copy", cell, wanted, seeds, data="copy-memory", cell=cell)


def gradient(seeds: int) -> Iterator[Figure]:
    """Of an untrained network, the gradient at the first of 50 steps over that at the last."""
    info = lab.DatasetInfo(
        "noise", "sequence", "regress", (50, 2), (), 1, (0, 0), (1, 1), (0,), (1,)
    )
    for cell, identity in (*((cell, False) for cell in CELLS), ("rnn-relu", True)):
        ratios = []
        for seed in range(seeds):
            torch.manual_seed(seed)
            net: Any = build(Config(cell=cell, identity_init=identity), info)
            batch = {"inputs": torch.randn(64, 50, 2), "targets": torch.randn(64, 1)}
            norms = gradient_through_time(net, MSE(), batch)
            ratios.append(float(norms[-1] / norms[0]))
        name = f"{cell} from the identity" if identity else cell
        yield Figure("gradient", name, "first/last", ratios, "", 0.0)


def vowels(seeds: int) -> Iterator[Figure]:
    for cell in CELLS:
        wanted = {"accuracy": ">= 0.97"}
        yield from measured("vowels", cell, wanted, seeds, data="japanese-vowels", cell=cell)


def rows(seeds: int) -> Iterator[Figure]:
    for cell in CELLS:
        yield from measured("rows", cell, {"accuracy": ">= 0.95"}, seeds, data="digits", cell=cell)
    yield from measured(
        "rows", "lstm, pixels", {"accuracy": ">= 0.95"}, seeds, data="digits", scan="pixels"
    )


def frames(seeds: int) -> Iterator[Figure]:
    yield from measured("frames", "gru", {"accuracy": ">= 0.95"}, seeds, data="moving-shapes")


def ctc(seeds: int) -> Iterator[Figure]:
    yield from measured(
        "ctc", "gru", {"error_rate": "<= 0.05", "exact_match": ""}, seeds, data="utterances"
    )


def captions(seeds: int) -> Iterator[Figure]:
    wanted = {"exact_match": "", "token_accuracy": "", "bleu": ""}
    yield from measured("captions", "gru", wanted, seeds, data="captions")


def forecast(seeds: int) -> Iterator[Figure]:
    wanted = {"mase": "20 % below mase_seasonal", "mase_seasonal": "", "mase_linear": ""}
    yield from measured("forecast", "regimes, gru", wanted, seeds, data="regimes")
    for source in ("co2", "sunspots"):
        reported = dict.fromkeys(wanted, "")
        yield from measured("forecast", f"{source}, gru", reported, seeds, data=source)


PARTS: Mapping[str, Callable[[int], Iterator[Figure]]] = {
    "adding": adding, "copy": copy, "gradient": gradient, "vowels": vowels, "rows": rows,
    "frames": frames, "ctc": ctc, "captions": captions, "forecast": forecast,
}  # fmt: skip


def keep(figure: Figure) -> None:
    """Put a figure into the results, in the place of an older one."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    same = ("part", "name", "metric")
    row = {**asdict(figure), "torch": torch.__version__}
    others = [old for old in known if any(old[key] != row[key] for key in same)]
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([*others, row], indent=1) + "\n")


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True)
def main(parts: tuple[str, ...], seeds: int) -> None:
    """Print the figures and keep them; all of them where none is named."""
    for name in parts or PARTS:
        for figure in PARTS[name](seeds):
            keep(figure)
            values = " ".join(f"{value:.4g}" for value in figure.values)
            label = f"{figure.part}, {figure.name}"
            print(f"{label:26} {figure.metric:16} {values:30} {figure.wanted:26}"
                  f"{figure.seconds:6.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
