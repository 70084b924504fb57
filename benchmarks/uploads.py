"""Compare `lab sync` with W&B's own `wandb sync`: rows that are missing, rows that are there twice.

    python -m benchmarks.uploads

A run that was kept offline is uploaded to a stand-in server on loopback: once, twice, with an
upload that is cut short and repeated, and in two parts as a resumed run has them. Printed is what
arrived, and what the command said of it. This is why the lab reads W&B's log itself: see the page
of `lab_wandb.internals`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
ROWS = 40
PATIENCE = 20.0  # seconds that an upload has before it is ended
sys.path.insert(0, str(ROOT / "tests"))

Upload = Callable[[Path], int]  # of a run folder: the exit code


def write(folder: Path, clocks: range) -> None:
    """Write a part of a run with the real client, offline."""
    from lab.tracking.tracker import RunInfo
    from lab_wandb.options import Options
    from lab_wandb.tracker import WandbTracker

    (folder / "config.yaml").write_text("experiment: bench\nid: bench1\nrun: {}\n")
    (folder / "summary.json").write_text(json.dumps({"name": "bench", "state": "finished"}))
    goal = ("eval/return", "max")
    tracker = WandbTracker(Options(wandb="offline"))
    tracker.start(RunInfo("bench1", "bench", folder, "e", "t", "g", 0, {}, "env_steps", goal))
    for clock in clocks:
        tracker.row({"clock": clock, "eval/return": float(clock)})
    tracker.finish({"state": "finished"})


def by_wandb(folder: Path) -> int:
    parts = sorted((folder / "wandb").glob("offline-run-*"))
    codes = [_ended([str(Path(sys.executable).with_name("wandb")), "sync", str(p)]) for p in parts]
    return max(codes)


def by_lab(folder: Path) -> int:
    lab = str(Path(sys.executable).with_name("lab"))
    return _ended([lab, "sync", "--runs-dir", str(folder.parent), folder.name])


def _ended(command: list[str]) -> int:
    try:
        return subprocess.run(command, capture_output=True, timeout=PATIENCE).returncode
    except subprocess.TimeoutExpired:
        return -1


def cut_short(server: Any, rows: int) -> None:
    """Let the server take so many rows of the next upload and no more, and then hang."""
    take = server._file_stream

    def take_some(run: Any, request: Any) -> Any:
        history = request.get("files", {}).get("wandb-history.jsonl")
        if history:
            del history["content"][rows:]
            server._file_stream = take
            server.fault = "hang"
        return take(run, request)

    server._file_stream = take_some


def once(upload: Upload, server: Any, folder: Path) -> int:
    write(folder, range(ROWS))
    return upload(folder)


def twice(upload: Upload, server: Any, folder: Path) -> int:
    once(upload, server, folder)
    return upload(folder)


def from_a_copy(upload: Upload, server: Any, folder: Path) -> int:
    """Upload twice, the second time without the note that wandb leaves beside what it uploaded."""
    once(upload, server, folder)
    for note in folder.rglob("*.synced"):
        note.unlink()
    return upload(folder)


def interrupted(upload: Upload, server: Any, folder: Path) -> int:
    write(folder, range(ROWS))
    cut_short(server, ROWS // 4)
    upload(folder)
    server.fault = "ok"
    return upload(folder)


def refused(upload: Upload, server: Any, folder: Path) -> int:
    write(folder, range(ROWS))
    server.fault = "401"
    return upload(folder)


def in_two_parts(upload: Upload, server: Any, folder: Path) -> int:
    write(folder, range(ROWS // 2))
    write(folder, range(ROWS // 2, ROWS))
    return upload(folder)


SITUATIONS: Mapping[str, Callable[[Upload, Any, Path], int]] = {
    "uploaded once": once,
    "uploaded again": twice,
    "uploaded again from a copy": from_a_copy,
    "cut short, uploaded again": interrupted,
    "refused by the server": refused,
    "resumed run, two parts": in_two_parts,
}
WAYS: Mapping[str, Upload] = {"wandb sync": by_wandb, "lab sync": by_lab}


def measure(situation: str, way: str) -> None:
    """Print a line of JSON: the exit code, and how many rows lack or are there twice."""
    from fake_wandb import FakeWandb

    with FakeWandb() as server, tempfile.TemporaryDirectory() as scratch:
        os.environ.update(server.env(), HOME=scratch)
        folder = Path(scratch, "runs", "bench")
        folder.mkdir(parents=True)
        code = SITUATIONS[situation](WAYS[way], server, folder)
        run = server.runs.get("bench1")
        arrived = Counter(
            row["env_steps"] for row in (run.history if run else []) if "env_steps" in row
        )
        lacking = ROWS - len(arrived)
        print(
            json.dumps({"code": code, "lacking": lacking, "twice": arrived.total() - len(arrived)})
        )


def main() -> None:
    print(f"| {ROWS} rows | | exit code | rows that lack | rows too many |\n|---|---|---|---|---|")
    for situation in SITUATIONS:
        for way in WAYS:
            command = [sys.executable, "-m", "benchmarks.uploads", situation, way]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if done.returncode:
                sys.exit(done.stderr)
            figures = json.loads(done.stdout.splitlines()[-1])
            code = "none: it hung" if figures["code"] < 0 else figures["code"]
            print(f"| {situation} | `{way}` | {code} | {figures['lacking']} | {figures['twice']} |")


if __name__ == "__main__":
    measure(*sys.argv[1:]) if len(sys.argv) > 1 else main()
