"""Own all random generators: seed, save and restore them in place, and scope an evaluation's."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def derive_seed(seed: int, *path: str | int) -> int:
    """Return a seed of its own for the purpose that `path` names."""
    words = [zlib.crc32(str(part).encode()) for part in path]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0] >> 1)


class Randomness:
    """The global generators of python, numpy and torch, and two that experiments draw from."""

    def __init__(self, seed: int, device: torch.device) -> None:
        self.numpy = np.random.default_rng()
        self.torch = torch.Generator(device)
        self.device = device
        self.seed(seed)

    def seed(self, seed: int) -> None:
        """Seed every generator in place."""
        random.seed(derive_seed(seed, "python"))
        np.random.seed(derive_seed(seed, "numpy"))  # noqa: NPY002  third-party code may draw from it
        torch.manual_seed(derive_seed(seed, "torch"))
        fresh = np.random.default_rng(derive_seed(seed, "generator"))
        self.numpy.bit_generator.state = fresh.bit_generator.state
        self.torch.manual_seed(derive_seed(seed, "torch generator"))

    def state_dict(self) -> dict[str, Any]:
        """Return all states as tensors and plain data."""
        state = {
            "python": random.getstate(),
            "numpy": to_plain(np.random.get_state(legacy=False)),  # noqa: NPY002
            "torch": torch.get_rng_state(),
            "generator": to_plain(self.numpy.bit_generator.state),
            "torch generator": self.torch.get_state(),
        }
        if self.device.type == "cuda":
            state["cuda"] = torch.cuda.get_rng_state(self.device)
        elif self.device.type == "mps":
            state["mps"] = torch.mps.get_rng_state()
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Put all states back. Where they were saved on a device of another kind, whose generators
        have other states, this device's begin at a seed that follows from the saved ones."""
        random.setstate(state["python"])
        np.random.set_state(from_plain(state["numpy"]))  # noqa: NPY002
        if self.device.type not in ("cpu", *state):
            torch.manual_seed(_seed_of(state["torch"]))  # the device's own global one, too
        torch.set_rng_state(state["torch"].cpu())
        self.numpy.bit_generator.state = from_plain(state["generator"])
        self._go_on(state["torch generator"].cpu())
        if self.device.type == "cuda" and "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"].cpu(), self.device)
        elif self.device.type == "mps" and "mps" in state:
            torch.mps.set_rng_state(state["mps"].cpu())

    def _go_on(self, saved: torch.Tensor) -> None:
        if len(saved) == len(self.torch.get_state()):
            self.torch.set_state(saved)
        else:
            self.torch.manual_seed(_seed_of(saved))

    @contextmanager
    def scoped(self, seed: int) -> Iterator[None]:
        """Seed everything with `seed` for a while, then put all states back."""
        state = self.state_dict()
        self.seed(seed)
        try:
            yield
        finally:
            self.load_state_dict(state)


@contextmanager
def untouched() -> Iterator[None]:
    """Put python's, numpy's and torch's global generators back as they were, whatever happens."""
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    initialized = torch.cuda.is_initialized()
    cuda = torch.cuda.get_rng_state_all() if initialized else []
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])
        if cuda:
            torch.cuda.set_rng_state_all(cuda)


def _seed_of(state: torch.Tensor) -> int:
    return zlib.crc32(state.cpu().numpy().tobytes())


def to_plain(value: Any) -> Any:
    """Turn numpy arrays into tensors and numpy scalars into numbers, as `weights_only` wants."""
    if isinstance(value, np.ndarray):
        if value.dtype == object:
            raise TypeError("an array of objects is no plain data")
        return torch.from_numpy(value.copy())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: to_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(to_plain(item) for item in value)
    return value


def from_plain(value: Any) -> Any:
    """Turn the tensors of `plain` back into numpy arrays."""
    if isinstance(value, torch.Tensor):
        return value.cpu().numpy().copy()
    if isinstance(value, Mapping):
        return {key: from_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(from_plain(item) for item in value)
    return value
