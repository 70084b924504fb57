"""Keep in the run folder what data a run has read, and refuse others.

`data.json` is written whole before a run learns anything from what it read: whatever moment it is
killed at, the next reading is compared.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.data.fingerprint import Entry, changes, misfits
from lab.errors import LabError, UsageError
from lab.storage.store import DATA, write_atomically

Entries = dict[str, Entry]


class DataRecord:
    """What a run has read, by the key of each request (`Data.words`).

    folder: the run's; None writes nothing. trains: what is read for the first time is added; a
    run that is only looked at adds nothing. accept: go on with data that have changed, warn, and
    record that.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        trains: bool = True,
        accept: bool = False,
        warn: Callable[[str], None] = lambda message: None,
    ) -> None:
        self._folder, self._trains, self._accept, self._warn = folder, trains, accept, warn
        self._entries: Entries = {} if folder is None else _read(folder)

    def __contains__(self, words: str) -> bool:
        return words in self._entries

    def is_first(self, words: str) -> bool:
        """Tell whether a run that trains has not read this before."""
        return self._trains and words not in self._entries

    def add_or_compare(self, words: str, entry: Entry) -> None:
        """Add what was read, or compare it with what was read before.

        Raises UsageError where it has changed and that is not accepted, or cannot be.
        """
        before = self._entries.get(words)
        current = {**entry, "read": _now()}
        if before is None:
            if self._trains:
                self._entries[words] = current
                self._write(words, current)
        elif changed := changes(before, entry):
            self._refuse_or_warn(before, entry, changed)
            self._entries[words] = current
            # what a run was only measured on does not become its own
            self._write(
                words, current if self._trains else before, self._acceptance(before, entry, changed)
            )

    def _refuse_or_warn(self, before: Entry, entry: Entry, changed: list[str]) -> None:
        message = f"{entry['name']} has changed since this run read it: {', '.join(changed)}."
        if misfits(before, entry):
            raise UsageError(f"{message} What was learned does not fit it: start a new run.")
        if not self._accept:
            raise UsageError(f"{message} --data-changed goes on with it as it is now.")
        self._warn(f"{message} Going on with it as it is now.")

    def _acceptance(self, before: Entry, entry: Entry, changed: list[str]) -> Entry:
        """Return the record of an accepted change of the data."""
        use = "train" if self._trains else "evaluate"
        sides = {"old": _identity(before), "new": _identity(entry)}
        return {"time": _now(), "to": use, "changes": changed, **sides}

    def _write(self, words: str, entry: Entry, *accepted: Entry) -> None:
        """Put an entry into the file; another process may do the same."""
        if self._folder is None:
            return
        try:
            with _locked(self._folder):
                entries = _read(self._folder)
                acceptances = [*entries.get(words, {}).get("accepted", ()), *accepted]
                entries[words] = {**entry, **({"accepted": acceptances} if acceptances else {})}
                write_atomically(
                    self._folder / DATA, json.dumps(entries, indent=2).encode() + b"\n"
                )
        except OSError as error:
            raise LabError(f"{self._folder / DATA} cannot be written: {error.strerror}") from error


def _identity(entry: Entry) -> dict[str, Any]:
    return {name: entry[name] for name in ("examples", "fingerprint", "digests")}


def _read(folder: Path) -> Entries:
    try:
        entries = json.loads((folder / DATA).read_text(encoding="utf-8"))
        return dict(entries)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError) as error:  # damaged, or no mapping
        raise LabError(
            f"{folder / DATA} cannot be read. It tells whether the data have changed: without the "
            "file they are taken as they are."
        ) from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from writing at the same time. A killed one leaves no lock."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
