"""Plant one fault after the other in a copy of the tree, and see whether a test notices."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.mutants import child
from tests.mutants.listing import ROOT, SOURCES, Mutant

COPIED = (*SOURCES, "tests", "docs", "benchmarks")
SINGLE = ("pyproject.toml", "README.md", "Makefile", "constraints.txt", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("results", ".mypy_cache", ".ruff_cache", ".pytest_cache")
PATIENCE = 4  # times what the tests take without a fault, and
GRACE = 60.0  # seconds more, are what they get with one: a fault may make them wait for ever
CHECK_LIMIT = 900.0  # seconds of a contract
NONE = 5  # what pytest answers where there are no tests


@dataclass(frozen=True)
class Result:
    """outcome: killed, timeout (which counts as killed) or survived. by: the test or the check that
    noticed. checked: whether the contract was asked, too."""

    id: str
    digest: str
    outcome: str
    by: str
    seconds: float
    checked: bool = False


class Broken(Exception):
    """The tests fail, or cannot be run, without any fault."""


class Laboratory:
    """Copies of the tree, one for each job, and what the tests do on them without a fault.

    Processes are forked from a server that has imported torch and pytest, which takes longer than
    most tests.
    """

    def __init__(self, work: Path, jobs: int) -> None:
        self.work = work
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(child.PRELOADED))
        self.durations: dict[str, float] = {}
        self.seconds: dict[tuple[str, ...], float] = {}
        self.trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            self.trees.put(copy_tree(work / f"tree{number}"))

    @contextmanager
    def tree(self) -> Iterator[Path]:
        """Lend a copy of the tree that nobody else uses."""
        tree = self.trees.get()
        try:
            yield tree
        finally:
            self.trees.put(tree)

    # -- without a fault

    def prepare(self, tests: tuple[str, ...], known: Path, trust: bool) -> None:
        """Learn how long tests take, from the file `known` where it is of the same code (or is
        trusted to be). Raises Broken where one fails."""
        key, now = " ".join(tests), digest_of_tree()
        kept: dict[str, Any] = json.loads(known.read_text()) if known.exists() else {}
        if key not in kept or not (trust or kept[key]["tree"] == now):
            with self.tree() as tree:
                seconds, report = self.tests(tree, tests, 3_600.0)
            if report is None or report["code"]:
                failed = report and report["failed"]
                raise Broken(f"{key}: {failed or 'no tests were run'} fails without any fault")
            kept[key] = {"tree": now, "seconds": seconds, "durations": report["durations"]}
            known.write_text(json.dumps(kept))
        self.durations |= kept[key]["durations"]
        self.seconds[tests] = kept[key]["seconds"]

    # -- with one

    def examine(self, mutant: Mutant, check: bool) -> Result:
        """Run the tests that should notice a fault and then, if asked, the contract."""
        begun = time.monotonic()
        with self.tree() as tree, planted(mutant, tree):
            limit = GRACE + PATIENCE * self.seconds[mutant.tests]
            _, report = self.tests(tree, mutant.tests, limit)
            if report and report["code"] == NONE:
                raise Broken(f"{mutant.id}: there are no tests in {' '.join(mutant.tests)}")
            checked = check and report is not None and report["code"] == 0
            if checked:
                report = self.process(
                    child.run_check, tree, (tree, self.clean(tree), mutant.check), CHECK_LIMIT
                )
        if report is None:
            outcome, by = "timeout", "lab check" if checked else "tests"
        else:
            outcome = "killed" if report["code"] else "survived"
            by = report["failed"] or ("crash" if report["code"] else "")
        spent = round(time.monotonic() - begun, 1)
        return Result(mutant.id, mutant.digest, outcome, by, spent, checked)

    # -- processes

    def tests(
        self, tree: Path, tests: tuple[str, ...], limit: float
    ) -> tuple[float, dict[str, Any] | None]:
        """Return how long tests took, and their report; None where the limit was over."""
        begun = time.monotonic()
        arguments = tree, self.clean(tree), tests, self.durations
        report = self.process(child.run_tests, tree, arguments, limit)
        return time.monotonic() - begun, report

    def clean(self, tree: Path) -> Path:
        """Return an empty folder beside a tree, for what its processes write."""
        work = tree.with_name(f"{tree.name}-work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        return work

    def process(
        self, function: Callable[..., None], tree: Path, arguments: Sequence[Any], limit: float
    ) -> dict[str, Any] | None:
        """Call a function in a process of its own; end it, and all that it started, at the limit.
        A process that dies has found a fault."""
        process = self.context.Process(target=function, args=tuple(arguments))
        process.start()
        assert process.pid is not None
        process.join(limit)
        late = process.is_alive()
        for _ in range(2):  # it may become the leader of its group in between
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            if not process.is_alive():
                break
            process.kill()
            process.join()
        if late:
            return None
        written = tree.with_name(f"{tree.name}-work") / "report.json"
        if not written.exists():
            return {"code": 1, "failed": f"the process ended with {process.exitcode}"}
        report: dict[str, Any] = json.loads(written.read_text())
        return report


@contextmanager
def planted(mutant: Mutant, tree: Path) -> Iterator[None]:
    """Have a fault in a tree for a while."""
    path = tree / mutant.file
    text = path.read_text()
    _write(path, mutant.applied(text))
    try:
        yield
    finally:
        _write(path, text)


def _write(path: Path, text: str) -> None:
    """Replace a source file; its bytecode might be taken for that of the new one."""
    path.write_text(text)
    for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
        compiled.unlink()


def copy_tree(to: Path) -> Path:
    """Copy what tests and the contract read. Copies, not links: tests find the tree by their own
    real path, and hand it on to the processes that they start."""
    for name in COPIED:
        shutil.copytree(ROOT / name, to / name, ignore=LEFT_OUT, symlinks=True)
    for name in SINGLE:
        shutil.copy2(ROOT / name, to / name)
    return to


def digest_of_tree() -> str:
    """Return what changes with the code and with its tests."""
    digest = hashlib.sha256()
    for folder in (*SOURCES, "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "mutants" not in path.parts[len(ROOT.parts) :]:
                digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def read_results(path: Path) -> dict[str, Result]:
    """Return the last result of each fault in a file of JSON lines."""
    if not path.exists():
        return {}
    found = (Result(**json.loads(line)) for line in path.read_text().splitlines() if line.strip())
    return {result.id: result for result in found}


def append_result(path: Path, result: Result) -> None:
    with path.open("a") as stream:
        stream.write(json.dumps(asdict(result)) + "\n")


def is_done(mutant: Mutant, results: Mapping[str, Result], check: bool) -> bool:
    """Tell whether nothing is left to find out: a fault that survived may yet break the
    contract."""
    result = results.get(mutant.id)
    if result is None or result.digest != mutant.digest:
        return False
    return result.outcome != "survived" or result.checked or not check
