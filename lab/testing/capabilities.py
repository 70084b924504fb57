"""Check that an experiment's capabilities beyond training work, and return what they should."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from lab.errors import LabError
from lab.messages import describe
from lab.storage import media
from lab.testing.compare import difference
from lab.testing.evaluating import everything
from lab.testing.subject import Skipped, Subject, expect
from lab.testing.uses import EXAMPLES, use

MANY = 9  # samples, compared with a single one
Use = Callable[..., tuple[Any, Any]]  # capability, options -> the options in full, its result


def check_predictions_are_batched(subject: Subject) -> None:
    """predict(example(n)) has n rows, finite, and each row depends on its own input alone."""
    with _predicting(subject) as experiment:
        inputs = experiment.example(EXAMPLES)
        batched, alone = (np.asarray(experiment.predict(x)) for x in (inputs, inputs[:1]))
    expect(
        batched.shape[:1] == (EXAMPLES,) and alone.shape == (1, *batched.shape[1:]),
        f"predict gives {batched.shape} for {EXAMPLES} inputs and {alone.shape} for one: the first "
        "axis must be that of the inputs.",
    )
    expect(bool(np.isfinite(batched).all()), "predict gives numbers that are not finite.")
    expect(
        bool(np.allclose(batched[:1], alone, rtol=1e-4, atol=1e-5)),
        "predict gives an input another answer when it is in a batch with others.",
    )


def check_predictions_are_arrays(subject: Subject) -> None:
    """predict takes an array, a tensor and lists alike, of texts an array and lists, and returns a
    numpy array."""
    import torch

    with _predicting(subject) as experiment:
        inputs = np.asarray(experiment.example(EXAMPLES))
        forms = {"an array": inputs, "lists": inputs.tolist()}
        if inputs.dtype.kind != "U":
            forms["a tensor"] = torch.from_numpy(inputs)
        predictions = {}
        for form, values in forms.items():
            try:
                predictions[form] = experiment.predict(values)
            except Exception as error:  # of the plugin: it may fail in any way
                expect(False, f"predict does not take {form}: {describe(error)}")
    for form, answer in predictions.items():
        expect(
            isinstance(answer, np.ndarray),
            f"predict returns a {type(answer).__name__} for {form}: it is a numpy array.",
        )
        expect(
            bool(np.allclose(answer, predictions["an array"], rtol=1e-4, atol=1e-5)),
            f"predict answers {form} otherwise than an array of the same numbers.",
        )


def check_samples_are_arrays(subject: Subject) -> None:
    """sample(n=...) returns a numpy array [n, ...] of finite numbers, or a list of n texts."""
    if not hasattr(subject.experiment_class, "sample"):
        raise Skipped("the experiment draws no samples for Python")
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.05)
        for module in ctx.compute.modules:
            module.eval()
        learner: Any = experiment
        for number in (1, MANY):
            try:
                drawn = learner.sample(n=number)
            except LabError as error:
                raise Skipped(f"not possible here: {error}") from error
            if _are_texts(drawn) and len(drawn) == number:
                continue
            expect(
                isinstance(drawn, np.ndarray) and drawn.shape[:1] == (number,),
                f"sample(n={number}) returns {_shape(drawn)}: it is a numpy array [{number}, ...], "
                "or a list of texts.",
            )
            expect(bool(np.isfinite(drawn).all()), "sample draws numbers that are not finite.")


def _are_texts(drawn: Any) -> bool:
    return isinstance(drawn, list) and all(isinstance(text, str) for text in drawn)


def _shape(value: Any) -> str:
    return f"a {type(value).__name__} {getattr(value, 'shape', '')}".rstrip()


@contextmanager
def _predicting(subject: Subject) -> Iterator[Any]:
    """Yield an experiment that has learned a little, in eval mode. Raises Skipped where it does not
    predict."""
    methods = subject.experiment_class
    if not hasattr(methods, "predict"):
        raise Skipped("the experiment does not predict")
    expect(
        hasattr(methods, "example"),
        "The experiment has predict but no example(n), which returns n inputs that predict takes.",
    )
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.05)
        for module in ctx.compute.modules:
            module.eval()
        yield experiment


def check_capabilities_return_media(subject: Subject) -> None:
    """Each capability returns a picture, a figure, a Clip, a text or the path of the file that it
    wrote, predict rows of plain data; and it changes nothing."""
    if not subject.spec.capabilities:
        raise Skipped("the spec declares no capability")
    impossible = []
    with subject.experiment() as (experiment, ctx):
        subject.train_for(experiment, ctx, fraction=0.05)
        for name in subject.spec.capabilities:
            before = everything(experiment, ctx)
            with tempfile.TemporaryDirectory(dir=subject.folder) as folder:
                try:
                    _show(use(subject, experiment, ctx, name, Path(folder))[1], name, Path(folder))
                except LabError as error:
                    impossible.append(f"{name} is not possible here: {error}")
            change = difference(before, everything(experiment, ctx), "experiment")
            expect(change is None, f"{name} changes what training goes on with ({change}).")
    if len(impossible) == len(subject.spec.capabilities):
        raise Skipped("; ".join(impossible))


def check_predict_answers_each_input(subject: Subject) -> None:
    """The capability predict gives a row for each input, by its own words, with something of it."""
    with _able(subject, "predict") as call:
        options, rows = call()
    words = getattr(options, "inputs", ())
    expect(
        isinstance(rows, list) and all(isinstance(row, Mapping) for row in rows),
        f"predict returned a {type(rows).__name__}: it is a list of a mapping for each input.",
    )
    inputs = [row.get("input") for row in rows]
    expect(
        inputs == list(words),
        f"predict answers {len(rows)} inputs for {len(words)}, and names them {inputs[:2]}: each "
        "row has its 'input', as it was given, in that order.",
    )
    for row in rows:
        answers = [value for name, value in row.items() if name != "input"]
        expect(bool(answers), f"predict says nothing of the input {row['input']!r}.")
        expect(all(map(_is_finite, answers)), f"predict says {answers}: no finite numbers.")


def check_sample_draws_as_many_as_asked(subject: Subject) -> None:
    """The capability sample draws as many as its option n says."""
    with _able(subject, "sample") as call:
        (options, single), (_, many) = call(n=1), call(n=MANY)
    if not hasattr(options, "n"):
        raise Skipped("its options have no n")
    for number, content in ((1, single), (MANY, many)):
        if isinstance(content, media.Table):
            expect(len(content.rows) == number, f"sample --n {number} has {len(content.rows)} rows")
    if isinstance(single, np.ndarray):
        expect(
            many.size > single.size,
            f"sample --n {MANY} shows no more than --n 1: pictures of {many.shape} and "
            f"{single.shape}",
        )


def check_play_shows_an_episode(subject: Subject) -> None:
    """The capability play shows something; a Clip has frames of one size, and a speed."""
    with _able(subject, "play") as call:
        _, content = call()
    if isinstance(content, media.Clip):
        shapes = {np.asarray(frame).shape for frame in content.frames}
        expect(bool(shapes), "play returned a Clip without a frame.")
        expect(len(shapes) == 1, f"play returned a Clip of frames of several sizes: {shapes}.")
        expect(content.fps > 0, f"play returned a Clip of {content.fps} frames a second.")
    expect(not isinstance(content, str) or bool(content.strip()), "play returned an empty text.")


def check_export_can_be_loaded(subject: Subject) -> None:
    """The capability export writes a file where it was asked to, and that file loads."""
    with _able(subject, "export") as call:
        options, path = call()
        expect(
            isinstance(path, Path) and path.is_file() and path.stat().st_size > 0,
            f"export returned {path!r}: it is the path of the file that it wrote.",
        )
        requested = [value for value in dict(options).values() if isinstance(value, Path)]
        expect(
            not requested or path.with_suffix("") in [out.with_suffix("") for out in requested],
            f"export wrote {path}, and was asked for {', '.join(map(str, requested))}.",
        )
        try:
            _load(path)
        except Exception as error:  # of any library
            expect(False, f"What export wrote, {path.name}, does not load: {error}")


@contextmanager
def _able(subject: Subject, name: str) -> Iterator[Use]:
    """Yield a function that calls a capability of a trained experiment. Raises Skipped where there
    is none."""
    if name not in subject.spec.capabilities:
        raise Skipped(f"the spec declares no {name}")
    with (
        subject.experiment() as (experiment, ctx),
        tempfile.TemporaryDirectory(dir=subject.folder) as folder,
    ):
        subject.train_for(experiment, ctx, fraction=0.05)

        def call(**values: Any) -> tuple[Any, Any]:
            try:
                return use(subject, experiment, ctx, name, Path(folder), **values)
            except LabError as error:
                raise Skipped(f"not possible here: {error}") from error

        yield call


def _show(content: Any, name: str, folder: Path) -> None:
    """Write what a capability returned."""
    if name == "predict" or (isinstance(content, Path) and content.is_file()):
        return
    try:
        media.write(folder / "shown", content)
    except (TypeError, ValueError) as error:
        expect(False, f"What {name} returns cannot be shown: {error}")


def _load(path: Path) -> None:
    """Load a file as its suffix says. Raises where that fails."""
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        load_file(path)
    elif path.suffix == ".pt2":
        import torch

        torch.export.load(path)
    elif path.suffix in (".pt", ".pth"):
        import torch

        torch.load(path, weights_only=True, map_location="cpu")
    elif path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        expect(bad is None, f"{bad} in it is damaged")


def _is_finite(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(map(_is_finite, value.values()))
    if isinstance(value, list | tuple):
        return all(map(_is_finite, value))
    return not isinstance(value, float) or bool(np.isfinite(value))
