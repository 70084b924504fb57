"""Check a tracker: how it is made, what it does with a run's events, and that it harms no run."""

from __future__ import annotations

import hashlib
import inspect
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlparse

import lab
from lab.errors import UsageError
from lab.options import Options
from lab.plugins import Plugin, Plugins
from lab.resolve import models_of
from lab.spec import TrackerSpec, import_object
from lab.storage.store import METRICS, Run
from lab.testing import practice
from lab.testing.defaults import mistakes
from lab.testing.leaks import CACHE, Traces, watched
from lab.testing.offered import Offered
from lab.testing.static import expect_described
from lab.testing.subject import Skipped, expect
from lab.tracking.tracker import make

Event = tuple[str, tuple[Any, ...]]

METHODS: Mapping[str, tuple[str, ...]] = {
    "start": ("run",),
    "row": ("row",),
    "media": ("name", "path", "clock"),
    "checkpoint": ("name", "path"),
    "finish": ("summary",),
}
OPTIONAL: Mapping[str, tuple[str, ...]] = {"source": ("name", "description"), "hints": ()}
DESCRIPTION = {"name": "practice", "options": {}, "shape": [1], "fingerprint": "0123456789abcdef"}
SECONDS = 30.0  # in which each event must be dealt with; the runner waits twice as long in the end
FEW_LINES = 3  # in a file with no more of them, nothing tells a record from a summary


@dataclass
class Life:
    """Results of a tracker that follows a run, and then the same run resumed."""

    dir: Path
    before: Mapping[str, str] = field(default_factory=dict)  # the run's own files and their digests
    written: Mapping[Path, list[str]] = field(default_factory=dict)  # in the first part: its lines
    errors: list[str] = field(default_factory=list)
    hangs: str = ""
    url: Any = None
    traces: Traces = field(default_factory=Traces)


class Subject(Offered):
    """A tracker under examination."""

    spec: TrackerSpec
    seconds = SECONDS

    @property
    def path(self) -> str:
        return self.spec.tracker

    @property
    def light(self) -> set[str]:
        return {*super().light, *filter(None, [self.spec.options.partition(":")[0]])}

    @property
    def options(self) -> type[Options]:
        """Its options. Raises Skipped where it has none."""
        if not self.spec.options:
            raise Skipped("it has no options")
        model: type[Options] = import_object(self.spec.options)
        return model

    @property
    def tracker(self) -> type[Any]:
        tracker_class: type[Any] = import_object(self.spec.tracker)
        return tracker_class

    @cached_property
    def run(self) -> Run:
        """A run without trackers."""
        return Run(practice.train(self.folder, "alone")[0].dir)

    @cached_property
    def first(self) -> Life:
        """A life in which things may be imported and made for the first time."""
        return self._live("first")

    @cached_property
    def life(self) -> Life:
        return self.first if self.first.hangs else self._live("again")

    def lasting(self) -> None:
        """Raise Skipped where the tracker hangs: a real run would wait for it."""
        if self.life.hangs:
            raise Skipped(f"it {self.life.hangs}")

    def _live(self, name: str) -> Life:
        run = Run(self.folder / name)
        shutil.copytree(self.run.dir, run.dir)
        life = Life(run.dir, _digests(run.dir))
        with watched(self.folder) as life.traces:
            self._part(life, _events(run, resumed=False))
            life.written = {path: _lines(path) for path in _added(life)}
            if not life.hangs:
                self._part(life, _events(run, resumed=True))
        return life

    def _part(self, life: Life, events: Sequence[Event]) -> None:
        """Hand events to a tracker that is made on a thread of its own, as the runner does."""
        worker = Worker(life, self.spec, events)
        worker.follow(self.seconds)


class Worker:
    """A thread that hands events to a tracker, and is watched for how long each takes."""

    def __init__(self, life: Life, spec: TrackerSpec, events: Sequence[Event]) -> None:
        self._life, self._spec, self._events = life, spec, events
        self._done = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._work, name="tracker-check", daemon=True)

    def follow(self, seconds: float) -> None:
        """Return when all events are dealt with, or one is not within `seconds`."""
        self._thread.start()
        for name in ("the constructor", *(name for name, _ in self._events)):
            if not self._done.acquire(timeout=seconds):
                self._life.hangs = f"hangs in {name}: it does not return within {seconds:g} s"
                return
        self._thread.join()

    def _work(self) -> None:
        tracker: Any = None
        for name, args in [("", ()), *self._events]:
            try:
                if not name:
                    tracker = make(self._spec, defaults(self._spec))
                elif tracker is not None and (name not in OPTIONAL or hasattr(tracker, name)):
                    returned = getattr(tracker, name)(*args)
                    _ = list(returned) if name == "hints" else returned
            except (Exception, SystemExit) as error:
                message = f"{name or 'its constructor'} raises {type(error).__name__}: {error}"
                self._life.errors.append(message)
                tracker = None  # as the runner, which then drops it
            self._life.url = getattr(tracker, "url", self._life.url)
            self._done.release()


