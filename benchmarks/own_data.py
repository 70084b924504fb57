"""Compare the lab on csv files with scikit-learn's pipelines, on the same split.

    python -m benchmarks.own_data [--only wine] [--folds 5]

Each table is written to a csv file, as people have them, and learned by `lab run` with its default
options, and by `Pipeline(ColumnTransformer(SimpleImputer, OneHotEncoder, StandardScaler), ...)`.
Both learn from the training rows of a fold alone and are tested on its test rows; fold k has seed
k. Printed are test accuracies, or R2 of values, as means over folds, and the difference, lab minus
scikit-learn, with Student's 95 % interval of the paired folds. Exits with 1 if an interval lies
below 0. Rows are kept in results/own_data.json.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("WANDB_ERROR_REPORTING", "false")

import json
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import click
import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import lab
from lab.statistics import mean_interval

FOLDS = 5
TARGET = "target"
Frame: TypeAlias = pd.DataFrame


# -- tables


def bundled(name: str) -> Callable[[], Frame]:
    """Return a maker of one of scikit-learn's tables, with its classes by name."""

    def make() -> Frame:
        bunch = getattr(datasets, f"load_{name}")(as_frame=True)
        frame: Frame = bunch.frame
        if "target_names" in bunch:
            frame[TARGET] = np.asarray(bunch.target_names)[frame[TARGET]]
        return frame

    return make


def customers(n: int = 1_500) -> Frame:
    """Who leaves: numbers, categories, dates and gaps; two classes, with noise."""
    rng = np.random.default_rng(0)
    age, income = rng.integers(18, 80, n).astype(float), rng.lognormal(10, 0.5, n)
    city = rng.choice(["Paris", "Köln", "Łódź", "Roma", "Oslo", "Bern"], n)
    contract = rng.choice(["monthly", "yearly", "none"], n, p=[0.5, 0.3, 0.2])
    days, news = rng.integers(0, 2_000, n), rng.random(n) < 0.4
    score = (
        0.05 * (age - 45) - 0.8 * (np.log(income) - 10) + 1.2 * (contract == "monthly")
        - 0.001 * (days - 1_000) + (city == "Roma") * np.where(news, 1.5, -1.5)
    )  # fmt: skip
    leaves = score + rng.logistic(0, 0.5, n) > 0.5
    frame = pd.DataFrame({
        "age": age, "income": income, "city": city, "contract": contract, "news": news,
        "since": (np.datetime64("2018-01-01") + days).astype(str),
        TARGET: np.where(leaves, "leaves", "stays"),
    })  # fmt: skip
    return with_gaps(frame, ("age", "income", "city"), 0.1)


def houses(n: int = 1_500) -> Frame:
    """What a house costs: a value, of products of numbers and categories, with noise."""
    rng = np.random.default_rng(1)
    size, rooms = rng.uniform(30, 250, n), rng.integers(1, 8, n)
    district = rng.choice([f"district {number}" for number in range(12)], n)
    state, days = rng.choice(["new", "good", "poor"], n), rng.integers(0, 3_000, n)
    rate = 2_000 + 150 * np.array([int(name.split()[1]) for name in district])
    worth = pd.Series(state).map({"new": 1.2, "good": 1.0, "poor": 0.7}).to_numpy()
    price = size * rate * worth + 8_000 * rooms + 30 * days + rng.normal(0, 30_000, n)
    frame = pd.DataFrame({
        "size": size, "rooms": rooms.astype(float), "district": district, "state": state,
        "sold": (np.datetime64("2015-01-01") + days).astype(str), TARGET: price,
    })  # fmt: skip
    return with_gaps(frame, ("size", "state", "rooms"), 0.05)


def orders(n: int = 3_000) -> Frame:
    """Who pays late: mostly categories, up to 40 in a column; three classes."""
    rng = np.random.default_rng(2)
    sizes = {"product": 40, "shop": 25, "channel": 5, "country": 15}
    codes = {name: rng.integers(0, size, n) for name, size in sizes.items()}
    taste = {name: rng.normal(size=(size, 3)) for name, size in sizes.items()}
    score = sum(taste[name][codes[name]] for name in sizes) + rng.gumbel(0, 0.5, (n, 3))
    amount = rng.lognormal(3, 1, n)
    score[:, 0] += 0.5 * (np.log(amount) - 3)
    frame = pd.DataFrame({name: [f"{name} {c}" for c in codes[name]] for name in sizes})
    frame["amount"] = amount
    frame[TARGET] = np.array(["late", "early", "in time"])[score.argmax(1)]
    return with_gaps(frame, ("amount", "shop"), 0.05)


def with_gaps(frame: Frame, columns: Sequence[str], fraction: float) -> Frame:
    rng = np.random.default_rng(9)
    for column in columns:
        frame.loc[rng.random(len(frame)) < fraction, column] = None
    return frame


TABLES: Mapping[str, Callable[[], Frame]] = {
    **{name: bundled(name) for name in ("iris", "wine", "breast_cancer", "diabetes")},
    "customers": customers,
    "houses": houses,
    "orders": orders,
}


# -- scikit-learn's pipelines, and what of the lab stands beside each


@dataclass(frozen=True)
class Rival:
    """How scikit-learn learns classes and values, and by which experiment and options the lab
    does; `linear` has a method each."""

    classifier: Callable[[int], Any]
    regressor: Callable[[int], Any]
    experiment: str
    classify: Mapping[str, Any]
    regress: Mapping[str, Any]


