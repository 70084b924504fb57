"""Write a model for other software, and check that it still answers the same."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lab.capabilities import Export
from lab.errors import LabError, UsageError
from lab.messages import describe
from lab.nn.companions import READ, check_place, write_companions
from lab.nn.eager import as_written
from lab.nn.standalone import Standalone, metadata
from lab.outputs import check_folder

SUFFIXES = {"onnx": ".onnx", "torchexport": ".pt2", "safetensors": ".safetensors"}
Arguments = Mapping[str, Tensor]  # of a model, by name: [B, ...]
TOLERANCE = 1e-5  # of the largest answer, or of 1


def export(model: Standalone, options: Export, folder: Path) -> Path:
    """Write a model, and return the path; beside ONNX of one input that a file can hold, a
    script that uses it, and an example.

    What was written is read back and run on random inputs. Raises LabError where it cannot be
    written or does not give the same, UsageError where a library or the folder is missing.
    """
    path = _destination(options, folder)
    model = model.on_cpu()
    arguments = model.examples()
    accompanied = options.to == "onnx" and len(arguments) == 1 and model.info.kind in READ
    if accompanied:
        check_place(path)
    try:
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as place:
            written = Path(place) / path.name  # it takes its place when it was found right
            with torch.no_grad(), as_written(model), _quiet():
                expected = model(*arguments.values())
                answers = WRITERS[options.to](model, arguments, written)
            _compare(answers, expected, path)
            written.replace(path)
    except LabError:
        raise
    except Exception as error:  # a user's own network may fail in any way
        raise LabError(f"{path} cannot be written as {options.to}: {describe(error)}") from error
    if accompanied:
        write_companions(path, model.info)
    return path


def _destination(options: Export, folder: Path) -> Path:
    suffix = SUFFIXES[options.to]
    path = options.out or folder / f"model{suffix}"
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder: name a file in it, {path / f'model{suffix}'}")
    check_folder("--out", path)
    named = {known: to for to, known in SUFFIXES.items()}.get(path.suffix)
    if named is not None and named != options.to:
        raise UsageError(f"--out {path} is a name for {named}: say --to {named}, or *{suffix}")
    return path


def _compare(answers: Tensor, expected: Tensor, path: Path) -> None:
    difference = (answers.double() - expected.double()).abs().max()
    worst = float(difference / expected.abs().max().clamp(min=1))
    if not worst <= TOLERANCE:
        raise LabError(f"{path} does not give the same outputs: they differ by {worst:.2g}")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torch says of its progress and of its own future: standard output belongs to
    the path, and nobody here can act on it."""
    disabled = logging.root.manager.disable
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(disabled)


def _safetensors(model: Standalone, arguments: Arguments, path: Path) -> Tensor:
    """Write the network's weights, which take prepared inputs."""
    from safetensors.torch import load_file, save_file

    # clones, as tied weights are not written under two names
    state = {name: value.clone().contiguous() for name, value in model.net.state_dict().items()}
    save_file(state, path, metadata(model))
    model.net.load_state_dict(load_file(path))
    answers: Tensor = model(*arguments.values())
    return answers


def _torchexport(model: Standalone, arguments: Arguments, path: Path) -> Tensor:
    batch, inputs = torch.export.Dim("batch", min=1), tuple(arguments.values())
    program = torch.export.export(model, inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
    torch.export.save(program, path, extra_files=metadata(model))
    answers: Tensor = torch.export.load(path).module()(*inputs)
    return answers


def _onnx(model: Standalone, arguments: Arguments, path: Path) -> Tensor:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  what torch writes ONNX with
    except ImportError as error:
        raise UsageError(
            "ONNX needs onnxscript and onnxruntime: pip install 'rl-gen-lab[export]', or say "
            "--to torchexport"
        ) from error
    batch = torch.export.Dim("batch", min=1)
    program: Any = torch.onnx.export(
        model,
        tuple(arguments.values()),
        input_names=list(arguments),
        output_names=[model.meaning],
        dynamic_shapes=tuple({0: batch} for _ in arguments),
        dynamo=True,
    )
    facts: Mapping[str, str] = metadata(model)
    program.model.metadata_props.update(facts)
    program.save(path, external_data=False)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {name: value.numpy() for name, value in arguments.items()})
    return torch.from_numpy(answers)


WRITERS: dict[str, Callable[[Standalone, Arguments, Path], Tensor]] = {
    "onnx": _onnx,
    "torchexport": _torchexport,
    "safetensors": _safetensors,
}
