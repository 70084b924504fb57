"""Learn Q-values with a deep network, experience replay and fixed Q-targets.

Mnih et al., "Human-level control through deep reinforcement learning", Nature 518 (2015),
algorithm 1. Options add double (van Hasselt et al., 2016), dueling (Wang et al., 2016), prioritized
replay (Schaul et al., 2016) and n-step returns (Sutton & Barto, 2018, chapter 7).

What a transition consists of, from the environment to the loss: replay/transitions.py.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab_dqn.acting import make_q
from lab_dqn.atari import Lives
from lab_dqn.config import Config
from lab_dqn.exploration import Exploration, nearly_greedy
from lab_dqn.model import QNetwork
from lab_dqn.replay import Batch, Memory, Transitions
from lab_dqn.replay.make import make_memory
from lab_dqn.returns import make_returns
from lab_dqn.task import Task, describe, env_args, wrappers

DRAWN_AHEAD = 2**24  # elements in the observations of the minibatches drawn at once
IN_CACHE = 2**18  # elements of a layer's outputs for them: more leave the processor's own cache
Array = np.ndarray[Any, np.dtype[Any]]


class DQN:
    """Shapes: N environments, G minibatches of B transitions, A actions, stacks of k frames."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = Task(*ctx.run_constant("task", lambda: tuple(describe(config, ctx))))
        network = QNetwork(self.task, config.hidden, config.dueling, config.quantiles, config.noisy)
        self.returns = make_returns(config, ctx.device)
        self.target = ctx.wrap(copy.deepcopy(network).requires_grad_(False))
        self.online = ctx.wrap(network, compile=False)  # it acts, on a few observations at a time
        self.q = make_q(self.online, self.returns, ctx.device)
        fused = ctx.device.type in ("cpu", "cuda")
        self.optimizer = torch.optim.Adam(self.online.parameters(), config.lr, fused=fused)
        self.update = ctx.make_update(self.online, self.optimizer, self.loss, config.clip_norm)
        self.lives = Lives(config.n_envs)
        self.exploration = Exploration(config.n_envs, self.task.actions, config.temporally_extended)
        self.updates = 0  # gradient steps so far
        self.surplus = 0  # env steps that no learning phase has followed yet

    # -- the algorithm

    def step(self) -> int:
        """Play a rollout, then learn from memory, once for each `train_freq` env steps: what all
        environments together play beyond that counts for the next time."""
        moved = self.play_rollout()
        phases, self.surplus = divmod(self.surplus + moved, self.config.train_freq)
        if self.ctx.clock + moved >= self.config.learning_starts and len(self.memory):
            self.learn(phases * self.config.gradient_steps)
        return moved

    def play_rollout(self) -> int:
        """Act epsilon-greedily until `train_freq` transitions are remembered, with the surplus."""
        moved, rollout = 0, []
        self.exploration.draw_ahead(self.ctx.rng, self.config.train_freq // self.config.n_envs + 1)
        while self.surplus + moved < self.config.train_freq:
            epsilon = self.epsilon(self.ctx.clock + moved)
            obs = self.envs.obs
            action = self.act(obs, epsilon)
            step = self.envs.step(action)
            rollout.append(self.transition(obs, action, step))
            self.exploration.end(step.terminated | step.truncated)
            moved += int(step.live.sum())
            for value, length in zip(step.returns, step.lengths, strict=True):
                self.ctx.log("return", float(value))
                self.ctx.log("length", int(length))
        self.ctx.log("epsilon", epsilon)
        self.remember(rollout)
        return moved

    def transition(self, obs: Array, action: Array, step: lab.Step) -> Transitions:
        """Return the transition of one step of N environments [N, ...]: rewards and ends as they
        are learned from."""
        terminated = step.terminated
        if self.config.terminal_on_life_loss:
            terminated = terminated | self.lives.lost(step.info)
        return {
            "obs": obs,
            "action": action,
            "reward": np.sign(step.reward) if self.config.clip_reward else step.reward,
            "discount": self.config.gamma * ~terminated,
            "next_obs": step.next_obs,
            "done": terminated | step.truncated,
            "live": step.live,
        }

    def learn(self, gradient_steps: int) -> None:
        """Take gradient steps on minibatches, and move the target network at its interval."""
        outputs = []
        for batch in self.minibatches(gradient_steps):
            batch["target"] = self.q_target(batch)
            loss, (td_error, q) = self.update(batch)
            self.memory.sampler.update(batch["position"].numpy(), td_error)
            self.updates += 1
            self.move_target()
            outputs.append((loss, td_error, q))
        self.report(outputs)

    @torch.no_grad()
    def q_target(self, batch: Batch) -> Tensor:
        """Return what Q(s, a) is to become [B] (or its quantiles [B, N]), where Q^ is the target
        network:

        y = r + gamma max_a Q^(s', a)                Mnih et al. (2015), algorithm 1
        y = r + gamma Q^(s', argmax_a Q(s', a))      van Hasselt et al. (2016), equation 4
        """
        if not self.config.target_network:
            outputs = by = self.online(batch["next_obs"])
        else:
            outputs = batch["next_q"]
            by = self.online(batch["next_obs"]) if self.config.double else outputs
        return self.returns.target(batch, outputs, by)

    def loss(self, online: QNetwork, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the loss on the TD error, and the TD errors and Q-values [B]."""
        losses, td_error, q = self.returns.losses(online(batch["obs"]), batch)
        if "weight" in batch:
            losses = batch["weight"] * losses
        return losses.mean(), (td_error, q)

    def move_target(self) -> None:
        """Copy the online network into the target network, or a fraction `tau` of it."""
        if self.updates % self.config.target_update_interval == 0:
            with torch.no_grad():
                for old, new in zip(
                    self.target.state_dict().values(),
                    self.online.state_dict().values(),
                    strict=True,
                ):
                    old.lerp_(new, self.config.tau) if self.config.tau < 1 else old.copy_(new)

    # -- minibatches, several at a time

    def minibatches(self, number: int) -> Iterator[Batch]:
        """Draw minibatches, one for each gradient step, with `next_q` [B, A, ...]: the target
        network's outputs for their next observations, if there is such a network.

        Small networks are bound by dispatch, so as many as possible are drawn, and passed to the
        target network, at once. Invariant: until they are used up, neither that network nor the
        probabilities that they were drawn with change. So this equals drawing one at a time.
        """
        while number > 0:
            groups = min(number, self.drawn_at_once())
            drawn = self.memory.sample(groups, self.config.batch_size, self.ctx.rng, self.beta())
            if self.config.target_network:
                q = self.target(drawn["next_obs"].flatten(0, 1))
                drawn["next_q"] = q.unflatten(0, drawn["action"].shape)
            for tensors in zip(*map(torch.unbind, drawn.values()), strict=True):
                yield dict(zip(drawn, tensors, strict=True))
            number -= groups

    def drawn_at_once(self) -> int:
        """Return how many minibatches may be drawn before anything they depend on changes."""
        if self.config.prioritized or self.config.noisy:  # priorities and noise are of one step
            return 1
        observed = math.prod(self.task.frame) * self.task.stack
        widest = max(self.config.hidden, default=1)
        fitting = min(DRAWN_AHEAD // observed, IN_CACHE // widest) // self.config.batch_size
        until_update = (
            self.config.target_update_interval - self.updates % self.config.target_update_interval
        )
        return max(1, min(until_update, fitting))

    # -- exploration

    def epsilon(self, clock: int) -> float:
        """Return the probability of a random action: linear from start to end, then constant. Noisy
        weights take none."""
        c = self.config
        if c.noisy:
            return 0.0
        done = self.ctx.progress("epsilon", c.exploration_fraction, clock)
        return (1.0 - done) * c.epsilon_start + done * c.epsilon_end

    def act(self, obs: Array, epsilon: float) -> Array:
        """Choose actions [N]: random ones where it explores, greedy ones elsewhere."""
        explore, action = self.exploration.draw(self.ctx.rng, epsilon)
        if explore.all():
            return action
        return np.where(explore, action, self.q(obs).argmax(1))

    def beta(self) -> float:
        """Return the exponent of the importance weights: linear to 1 over the budget."""
        start = self.config.priority_beta
        return start + (1.0 - start) * self.ctx.progress("beta")

    # -- memory and environments, made on first use: a trained run predicts without them

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

    @cached_property
    def memory(self) -> Memory:
        return make_memory(self.config, self.task, self.ctx)

    def remember(self, steps: list[Transitions]) -> None:
        """Hand a rollout to memory as arrays [T, N, ...]."""
        rollout = {name: np.stack([step[name] for step in steps]) for name in steps[0]}
        if self.task.stack == 1:  # a single frame is a stack of one
            rollout["obs"] = rollout["obs"][:, :, None]
            rollout["next_obs"] = rollout["next_obs"][:, :, None]
        if not self.config.replay:
            self.memory.forget()
        self.memory.extend(rollout)

    def report(self, outputs: list[tuple[Tensor, Tensor, Tensor]]) -> None:
        """Log the means over some gradient steps, read once."""
        loss, td_error, q = (torch.stack(values) for values in zip(*outputs, strict=True))
        self.ctx.log("loss", loss.mean())
        self.ctx.log("td_error", td_error.abs().mean())
        self.ctx.log("q_mean", q.mean())

    # -- using what was learned

    def predict(self, observations: Any) -> Array:
        """Return the greedy actions [B], as the environment takes them, for observations [B, ...],
        as it gives them in the wrappers of `--wrap`; of a Dict or Tuple the vectors of
        `gymnasium.spaces.flatten`. Raises UsageError for a shape that the network was not trained
        on."""
        obs = np.asarray(observations)
        expected = (self.task.stack, *self.task.frame) if self.task.stack > 1 else self.task.frame
        if obs.shape[1:] != expected:
            shape = ", ".join(map(str, ("B", *expected)))
            raise lab.UsageError(f"observations are [{shape}]; these are {list(obs.shape)}")
        actions: Array = self.q(obs - self.task.first_state).argmax(1)
        return actions + self.task.first_action

    def example(self, number: int) -> Array:
        """Return observations [number, ...] that `predict` takes: drawn from their space."""
        space = self.eval_envs.vector.single_observation_space
        space.seed(int(self.ctx.rng.integers(2**31)))
        return np.stack([space.sample() for _ in range(number)]) + self.task.first_state

    def evaluate(self, split: str) -> Mapping[str, float]:
        """Play greedy episodes, and compare the predicted Q of their first states with the
        discounted return that followed."""
        number = self.config.test_episodes if split == "test" else self.config.eval_episodes
        envs, seed = self.eval_envs, int(self.ctx.rng.integers(2**31))
        q_start = self.q(envs.reset(seed)).max(1)  # [N]
        act = nearly_greedy(self.q, self.config.eval_epsilon, np.random.default_rng(seed))
        played = lab.play_episodes(envs, act, number, seed=seed, gamma=self.config.gamma)
        return {
            **played.metrics(split),
            "q_start": float(q_start.mean()),
            "discounted_return": float(played.discounted[: len(q_start)].mean()),
        }

    def play_command(self, options: lab.Play) -> lab.Clip:
        """Return a greedy episode as a clip."""
        env = self.ctx.make_env(
            self.config.env,
            wrappers=wrappers(self.config),
            time_limit=self.config.max_episode_steps,
            render_mode="rgb_array",
            **env_args(self.config),
        )
        seed = int(self.ctx.rng.integers(2**31))
        return lab.record_episode(
            env, lambda obs: int(self.q(np.asarray(obs)[None]).argmax()), seed, options
        )

    # -- state

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.online.state_dict(),
            "target": self.target.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "memory": self.memory.state_dict(),
            "exploration": self.exploration.state_dict(),
            "updates": self.updates,
            "surplus": self.surplus,
            "lives": self.lives.left.tolist(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.online.load_state_dict(state["model"])
        if "optimizer" not in state:  # best.pt: enough to predict
            return
        self.target.load_state_dict(state["target"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))  # it keeps what it gets
        self.memory.load_state_dict(state["memory"])
        if not self.envs.exact:  # their episodes restart
            self.memory.restart()
        self.exploration.load_state_dict(state["exploration"])
        self.updates, self.surplus = state["updates"], state["surplus"]
        self.lives.left = np.array(state["lives"], np.int64)
