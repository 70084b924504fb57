"""Keep a run as a folder of plain files: written first, crash-safe, readable without the lab."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import yaml

from lab.errors import LabError, UsageError
from lab.messages import did_you_mean
from lab.outputs import check_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from pandas import DataFrame

CONFIG, METRICS, SUMMARY, LOG, LOCK = (
    "config.yaml",
    "metrics.jsonl",
    "summary.json",
    "log.txt",
    ".lock",
)
DATA = "data.json"  # what data the run has read
LAST, PREVIOUS, BEST = "last.pt", "prev.pt", "best.pt"
BEST_OF_LAST = "best.pt.before"  # the best that last.pt knows of, where best.pt is newer
STAMPED = re.compile(r"\d+\.pt")


class NameTaken(UsageError):
    """There is a run of this name."""


@dataclass(frozen=True)
class Run:
    """A run folder, read. Nothing here writes or imports torch."""

    dir: Path

    @property
    def name(self) -> str:
        return self.dir.name

    @cached_property
    def record(self) -> dict[str, Any]:
        """All of config.yaml: `experiment`, `config`, `run`, `provenance`."""
        try:
            record = yaml.safe_load((self.dir / CONFIG).read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not YAML"
            raise LabError(f"{self.dir / CONFIG} cannot be read: {why}") from error
        if not isinstance(record, dict) or "experiment" not in record:
            raise LabError(f"{self.dir / CONFIG} is not a run's configuration")
        for part in ("config", "run"):
            if not isinstance(record.get(part), dict):
                raise LabError(
                    f"{self.dir / CONFIG} is not whole: it has no options under `{part}`"
                )
        return record

    @property
    def plugin(self) -> str:
        """The words by which `Plugins.experiment` finds what the run trains."""
        return str(self.record.get("plugin", self.record["experiment"]))

    @property
    def config(self) -> dict[str, Any]:
        """The experiment's own options."""
        return dict(self.record["config"])

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json; empty where it is absent or damaged."""
        return _json(self.dir / SUMMARY)

    @cached_property
    def data(self) -> dict[str, Any]:
        """data.json: what data the run has read; empty where it is absent or damaged."""
        return _json(self.dir / DATA)

    @property
    def state(self) -> str:
        """running, finished, interrupted, failed, or crashed: running, but its process is gone."""
        state = self.summary.get("state", "running")
        if state == "running" and not self.locked:
            return "crashed"
        return str(state)

    @property
    def locked(self) -> bool:
        """Whether a living process trains it, or writes to its folder in another way."""
        return is_locked(self.dir)

    def metrics(self, having: str | None = None) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl, up to a last line that a crash may have torn; only those with
        the metric `having`, where it is given: others are not even parsed."""
        mark = json.dumps(having).encode() if having else b""
        rows = []
        with suppress(OSError, ValueError), (self.dir / METRICS).open("rb") as lines:
            for line in lines:
                if mark in line:
                    rows.append(json.loads(line))
        return rows

    def frame(self) -> DataFrame:
        """The metrics as a table: a row for each clock, a column for each metric."""
        from lab.frames import of_metrics

        return of_metrics(self)

    def plot(self) -> Figure:
        """Draw the objective and the training losses over the clock."""
        from lab.learning_curve import plot

        return plot(self)

    def _repr_html_(self) -> str:
        from lab.notebook import html_of

        return html_of(self)


@dataclass(frozen=True)
class Runs:
    """The runs of a folder, by name, as they are each time that one looks."""

    dir: Path

    def __iter__(self) -> Iterator[Run]:
        return runs(self.dir)

    def frame(self) -> DataFrame:
        """A table: a row for each run, with its state, objective and options."""
        from lab.frames import of_runs

        return of_runs(self)

    def _repr_html_(self) -> str:
        html = self.frame().to_html(index=False, escape=True)
        return str(html)


def _json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one where it is absent or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def find(name: str, runs_dir: Path) -> Run:
    """Return the run at the path `name`, or of that name in `runs_dir`.

    Raises UsageError where there is none, or where the folder is not a run's.
    """
    if not name.strip():
        raise UsageError("The name of the run is empty.")
    for folder in (Path(name), runs_dir / name):
        if (folder / CONFIG).is_file():
            return Run(folder)
    for folder in (runs_dir / name, Path(name)):
        if folder.is_dir():
            raise UsageError(f"{folder} is not a run folder: it holds no {CONFIG}")
    names = [run.name for run in runs(runs_dir)]
    hint = did_you_mean(name, names) or " `lab runs` lists what there is."
    raise UsageError(f"There is no run {name!r} in {runs_dir}.{hint}")


