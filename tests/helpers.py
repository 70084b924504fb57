"""Install plugins without installing them, run the command line, and compare runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from warm import QUIET, Warm, serves

ROOT = Path(__file__).resolve().parents[1]
LONG = 300.0  # seconds: on the busiest machine, only what hangs takes longer
TOYS = ROOT / "tests" / "toys"


def distribution(
    folder: Path, name: str, points: Mapping[str, str], version: str = "1", requires: str = ""
) -> Path:
    """Write the metadata of a distribution whose entry points in the group `lab` are `points`."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    (info / "METADATA").write_text(metadata)
    lines = ["[lab]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def wheel(folder: Path, name: str, files: Mapping[str, bytes | str], version: str = "1") -> Path:
    """Write a distribution that holds files, by their paths in the wheel, and no entry points."""
    distribution(folder, name, {}, version)
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def toy_distributions(folder: Path) -> Path:
    distribution(folder, "lab_toys", {"toys": "lab_toys"})
    return distribution(folder, "lab_odd", {"odd": "lab_odd"})


def child_environment(*folders: Path, **extra: str) -> dict[str, str]:
    """Return an environment in which a child python sees the lab and the plugins in `folders`,
    then what this one sees by PYTHONPATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("LAB_", "WANDB_", "PYTEST"))}
    ours = (ROOT, ROOT / "plugins", ROOT / "envs", TOYS)
    inherited = filter(None, [os.environ.get("PYTHONPATH")])
    path = os.pathsep.join(str(folder) for folder in (*ours, *folders, *inherited))
    return {**kept, **QUIET, "PYTHONPATH": path, **extra}


def lab_command(*args: object) -> list[str]:
    return [sys.executable, "-m", "lab", *map(str, args)]


def start_warm(args: list[str], **options: Any) -> subprocess.Popen[Any]:
    """Start a python as `Popen` does, one that has imported torch already: not where its start, its
    imports, or what differs from process to process are tested."""
    return (Warm if serves(args, options.get("env")) else subprocess.Popen)(args, **options)


def run_child(
    args: list[str], cwd: Path, env: Mapping[str, str], timeout: float = LONG, warm: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a python to its end; see `start_warm`."""
    start = start_warm if warm else subprocess.Popen
    pipe = subprocess.PIPE
    with start(args, cwd=cwd, env=env, text=True, stdout=pipe, stderr=pipe) as child:
        try:
            out, err = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            raise
    return subprocess.CompletedProcess(args, child.returncode, out, err)


def rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of metrics.jsonl without what depends on the machine's mood."""
    text = (folder / "metrics.jsonl").read_text()
    history = [json.loads(line) for line in text.splitlines()]
    return [{k: v for k, v in row.items() if not k.startswith("perf/")} for row in history]


def summary(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "summary.json").read_text()))


def difference(a: Any, b: Any, where: str = "state") -> str | None:
    """Return where two nested states first differ, to the bit; None where they do not."""
    import torch

    if type(a) is not type(b):
        return f"{where}: {type(a).__name__} and {type(b).__name__}"
    if isinstance(a, torch.Tensor):
        alike = a.dtype == b.dtype and a.shape == b.shape
        return None if alike and a.numpy().tobytes() == b.numpy().tobytes() else where
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{where}: keys {list(a)} and {list(b)}"
        return next(filter(None, (difference(a[k], b[k], f"{where}[{k!r}]") for k in a)), None)
    if isinstance(a, list | tuple):
        if len(a) != len(b):
            return f"{where}: lengths {len(a)} and {len(b)}"
        pairs = enumerate(zip(a, b, strict=True))
        return next(filter(None, (difference(x, y, f"{where}[{i}]") for i, (x, y) in pairs)), None)
    return None if a == b or (a != a and b != b) else f"{where}: {a!r} and {b!r}"


def last_state(folder: Path) -> dict[str, Any]:
    """Return last.pt without what depends on the machine's speed."""
    import torch

    state = torch.load(folder / "checkpoints" / "last.pt", weights_only=True)
    del state["metrics_bytes"], state["progress"]["seconds"]
    return dict(state)


def noting(function: Callable[..., Any], note: Callable[..., object]) -> Callable[..., Any]:
    """Return a function that answers as `function` does, and calls `note` with its arguments
    before."""

    def noted(*args: Any, **kwargs: Any) -> Any:
        note(*args, **kwargs)
        return function(*args, **kwargs)

    return noted


def keeping(function: Callable[..., Any], results: list[Any]) -> Callable[..., Any]:
    """Return a function that answers as `function` does, and keeps its answers in `results`."""

    def kept(*args: Any, **kwargs: Any) -> Any:
        results.append(function(*args, **kwargs))
        return results[-1]

    return kept


class Interrupted(Exception):
    """What a terminal of `stopping_at` ends a run by."""


def stopping_at(clock: int) -> Any:
    """Return a terminal that ends a run as a failure would, once it is at `clock`."""
    from lab.tracking.terminal import Silent

    class Stopping(Silent):
        def tick(self, now: int) -> None:
            if now >= clock:
                raise Interrupted

    return Stopping()


def column(folder: Path, name: str) -> list[float]:
    """Return the values of a metric, row by row, where it has one."""
    return [row[name] for row in rows(folder) if name in row]


@contextmanager
def signal_in_evaluation(number: int, which: int) -> Iterator[None]:
    """Let a signal hit this process in the middle of an episode of the `which`-th evaluation."""
    import lab

    play, left = lab.play_episodes, iter(range(which - 1))

    def hit(envs: Any, act: Any, *args: Any, **kwargs: Any) -> Any:
        due = next(left, None) is None

        def acting(obs: Any) -> Any:
            if due and envs._lengths.max() == 2:
                signal.raise_signal(number)
            return act(obs)

        return play(envs, acting, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lab, "play_episodes", hit)
        yield


def assert_plain_mistake(result: Any, expected: str, folder: Path) -> None:
    """Check that a command refused what it was given in one or two lines, and began no run."""
    lines = [line for line in result.stderr.splitlines() if not line.startswith(("Usage:", "Try "))]
    assert result.exit_code == 2, result.output
    assert 1 <= len([line for line in lines if line.strip()]) <= 2, result.stderr
    assert expected in result.stderr
    assert "Traceback" not in result.output
    assert not result.stdout
    assert not (folder / "runs").exists()
