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
from itertools import groupby
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from . import child
from .listing import ROOT, SOURCES, Mutant

COPIED = (*SOURCES, "tests", "docs", "benchmarks")
SINGLE = ("pyproject.toml", "README.md", "Makefile", "constraints.txt", "LICENSE")
LEFT_OUT = shutil.ignore_patterns("results", ".mypy_cache", ".ruff_cache", ".pytest_cache")
PATIENCE = 4  # times what the tests take without a fault, and
GRACE = 60.0  # seconds more, are what they get with one: a fault may make them wait for ever
FIRST_LIMIT = 600.0  # seconds of a single test
CHECK_LIMIT = 900.0  # seconds of a contract


@dataclass(frozen=True)
class Result:
    """outcome: killed, timeout (which counts as killed) or survived. by: the test or the check that
    noticed. checked: whether the contract was checked, too."""

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

    def __init__(
        self, work: Path, jobs: int, cache: Path, trust: bool, killers: Mapping[str, str]
    ) -> None:
        self.cache, self.trust = cache, trust
        self.killers = dict(killers)
        self.lock = Lock()
        self.running: set[int] = set()
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(child.PRELOADED))
        self.durations: dict[str, float] = {}
        self.seconds: dict[tuple[str, ...], float] = {}
        self.trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(jobs):
            self.trees.put(copy_tree(work / f"tree{number}"))

    @contextmanager
    def tree(self) -> Iterator[Path]:
        """Take a copy of the tree that nobody else uses, and put it back."""
        tree = self.trees.get()
        try:
            yield tree
        finally:
            self.trees.put(tree)

    # -- without a fault

    def prove(self, mutants: Sequence[Mutant]) -> None:
        """Forget killers that fail without a fault, or are there no more."""
        named = {self.killers[m.id] for m in mutants if m.id in self.killers}
        kept = self.kept("killers")
        passed = set(kept.get("passed", ()))
        new = {test for test in named - passed if (ROOT / _file(test)).is_file()}
        for _, group in groupby(sorted(new), key=lambda test: Path(_file(test)).parent):
            only = tuple(group)
            files = tuple(sorted(set(map(_file, only))))
            with self.tree() as tree:
                _, report = self.tests(tree, files, 3_600.0, only, on_and_on=True)
            passed |= set(report["passed"]) - set(report["broken"]) if report else set()
        self.keep("killers", {"passed": sorted(passed)})
        self.killers = {name: test for name, test in self.killers.items() if test in passed}

    def kept(self, key: str) -> dict[str, Any]:
        """Return what was learned of the same code, or of any if that is trusted; or nothing."""
        kept = json.loads(self.cache.read_text()) if self.cache.exists() else {}
        entry: dict[str, Any] = kept.get(key, {})
        return entry if self.trust or entry.get("tree") == digest_of_tree() else {}

    def keep(self, key: str, learned: Mapping[str, Any]) -> None:
        kept = json.loads(self.cache.read_text()) if self.cache.exists() else {}
        kept[key] = {"tree": digest_of_tree(), **learned}
        self.cache.write_text(json.dumps(kept))

    def prepare(self, tests: tuple[str, ...], tree: Path) -> float:
        """Return how long tests take without a fault. Raises Broken where one fails."""
        with self.lock:
            if tests not in self.seconds:
                key = " ".join(tests)
                if not self.kept(key):
                    self.keep(key, self.measured(tests, tree))
                self.durations |= self.kept(key)["durations"]
                self.seconds[tests] = self.kept(key)["seconds"]
            return self.seconds[tests]

    def measured(self, tests: tuple[str, ...], tree: Path) -> dict[str, Any]:
        seconds, report = self.tests(tree, tests, 3_600.0)
        if report is None or report["code"]:
            failed = (report and report["failed"]) or "something"
            raise Broken(f"{' '.join(tests)}: {failed} fails without any fault")
        return {"seconds": seconds, "durations": report["durations"]}

    # -- with one

    def examine(self, mutant: Mutant, check: bool) -> Result:
        """Run the test that noticed a fault last time, the others that should and then, if `check`,
        the contract: up to the first that fails."""
        begun, killer = time.monotonic(), self.killers.get(mutant.id)
        with self.tree() as tree:
            if killer is not None:
                with planted(mutant, tree):
                    _, report = self.tests(tree, (_file(killer),), FIRST_LIMIT, only=(killer,))
                if report is None or report["code"]:
                    return _result(mutant, report, killer, begun)
            limit = GRACE + PATIENCE * self.prepare(mutant.tests, tree)
            with planted(mutant, tree):
                _, report = self.tests(tree, mutant.tests, limit)
            self.confirm(report, tree)
            checked = check and report is not None and report["code"] == 0
            if checked:
                with planted(mutant, tree):
                    arguments = tree, self.clean(tree), mutant.check
                    report = self.process(child.run_check, tree, arguments, CHECK_LIMIT)
        where = "lab check" if checked else "the tests"
        return _result(mutant, report, where, begun, checked)

    def confirm(self, report: dict[str, Any] | None, tree: Path) -> None:
        """Raise Broken where a test that failed fails without the fault, too: one that is newer
        than what is trusted."""
        failed = report and report["failed"]
        if failed and "::" in failed and failed not in self.durations:
            _, again = self.tests(tree, (_file(failed),), FIRST_LIMIT, only=(failed,))
            if again is None or again["code"]:
                raise Broken(f"{failed} fails without any fault")

    # -- processes

    def tests(
        self,
        tree: Path,
        tests: tuple[str, ...],
        limit: float,
        only: tuple[str, ...] = (),
        on_and_on: bool = False,
    ) -> tuple[float, dict[str, Any] | None]:
        """Return how long tests took, and their report; None where the limit was over. `only`: the
        tests to run of these files; on_and_on: not up to the first failure alone."""
        begun = time.monotonic()
        arguments = tree, self.clean(tree), tests, self.durations, only, on_and_on
        report = self.process(child.run_tests, tree, arguments, limit)
        return time.monotonic() - begun, report

    def stop(self) -> None:
        """End what runs; its results are not to be had."""
        for pid in list(self.running):
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def clean(self, tree: Path) -> Path:
        """Return an empty folder next to a tree, for what its processes write."""
        work = tree.with_name(f"{tree.name}-work")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        return work

    def process(
        self, function: Callable[..., None], tree: Path, arguments: Sequence[Any], limit: float
    ) -> dict[str, Any] | None:
        """Call a function in a process of its own; end it, and all that it started, at the limit.

        A process that a signal ends counts as a fault noticed. Raises Broken where one fails by
        itself."""
        process = self.context.Process(target=function, args=tuple(arguments))
        process.start()
        assert process.pid is not None
        self.running.add(process.pid)
        process.join(limit)
        self.running.discard(process.pid)
        late = process.is_alive()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)  # it leads a group: what it started may live on
        if late:
            process.kill()
            process.join()
        if late:
            return None
        written = tree.with_name(f"{tree.name}-work") / "report.json"
        if not written.exists():
            if process.exitcode and process.exitcode < 0:
                cause = f"ended by signal {-process.exitcode}"
                return {"code": 1, "failed": cause, "passed": [], "broken": []}
            raise Broken(f"{function.__name__} failed by itself: {arguments}")
        report: dict[str, Any] = json.loads(written.read_text())
        return report


