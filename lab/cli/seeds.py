"""`--seeds N`: train a group of runs that differ by seed alone, several at a time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import yaml

from lab.api import default_group
from lab.cli import output
from lab.config import Resolved
from lab.plugins import DISABLE, Plugins
from lab.spec import ExperimentSpec

FAILED: dict[str, Any] = {"dir": None, "state": "failed", "summary": {}, "objective": None}


def run_seeds(
    spec: ExperimentSpec,
    plugins: Plugins,
    resolved: Resolved,
    seeds: int,
    jobs: int,
    *,
    as_json: bool,
    quiet: bool,
) -> int:
    """Train seeds `seed .. seed + seeds - 1`, each in a process of its own.

    Return 1 where any failed, and 128 + the signal where one came: it reaches all of them, all of
    them save, and no other starts.
    """
    reference = plugins.reference(spec)
    group = resolved.run.group or default_group(spec, resolved)
    first = resolved.run.seed
    waiting = list(range(first, first + seeds))
    running: list[_Child] = []
    results: list[dict[str, Any]] = []
    worst = 0
    with tempfile.TemporaryDirectory() as scratch, _ForwardedSignals(running) as signals:
        while running or (waiting and not signals.caught):
            while waiting and len(running) < jobs and not signals.caught:
                running.append(_Child(reference, resolved, group, waiting.pop(0), Path(scratch)))
                signals.pass_on()  # what came while it was being started
            time.sleep(0.05)
            for child in [child for child in running if child.process.poll() is not None]:
                running.remove(child)
                results.append(child.result())
                worst = max(worst, 1 if child.process.returncode else 0)
                if not quiet:
                    output.say(child.line())
    _print(group, results, as_json)
    return 128 + signals.caught if signals.caught else worst


class _Child:
    """One seed in one process."""

    def __init__(
        self, reference: str, resolved: Resolved, group: str, seed: int, scratch: Path
    ) -> None:
        self.seed, self.signals = seed, 0
        file = scratch / f"{seed}.yaml"
        run = resolved.run.model_dump(mode="json", exclude_none=True)
        values = {**resolved.config.model_dump(mode="json"), **run, "seed": seed, "group": group}
        for own in resolved.tracker_values.values():
            values |= own
        file.write_text(yaml.safe_dump(values), encoding="utf-8")
        command = [sys.executable, "-m", "lab", "run", reference, "--preset", "none"]
        self.output = (scratch / f"{seed}.out").open("w+", encoding="utf-8")
        self.errors = (scratch / f"{seed}.err").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [*command, "--config", str(file), "--json", "--quiet"],
            stdout=self.output,
            stderr=self.errors,
            env=_environment(),
            start_new_session=True,  # so that Ctrl-C comes from the parent, once
        )
        self._result: dict[str, Any] | None = None

    def result(self) -> dict[str, Any]:
        if self._result is None:
            said, problem = _read(self.output), _read(self.errors)
            result = {**FAILED, **_last_object(said), "seed": self.seed}
            failed = self.process.returncode != 0 and problem
            self._result = {**result, "error": problem} if failed else result
        return self._result

    def line(self) -> str:
        result = self.result()
        problem = f"  {result['error']}" if "error" in result else ""
        return f"seed {self.seed}: {result['state']}  {output.number(result['objective'])}{problem}"


def _read(file: IO[str]) -> str:
    with file:
        file.seek(0)
        return file.read().strip()


def _last_object(text: str) -> dict[str, Any]:
    """Return the JSON object in the last line: libraries below python may have printed before."""
    with suppress(ValueError):
        found = json.loads(text.rpartition("\n")[2])
        return found if isinstance(found, dict) else {}
    return {}


def _environment() -> dict[str, str]:
    """Return this environment without `LAB_...` options: they are resolved, and would otherwise
    win over the child's file."""
    kept = (DISABLE, "LAB_DEBUG", "LAB_CACHE")
    return {k: v for k, v in os.environ.items() if not k.startswith("LAB_") or k in kept}


class _ForwardedSignals:
    """Pass Ctrl-C and SIGTERM on to the children and wait for them."""

    def __init__(self, children: list[_Child]) -> None:
        self._children = children
        self.caught: int | None = None
        self._times = 0

    def __enter__(self) -> _ForwardedSignals:
        watched = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._forward) for number in watched}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _forward(self, number: int, frame: object) -> None:
        self.caught = number
        self._times += 1
        self.pass_on()

    def pass_on(self) -> None:
        """Send each child as many signals as came here."""
        for child in self._children:
            while child.signals < self._times and self.caught is not None:
                child.signals += 1
                child.process.send_signal(self.caught)


def _print(group: str, results: list[dict[str, Any]], as_json: bool) -> None:
    results.sort(key=lambda result: result["seed"])
    if as_json:
        output.print_json({"group": group, "runs": results})
        return
    names = sorted({name for result in results for name in result["summary"].get("test", {})})
    output.print_table(
        ["seed", "state", "best", *names, "folder"],
        [
            [
                str(result["seed"]),
                result["state"],
                output.number(result["objective"]),
                *(output.number(result["summary"].get("test", {}).get(name)) for name in names),
                result["dir"] or "-",
            ]
            for result in results
        ],
    )
    click_line = f"group {group}: {sum(r['state'] == 'finished' for r in results)} of "
    output.say(click_line + f"{len(results)} finished")
