"""Check that a run leaves the process, the screen and the disk as it found them."""

from __future__ import annotations

from collections.abc import Iterator

from lab.testing.leaks import Traces
from lab.testing.subject import Subject, expect


def check_nothing_is_printed(subject: Subject) -> None:
    """Training prints nothing: standard output belongs to results, messages to the runner."""
    first = (_traces(subject).output.strip().splitlines() or [""])[0]
    expect(not first, f"Training prints {first[:200]!r}. Use ctx.log, ctx.media or ctx.warn.")


def check_the_process_is_left_as_found(subject: Subject) -> None:
    """Environment variables, working folder, dtype, threads, logging and warnings are put back."""
    for when, traces in _finished_and_failed(subject):
        for name, (before, after) in traces.changed.items():
            expect(False, f"After a run {when}, {name} changed: {_changes(before, after)}.")


def check_nothing_is_leaked(subject: Subject) -> None:
    """No thread, process or open file is left over, after a failure neither."""
    for when, traces in _finished_and_failed(subject):
        expect(
            not traces.leaked,
            f"After a run {when} there is still: {', '.join(traces.leaked[:5])}. Close it in the "
            "end; environments that ctx.make_envs made are closed by the runner.",
        )


def check_files_stay_in_the_run_folder(subject: Subject) -> None:
    """Files are written under ctx.dir, and none to the home, temporary or working folder."""
    files = _traces(subject).files
    expect(
        not files,
        f"A run left {', '.join(files[:5])} in the home, temporary or working folder. Write under "
        "ctx.dir.",
    )


def _traces(subject: Subject) -> Traces:
    """The traces of a run that imported and built nothing for the first time."""
    _ = subject.again
    return subject.traces("again")


def _finished_and_failed(subject: Subject) -> Iterator[tuple[str, Traces]]:
    yield "that finished", _traces(subject)
    yield "that failed", subject.failure


def _changes(before: object, after: object) -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        names = {k for k in {*before, *after} if before.get(k) != after.get(k)}
        return ", ".join(sorted(names))
    if isinstance(before, list) and isinstance(after, list):
        new = [item for item in after if item not in before]
        return f"{len(before)} entries, now {len(after)}; new: {new[:3]}"
    return f"{before} before, {after} now"