def _file(test: str) -> str:
    """Return the file of a test's full name."""
    return test.partition("::")[0]


def _result(
    mutant: Mutant, report: dict[str, Any] | None, where: str, begun: float, checked: bool = False
) -> Result:
    if report is None:
        outcome, by = "timeout", where
    else:
        outcome = "killed" if report["code"] else "survived"
        by = report["failed"] or (where if report["code"] else "")
    return Result(
        mutant.id, mutant.digest, outcome, by, round(time.monotonic() - begun, 1), checked
    )


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
    results = (Result(**json.loads(line)) for line in path.read_text().splitlines() if line.strip())
    return {result.id: result for result in results}


def append_result(path: Path, result: Result) -> None:
    with path.open("a") as stream:
        stream.write(json.dumps(asdict(result)) + "\n")


def killers_of(results: Mapping[str, Result], mutants: Sequence[Mutant]) -> dict[str, str]:
    """Return by id the test that noticed a fault: where to look first the next time."""
    ids = {mutant.id for mutant in mutants}
    return {
        name: result.by
        for name, result in sorted(results.items())
        if name in ids and result.outcome == "killed" and "::" in result.by
    }


def is_done(mutant: Mutant, results: Mapping[str, Result], check: bool) -> bool:
    """Tell whether nothing is left to find out: a fault that survived may yet break the
    contract."""
    result = results.get(mutant.id)
    if result is None or result.digest != mutant.digest:
        return False
    return result.outcome != "survived" or result.checked or not check
