"""Upload to W&B what a run left in its folder, once, and see that it arrived.

The upload is `wandb sync`'s. It ends with 0 whatever happened, and what it sends again arrives
again: so the server is queried before and after, and only what it lacks is sent. Rows are
identified by the time at which they were logged.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import LabError, Run, RunFolder
from lab.messages import describe
from lab_wandb.content import clear_staging
from lab_wandb.internals import parts
from lab_wandb.internals.parts import OfflineSegment
from lab_wandb.internals.server import RemoteRun, RunPath, Server
from lab_wandb.internals.session import ANSI

LEDGER = "uploaded.json"
BASE_SECONDS = 120.0
BYTES_PER_SECOND = 100_000  # slower than this, an upload is given up
SETTLE_SECONDS = 15.0  # a server may show a little later what it took
FAILED = ("failed", "incomplete", "running")


@dataclass
class Outcome:
    """What became of one run: uploaded, nothing new, nothing there, incomplete (a file is gone),
    running, or failed; `rows` were sent."""

    run: str
    dir: Path
    done: str
    rows: int = 0
    url: str | None = None
    messages: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.done not in FAILED

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self), "dir": str(self.dir), "ok": self.ok}


def sync(
    runs: Iterable[Run], timeout: float | None = None, ask_seconds: float = 10.0
) -> Iterator[Outcome]:
    """Upload what runs left behind, one by one; yield what became of each.

    `timeout` bounds each upload; by default it is what the size takes on a slow line. No question
    to the server takes more than `ask_seconds`. Nothing that happens to one run hurts another.
    """
    with Server(ask_seconds) as server:
        for run in runs:
            try:
                yield _sync(run, server, timeout)
            except Exception as error:
                message = str(error) if isinstance(error, LabError) else describe(error)
                yield Outcome(run.name, run.dir, "failed", messages=[message])


def _sync(run: Run, server: Server, timeout: float | None) -> Outcome:
    if run.locked:
        line = "it is still running, or being uploaded; what it logs online is there already"
        return Outcome(run.name, run.dir, "running", messages=[line])
    logs = parts.find(run.dir)
    if not logs:
        return Outcome(run.name, run.dir, "nothing there")
    with closing(RunFolder(run.dir)) as folder:  # nobody resumes it meanwhile
        outcome = _Upload(run, server, timeout).carry_out(logs)
        if outcome.url:
            folder.link("wandb", outcome.url)
    return outcome


class _Upload:
    """The upload of one run."""

    def __init__(self, run: Run, server: Server, timeout: float | None) -> None:
        self._server, self._timeout = server, timeout
        self._folder = run.dir / "wandb"
        self._outcome = Outcome(run.name, run.dir, "nothing new")
        self._ledger = _read_ledger(self._folder / LEDGER)
        self._times: dict[RunPath, set[float]] = {}

    def carry_out(self, logs: list[Path]) -> Outcome:
        for log in logs:
            entry = self._ledger.get(log.parent.name, {})
            if entry.get("bytes") == log.stat().st_size:
                self._outcome.url = entry.get("url")
                continue
            self._bring(parts.read(log), last=log is logs[-1])
        if not self._outcome.messages:
            clear_staging(self._folder)
        return self._outcome

    def _bring(self, part: OfflineSegment, last: bool) -> None:
        """Bring the server up to date with a part. Parts go in order: rows keep theirs."""
        if part.where is None:
            return  # it ended before the run began
        remote = self._server.look(part.where)
        times = self._arrived(part.where, part, remote)
        if part.lacking(remote, times, last):
            sent = part.rows_lacking(times)
            self._send(part, remote, times)
            remote = self._wait_for(part, last)
            self._outcome.done = "uploaded"
            self._outcome.rows += sent
        self._outcome.url = remote.url if remote else self._outcome.url
        self._settle(part, part.gone(remote, times))

    def _arrived(
        self, where: RunPath, part: OfflineSegment, remote: RemoteRun | None
    ) -> set[float]:
        if remote is None or not remote.rows or not part.times:
            return set()
        return self._server.times(where, remote)

    def _send(self, part: OfflineSegment, remote: RemoteRun | None, times: set[float]) -> None:
        log = parts.write_lacking(part, remote, times)
        limit = self._timeout or BASE_SECONDS + part.bytes / BYTES_PER_SECOND
        try:
            self._error = upload(log, limit)
        finally:
            parts.clear(part)

    def _wait_for(self, part: OfflineSegment, last: bool) -> RemoteRun:
        """Return what the server has once it has all. Raises LabError where it does not come."""
        assert part.where is not None
        end = time.monotonic() + (0.0 if self._error else SETTLE_SECONDS)
        while True:
            remote = self._server.look(part.where)
            times = self._arrived(part.where, part, remote)
            if remote is not None and not part.lacking(remote, times, last):
                return remote
            if time.monotonic() >= end:
                break
            time.sleep(0.5)
        rows = part.rows_lacking(times)
        what = f"{rows} of {len(part.times)} rows" if rows else "a checkpoint or the summary"
        reason = f" ({self._error})" if self._error else ""
        raise LabError(f"W&B lacks {what} after the upload{reason}. Once more: lab sync")

    def _settle(self, part: OfflineSegment, gone: list[str]) -> None:
        """Record what arrived, so that it is not queried again."""
        if gone:
            self._outcome.done = "incomplete"
            self._outcome.messages += [f"{path} is gone" for path in gone]
            return
        part.log.with_suffix(".wandb.synced").touch()  # for `wandb sync` and `wandb clean`
        size = part.log.stat().st_size
        self._ledger[part.name] = {"bytes": size, "url": self._outcome.url}
        _write_ledger(self._folder / LEDGER, self._ledger)


def upload(log: Path, limit: float) -> str:
    """Run `wandb sync` on a log; return the last error that it printed.

    Raises LabError after `limit` seconds.
    """
    command = [sys.executable, "-m", "wandb", "sync", "--include-online", "--include-synced"]
    environment = {k: v for k, v in os.environ.items() if k not in ("WANDB_MODE", "WANDB_SILENT")}
    child = subprocess.Popen(
        [*command, str(log)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "WANDB_ERROR_REPORTING": "false"},
        start_new_session=True,  # so that wandb-core ends with it
    )
    try:
        _, stderr = child.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        raise LabError(
            f"the upload did not end within {limit:.0f} s. Once more: lab sync"
        ) from None
    finally:
        with suppress(OSError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
    errors = re.findall(r"ERROR (.*)", ANSI.sub("", stderr))
    return str(errors[-1]) if errors else ""


def _read_ledger(path: Path) -> dict[str, dict[str, Any]]:
    try:
        ledger = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return ledger if isinstance(ledger, dict) else {}


def _write_ledger(path: Path, ledger: Mapping[str, Any]) -> None:
    """Write it atomically: without one, the server is only queried again."""
    unfinished = path.with_name(f"{path.name}.tmp")
    unfinished.write_text(json.dumps(ledger, indent=2))
    unfinished.replace(path)