def runs(runs_dir: Path) -> Iterator[Run]:
    """Yield the runs in a folder, by name. Folders that are no runs are passed over."""
    if runs_dir.is_dir():
        for folder in sorted(runs_dir.iterdir()):
            if (folder / CONFIG).is_file() and not folder.name.startswith("."):
                yield Run(folder)


def is_locked(folder: Path) -> bool:
    """Tell whether a living process holds the run."""
    try:
        with (folder / LOCK).open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _take(lock: IO[bytes]) -> bool:
    """Take the lock for writing. Whoever lists runs holds it for an instant: hence the patience."""
    for _ in range(20):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.01)
        else:
            return True
    return False


class RunFolder:
    """A run folder, written. Holds the lock until it is closed: never shared by two processes.

    Raises UsageError where another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self.dir = folder
        self._made: list[Path] = []  # folders above it that were made for it, innermost first
        self._lock = (folder / LOCK).open("wb")
        if not _take(self._lock):
            self._lock.close()
            raise UsageError(f"{folder} is in use by another process")
        self._metrics = (folder / METRICS).open("ab", buffering=0)

    @classmethod
    def create(cls, folder: Path, record: Mapping[str, Any]) -> RunFolder:
        """Make a new run folder, whole or not at all. Raises UsageError where the name is taken,
        and where what is above it is a file."""
        check_folder("The run folder", folder, made=True)
        refuse_taken(folder)
        unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
        made = [parent for parent in folder.parents if not parent.exists()]
        try:
            unfinished.mkdir(parents=True, exist_ok=True)
            created = cls(unfinished)
            created.write_record(record)
            unfinished.rename(folder)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):  # another process was faster
                refuse_taken(folder)
            raise LabError(f"cannot create {folder}: {error.strerror}") from error
        created.dir, created._made = folder, made
        return created

    def write_record(self, record: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(record), sort_keys=False, allow_unicode=True)
        write_atomically(self.dir / CONFIG, text.encode())

    @property
    def metrics_bytes(self) -> int:
        """The length of metrics.jsonl, all of it on the disk."""
        os.fsync(self._metrics.fileno())
        return self._metrics.tell()

    def append(self, row: Mapping[str, float]) -> None:
        """Append one row. It is with the operating system when this returns."""
        left = json.dumps(row).encode() + b"\n"
        while left:
            left = left[self._metrics.write(left) :]

    def cut(self, length: int) -> int:
        """Cut the metrics to `length` bytes and return how many whole rows were dropped."""
        content = (self.dir / METRICS).read_bytes()
        length = min(length, len(content))
        self._metrics.truncate(length)
        self._metrics.seek(length)
        return content[length:].count(b"\n")

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        write_atomically(self.dir / SUMMARY, json.dumps(summary, indent=2).encode() + b"\n")

    def link(self, tracker: str, url: str) -> None:
        """Note in the summary, where there is one, the address of a tracker's record."""
        summary = Run(self.dir).summary  # read anew: the run may have ended since it was chosen
        links = summary.get("links", {})
        if summary and links.get(tracker) != url:
            self.write_summary({**summary, "links": {**links, tracker: url}})

    def log(self, message: str) -> None:
        """Add a line to log.txt, stamped with the time of day (UTC)."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        with (self.dir / LOG).open("a", encoding="utf-8") as log:
            log.write(f"{stamp} {message}\n")

    def discard(self) -> None:
        """Remove the folder and all in it, at once for whoever lists runs; the folder that holds
        the runs too, where it was made for this one."""
        doomed = self.dir.with_name(f".{self.dir.name}.{os.getpid()}")
        self.dir.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)
        for folder in self._made:
            with suppress(OSError):  # it holds something else by now
                folder.rmdir()

    def close(self) -> None:
        self._metrics.close()
        self._lock.close()


def refuse_taken(folder: Path) -> None:
    """Raise NameTaken where a run, or anything else, is there already."""
    if folder.exists():
        raise NameTaken(
            f"{folder} exists. Choose another --name, or continue it: lab resume {folder}"
        )


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a hidden file of the same suffix, which takes the place of `path` once it is whole."""
    temporary = path.with_name(f".{path.name}")
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, content: bytes) -> None:
    """Replace `path` with `content`: a reader sees the old file or the new, never a part."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
