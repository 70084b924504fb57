"""Read what W&B's client left in a run folder: a part for each time that the run was going."""

from __future__ import annotations

import json
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab_wandb.internals import transaction_log
from lab_wandb.internals.server import RemoteRun, RunPath

UPLOAD = "upload.wandb"  # next to the log, whose folder W&B takes the files from


@dataclass
class OfflineSegment:
    """One part: its transaction log, and what the log speaks of."""

    log: Path
    where: RunPath | None = None
    times: list[float] = field(default_factory=list)  # when each row was logged
    digests: set[str] = field(default_factory=set)
    summary: dict[str, Any] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)  # by name in W&B, the path that is gone
    rows_without: dict[float, str] = field(default_factory=dict)  # rows that show such a file
    artifacts_without: dict[str, str] = field(default_factory=dict)  # by digest, what they lack
    bytes: int = 0  # of the log and of the files that it stages

    @property
    def name(self) -> str:
        return self.log.parent.name

    @property
    def offline(self) -> bool:
        return self.name.startswith("offline-")

    def lacking(self, remote: RemoteRun | None, times: Set[float], last: bool) -> bool:
        """Tell whether the server lacks anything that could be sent. The summary is that of the
        run's last part."""
        if remote is None:
            return self.offline or bool(self.times or self.digests)
        state = self.summary.get("state") if last else None
        return bool(
            self.rows_lacking(times)
            or self.digests - remote.digests
            or (state and state != remote.summary.get("state"))
        )

    def gone(self, remote: RemoteRun | None, times: Set[float]) -> list[str]:
        """Return the paths that are gone, and had not been uploaded before."""
        digests = remote.digests if remote else frozenset[str]()
        row_paths = set(self.rows_without.values())
        others = [path for path in self.missing.values() if path not in row_paths]
        others = [path for path in others if path not in self.artifacts_without.values()]
        return [
            *(path for time, path in self.rows_without.items() if time not in times),
            *(path for digest, path in self.artifacts_without.items() if digest not in digests),
            *(others if self.offline else []),
        ]

    def rows_lacking(self, times: Set[float]) -> int:
        return sum(time not in times for time in self.times)


def find(run_dir: Path) -> list[Path]:
    """Return the transaction logs of a run, the first part first."""
    logs = [
        log
        for folder in (run_dir / "wandb").glob("*run-*")
        if not folder.is_symlink()
        for log in folder.glob("run-*.wandb")
    ]
    return sorted(logs, key=lambda log: log.parent.name.removeprefix("offline-"))


def read(log: Path) -> OfflineSegment:
    """Return what a log speaks of. Raises OSError and ValueError where it cannot be read."""
    part = OfflineSegment(log, bytes=log.stat().st_size)
    for record in transaction_log.read(log):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run = record.run
            part.where = RunPath(run.entity, run.project, run.run_id)
        elif kind == "history":
            row = _values(record.history.item)
            gone = _gone(part, row)
            if gone is None:
                part.times.append(row["_timestamp"])
            else:
                part.rows_without[row["_timestamp"]] = gone
        elif kind == "summary":
            part.summary |= {
                u.key: json.loads(u.value_json) for u in record.summary.update if u.key
            }
        elif kind == "files":
            for file in record.files.files:
                _stat(part, file.path, log.parent / "files" / file.path)
        elif kind == "artifact":
            entries = record.artifact.manifest.contents
            staged = {e.path: moved(e.local_path, log) for e in entries if e.local_path}
            lost = [str(path) for name, path in staged.items() if not _stat(part, name, path)]
            if lost:
                part.artifacts_without[record.artifact.digest] = lost[0]
            else:
                part.digests.add(record.artifact.digest)
    return part


def write_lacking(part: OfflineSegment, remote: RemoteRun | None, times: Set[float]) -> Path:
    """Write a log of what the server lacks, and of no file that is gone; return its path.

    Rows are numbered anew: the client counts on from what the server has.
    """
    path = part.log.with_name(UPLOAD)
    clear(part)
    digests = remote.digests if remote else frozenset[str]()
    transaction_log.write(path, _lacking(part, digests, times))
    return path


def clear(part: OfflineSegment) -> None:
    """Remove what an upload left next to the log."""
    for left in part.log.parent.glob(f"{UPLOAD}*"):
        left.unlink()


def moved(path: str, log: Path) -> Path:
    """Return where a staged file is, also when the run folder was moved since."""
    staged, (_, sign, tail) = Path(path), path.rpartition("/wandb/")
    now = log.parent.parent / tail
    return now if sign and not staged.exists() else staged


def _lacking(part: OfflineSegment, digests: Set[str], times: Set[float]) -> Iterator[Any]:
    number = 0
    for record in transaction_log.read(part.log):
        kind = record.WhichOneof("record_type")
        if kind == "history":
            row = _values(record.history.item)
            if _gone(part, row) or row["_timestamp"] in times:
                continue
            record.history.step.num = number
            for item in record.history.item:
                if _key(item) == ["_step"]:
                    item.value_json = str(number)
            number += 1
        elif kind == "artifact":
            entries = [e for e in record.artifact.manifest.contents if e.local_path]
            digest = record.artifact.digest
            if digest in digests or digest in part.artifacts_without:
                continue
            for entry in entries:
                entry.local_path = str(moved(entry.local_path, part.log))
        elif kind == "files":
            kept = [file for file in record.files.files if file.path not in part.missing]
            del record.files.files[:]
            record.files.files.extend(kept)
        yield record


def _stat(part: OfflineSegment, name: str, path: Path) -> bool:
    try:
        part.bytes += path.stat().st_size
    except OSError:
        part.missing[name] = str(path)
        return False
    return True


def _values(items: Any) -> dict[str, Any]:
    """Return a row: nested keys are joined by a line break, which no metric's name has."""
    return {"\n".join(_key(item)): json.loads(item.value_json) for item in items}


def _key(item: Any) -> list[str]:
    return list(item.nested_key) or [item.key]


def _gone(part: OfflineSegment, row: dict[str, Any]) -> str | None:
    """Return the path of a file that the row shows and that is gone, if any."""
    root = part.log.parent / "files"
    paths = [root / str(value) for key, value in row.items() if key.endswith("\npath")]
    return next((str(path) for path in paths if not path.is_file()), None)
