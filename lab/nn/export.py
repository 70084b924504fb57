"""Write a trained network for other software, and check that it still answers the same."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lab.capabilities import Export
from lab.data.dataset_info import DatasetInfo
from lab.errors import LabError, UsageError
from lab.messages import describe
from lab.nn.eager import as_written

SUFFIXES = {"safetensors": ".safetensors", "torchexport": ".pt2", "onnx": ".onnx"}
BATCH = 3  # not 1, so that an example cannot be taken for the only size
TOLERANCE = 1e-4


def export(module: nn.Module, info: DatasetInfo, options: Export, folder: Path) -> Path:
    """Write `module`, which takes prepared inputs [B, ...], and return the path.

    What was written is read back and run on random inputs. Raises LabError where it cannot be
    written or does not give the same, UsageError where a library is missing.
    """
    path = options.out or folder / f"model{SUFFIXES[options.to]}"
    module = copy.deepcopy(module).cpu().eval()  # the experiment keeps its own where it is
    inputs = torch.randn(BATCH, *info.shape, generator=torch.Generator().manual_seed(0))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with torch.no_grad(), as_written(module), _quiet():
            expected = module(inputs)
            outputs = WRITERS[options.to](module, inputs, path)
    except LabError:
        raise
    except Exception as error:  # a user's own network may fail in any way
        raise LabError(f"{path} cannot be written as {options.to}: {describe(error)}") from error
    worst = float((outputs - expected).abs().max() / expected.abs().max().clamp(min=1))
    if not worst <= TOLERANCE:
        raise LabError(f"{path} does not give the same outputs: they differ by {worst:.2g}")
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what torch prints of its progress: standard output belongs to the path."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        yield


def _safetensors(module: nn.Module, inputs: Tensor, path: Path) -> Tensor:
    from safetensors.torch import load_file, save_file

    # clones, as tied weights are not written under two names
    state = {name: value.clone().contiguous() for name, value in module.state_dict().items()}
    save_file(state, path)
    module.load_state_dict(load_file(path))
    answer: Tensor = module(inputs)
    return answer


def _torchexport(module: nn.Module, inputs: Tensor, path: Path) -> Tensor:
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(module, (inputs,), dynamic_shapes=({0: batch},))
    torch.export.save(program, path)
    answer: Tensor = torch.export.load(path).module()(inputs)
    return answer


def _onnx(module: nn.Module, inputs: Tensor, path: Path) -> Tensor:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401  what torch writes ONNX with
    except ImportError as error:
        raise UsageError(
            "ONNX needs onnxscript and onnxruntime: pip install 'rl-gen-lab[export]'"
        ) from error
    batch = torch.export.Dim("batch", min=1)
    torch.onnx.export(
        module,
        (inputs,),
        path,
        input_names=["inputs"],
        output_names=["outputs"],
        dynamic_shapes=({0: batch},),
        dynamo=True,
        external_data=False,
    )
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"inputs": inputs.numpy()})
    return torch.from_numpy(answer)


WRITERS: dict[str, Callable[[Any, Tensor, Path], Tensor]] = {
    "safetensors": _safetensors,
    "torchexport": _torchexport,
    "onnx": _onnx,
}
