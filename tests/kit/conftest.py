"""Lend a context that nobody runs, and one thread as the runner has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from lab.context import Context
from lab.device import Compute


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@pytest.fixture
def make_ctx(tmp_path: Path) -> Callable[..., Context]:
    def make(precision: str = "fp32", compiled: bool = False, budget: int = 1_000) -> Context:
        compute = Compute(torch.device("cpu"), precision, compiled)
        return Context(seed=0, budget=budget, dir=tmp_path, compute=compute)

    return make


@pytest.fixture
def ctx(make_ctx: Callable[..., Context]) -> Context:
    return make_ctx()
