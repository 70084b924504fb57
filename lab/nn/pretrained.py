"""Read weights to begin with: of a run, of a checkpoint, or of any state dict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lab.errors import UsageError
from lab.storage import store
from lab.storage.store import BEST

Weights = dict[str, Tensor]
DOUBT = "Are they of another architecture, or of another size or width?"


def load_weights(reference: str, runs_dir: Path) -> Weights:
    """Return the tensors by name that a run (folder or name; its best checkpoint), a checkpoint of
    the lab, a `.safetensors` file or a state dict saved by torch holds.

    Nothing is unpickled but tensors and plain data. Raises UsageError where there is no such thing.
    """
    path = Path(reference)
    if path.is_dir() or not path.exists():
        path = _best_of(reference, runs_dir)
    try:
        return _tensors(_read(path), path)
    except UsageError:
        raise
    except Exception as error:  # a broken file breaks its reader in any way
        raise UsageError(f"--init-from {path} cannot be read as weights: {_why(error)}") from error


def copy_weights(module: nn.Module, weights: Weights, except_for: tuple[str, ...] = ()) -> None:
    """Copy weights into the module of the same names and shapes, but for what begins with one of
    `except_for`: there the module keeps its own. Raises UsageError that names what does not fit."""
    taken = {name: w for name, w in weights.items() if not name.startswith(except_for)}
    for name, value in module.state_dict().items():
        if name in taken and taken[name].shape != value.shape:
            there, here = list(taken[name].shape), list(value.shape)
            raise UsageError(f"--init-from: {name} is {there} there and {here} here. {DOUBT}")
    try:
        # by torch's own way in: networks that renamed a layer read the old name there
        lacking, unknown = module.load_state_dict(taken, strict=False)
    except RuntimeError as error:
        raise UsageError(f"--init-from: {str(error).splitlines()[-1].strip()}") from error
    lacking = [name for name in lacking if not name.startswith(except_for)]
    if lacking:
        raise UsageError(f"--init-from: the weights have no {lacking[0]!r}. {DOUBT}")
    if unknown:
        raise UsageError(f"--init-from: the network has no {unknown[0]!r}. {DOUBT}")


def _best_of(reference: str, runs_dir: Path) -> Path:
    run = store.find(reference, runs_dir)
    path = run.dir / "checkpoints" / BEST
    if not path.is_file():
        raise UsageError(f"--init-from: the run {run.dir} has no best checkpoint yet")
    return path


def _read(path: Path) -> object:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def _why(error: Exception) -> str:
    if "weights_only" in str(error):  # torch's advice is to trust the file: it is not for us
        return "it holds more than tensors and plain data, or is damaged"
    return "it is damaged, or no such file"


def _tensors(content: object, path: Path) -> Weights:
    """Return the state dict within a file's content."""
    for key in ("experiment", "model", "state_dict"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if isinstance(content, Mapping) and content:
        tensors = {str(name): value for name, value in content.items() if isinstance(value, Tensor)}
        if len(tensors) == len(content):
            return tensors
    raise UsageError(f"--init-from {path} holds no weights: no tensors by name")
