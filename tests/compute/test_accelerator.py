"""Training steps neither mix devices nor wait for theirs.

No accelerator is needed to see it: tensors on "meta" have no values, so whatever reads one fails,
and so does whatever brings one together with a tensor of the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
import torch

from lab.compute import device
from lab.compute.device import Compute
from lab.compute.rng import Randomness
from lab.engine import context
from lab.engine.context import Context
from lab.plugins import discover
from lab.resolve import resolve

CPU = torch.device("cpu")


@contextmanager
def reading(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let values be read, as any number: the first step looks at the data once."""
    with monkeypatch.context() as patch:
        patch.setattr(torch, "equal", lambda a, b: False)
        patch.setattr(torch.Tensor, "__float__", lambda tensor: 0.5)
        yield


@pytest.mark.parametrize(
    "family",
    ["mlp", "cnn", "capsnet", "rnn", "seq2seq", "transformer", "gan", "diffusion", "ae", "dbn"],
)
def test_a_step_stays_on_its_device(family: str, tmp_path: Path, monkeypatch) -> None:
    # "meta" has no generators of its own
    monkeypatch.setattr(context, "Randomness", lambda seed, place: Randomness(seed, CPU))
    plugins = discover()
    spec = plugins.experiment(family)
    resolved = resolve(spec, {}, preset="tiny")
    ctx = Context(
        seed=0,
        budget=int(resolved.run.budget or 0),
        dir=tmp_path / "run",
        compute=Compute(torch.device("meta")),
        sources=plugins.sources(),
        task=resolved.task,
    )
    with closing(ctx), device.configured(1, False):
        experiment = spec.load_experiment()(resolved.config, ctx)
        with reading(monkeypatch):
            ctx.clock += experiment.step()
        for _ in range(3):
            ctx.clock += experiment.step()
        model = experiment.state_dict()["model"]
    assert ctx.clock > 0
    assert any(value.is_meta for value in _tensors(model))


def _tensors(state) -> Iterator[torch.Tensor]:
    if isinstance(state, torch.Tensor):
        yield state
    for part in state.values() if hasattr(state, "values") and not torch.is_tensor(state) else ():
        yield from _tensors(part)
