"""Choose where and how tensors compute: device, precision, compilation, threads, determinism."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from lab.compute.process_env import environment
from lab.errors import UsageError

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}
CUBLAS = "CUBLAS_WORKSPACE_CONFIG"
REPEATABLE = (":4096:8", ":16:8")  # the values with which cuBLAS repeats itself


def available() -> list[str]:
    """Return the names of the devices of this machine, best first."""
    cuda = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return [*cuda, *mps, "cpu"]


def resolve(name: str) -> torch.device:
    """Return the device of that name; "auto" is the best there is.

    Raises UsageError where the machine has no such device.
    """
    devices = available()
    if name == "auto":
        return torch.device(devices[0])
    device = "cuda:0" if name == "cuda" else name
    if device not in devices:
        raise UsageError(f"there is no device {name!r} here. There is: {', '.join(devices)}")
    return torch.device(device)


@dataclass
class Compute:
    """What the runner decided about computing, and the verbs that an experiment uses."""

    device: torch.device
    precision: str = "fp32"
    compiled: bool = False
    modules: list[nn.Module] = field(default_factory=list)

    def __post_init__(self) -> None:
        enabled = self.precision == "fp16" and self.device.type == "cuda"
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=enabled)

    def wrap(self, module: nn.Module, compile: bool = True) -> nn.Module:
        """Move a module to the device, compile it in place if the run and `compile` say so, and
        watch its modes."""
        module.to(self.device)
        if self.compiled and compile:
            module.compile()
        self.modules.append(module)
        return module

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which forward passes run in the chosen precision."""
        if self.precision == "fp32":
            return nullcontext()
        return torch.autocast(self.device.type, dtype=DTYPES[self.precision])

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Put wrapped modules in eval mode with gradients off, and every mode back after."""
        modes = [(m, m.training) for module in self.modules for m in module.modules()]
        for module in self.modules:
            module.eval()
        try:
            with torch.no_grad():
                yield
        finally:
            for module, training in modes:
                module.training = training


@contextmanager
def configured(threads: int, deterministic: bool) -> Iterator[None]:
    """Set torch's process-wide switches for a run and put them back after it.

    Denormal numbers count as zero: the moments that Adam keeps for dead units decay into them, and
    its step on a network of 67,000 parameters then takes ten times as long.
    """
    before, determinism = torch.get_num_threads(), _determinism()
    flushed = _flushes_denormals()
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    if deterministic:
        torch.use_deterministic_algorithms(True)
    try:
        with environment(_cublas(deterministic)):
            yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(flushed)
        if _determinism() != determinism:  # setting it takes a second: it imports torch's compiler
            torch.use_deterministic_algorithms(determinism[0], warn_only=determinism[1])


def _cublas(deterministic: bool) -> dict[str, str]:
    """Return what cuBLAS must find in the environment.

    Of any run, not of deterministic ones alone: torch looks at it once in the life of a process,
    at the first product of matrices, and refuses determinism from then on where it was not there.
    """
    workspace = os.environ.get(CUBLAS)
    if workspace is None or (deterministic and workspace not in REPEATABLE):
        return {CUBLAS: REPEATABLE[0]}
    return {}


def _determinism() -> tuple[bool, bool]:
    enabled = torch.are_deterministic_algorithms_enabled()
    return enabled, torch.is_deterministic_algorithms_warn_only_enabled()


def _flushes_denormals() -> bool:
    smallest_normal = torch.finfo(torch.float32).tiny
    return float(torch.tensor(smallest_normal) / 2) == 0.0
