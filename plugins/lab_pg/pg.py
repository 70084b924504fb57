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
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.environments.masks import Masked
from lab.optim import Updater
from lab_pg.actions import forbid
from lab_pg.advantages import Array, explained_variance, gae
from lab_pg.config import Config
from lab_pg.model import ActorCritic
from lab_pg.normalization import ReturnScale
from lab_pg.policy import Policy
from lab_pg.task import Task, describe, env_args, wrappers

SMALLEST_STD = 1e-8  # that advantages are divided by


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
        self.updater = Updater(
            ctx,
            self.network,
            config,
            self.loss,
            weight=lambda batch: batch["learned"].sum(),
            compile=self.algorithm.n_steps is not None,  # whole episodes are of any length
        )
        self.scale = ReturnScale(config.n_envs, config.gamma)
        self.check_rollouts()

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

        Returns arrays [T, N, ...]. Rows that are not `live` only reset an environment; those that
        are not `learned`, besides these, belong to a further episode that is not whole. `cut`
        marks transitions that bootstrap, and whose true successor is not the next row: those
        stand in `successors`, one after another.
        """
        envs, whole = self.envs, self.algorithm.n_steps is None
        if whole:
            envs.reset()
            self.scale.restart()
        playing = np.ones(envs.num_envs, bool)
        steps, successors = list[dict[str, Array]](), list[Array]()
        while playing.any() if whole else len(steps) < (self.algorithm.n_steps or 0):
            row = {"obs": envs.obs}
            if envs.action_mask is not None and self.task.choices:
                row["mask"] = envs.action_mask
            row["action"] = self.policy.act(**row)
            step = envs.step(self.task.as_taken(row["action"]))
            done = step.terminated | step.truncated
            row |= {
                "reward": step.reward.astype(np.float64),
                "terminated": step.terminated,
                "done": done,
                "live": step.live,
                "learned": step.live & playing,
                "cut": step.truncated & ~step.terminated,
            }
            steps.append(row)
            successors.append(step.next_obs[row["cut"]])
            self.log_episodes(step, playing[done])
            if whole:
                playing = playing & ~done
        steps[-1]["cut"] = ~steps[-1]["terminated"]
        successors[-1] = step.next_obs[steps[-1]["cut"]]
        if any("mask" in row for row in steps):  # where none was given, everything is allowed
            everything = np.ones((envs.num_envs, self.policy.actions.outputs), bool)
            steps = [{"mask": everything, **row} for row in steps]
        rollout = {name: np.stack([row[name] for row in steps]) for name in steps[0]}
        return {**rollout, "successors": np.concatenate(successors)}

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
        value = value.reshape(reward.shape)
        advantage = gae(
            reward,
            value,
            self.next_values(value, rollout),
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

    def next_values(self, value: Array, rollout: Mapping[str, Array]) -> Array:
        """Return the values [T, N] of true successors: those of the next row, but where an episode
        was cut, and at the rollout's end. Terminated ones are not looked at."""
        following = np.concatenate([value[1:], np.zeros_like(value[:1])])
        if self.config.baseline:
            following[rollout["cut"]] = self.policy.values(rollout["successors"])
        return following

    def learn(self, batch: dict[str, Tensor]) -> None:
        """Take gradient steps on minibatches, in epochs; none follows one whose KL is too large."""
        outputs = list[dict[str, Tensor]]()
        for _ in range(self.algorithm.n_epochs):
            epoch = [self.update(minibatch) for minibatch in self.minibatches(batch)]
            outputs += epoch
            kl = torch.stack([output["approx_kl"] for output in epoch]).mean()
            if self.config.target_kl is not None and float(kl) > self.config.target_kl:
                break
        for name in outputs[0]:
            self.ctx.log(name, torch.stack([output[name] for output in outputs]).mean())
        self.ctx.log("lr", self.updater.lr)
        if self.network.log_std is not None:
            self.ctx.log("std", self.network.log_std.detach().exp().mean())

    def minibatches(self, batch: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
        """Yield all transitions once: in minibatches drawn anew, or at once."""
        number = len(batch["action"])
        if self.algorithm.batch_size is None or self.algorithm.batch_size >= number:
            yield batch
            return
        order = torch.from_numpy(self.ctx.rng.permutation(number)).to(self.ctx.device)
        for rows in order.split(self.algorithm.batch_size):
            yield {name: values[rows] for name, values in batch.items()}

    def update(self, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        """Take one gradient step on a minibatch [B, ...], and return what there is to log."""
        if self.config.normalize_advantages:
            batch = {**batch, "advantage": standardized(batch["advantage"], batch["learned"])}
        weight = torch.tensor(self.entropy_coef(), device=self.ctx.device)
        loss, figures = self.updater({**batch, "entropy_coef": weight})
        return {"loss": loss, **figures}

    def loss(self, network: Any, batch: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss, and figures of its parts.

        With r the ratio of the probabilities of an action, now and when it was taken, the policy's
        part is -min(r A, clip(r) A) of PPO, and -log pi A elsewhere.
        """
        outputs, value = network(batch["obs"])
        if "mask" in batch:
            outputs = forbid(outputs, batch["mask"])
        learned, advantage = batch["learned"], batch["advantage"]
        log_prob = self.policy.actions.log_prob(outputs, batch["action"])
        log_ratio = log_prob - batch["log_prob"]
        ratio, clip = log_ratio.exp(), self.algorithm.clip_range
        if clip is None:
            gain = log_prob * advantage
        else:
            gain = torch.min(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)
        policy_loss = -mean(gain, learned)
        entropy = mean(self.policy.actions.entropy(outputs), learned)
        loss = policy_loss - batch["entropy_coef"] * entropy
        figures = {
            "policy_loss": policy_loss,
            "entropy": entropy,
            "approx_kl": mean(ratio - 1 - log_ratio, learned),  # Schulman's k3
        }
        if clip is not None:
            figures["clip_fraction"] = mean(((ratio - 1).abs() > clip).float(), learned)
        if value is not None:
            figures["value_loss"] = mean(self.value_error(value, batch), learned)
            loss = loss + self.config.value_coef * figures["value_loss"]
        return loss, {name: figure.detach() for name, figure in figures.items()}

    def value_error(self, value: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
        """Return squared errors of values [B]: the larger one where moving is clipped."""
        error = (value - batch["target"]).square()
        if self.config.clip_value is None:
            return error
        bound, old = self.config.clip_value, batch["value"]
        near = old + (value - old).clamp(-bound, bound)
        return torch.max(error, (near - batch["target"]).square())

    def entropy_coef(self) -> float:
        """Return the weight of the entropy: from start to end on a line over the budget."""
        start, end = self.config.entropy_coef, self.config.entropy_coef_end
        return start if end is None else start + (end - start) * self.ctx.progress("entropy")

    # -- environments, made on first use: a trained run predicts without them

    @cached_property
    def envs(self) -> lab.Envs:
        return self.make_envs(self.config.n_envs, train=True)

    @cached_property
    def eval_envs(self) -> lab.Envs:
        return self.make_envs(self.config.eval_episodes, train=False)

    def make_envs(self, number: int, train: bool) -> lab.Envs:
        return self.ctx.make_envs(
            self.config.env,
            number,
            train=train,
            wrappers=wrappers(self.config),
            time_limit=self.config.max_episode_steps,
            **env_args(self.config),
        )

    def check_rollouts(self) -> None:
        """Say where the run will be longer than its budget: rollouts are not cut. Raises UsageError
        where one has no room in main memory."""
        steps = (self.algorithm.n_steps or 0) * self.config.n_envs
        frame = math.prod(self.task.frame) * self.task.stored.itemsize
        advice, cpu = "--n-steps or --n-envs shortens it.", torch.device("cpu")
        self.ctx.check_room(2 * steps * frame, f"a rollout of {steps:,} env steps", advice, cpu)
        if steps > self.ctx.budget:
            self.ctx.warn(
                f"--budget {self.ctx.budget:,}: a rollout of {self.config.algo} is {steps:,} env "
                f"steps, and one is played whole. {advice}"
            )

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
        obs = np.asarray(observations)
        if obs.shape[1:] != self.task.frame:
            shape = ", ".join(map(str, ("B", *self.task.frame)))
            raise lab.UsageError(f"observations are [{shape}]; these are {list(obs.shape)}")
        mask = None if action_mask is None else np.asarray(action_mask, bool)
        with self.updater.averaged():
            actions = self.policy.best(obs - self.task.first_state, mask)
        return np.asarray(actions + self.task.first_action)

    def example(self, number: int) -> Array:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        space = self.eval_envs.observation_space
        space.seed(int(self.ctx.rng.integers(2**31)))
        drawn = np.stack([space.sample() for _ in range(number)])
        return np.asarray(drawn + self.task.first_state)

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play episodes of the likeliest actions, with what training knows of observations."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        envs, seed = self.eval_envs, int(self.ctx.rng.integers(2**31))
        with self.updater.averaged():
            played = lab.play_episodes(
                envs, lambda obs: self.policy.best(obs, envs.action_mask), number, seed=seed
            )
        return played.metrics(split)

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return an episode of the likeliest actions as a clip."""
        env = Masked(
            self.ctx.make_env(
                self.config.env,
                wrappers=wrappers(self.config),
                time_limit=self.config.max_episode_steps,
                render_mode="rgb_array",
                **env_args(self.config),
            )
        )
        seed = int(self.ctx.rng.integers(2**31))
        with self.updater.averaged():
            return lab.record_episode(
                env,
                lambda obs: self.policy.best(np.asarray(obs)[None], env.action_mask)[0],
                seed,
                options,
            )

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


def mean(values: Tensor, learned: Tensor) -> Tensor:
    """Return the mean of values [B] over the rows that are learned from; 0 of none."""
    return torch.where(learned, values, 0.0).sum() / learned.sum().clamp(min=1)


def standardized(advantage: Tensor, learned: Tensor) -> Tensor:
    """Return advantages [B] with mean 0 and standard deviation 1 over the rows learned from."""
    centered = advantage - mean(advantage, learned)
    return centered / (mean(centered.square(), learned).sqrt() + SMALLEST_STD)
