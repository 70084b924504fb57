"""Learn Q-values from what was just played: no replay, no target network.

PQN: Gallici et al., "Simplifying deep temporal difference learning" (2024), algorithm 1. Many
environments are stepped together, LayerNorm keeps Q-learning stable, and targets are
lambda-returns: of section 4, after Peng and Williams, "Incremental multi-step Q-learning" (1994).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.environments import Rollout, check_rollout, minibatches, next_values
from lab.optim import Updater
from lab_dqn.acting import Array, make_q
from lab_dqn.agent import Agent
from lab_dqn.exported import Exported
from lab_dqn.model import QNetwork
from lab_dqn.pqn_config import Config
from lab_dqn.returns import Mean

ROWS_AT_ONCE = 1_024  # observations in one pass over a rollout


class PQN(Agent):
    """Shapes: T steps of N environments, B transitions of a minibatch, A actions, stacks of k
    frames."""

    config: Config

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        network = QNetwork(self.task, config.hidden, layer_norm=config.layer_norm)
        self.network = ctx.wrap(network, compile=False)  # it acts on a few observations at a time
        outputs = make_q(self.network, Mean("mse"), ctx.device)
        self.q = lambda obs: outputs(obs) / config.reward_scale
        self.updater = Updater(
            ctx, self.network, config, self.loss, weight=lambda batch: batch["live"].sum()
        )
        frame = math.prod(self.task.frame) * self.task.stack * self.task.torch_dtype.itemsize
        check_rollout(ctx, "PQN", config.n_steps * config.n_envs, frame)

    # -- the algorithm

    def step(self) -> int:
        """Play a rollout and learn from it, and from nothing else."""
        rollout = self.play_rollout()
        self.learn(self.batch(rollout))
        return int(rollout["live"].sum())

    def play_rollout(self) -> dict[str, Array]:
        """Act epsilon-greedily for T steps; return the arrays [T, N, ...] of `Rollout`."""
        rollout, epsilon = Rollout(), self.epsilon(self.ctx.clock)
        self.exploration.draw_ahead(self.ctx.rng, self.config.n_steps)
        while len(rollout) < self.config.n_steps:
            obs = self.envs.obs
            action = self.act(obs, epsilon)
            step = self.envs.step(action)
            rollout.add(self.as_learned(step), obs=obs, action=action)
            self.exploration.end(step.terminated | step.truncated)
            self.log_episodes(step)
        self.ctx.log("epsilon", epsilon)
        return rollout.arrays()

    def batch(self, rollout: Mapping[str, Array]) -> dict[str, Tensor]:
        """Return all T N transitions [T N, ...] on the device, with what Q(s, a) is to become:
        targets of the network that played, which stay as they are while it learns."""
        obs = self.task.prepare(np.concatenate(rollout["obs"]), self.ctx.device)
        highest = self.highest(obs).reshape(rollout["reward"].shape)
        after = self.highest(self.task.prepare(rollout["successors"], self.ctx.device))
        target = lambda_returns(
            rollout["reward"],
            next_values(highest, rollout["cut"], after),
            rollout["terminated"],
            rollout["done"],
            self.config.gamma,
            self.config.q_lambda,
        )
        columns = {
            "action": rollout["action"],
            "target": target.astype(np.float32),
            "live": rollout["live"],
        }
        flat = {name: torch.from_numpy(values.ravel()) for name, values in columns.items()}
        return {"obs": obs, **{name: values.to(obs.device) for name, values in flat.items()}}

    def learn(self, batch: dict[str, Tensor]) -> None:
        """Take gradient steps on minibatches, in epochs."""
        outputs = [
            self.updater(minibatch)
            for _ in range(self.config.n_epochs)
            for minibatch in minibatches(batch, self.config.batch_size, self.ctx.rng)
        ]
        losses, figures = zip(*outputs, strict=True)
        self.ctx.log("loss", torch.stack(losses).mean())
        for name in figures[0]:
            self.ctx.log(name, torch.stack([figure[name] for figure in figures]).mean())
        self.ctx.log("lr", self.updater.lr)

    def loss(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return half the mean squared error of Q(s, a) in the network's unit, and figures. Rows
        that are not `live` only reset an environment, and count for nothing."""
        outputs, scale = network(batch["obs"]).float(), self.config.reward_scale
        q = outputs.gather(1, batch["action"][:, None])[:, 0]
        error = torch.where(batch["live"], scale * batch["target"] - q, 0.0)
        number = batch["live"].sum().clamp(min=1)
        figures = {
            "td_error": error.abs().sum() / (scale * number),
            "q_mean": torch.where(batch["live"], q, 0.0).sum() / (scale * number),
        }
        detached = {name: figure.detach() for name, figure in figures.items()}
        return 0.5 * error.square().sum() / number, detached

    # -- values

    @torch.no_grad()
    def highest(self, obs: Tensor) -> Array:
        """Return max_a Q(s, a) [B] of observations [B, k, ...] on the device."""
        with self.ctx.autocast():
            parts = [self.network(part).amax(1) for part in obs.split(ROWS_AT_ONCE)]
        highest: Array = torch.cat(parts).double().cpu().numpy()
        return highest / self.config.reward_scale

    def exported(self) -> Exported:
        scale = self.config.reward_scale
        return Exported(self.network, self.config.env, lambda outputs: outputs / scale)

    def averaged(self) -> AbstractContextManager[None]:
        return self.updater.averaged()

    # -- state

    def state_dict(self) -> dict[str, Any]:
        return {**self.updater.state_dict(), **self.acting_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        if "optimizer" in state:  # best.pt: enough to predict
            self.load_acting_state(state)


def lambda_returns(
    reward: Array,
    next_value: Array,
    terminated: Array,
    done: Array,
    gamma: float,
    lambda_: float,
) -> Array:
    """Return lambda-returns [T, N] of T steps in N environments, each argument [T, N].

    R_t = r_t + gamma (lambda R_{t+1} + (1 - lambda) max_a Q(s_{t+1}, a))

    next_value: max_a Q of the true successor: where an episode was cut, of its last observation.
    terminated: nothing follows, so that R_t = r_t.
    done: the episode ended, by itself or cut: what comes after is another one, and R_t is the
        one-step target, as at the last row.
    """
    one_step = reward + gamma * np.where(terminated, 0.0, next_value)
    returns = one_step.copy()
    for t in reversed(range(len(reward) - 1)):
        further = gamma * lambda_ * (returns[t + 1] - next_value[t])
        returns[t] += np.where(done[t], 0.0, further)
    return returns
