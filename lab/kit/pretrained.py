"""Read weights to begin with: of a run, of a checkpoint, or of anybody's state dict."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from lab import store
from lab.errors import UsageError
from lab.store import BEST

Weights = dict[str, Tensor]


def load_weights(reference: str, runs_dir: Path) -> Weights:
    """Return the tensors by name that a run (folder or name; its best checkpoint), a checkpoint of
    the lab, a `.safetensors` file or a state dict saved by torch holds.

    Nothing is unpickled but tensors. Raises UsageError where there is no such thing.
    """
    path = Path(reference)
    if path.is_dir() or not path.exists():
        path = store.find(reference, runs_dir).dir / "checkpoints" / BEST
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        weights: Weights = load_file(path)
        return weights
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise UsageError(f"--init-from {path} cannot be read as weights") from error
    return _tensors(found, path)


def _tensors(found: object, path: Path) -> Weights:
    """Return the state dict within what a file holds."""
    for key in ("experiment", "model", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if isinstance(found, Mapping) and found:
        tensors = {str(name): value for name, value in found.items() if isinstance(value, Tensor)}
        if len(tensors) == len(found):
            return tensors
    raise UsageError(f"--init-from {path} holds no weights: no tensors by name")


def copy_weights(module: nn.Module, weights: Weights, except_for: tuple[str, ...] = ()) -> None:
    """Copy weights into the module of the same names and shapes, but for what begins with one of
    `except_for`, which keeps its own. Raises UsageError that names what does not fit."""
    own = module.state_dict()
    for name, value in own.items():
        if except_for and name.startswith(except_for):
            continue
        if name not in weights:
            raise UsageError(f"--init-from: the weights have no {name!r}: another architecture?")
        if weights[name].shape != value.shape:
            there, here = list(weights[name].shape), list(value.shape)
            raise UsageError(f"--init-from: {name} is {there} there and {here} here")
    kept = {n: w for n, w in weights.items() if n in own}
    if except_for:
        kept = {n: w for n, w in kept.items() if not n.startswith(except_for)}
    module.load_state_dict({**own, **kept})