def check_it_has_the_methods_of_a_tracker(subject: Subject) -> None:
    """It is made without arguments, or with its options, and has the five methods, which take what
    the runner hands."""
    try:
        tracker = subject.tracker
    except (ImportError, AttributeError) as error:
        expect(False, f"{subject.spec.tracker} cannot be imported: {error}")
    handed = "its options alone" if subject.spec.options else "no arguments"
    expect(
        _takes(tracker, 1 if subject.spec.options else 0),
        f"{subject.spec.tracker} cannot be made with {handed}. start() tells it of the run.",
    )
    for name, words in {**METHODS, **OPTIONAL}.items():
        method = getattr(tracker, name, None)
        if method is None and name in OPTIONAL:
            continue
        expect(callable(method), f"{subject.spec.tracker} has no method {name!r}.")
        expect(
            _takes(method, 1 + len(words)),
            f"{name} does not take what the runner hands it: {name}({', '.join(words)}).",
        )


def check_its_options_are_described(subject: Subject) -> None:
    """Every option has a type, a description, a default and, where it is a number, a range."""
    model = subject.options
    expect(issubclass(model, Options), f"{subject.spec.options} is no lab.Options.")
    expect_described(model)
    bad = mistakes(model)
    expect(not bad, f"A run without a word on it cannot be had: {'; '.join(bad)}.")


def check_its_options_are_its_own(subject: Subject) -> None:
    """No option has the name of one of the runner, an experiment or another tracker."""
    _ = subject.options
    alone = Plugin(subject.name, subject.name, "", trackers=[subject.spec])
    added = [] if subject.plugin else [alone]
    plugins = Plugins([*added, *subject.plugins.all])
    for spec in plugins.experiments():
        try:
            models_of(spec, plugins)
        except UsageError as error:
            expect(False, str(error).splitlines()[0])


def check_it_takes_all_of_a_run(subject: Subject) -> None:
    """No event of a run makes it raise: start, source, row, media, checkpoint, finish."""
    errors = [*subject.first.errors, *subject.life.errors]
    expect(not errors, f"{(errors or [''])[0]} Its part ends there, and the rest of a run is lost.")


def check_it_answers_in_time(subject: Subject) -> None:
    """Each event is dealt with in time: the end of a run waits for it no longer than a minute."""
    expect(not subject.life.hangs, f"The tracker {subject.life.hangs}.")


def check_a_resumed_run_is_continued(subject: Subject) -> None:
    """What it wrote of a run stays when the run is resumed, and nothing is written twice."""
    subject.lasting()
    for path, lines in subject.life.written.items():
        if len(lines) <= FEW_LINES:
            continue
        now = Counter(_lines(path)) if path.is_file() else Counter()
        kept = [line for line in lines if now[line]]
        expect(
            2 * len(kept) >= len(lines),
            f"{path.name} begins anew when a run is resumed, and what it held is lost. Where "
            "run.resumed, continue the record of run.id.",
        )
        twice = [line for line, times in Counter(lines).items() if times == 1 < now[line]]
        expect(
            2 * len(twice) < len(lines),
            f"{path.name} holds lines twice when a run is resumed: a tracker gets no row again.",
        )


def check_the_runs_own_files_are_left_alone(subject: Subject) -> None:
    """It changes and removes nothing that the lab wrote to the run folder."""
    now = _digests(subject.life.dir)
    changed = [name for name, digest in subject.life.before.items() if now.get(name) != digest]
    expect(not changed, f"It changed {', '.join(changed)} in the run folder, which is the lab's.")


def check_files_stay_where_it_says(subject: Subject) -> None:
    """It writes under run.dir, to the user's cache, or where its `url` says."""
    stray = [
        path
        for path in subject.life.traces.files
        if path.split("/")[0] != CACHE and not _is_at_url(path, subject.life.url)
    ]
    expect(
        not stray,
        f"It left {', '.join(stray[:5])} in the home, temporary or working folder. Write under "
        "run.dir, or say where: the attribute `url` is the address of the record.",
    )


def check_nothing_is_printed(subject: Subject) -> None:
    """It prints nothing: standard output belongs to results, and the screen to the runner."""
    output = subject.first.traces.output + subject.life.traces.output
    first = (output.strip().splitlines() or [""])[0]
    expect(not first, f"It prints {first[:200]!r}.")


def check_nothing_is_leaked(subject: Subject) -> None:
    """After finish no thread, process or open file is left over."""
    subject.lasting()
    leaked = subject.life.traces.leaked
    expect(not leaked, f"After finish there is still: {', '.join(leaked[:5])}.")


def check_the_process_is_left_as_found(subject: Subject) -> None:
    """Environment variables, working folder, dtype, threads and logging stay as they were."""
    changed = ", ".join(subject.life.traces.changed)
    expect(not changed, f"It changed what is everybody's: {changed}.")


def check_a_run_learns_the_same(subject: Subject) -> None:
    """A run that it follows has the same metrics as one that nobody follows."""
    subject.lasting()
    result, messages = practice.train(subject.folder, "followed", [subject.spec])
    expect(not messages, f"A run that it follows says: {(messages or [''])[0]}")
    expect(
        _metrics(result.dir) == _metrics(subject.run.dir),
        "A run that it follows has other metrics than one that nobody follows. It draws from "
        "global generators, or sets them: take one of its own, random.Random().",
    )
    _, messages = practice.resume(result.dir, [subject.spec])
    expect(not messages, f"The run, resumed, says: {(messages or [''])[0]}")


