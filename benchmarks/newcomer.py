"""Do what a newcomer does with files of their own, in three commands or five lines at most.

    python -m benchmarks.newcomer [--only csv]

Each job makes its files in a folder of its own, runs its commands or lines there as they are, and
looks at what came of them. A job fails if a command does, or if the answer is worse than a stated
bound, which is above what a guess gets. Printed is a table, in Markdown.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pandas as pd
from PIL import Image
from sklearn.datasets import load_digits

from lab.messages import count

SECONDS = 600.0  # at most, for one command
MOST_COMMANDS, MOST_LINES = 3, 5


class NotAsPromised(Exception):
    """A command failed, or its answer is worse than the bound."""


@dataclass(frozen=True)
class Job:
    """words: what a person types: commands of `lab`, or lines of Python. look: returns the figure
    of the folder and the last output, or raises NotAsPromised."""

    title: str
    make: Callable[[Path], None]
    words: Sequence[str]
    look: Callable[[Path, str], str]
    python: bool = False

    def __post_init__(self) -> None:
        most = MOST_LINES if self.python else MOST_COMMANDS
        assert len(self.words) <= most, f"{self.title}: {len(self.words)} are more than {most}"


def better(key: str, bound: float) -> Callable[[Path, str], str]:
    """Return a look at the only run's test metric `key`, which is to be above `bound`."""

    def look(folder: Path, output: str) -> str:
        (run,) = (folder / "runs").iterdir()
        value = json.loads((run / "summary.json").read_text())["test"][f"test/{key}"]
        if not value > bound:
            raise NotAsPromised(f"{key} {value:.3f}, not above {bound}")
        return f"{key} {value:.3f} (above {bound:g} wanted)"

    return look


# -- files that people have


def people(folder: Path) -> None:
    """A table as a European spreadsheet writes it, with gaps; and one without the answer."""
    rng = np.random.default_rng(0)
    lines = []
    for number in range(600):
        age, city = int(rng.integers(18, 80)), ("Köln", "Paris", "Łódź")[number % 3]
        income = "" if rng.random() < 0.1 else f"{rng.normal(30, 8):.1f}".replace(".", ",")
        bought = age + 15 * (city == "Paris") + rng.normal(0, 6) > 52
        lines.append(f"{age}; {city};{income};{'yes' if bought else 'no'}")
    head = "age; city;income;bought"
    (folder / "people.csv").write_text("\n".join([head, *lines[:580]]), encoding="utf-8")
    unanswered = [line.rpartition(";")[0] for line in lines[580:]]
    (folder / "new.csv").write_text("\n".join(["age; city;income", *unanswered]), encoding="utf-8")


def prices(folder: Path) -> None:
    """A table in which a date, a category and a large number tell a price."""
    rng = np.random.default_rng(0)
    days = pd.date_range("2020-01-01", periods=800).to_numpy()
    size, kind = rng.uniform(20, 200, 800), rng.choice(["flat", "house"], 800)
    price = 1_000.5 * size + 30_000.25 * (kind == "house") + rng.normal(0, 5_000, 800)
    table = pd.DataFrame({"sold": days, "size": size, "kind": kind, "price": price})
    table.to_csv(folder / "prices.csv", index=False)


