"""Fixtures: data of a source that exists in the test alone."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from shared_fixtures import threads

from lab.data.data import Data
from lab.data.dataset import Dataset
from lab.data.options import DataOptions
from lab.spec import SourceSpec

__all__ = ["threads"]


@dataclass
class SourceData:
    """Data, with the warnings and the records of them."""

    data: Data
    facts: dict[str, Any] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)
    recorded: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture
def load_data(monkeypatch: pytest.MonkeyPatch) -> Callable[..., SourceData]:
    """`load_data(dataset, seed=0, facts=None, fold=1, ...)`: the dataset as a source,
    with these options."""

    names: list[str] = []

    def make(
        source: Any,
        seed: int = 0,
        facts: Any = None,
        record: Any = None,
        options: type[DataOptions] = DataOptions,
        **request: Any,
    ) -> SourceData:
        name = f"stand_in_{len(names)}"
        names.append(name)
        module = ModuleType(name)
        module.load = source if callable(source) else lambda: source  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
        spec = SourceSpec("stand-in", "A stand-in", load=f"{name}:load")
        loaded = SourceData(None, {} if facts is None else facts)  # type: ignore[arg-type]

        def run_constant(name: str, compute: Callable[[], Any]) -> Any:
            if name not in loaded.facts:
                loaded.facts[name] = compute()
            return loaded.facts[name]

        loaded.data = Data(
            options(data="stand-in", **request),
            {"stand-in": spec},
            torch.device("cpu"),
            seed,
            run_constant,
            loaded.warned.append,
            lambda name, description: loaded.recorded.append(dict(description)),
            record,
        )
        return loaded

    return make


class Lazy:
    """A column that counts what is read of it."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.read = values, 0
        self.shape, self.dtype = values.shape, values.dtype

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> np.ndarray:
        self.read += len(np.arange(len(self))[index])
        return self.values[index]


@pytest.fixture
def lazy() -> type[Lazy]:
    return Lazy


@pytest.fixture
def blobs() -> Dataset:
    """Three classes of 40, 60 and 100 distinct points."""
    rng = np.random.default_rng(0)
    targets = np.repeat([0, 1, 2], [40, 60, 100])
    points = rng.normal(size=(200, 4)).astype(np.float32) + targets[:, None]
    return Dataset(points, targets, ("a", "b", "c"), features=("p", "q", "r", "s"))