def _mlp_values(seed: int) -> Any:
    """Return a network for values in standard units, as it does not learn them otherwise."""
    network = MLPRegressor(max_iter=1_000, random_state=seed)
    return TransformedTargetRegressor(network, transformer=StandardScaler())


RIVALS: Mapping[str, Rival] = {
    "linear": Rival(
        lambda seed: LogisticRegression(max_iter=1_000), lambda seed: Ridge(),
        "baseline", {"algo": "logistic"}, {"algo": "ridge"},
    ),
    "boosting": Rival(
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
        "baseline", {"algo": "boosting"}, {"algo": "boosting"},
    ),
    "mlp": Rival(
        lambda seed: MLPClassifier(max_iter=1_000, random_state=seed), _mlp_values, "mlp", {}, {},
    ),
}  # fmt: skip


def prepared(columns: Frame) -> Any:
    """Return a transformer of the columns: dates are numbers by then."""
    numbers = list(columns.select_dtypes("number").columns)
    texts = [name for name in columns.columns if name not in numbers]
    fill_texts = SimpleImputer(strategy="most_frequent")
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        ("texts", make_pipeline(fill_texts, one_hot), texts),
    ])  # fmt: skip


def read(path: Path) -> Frame:
    """Return a csv file as a person reads it for scikit-learn."""
    frame = pd.read_csv(path)
    for name in ("since", "sold"):
        if name in frame:
            frame[name] = pd.to_datetime(frame[name]).to_numpy().astype("datetime64[D]").astype(int)
    for name in frame.select_dtypes("bool"):
        frame[name] = frame[name].astype(str)
    return frame


def scikit_learn(frame: Frame, parts: Mapping[str, Any], make: Any, seed: int) -> float:
    """Return the test score: accuracy, or R2."""
    columns, target = frame.drop(columns=TARGET), frame[TARGET]
    pipeline = make_pipeline(prepared(columns), make(seed))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline.fit(columns.iloc[parts["train"]], target.iloc[parts["train"]])
        return float(pipeline.score(columns.iloc[parts["test"]], target.iloc[parts["test"]]))


def of_the_lab(path: Path, rival: Rival, classify: bool, fold: int) -> tuple[float, Any, float]:
    """Return the test score, the rows of each part, and seconds."""
    began = time.process_time()
    run = lab.run(
        rival.experiment, data=f"csv:{path}", fold=fold, seed=fold, runs_dir=path.parent / "runs",
        wandb="disabled", media=False, threads=1,
        **(rival.classify if classify else rival.regress),
    )  # fmt: skip
    seconds = time.process_time() - began
    experiment = lab.load(run.dir)
    data = getattr(experiment, "supervision", experiment).data
    key = "test/accuracy" if classify else "test/r2"
    return run.summary["test"][key], data.parts, seconds


@dataclass(frozen=True)
class Row:
    table: str
    rival: str
    lab: list[float]
    scikit_learn: list[float]
    seconds: float

    @property
    def differences(self) -> list[float]:
        return [a - b for a, b in zip(self.lab, self.scikit_learn, strict=True)]

    @property
    def interval(self) -> tuple[float, float]:
        interval = mean_interval(self.differences)
        assert interval is not None, "one fold has no interval"
        return interval

    @property
    def below(self) -> bool:
        return self.interval[1] < 0

    def __str__(self) -> str:
        low, high = self.interval
        values = (statistics.mean(v) for v in (self.lab, self.scikit_learn, self.differences))
        mine, theirs, difference = values
        mark = " below" if self.below else ""
        return (
            f"| {self.table} | {self.rival} | {mine:.3f} | {theirs:.3f} | "
            f"{difference:+.3f} [{low:+.3f}, {high:+.3f}]{mark} | {self.seconds:.1f} |"
        )


def compare(table: str, rival: str, folds: int) -> Row:
    frame, contest = TABLES[table](), RIVALS[rival]
    classify = not pd.api.types.is_float_dtype(frame[TARGET])
    make = contest.classifier if classify else contest.regressor
    mine, theirs, seconds = [], [], []
    with tempfile.TemporaryDirectory(prefix="own-data-") as folder:
        path = Path(folder) / f"{table}.csv"
        frame.to_csv(path, index=False)
        for fold in range(folds):
            score, parts, took = of_the_lab(path, contest, classify, fold)
            mine.append(score)
            seconds.append(took)
            theirs.append(scikit_learn(read(path), parts, make, fold))
    return Row(table, rival, mine, theirs, statistics.median(seconds))


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(TABLES)), help="Tables.")
@click.option("--rival", "rivals", multiple=True, type=click.Choice(list(RIVALS)))
@click.option("--folds", type=click.IntRange(2, FOLDS), default=FOLDS, show_default=True)
@click.option("--out", type=Path, default=Path("results/own_data.json"), show_default=True)
def main(only: Sequence[str], rivals: Sequence[str], folds: int, out: Path) -> None:
    print("| table | method | lab | scikit-learn | difference [95 %] | s |")
    print("|---|---|---|---|---|---|", flush=True)
    rows: list[Row] = []
    for table in only or TABLES:
        for rival in rivals or RIVALS:
            rows.append(compare(table, rival, folds))
            print(rows[-1], flush=True)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    sys.exit(1 if any(row.below for row in rows) else 0)


if __name__ == "__main__":
    main()
