"""Check a source: that its data are what it says, the same each time, and can be learned from."""

from __future__ import annotations

import hashlib
import inspect
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

import numpy as np
import torch

from lab.compute.rng import untouched
from lab.data import sources, splits
from lab.data.data import Data
from lab.data.dataset import Dataset, Task, checked
from lab.data.options import DataOptions
from lab.errors import LabError, NotInstalled
from lab.options import Options, build
from lab.plugins import Plugin, Plugins
from lab.spec import SourceSpec, import_object
from lab.testing.digest import digest_of
from lab.testing.leaks import CACHE, Traces, watched
from lab.testing.limits import SECONDS
from lab.testing.offered import Offered
from lab.testing.static import LONGEST_SUMMARY, expect_described
from lab.testing.subject import CheckFailed, Skipped, expect

DTYPES: Mapping[str, tuple[str, str]] = {  # numpy's kinds of numbers, and how they are called
    "image": ("uint8", "uint8 [N, C, H, W]"),
    "video": ("uint8", "uint8 [N, T, C, H, W]"),
    "table": ("f", "float [N, F]"),
    "sequence": ("f", "float [N, T, F]"),
    "series": ("f", "float [N, F]"),
}


@dataclass(frozen=True)
class Again:
    """A second time that a source was loaded."""

    digest: str
    moved: list[str]  # global generators
    traces: Traces


class Subject(Offered):
    """A source under examination, with the options that it has by default."""

    spec: SourceSpec

    @property
    def path(self) -> str:
        return self.spec.load

    @property
    def light(self) -> set[str]:
        return {*super().light, *filter(None, [self.spec.options.partition(":")[0]])}

    @cached_property
    def argument(self) -> str:
        """What follows the name: an example that the source itself writes.

        Raises Skipped where it has none.
        """
        if not self.spec.argument:
            return ""
        if not self.spec.example:
            raise Skipped(
                f"it reads a {self.spec.argument}, and its spec names no example: "
                'example="module:function", which writes one into a folder and returns the argument'
            )
        folder = self.folder / "example"
        folder.mkdir()
        return str(import_object(self.spec.example)(folder))

    @property
    def words(self) -> str:
        """What `--data` gets."""
        return f"{self.spec.name}:{self.argument}" if self.spec.argument else self.spec.name

    @property
    def dataset(self) -> Dataset:
        """The data, loaded for the first time. Raises Broken where that fails, Skipped where they
        are in a package that is not installed."""
        if isinstance(self._loaded, NotInstalled):
            raise Skipped(str(self._loaded)) from self._loaded
        return self._loaded

    @cached_property
    def _loaded(self) -> Dataset | NotInstalled:
        try:
            with untouched(), watched(self.folder):  # which puts back what it changes
                return sources.load(self.spec, self.argument, {})
        except NotInstalled as missing:
            return missing
        except LabError as error:
            raise CheckFailed(f"With its own defaults it does not load: {error}") from error

    @cached_property
    def again(self) -> Again:
        """What came of loading it once more, from other states of the global generators."""
        _ = self.dataset
        with untouched():
            random.seed(12)
            np.random.seed(34)  # noqa: NPY002  third-party code may draw from it
            torch.manual_seed(56)
            before = _generators()
            with watched(self.folder) as traces:
                dataset = sources.load(self.spec, self.argument, {})
            moved = [name for name, state in _generators().items() if state != before[name]]
        return Again(digest_of(dataset), moved, traces)

    @property
    def model(self) -> type[Options]:
        """Its options. Raises Skipped where it has none."""
        if not self.spec.options:
            raise Skipped("it has no options")
        model: type[Options] = import_object(self.spec.options)
        return model


def check_spec_is_complete(subject: Subject) -> None:
    """The spec has a summary of one line, a task, and a function that takes its options."""
    spec = subject.spec
    expect(bool(spec.summary) and "\n" not in spec.summary, "The summary is not one line.")
    expect(
        len(spec.summary) <= LONGEST_SUMMARY,
        f"The summary has {len(spec.summary)} characters; listings show {LONGEST_SUMMARY}.",
    )
    fields = subject.model.model_fields if spec.options else {}
    tasks = ("", *get_args(Task)) if "task" in fields else get_args(Task)
    expect(
        spec.task in tasks,
        f"The task {spec.task!r} is none of {', '.join(filter(None, tasks))}. It is empty where an "
        "option `task` says it.",
    )
    arguments = [spec.argument] if spec.argument else []
    try:
        inspect.signature(import_object(spec.load)).bind(*arguments, **dict.fromkeys(fields))
    except TypeError as error:
        takes = ", ".join([*arguments, *fields]) or "nothing"
        raise CheckFailed(f"{spec.load} does not take {takes}: {error}") from error


def check_options_are_described(subject: Subject) -> None:
    """Every option has a type, a description, a default and, where it is a number, a range."""
    model = subject.model
    expect(issubclass(model, Options), f"{subject.spec.options} is no lab.Options.")
    expect_described(model)
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    expect(
        not needed or bool(subject.spec.argument),
        f"The option {', '.join(needed)} has no default: `--data {subject.spec.name}` alone fails.",
    )


def check_data_are_consistent(subject: Subject) -> None:
    """Shapes, number types, targets, classes and the task fit each other."""
    dataset = subject.dataset
    try:
        checked(dataset, subject.spec.name)
    except LabError as error:
        raise CheckFailed(str(error)) from error
    if dataset.kind in DTYPES:
        expected, shape = DTYPES[dataset.kind]
        dtype = np.dtype(dataset.inputs.dtype)
        expect(
            expected in (dtype.name, dtype.kind),
            f"The inputs are a {dataset.kind} of {dtype.name}; such are {shape}.",
        )
    task = sources.task_of(subject.words, {}, {subject.spec.name: subject.spec})
    expect(
        dataset.task == task,
        f"The spec says that it is to {task}, but the data are to {dataset.task}: class numbers "
        "go with the names of the classes, tokens with a target vocabulary, values stand without, "
        "and what is to lm, to forecast or none has no targets.",
    )