def pictures(folder: Path) -> None:
    """Pictures of two kinds, of several sizes and modes, a folder for each."""
    rng = np.random.default_rng(0)
    for number in range(240):
        kind = ("bright", "dark")[number % 2]
        side = (24, 32, 40)[number % 3]
        pixels = rng.integers(0, 120, (side, side + 4, 3)) + (100 if kind == "bright" else 0)
        picture = Image.fromarray(pixels.astype(np.uint8))
        place = folder / "pictures" / kind
        place.mkdir(parents=True, exist_ok=True)
        mode, ending = (("RGB", "png"), ("P", "gif"), ("L", "jpg"))[number // 2 % 3]
        picture.convert(mode).save(place / f"{number}.{ending}")
    new = folder / "new"
    new.mkdir()
    for number in range(6):
        Image.fromarray(np.full((50, 30), 40 * number, np.uint8)).save(new / f"{number}.png")


def arrays(folder: Path) -> None:
    digits = load_digits()
    images = (digits.images * 15).astype(np.uint8)
    np.savez(folder / "digits.npz", X=images, y=digits.target)


def reviews(folder: Path) -> None:
    rng = np.random.default_rng(0)
    good, bad = ("lovely", "fine", "great"), ("awful", "dull", "poor")
    rows = []
    for number in range(200):
        word = rng.choice(good if number % 2 else bad)
        rows.append((f"A {word} film, seen on day {number}.", "good" if number % 2 else "bad"))
    pd.DataFrame(rows, columns=["review", "label"]).to_csv(folder / "reviews.csv", index=False)


GRID = """
import gymnasium as gym
import numpy as np
from gymnasium import spaces

class Corridor(gym.Env):
    metadata = {"render_modes": []}

    def __init__(self, length=6):
        self.length, self.action_space = length, spaces.Discrete(2)
        self.observation_space = spaces.Dict(
            {"place": spaces.Discrete(length), "goal": spaces.Box(0, 1, (2,), np.float32)})

    def _observe(self):
        return {"place": self.at, "goal": np.eye(2, dtype=np.float32)[self.goal]}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at, self.goal, self.steps = self.length // 2, int(self.np_random.integers(2)), 0
        return self._observe(), {}

    def step(self, action):
        self.at, self.steps = self.at + 2 * int(action) - 1, self.steps + 1
        ended = self.at in (0, self.length - 1)
        won = ended and (self.at > 0) == bool(self.goal)
        return self._observe(), float(won), ended, self.steps >= 20, {}

gym.register("Corridor-v0", Corridor)
"""


def grid(folder: Path) -> None:
    """An environment whose observations are a dictionary, as minigrid's are."""
    (folder / "grid.py").write_text(GRID)


def nothing(folder: Path) -> None: ...


# -- looks


def _answers(folder: Path, output: str) -> str:
    rows = json.loads(output)
    if len(rows) != 20 or not all(abs(sum(row["classes"].values()) - 1) < 1e-3 for row in rows):
        raise NotAsPromised(f"{len(rows)} answers to 20 rows")
    return "20 answers with probabilities"


def _pictures(folder: Path, output: str) -> str:
    rows = json.loads(output)
    said = {row["input"]: max(row["classes"], key=row["classes"].get) for row in rows}
    right = [said[name] == "dark" for name in said if name.endswith("0.png")]
    if len(said) != 6 or not all(right):
        raise NotAsPromised(f"it says {said}")
    return "6 answers; black is dark"


def _reviews(folder: Path, output: str) -> str:
    said = [max(row["classes"], key=row["classes"].get) for row in json.loads(output)]
    if said != ["good", "bad"]:
        raise NotAsPromised(f"it says {said}")
    return better("accuracy", 0.9)(folder, output)


def _outside(folder: Path, output: str) -> str:
    """Ask the exported model where neither the lab nor torch can be imported."""
    alone = (
        "import runpy, sys; sys.modules |= dict.fromkeys(('lab', 'torch', 'pandas', 'sklearn')); "
        "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    (run,) = (folder / "runs").iterdir()
    (model,) = run.rglob("model.onnx")
    words = [sys.executable, "-c", alone, model.with_name("serve.py"), model, folder / "new.csv"]
    lines = _call(list(map(str, words)), folder).splitlines()
    inside = json.loads(_call(_lab("predict", run.name, "new.csv", "--json"), folder))
    worst = 0.0
    for line, row in zip(map(json.loads, lines), inside, strict=True):
        worst = max(worst, *(abs(line["classes"][k] - v) for k, v in row["classes"].items()))
    if worst > 1e-5:
        raise NotAsPromised(f"probabilities differ by {worst:.1e}")
    return f"onnxruntime alone: {len(lines)} rows, off by {worst:.0e}"


BUDGET = "--budget 20000 --wandb disabled"
JOBS = {
    "csv": Job(
        "a messy csv, classes", people, [f"lab run mlp --data csv:people.csv {BUDGET}"],
        better("accuracy", 0.6),
    ),
    "csv-values": Job(
        "a csv with dates, values", prices, [f"lab run mlp --data csv:prices.csv {BUDGET}"],
        better("r2", 0.5),
    ),
    "csv-predict": Job(
        "predict new rows", people,
        [f"lab run mlp --data csv:people.csv --name it {BUDGET}", "lab predict it new.csv --json"],
        _answers,
    ),
    "images": Job(
        "a folder of pictures", pictures,
        [f"lab run cnn --data imagefolder:pictures {BUDGET}"], better("accuracy", 0.6),
    ),
    "images-predict": Job(
        "predict new pictures", pictures,
        [f"lab run cnn --data imagefolder:pictures --name it {BUDGET}",
         "lab predict it new --json"],
        _pictures,
    ),
    "npz": Job(
        "arrays in a file", arrays, [f"lab run cnn --data npz:digits.npz {BUDGET}"],
        better("accuracy", 0.5),
    ),
    "frame": Job(
        "a DataFrame", prices,
        ["import lab, pandas", "table = pandas.read_csv('prices.csv')",
         "lab.run('mlp', data=table, target='price', budget=20_000, wandb='disabled')"],
        better("r2", 0.5), python=True,
    ),
    "dataset": Job(
        "a torch Dataset", nothing,
        ["import lab, torch", "x = torch.randn(600, 5, generator=torch.Generator().manual_seed(0))",
         "data = torch.utils.data.TensorDataset(x, (x[:, 0] * x[:, 1] > 0).long())",
         "lab.run('mlp', data=data, budget=40_000, wandb='disabled')"],
        better("accuracy", 0.7), python=True,
    ),
    "model": Job(
        "a network of one's own", nothing,
        ["import lab, numpy as np, torch.nn as nn",
         "x = np.random.default_rng(0).normal(size=(500, 4))",
         "def net(inputs, outputs):",
         "    return nn.Sequential(nn.Linear(inputs, 32), nn.GELU(), nn.Linear(32, outputs))",
         "lab.run('mlp', data=(x, x[:, 0] > x[:, 1]), model=net, budget=20_000, wandb='disabled')"],
        better("accuracy", 0.8), python=True,
    ),
    "env": Job(
        "an environment with a dictionary", grid,
        ["lab run dqn --env grid:Corridor-v0 --budget 6000 --wandb disabled"],
        better("return", 0.8),
    ),
    "texts": Job(
        "a csv of texts", reviews,
        [f"lab run mlp --data csv-text:reviews.csv --name it {BUDGET}",
         "lab predict it 'a lovely one' 'poor and dull, on day 3' --json"],
        _reviews,
    ),
    "export": Job(
        "a model that runs without the lab", people,
        [f"lab run mlp --data csv:people.csv --name it {BUDGET}", "lab export it"], _outside,
    ),
}  # fmt: skip


def _lab(*words: str) -> list[str]:
    return [sys.executable, "-m", "lab", *words]


def _call(words: Sequence[str], folder: Path) -> str:
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
        env={**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )  # fmt: skip
    if done.returncode:
        raise NotAsPromised((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return done.stdout


def do(job: Job) -> dict[str, Any]:
    """Return what came of a job: ok, seconds and the figure, or why there is none."""
    with tempfile.TemporaryDirectory(prefix="newcomer-") as name:
        folder, began, output = Path(name), time.perf_counter(), ""
        job.make(folder)
        try:
            if job.python:
                output = _call([sys.executable, "-c", "\n".join(job.words)], folder)
            else:
                for words in job.words:
                    output = _call(_lab(*shlex.split(words)[1:]), folder)
            seconds = time.perf_counter() - began
            return {"ok": True, "seconds": seconds, "result": job.look(folder, output)}
        except NotAsPromised as error:
            return {"ok": False, "seconds": time.perf_counter() - began, "result": str(error)}


@click.command(help=__doc__)
@click.option("--only", multiple=True, type=click.Choice(list(JOBS)), help="Jobs to do.")
def main(only: Sequence[str]) -> None:
    print("| job | typed | result | s |", "|---|---|---|---|", sep="\n", flush=True)
    failed = 0
    for name in only or JOBS:
        job = JOBS[name]
        done = do(job)
        failed += not done["ok"]
        typed = count(len(job.words), "line" if job.python else "command")
        result = ("" if done["ok"] else "FAILED: ") + done["result"]
        print(f"| {job.title} | {typed} | {result} | {done['seconds']:.0f} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
