"""Act by a network, and look at what was done: distributions, probabilities and values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab import Context, LabError
from lab_pg.acting import make_outputs
from lab_pg.actions import FORBIDDEN, forbid
from lab_pg.advantages import Array
from lab_pg.normalization import Moments
from lab_pg.task import Task

ROWS_AT_ONCE = 1_024  # observations in one pass over a rollout


class Policy:
    """What a network says of observations [B, ...] as the environment gives them.

    Masks [B, P] are True where an action is allowed. `seen` is what observations are standardized
    by, if they are; it changes when the experiment says so, and never by looking.
    """

    def __init__(self, task: Task, network: Any, ctx: Context, normalize: bool) -> None:
        self.task, self.network, self.ctx, self.normalize = task, network, ctx, normalize
        self.actions = task.actions()
        self.seen = Moments(task.frame)
        self.outputs_of = make_outputs(network, ctx)

    def act(self, obs: Array, mask: Array | None = None) -> Array:
        """Draw actions [B, D]."""
        return self.actions.sample(self.outputs(obs, mask), self.ctx.rng)

    def best(self, obs: Array, mask: Array | None = None) -> Array:
        """Return the likeliest actions [B, ...], as the environment takes them."""
        return self.task.as_taken(self.actions.mode(self.outputs(obs, mask)))

    def outputs(self, obs: Array, mask: Array | None = None) -> Array:
        """Return the numbers of the actions' distribution [B, P]. Raises LabError for a mask of
        another shape; continuous actions have none."""
        outputs = self.outputs_of(self.standardized(obs))
        if mask is None or not self.task.choices:
            return outputs
        if mask.shape != outputs.shape:
            raise LabError(
                f"an action_mask of shape {mask.shape[1:]} does not fit the {outputs.shape[1]} "
                "alternatives that there are: it has one entry for each"
            )
        return np.where(mask, outputs, np.float32(FORBIDDEN))

    @torch.no_grad()
    def values(self, obs: Array) -> Array:
        """Return values [B]."""
        with self.ctx.autocast():
            parts = [self.network(part)[1] for part in self.prepare(obs).split(ROWS_AT_ONCE)]
        values: Array = torch.cat(parts).double().cpu().numpy()
        return values

    @torch.no_grad()
    def look_again(self, batch: Mapping[str, Tensor]) -> tuple[Tensor, Array]:
        """Return log probabilities [B] of the actions of a batch, whose observations are prepared,
        and values [B]: 0 without a critic."""
        with self.ctx.autocast():
            seen = [self.network(obs) for obs in batch["obs"].split(ROWS_AT_ONCE)]
        outputs = torch.cat([outputs for outputs, _ in seen])
        if "mask" in batch:
            outputs = forbid(outputs, batch["mask"])
        log_prob, _ = self.actions.log_prob_and_entropy(outputs, batch["action"])
        values = [np.zeros(len(o)) if v is None else v.double().cpu().numpy() for o, v in seen]
        return log_prob, np.concatenate(values)

    def standardized(self, obs: Array) -> Array:
        """Return observations [..., *frame] as the network takes them."""
        if self.normalize:
            obs = self.seen.standardize(obs)
        return np.asarray(obs, self.task.stored)

    def prepare(self, obs: Array) -> Tensor:
        """Return observations [..., *frame] as the network takes them, on the device."""
        return self.to_device(self.standardized(obs))

    def to_device(self, values: Array) -> Tensor:
        return torch.from_numpy(values).to(self.ctx.device)

    def flat(self, values: Array) -> Tensor:
        """Return [T, N, ...] as [T N, ...] on the device."""
        return self.to_device(values).flatten(0, 1)