def check_every_class_has_examples(subject: Subject) -> None:
    """Each class is named once and there are examples of it."""
    dataset = subject.dataset
    if not dataset.classes or dataset.targets is None:
        raise Skipped("it has no classes")
    expect(len(set(dataset.classes)) == len(dataset.classes), "Two classes have the same name.")
    present = {int(number) for number in np.unique(dataset.targets)}
    absent = [name for number, name in enumerate(dataset.classes) if number not in present]
    expect(not absent, f"There is no example of the class {', '.join(absent[:5])}.")


def check_data_can_be_split(subject: Subject) -> None:
    """There are enough examples for train, eval and test, for each of the five folds."""
    for fold in range(1 if subject.dataset.stream else splits.FOLDS):
        try:
            splits.split(subject.dataset, subject.spec.name, fold)
        except LabError as error:
            raise CheckFailed(str(error)) from error


def check_the_same_data_twice(subject: Subject) -> None:
    """The same options give the same data, to the bit, whatever the global generators hold."""
    expect(
        subject.again.digest == digest_of(subject.dataset),
        "Loaded twice, the data differ. Draw from a generator of your own, seeded by an option.",
    )


def check_the_same_data_in_another_process(subject: Subject) -> None:
    """Another process, which hashes words in another way, loads the same data."""
    plugin, spec = subject.plugin, subject.spec
    if plugin is None or plugin.is_file:
        raise Skipped("a file is no module of another process")
    expected = digest_of(subject.dataset)
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from lab.data.sources import load\nfrom lab.spec import SourceSpec\n"
        "from lab.testing.digest import digest_of\n"
        f"spec = SourceSpec({spec.name!r}, 'x', {spec.load!r}, {spec.options!r}, "
        f"{spec.argument!r}, {spec.task!r})\n"
        f"print(digest_of(load(spec, {subject.argument!r}, {{}})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=SECONDS, check=False
    )
    last = (done.stderr.strip().splitlines() or [""])[-1]
    expect(done.returncode == 0, f"In another process it does not load: {last}")
    expect(
        done.stdout.strip() == expected,
        "In another process the data differ. The order of a set of words is another one there, and "
        "so is that of a folder's files: sort them.",
    )


def check_randomness_is_its_own(subject: Subject) -> None:
    """Loading moves none of the global generators of python, numpy and torch."""
    expect(
        not subject.again.moved,
        f"Loading draws from, or seeds, the global generator of {', '.join(subject.again.moved)}. "
        "Take one of your own: np.random.default_rng(seed).",
    )


def check_nothing_is_printed(subject: Subject) -> None:
    """Loading prints nothing: standard output belongs to results."""
    first = (subject.again.traces.output.strip().splitlines() or [""])[0]
    expect(not first, f"Loading prints {first[:200]!r}.")


def check_files_stay_in_the_cache(subject: Subject) -> None:
    """Loading writes to the user's cache, if at all: to XDG_CACHE_HOME, or ~/.cache."""
    stray = [path for path in subject.again.traces.files if path.split("/")[0] != CACHE]
    expect(
        not stray,
        f"Loading left {', '.join(stray[:5])} in the home, temporary or working folder. Keep what "
        "is downloaded under XDG_CACHE_HOME.",
    )


def check_the_process_is_left_as_found(subject: Subject) -> None:
    """Environment variables, working folder, dtype, threads and logging stay as they were, and no
    thread or file is left over."""
    changed = ", ".join(subject.again.traces.changed)
    expect(not changed, f"Loading changed what is everybody's: {changed}.")
    leaked = ", ".join(subject.again.traces.leaked[:5])
    expect(not leaked, f"After loading there is still: {leaked}.")


def check_something_learns_from_it(subject: Subject) -> None:
    """A batch, as families get it, has a finite loss and gradient in a linear layer."""
    if subject.dataset.kind == "text":
        raise Skipped("texts are numbers only once they are tokens")
    options = build(DataOptions, {"data": subject.words})
    cpu, offered = torch.device("cpu"), _with(subject).sources()
    try:
        with untouched():
            data = Data(options, offered, cpu, 0, _compute, _pass_over, _pass_over)
            batch = data.batches().next()
            inputs = data.info.prepare_inputs(batch["inputs"]).flatten(1).float()
            layer = torch.nn.Linear(inputs.shape[1], 1)
            loss = layer(inputs).square().mean()
            loss.backward()
    except LabError as error:
        raise CheckFailed(f"No run can read it: {error}") from error
    assert layer.weight.grad is not None
    finite = bool(torch.isfinite(loss)) and bool(torch.isfinite(layer.weight.grad).all())
    expect(
        finite,
        "A linear layer's loss or gradient of it is not finite: its numbers are too large, or no "
        "numbers, once they are standardized.",
    )


def _compute(name: str, compute: Callable[[], Any]) -> Any:
    return compute()


def _pass_over(*arguments: Any) -> None:
    """Ignore what a run would be told."""


def _with(subject: Subject) -> Plugins:
    """Return the plugins, the source under examination before any other of its name."""
    offer = Plugin("examined", "examined", "", sources=[subject.spec])
    return Plugins([offer, *subject.plugins.all])


def _generators() -> dict[str, str]:
    states = {
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
        "torch": torch.get_rng_state().tolist(),
    }
    return {
        name: hashlib.blake2b(repr(state).encode()).hexdigest() for name, state in states.items()
    }
