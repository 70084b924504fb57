"""Say what a task offers the experiment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn

import lab
from lab.capabilities import Export, PredictAny
from lab_transformer.config import Config


class Task(Protocol):
    """Data, network, loss and figures of one shape of task; the experiment has the loop.

    `model` is the network of `network`, as it went through `ctx.wrap`.
    """

    def __init__(self, config: Config, ctx: lab.Context) -> None: ...

    @property
    def asked(self) -> type[lab.Options]:
        """The options of `lab predict` that it takes."""

    @property
    def answers(self) -> str:
        """What it answers by, for a message."""

    @property
    def info(self) -> lab.DatasetInfo: ...

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        """Return a network for such data, with its initial weights."""

    def next(self) -> lab.Batch: ...

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]: ...

    def weight(self, batch: lab.Batch) -> Tensor: ...

    def log(self, loss: Tensor, extra: Any) -> None: ...

    def stop_early(self, experiment: Any, moved: int) -> bool: ...

    def measure(self, model: Any, split: str) -> dict[str, float]: ...

    def draw(self, model: Any) -> None: ...

    def predict(self, model: Any, inputs: Any) -> Any: ...

    def example(self, number: int) -> Any: ...

    def predict_command(self, model: Any, options: PredictAny) -> list[dict[str, Any]]: ...

    def export(self, model: Any, options: Export) -> Path: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: Mapping[str, Any]) -> None: ...
