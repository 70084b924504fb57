"""Make of a Q-network a model that stands alone: observations in, Q-values out."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lab import DatasetInfo
from lab.nn.standalone import BATCH, Standalone
from lab_dqn.model import QNetwork


class Exported(Standalone):
    """Observations [B, ...] as the environment gives them, in its wrappers -> Q-values [B, A]: the
    best action is the largest, and the environment's own counting begins at `classes`.

    q: makes Q-values [B, A] of the network's outputs.
    """

    def __init__(self, network: QNetwork, env: str, q: Callable[[Tensor], Tensor]) -> None:
        task = network.task
        names = tuple(str(task.first_action + number) for number in range(task.actions))
        info = DatasetInfo(
            name=env,
            kind="observation",
            task="regress",
            shape=task.shape,
            classes=names,
            outputs=task.actions,
            mean=(),
            std=(),
        )
        super().__init__(network, info, "values", answer=q)
        self.task = task

    def forward(self, inputs: Tensor) -> Tensor:
        obs = inputs - self.task.first_state if self.task.first_state else inputs
        return self.answer(self.net(obs.unsqueeze(1) if self.task.stack == 1 else obs))

    def examples(self) -> dict[str, Tensor]:
        generator, shape = torch.Generator().manual_seed(0), (BATCH, *self.task.shape)
        if self.task.kind == "vector":
            return {"inputs": torch.randn(shape, generator=generator)}
        values = self.task.states or self.task.white + 1
        drawn = self.task.first_state + torch.randint(values, shape, generator=generator)
        return {"inputs": drawn.to(self.task.torch_dtype)}
