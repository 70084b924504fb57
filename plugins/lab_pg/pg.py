"""Learn a policy by gradients of what it earns: REINFORCE, A2C and PPO.

- REINFORCE: Williams, "Simple statistical gradient-following algorithms for connectionist
  reinforcement learning", Machine Learning 8 (1992), section 4.
- A2C: Mnih et al., "Asynchronous methods for deep reinforcement learning" (2016), algorithm S3,
  with all environments stepped together.
- PPO: Schulman et al., "Proximal policy optimization algorithms" (2017), algorithm 1, equation 7.

All of them play a rollout, estimate advantages, and take gradient steps on the same transitions.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.capabilities import Export
from lab.environments import Rollout, check_rollout, minibatches, next_values
from lab.nn.export import export
from lab.optim import Updater
from lab_pg.advantages import Array, explained_variance, gae
from lab_pg.config import Config
from lab_pg.exported import Exported
from lab_pg.loss import Loss, standardized
from lab_pg.model import ActorCritic
from lab_pg.normalization import ReturnScale
from lab_pg.player import Player
from lab_pg.policy import Policy
from lab_pg.task import Task, describe, make_envs


class PG:
    """Shapes: T steps of N environments, B transitions in a minibatch, D actions taken at once, P
    numbers that describe their distribution."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.algorithm = config.algorithm
        self.task = Task(*ctx.run_constant("task", lambda: tuple(describe(config, ctx))))
        network = ActorCritic(self.task, config.hidden, config.log_std_init, config.baseline)
        self.network = ctx.wrap(network, compile=False)  # it acts on a few observations at a time
        self.policy = Policy(self.task, self.network, ctx, config.normalize_obs)
        self.player = Player(config, ctx, self.policy)
        self.updater = Updater(
            ctx,
            self.network,
            config,
            Loss(config, self.policy.actions),
            weight=lambda batch: batch["learned"].sum(),
            compile=self.algorithm.n_steps is not None,  # whole episodes are of any length
        )
        self.scale = ReturnScale(config.n_envs, config.gamma)
        steps = (self.algorithm.n_steps or 0) * config.n_envs
        check_rollout(
            ctx, config.algo, steps, math.prod(self.task.frame) * self.task.stored.itemsize
        )

    # -- the algorithm

    def step(self) -> int:
        """Play a rollout and learn from it. What observations are standardized by changes after
        that: within a step, old and new policy see the same."""
        rollout = self.play_rollout()
        self.learn(self.batch(rollout))
        if self.config.normalize_obs:
            self.policy.seen.update(rollout["obs"][rollout["live"]])
        return int(rollout["live"].sum())

    def play_rollout(self) -> dict[str, Array]:
        """Act by drawing from the policy for T steps; with REINFORCE, from the first step of an
        episode until each environment has ended one.

        Returns the arrays of `Rollout`. Rows that are not `live` only reset an environment; those
        that are not `learned`, besides these, belong to a further episode that is not whole.
        """
        envs, whole = self.envs, self.algorithm.n_steps is None
        if whole:
            envs.reset()
            self.scale.restart()
        playing, rollout = np.ones(envs.num_envs, bool), Rollout()
        while playing.any() if whole else len(rollout) < (self.algorithm.n_steps or 0):
            row = {"obs": envs.obs}
            if envs.action_mask is not None and self.task.choices:
                row["mask"] = envs.action_mask
            row["action"] = self.policy.act(**row)
            step = envs.step(self.task.as_taken(row["action"]))
            rollout.add(step, **row, learned=step.live & playing)
            done = step.terminated | step.truncated
            self.log_episodes(step, playing[done])
            if whole:
                playing = playing & ~done
        if any("mask" in row for row in rollout.rows):  # where none was given, all is allowed
            everything = np.ones((envs.num_envs, self.policy.actions.outputs), bool)
            rollout.rows = [{"mask": everything, **row} for row in rollout.rows]
        return rollout.arrays()

    def batch(self, rollout: Mapping[str, Array]) -> dict[str, Tensor]:
        """Return what the loss takes of all T N transitions [T N, ...], on the device."""
        reward, done, live = rollout["reward"], rollout["done"], rollout["live"]
        if self.config.normalize_returns:
            reward = self.scale.scale(reward, done, live)
        batch = {
            name: self.policy.flat(rollout[name])
            for name in ("action", "learned", "mask")
            if name in rollout
        }
        batch["obs"] = self.policy.prepare(rollout["obs"]).flatten(0, 1)
        batch["log_prob"], value = self.policy.look_again(batch)
        value, after = value.reshape(reward.shape), np.zeros(len(rollout["successors"]))
        if self.config.baseline:
            after = self.policy.values(rollout["successors"])
        advantage = gae(
            reward,
            value,
            next_values(value, rollout["cut"], after),
            rollout["terminated"],
            done,
            self.config.gamma,
            self.algorithm.gae_lambda,
        )
        target = value + advantage
        for name, values in (("value", value), ("advantage", advantage), ("target", target)):
            batch[name] = self.policy.flat(values.astype(np.float32))
        learned = rollout["learned"]
        explained = explained_variance(value[learned], target[learned])
        if self.config.baseline and explained is not None:
            self.ctx.log("explained_variance", explained)
        return batch

    def learn(self, batch: dict[str, Tensor]) -> None:
        """Take gradient steps on minibatches, in epochs; none follows one whose KL is too large."""
        outputs = list[dict[str, Tensor]]()
        for _ in range(self.algorithm.n_epochs):
            drawn = minibatches(batch, self.algorithm.batch_size, self.ctx.rng)
            epoch = [self.update(minibatch) for minibatch in drawn]
            outputs += epoch
            kl = torch.stack([output["approx_kl"] for output in epoch]).mean()
            if self.config.target_kl is not None and float(kl) > self.config.target_kl:
                break
        for name in outputs[0]:
            self.ctx.log(name, torch.stack([output[name] for output in outputs]).mean())
        self.ctx.log("lr", self.updater.lr)
        if self.network.log_std is not None:
            self.ctx.log("std", self.network.log_std.detach().exp().mean())

    def update(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take one gradient step on a minibatch [B, ...], and return what there is to log."""
        if self.config.normalize_advantages:
            batch = {**batch, "advantage": standardized(batch["advantage"], batch["learned"])}
        weight = torch.tensor(self.entropy_coef(), device=self.ctx.device)
        loss, figures = self.updater({**batch, "entropy_coef": weight})
        return {"loss": loss, **figures}

    def entropy_coef(self) -> float:
        """Return the weight of the entropy: from start to end on a line over the budget."""
        start, end = self.config.entropy_coef, self.config.entropy_coef_end
        return start if end is None else start + (end - start) * self.ctx.progress("entropy")

    @cached_property
    def envs(self) -> lab.Envs:
        """The environments to train in, made on first use: a trained run predicts without them."""
        return make_envs(self.config, self.ctx, self.config.n_envs, train=True)

    def log_episodes(self, step: lab.Step, counted: Array) -> None:
        """Log the episodes that ended in a step; `counted` [E] tells which of them."""
        for value, length in zip(step.returns[counted], step.lengths[counted], strict=True):
            self.ctx.log("return", float(value))
            self.ctx.log("length", int(length))

    # -- using what was learned

    def predict(self, observations: Any, action_mask: Any = None) -> Array:
        """Return the likeliest actions [B, ...], as the environment takes them, for observations
        [B, ...], as it gives them in the wrappers of `--wrap`; of a Dict or Tuple the vectors of
        `gymnasium.spaces.flatten`. `action_mask` [B, P] is True where a discrete action is allowed.
        Raises UsageError for a shape that the network was not trained on."""
        with self.updater.averaged():
            return self.player.predict(observations, action_mask)

    def example(self, number: int) -> Array:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        return self.player.example(number)

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play episodes of the likeliest actions, with what training knows of observations."""
        with self.updater.averaged():
            return self.player.evaluate(split)

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return an episode of the likeliest actions as a clip."""
        with self.updater.averaged():
            return self.player.clip(options)

    def export_command(self, options: Export) -> Path:
        """Write the policy for other software: see `Exported`."""
        with self.updater.averaged():
            return export(Exported(self.policy, self.config.env), options, self.ctx.dir)

    # -- state

    def state_dict(self) -> dict[str, Any]:
        state = self.updater.state_dict()
        state["model"] = {"network": state["model"], "observations": self.policy.seen.state_dict()}
        return {**state, "returns": self.scale.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict({**state, "model": state["model"]["network"]})
        self.policy.seen.load_state_dict(state["model"]["observations"])
        if "returns" not in state:  # best.pt: enough to predict
            return
        self.scale.load_state_dict(state["returns"])
        if not self.envs.exact:  # their episodes restart
            self.scale.restart()
