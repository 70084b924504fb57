"""Make of a policy a model that stands alone: observations in, probabilities or actions out."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lab import DatasetInfo
from lab.nn.standalone import BATCH, Standalone
from lab_pg.normalization import FARTHEST
from lab_pg.policy import Policy


class Exported(Standalone):
    """Observations [B, ...] as the environment gives them, in its wrappers -> probabilities [B, P]
    of discrete actions, one choice's alternatives after another's; or continuous actions [B, ...]
    as the environment takes them, within its bounds.

    Standardizing is part of the model. An action mask is not: of what it allows, the likeliest.
    """

    def __init__(self, policy: Policy, env: str) -> None:
        task = policy.task
        super().__init__(
            policy.network, _info(policy, env), "probabilities" if task.choices else "values"
        )
        self.task, self.normalize = task, policy.normalize
        self.mean, self.std = map(torch.as_tensor, (policy.seen.mean, policy.seen.std))
        self.stored = torch.from_numpy(np.empty(0, task.stored)).dtype
        self.first = torch.tensor(task.first_state).to(self.stored)

    def forward(self, inputs: Tensor) -> Tensor:
        obs = inputs - self.first
        if self.normalize:
            standard = (obs.double() - self.mean) / self.std
            obs = standard.clamp(-FARTHEST, FARTHEST).float()
        outputs: Tensor = self.net.policy(obs)  # type: ignore[operator]
        if self.task.choices:
            return torch.cat([part.softmax(1) for part in outputs.split(self.task.choices, 1)], 1)
        low, high = torch.tensor(self.task.low), torch.tensor(self.task.high)
        return outputs[:, : len(low)].clamp(low, high).reshape(-1, *self.task.shape)

    def examples(self) -> dict[str, Tensor]:
        generator, shape = torch.Generator().manual_seed(0), (BATCH, *self.task.frame)
        if self.task.kind == "vector":
            drawn = self.mean + self.std * torch.randn(shape, generator=generator)
        else:
            values = self.task.states or self.task.white + 1
            drawn = self.first + torch.randint(values, shape, generator=generator)
        return {"inputs": drawn.to(self.stored)}


def _info(policy: Policy, env: str) -> DatasetInfo:
    """Return what stands beside the model in its file; of several choices no names."""
    task, one = policy.task, len(policy.task.choices) == 1
    classes = (str(n + task.first_action) for n in range(task.choices[0])) if one else ()
    seen = policy.seen if policy.normalize else None
    return DatasetInfo(
        name=env,
        kind="observation",
        task="classify" if task.choices else "regress",
        shape=task.frame,
        classes=tuple(classes),
        outputs=sum(task.choices) or len(task.low),
        mean=() if seen is None else tuple(seen.mean.ravel().tolist()),
        std=() if seen is None else tuple(seen.std.ravel().tolist()),
    )
