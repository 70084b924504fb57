"""A context that nobody runs, and one thread as the runner has it: a conftest imports them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from shared_fixtures import threads

from lab.compute.device import Compute
from lab.engine.context import Context

__all__ = ["ctx", "make_ctx", "seeded", "threads"]


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
