"""Run tests, or the contract, in a process that was forked with torch in memory, on another tree.

Nothing of the lab is imported before the fork, so that what a child imports is the tree that it is
told to use.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PRELOADED = (  # what takes long to import and holds nothing of the lab
    "torch",
    "torch._dynamo",
    "torch.func",
    "numpy",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.mixture",
    "sklearn.multioutput",
    "sklearn.neighbors",
    "sklearn.pipeline",
    "sklearn.svm",
    "matplotlib.figure",
    "PIL.Image",
    "gymnasium",
    "stable_baselines3",
    "pydantic",
    "click.testing",
    "rich.progress",
    "yaml",
    "pluggy",
    "hypothesis",
    "pytest",
    "xml.dom",
    "unittest.mock",
    "tests.mutants.child",  # so that it may be edited while it runs
)
OURS = ("lab", "tests", "conftest", "helpers", "shared_fixtures", "worlds", "mutants")
QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist")


class Watcher:
    """A pytest plugin: it chooses tests, sorts them by how long they took last time, the short ones
    first, and notes how long each takes, which pass and which one fails."""

    def __init__(self, durations: Mapping[str, float], only: tuple[str, ...]) -> None:
        self.expected, self.only = durations, set(only)
        self.durations: dict[str, float] = {}
        self.passed: set[str] = set()
        self.broken: set[str] = set()
        self.failed: str | None = None

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.only:
            items[:] = [item for item in items if self.only & {*names_of(item.nodeid)}]
        items.sort(key=lambda item: self.expected.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: Any) -> None:
        spent = self.durations.get(report.nodeid, 0.0) + report.duration
        self.durations[report.nodeid] = round(spent, 4)
        if report.when == "call" and report.passed:
            self.passed.update(names_of(report.nodeid))
        if report.failed:
            self.broken.update(names_of(report.nodeid))
            self.failed = self.failed or report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = f"{report.nodeid} (collecting)"


def names_of(nodeid: str) -> tuple[str, str]:
    """Return the names that select a test: its full name, or its function's."""
    return nodeid, nodeid.partition("[")[0]


def run_tests(
    tree: Path,
    work: Path,
    tests: tuple[str, ...],
    durations: Mapping[str, float],
    only: tuple[str, ...],
    on_and_on: bool,
) -> None:
    """Run tests of a tree, all or `only` some of them by their full names, up to the first failure
    or `on_and_on`; write what was seen to `work/report.json`."""
    _enter(tree, work)
    import pytest

    watcher = Watcher(durations, only)
    options = [*QUIET, f"--basetemp={work / 'tmp'}", *([] if on_and_on else ["-x"])]
    code = pytest.main([*options, *tests], plugins=[watcher])
    if code == pytest.ExitCode.NO_TESTS_COLLECTED:
        code = pytest.ExitCode.OK
    _report(
        work,
        code=int(code),
        failed=watcher.failed,
        passed=sorted(watcher.passed),
        broken=sorted(watcher.broken),
        durations=watcher.durations,
    )


def run_check(tree: Path, work: Path, experiment: str) -> None:
    """Ask whether an experiment of a tree keeps the contract; write `work/report.json`."""
    _enter(tree, work)
    answer = work / "check.json"
    with answer.open("w") as stream:
        os.dup2(stream.fileno(), 1)
    code = 0
    try:
        from lab.cli import main

        main(["check", experiment, "--json"], prog_name="lab")
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException as error:  # as a fault may have it
        code = 1
        print(repr(error), file=sys.stderr)
    sys.stdout.flush()
    _report(work, code=code, failed=_first_broken(answer) if code else None, durations={})


def _first_broken(answer: Path) -> str:
    try:
        results = json.loads(answer.read_text())["results"]
    except (ValueError, KeyError):
        return "lab check"
    return "lab check: " + ", ".join(r["check"] for r in results if r["status"] == "failed")


def _enter(tree: Path, work: Path) -> None:
    """Make this process one that has only ever imported from `tree`."""
    os.setsid()  # so that whoever started it can end it with all its children
    os.chdir(tree)
    sys.dont_write_bytecode = False  # compiled once, for all faults: only one file changes
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with (work / "log.txt").open("a") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    for name in [name for name in sys.modules if _is_ours(name)]:
        del sys.modules[name]
    first = [str(tree), str(tree / "plugins"), str(tree / "envs")]
    sys.path[:] = first + [entry for entry in sys.path if entry not in ("", *first)]
    os.environ["PYTHONPATH"] = os.pathsep.join(first)  # for the processes that tests start
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("lab")
    assert spec is not None
    assert Path(str(spec.origin)).is_relative_to(tree), spec.origin


def _is_ours(name: str) -> bool:
    top = name.partition(".")[0]
    return top in OURS or top.startswith("lab_")


def _report(work: Path, **report: Any) -> None:
    (work / "report.json").write_text(json.dumps(report))