def check_its_failure_harms_no_run(subject: Subject) -> None:
    """Where it fails, in any event, the run ends as ever and with the same metrics."""
    subject.lasting()
    for event in METHODS:
        with _failing(subject, event) as spec:
            result, messages = practice.train(subject.folder, f"failing in {event}", [spec])
        expect(result.state == "finished", f"A failure in {event} left the run {result.state}.")
        expect(
            len(messages) == 1, f"A failure in {event} was said {len(messages)} times: {messages}"
        )
        expect(
            _metrics(result.dir) == _metrics(subject.run.dir),
            f"A run in which {event} failed has other metrics than one that nobody follows.",
        )


def check_it_holds_up_no_exit(subject: Subject) -> None:
    """A record that is never finished, of a run that crashed, leaves no thread that lives on."""
    subject.lasting()
    run = Run(subject.folder / "crashed")
    shutil.copytree(subject.run.dir, run.dir)
    before, life = set(threading.enumerate()), Life(run.dir)
    events = [event for event in _events(run, resumed=False) if event[0] in ("start", "row")]
    with watched(subject.folder):
        Worker(life, subject.spec, events).follow(subject.seconds)
    left = [t.name for t in set(threading.enumerate()) - before if not t.daemon]
    expect(
        not left,
        f"A crashed run leaves the thread {', '.join(left)}, for which python waits forever: make "
        "it a daemon.",
    )


def defaults(spec: TrackerSpec) -> Options | None:
    """Return a tracker's options as they are by default; None where it has none."""
    options: Options | None = spec.load_options()() if spec.options else None
    return options


def _takes(function: Any, count: int) -> bool:
    """Tell whether a function can be called with so many arguments by position."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except ValueError:  # a builtin that does not tell
        return True
    return True


def _events(run: Run, resumed: bool) -> list[Event]:
    """Return what a tracker is told of a run: of its first half, or of its second, resumed."""
    rows = run.metrics()
    half = len(rows) // 2
    seen = sorted((run.dir / "media").glob("*"))
    state = "finished" if resumed else "interrupted"
    return [
        ("start", (_info(run, resumed),)),
        ("source", ("practice", dict(DESCRIPTION))),
        *(("row", (row,)) for row in (rows[half:] if resumed else rows[:half])),
        *(("media", (path.stem, path, 10)) for path in ([] if resumed else seen)),
        *(("checkpoint", (n, run.dir / "checkpoints" / f"{n}.pt")) for n in ("best", "last")),
        ("finish", ({**run.summary, "state": state},)),
        ("hints", ()),
    ]


def _info(run: Run, resumed: bool) -> lab.RunInfo:
    return lab.RunInfo(
        id="0123456789ab",
        name=run.name,
        dir=run.dir,
        experiment="practice",
        target="practice",
        group="practice",
        seed=0,
        config={"experiment": "practice", "lr": 0.1},
        clock="samples",
        objective=("eval/error", "min"),
        tags=("check",),
        resumed=resumed,
    )


def _files(dir: Path) -> Iterator[Path]:
    """Yield the files below a folder; a link to what is new is no record."""
    return (p for p in sorted(dir.rglob("*")) if p.is_file() and not p.is_symlink())


def _digests(dir: Path) -> dict[str, str]:
    return {
        str(path.relative_to(dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in _files(dir)
    }


def _added(life: Life) -> list[Path]:
    """Return the files that the tracker wrote to the run folder."""
    files = list(_files(life.dir))
    return [path for path in files if str(path.relative_to(life.dir)) not in life.before]


def _lines(path: Path) -> list[str]:
    """Return the lines of a text; none of what is no text."""
    try:
        return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        return []


def _is_at_url(path: str, url: Any) -> bool:
    """Tell whether a file, relative to the tracker's folder, is where `url` leads to."""
    address = urlparse(url if isinstance(url, str) else "")
    return address.scheme in ("", "file") and Path(path).parts[0] in Path(address.path).parts


def _metrics(dir: Path) -> list[dict[str, float]]:
    rows = Run(dir).metrics()
    expect(bool(rows), f"{METRICS} of a run that it follows is empty.")
    return [{k: v for k, v in row.items() if not k.startswith("perf/")} for row in rows]


@contextmanager
def _failing(subject: Subject, event: str) -> Iterator[TrackerSpec]:
    """Yield the spec of the same tracker, but for one event that it fails in."""

    def fail(self: Any, *args: Any) -> None:
        raise RuntimeError("made to fail by the check")

    module = ModuleType("lab_check_failing")
    failing = type("Failing", (subject.tracker,), {event: fail})
    module.Failing = failing  # type: ignore[attr-defined]
    sys.modules[module.__name__] = module
    try:
        yield TrackerSpec("failing", f"{module.__name__}:Failing", subject.spec.options)
    finally:
        del sys.modules[module.__name__]
