"""Keep n-step transitions in a ring over the frame store, and hand out minibatches.

Invariant: every row between tail and head points only at frames that can still be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from lab_dqn.replay.frames import Frames, Histories
from lab_dqn.replay.nstep import NStep
from lab_dqn.replay.sampling import Prioritized, Uniform
from lab_dqn.replay.transitions import Batch, Transitions

SMALL = 1_024  # bytes of a frame of which the ring may hold two for each transition


class Memory:
    """Experience replay (Lin, 1992; Mnih et al., 2015) of `capacity` transitions.

    Observations are stacks of `stack` frames; a single frame is a stack of one. Minibatches are
    on `device`; the frames may be kept elsewhere, `frames_on`.
    """

    def __init__(
        self,
        capacity: int,
        *,
        frame_shape: tuple[int, ...],
        dtype: torch.dtype,
        stack: int,
        num_envs: int,
        n_step: int,
        gamma: float,
        sampler: Uniform | Prioritized,
        device: torch.device,
        frames_on: torch.device | None = None,
    ) -> None:
        ring, self.margin = ring_size(capacity, frame_shape, dtype, stack, num_envs, n_step)
        self.frames = Frames(ring, frame_shape, dtype, frames_on or device)
        self.histories = Histories(self.frames, num_envs, stack)
        self.n_step = NStep(n_step, gamma)
        self.sampler = sampler
        self.capacity, self.device = capacity, device
        self.tail = self.size = 0
        self.rows: Transitions = {
            "obs": np.zeros((capacity, stack), dtype=np.int64),
            "action": np.zeros(capacity, dtype=np.int64),
            "reward": np.zeros(capacity, dtype=np.float32),
            "discount": np.zeros(capacity, dtype=np.float32),
            "next_obs": np.zeros((capacity, stack), dtype=np.int64),
        }

    def __len__(self) -> int:
        return self.size

    def extend(self, rollout: Transitions) -> None:
        """Remember T steps of N environments [T, N, ...], with `done` and `live`."""
        obs, next_obs = self.histories.extend(
            rollout["obs"], rollout["next_obs"], rollout["live"], rollout["done"]
        )
        reward = rollout["reward"].astype(np.float32)
        rows = self.n_step.extend({**rollout, "obs": obs, "next_obs": next_obs, "reward": reward})
        self._append({name: values[-self.capacity :] for name, values in rows.items()})

    def forget(self) -> None:
        """Drop every row; windows that are still open stay."""
        self._drop(self.size)

    def restart(self) -> None:
        """Cut the running episodes off here: what comes next belongs to other ones."""
        self.histories.continuing[:] = False
        self.n_step.open = None

    def _append(self, rows: Transitions) -> None:
        count = len(rows["action"])
        self._drop(max(0, self.size + count - self.capacity))
        positions = (self.tail + self.size + np.arange(count)) % self.capacity
        for name, values in rows.items():
            self.rows[name][positions] = values
        self.size += count
        self.sampler.added(positions)
        self._drop(self._unreadable())

    def _unreadable(self) -> int:
        """Count the rows at the tail whose frames are about to be overwritten."""
        oldest, count = self.frames.oldest + self.margin, 0
        if self.frames.oldest > 0:
            while count < self.size and self._first_frame(count) < oldest:
                count += 1
        return count

    def _first_frame(self, index: int) -> int:
        return int(self.rows["obs"][(self.tail + index) % self.capacity].min())

    def _drop(self, count: int) -> None:
        if count:
            self.sampler.removed((self.tail + np.arange(count)) % self.capacity)
            self.tail = (self.tail + count) % self.capacity
            self.size -= count

    def sample(self, groups: int, batch: int, rng: np.random.Generator, beta: float = 1.0) -> Batch:
        """Draw `groups` independent minibatches of `batch` transitions, with replacement
        [G, B, ...]. `position` stays in main memory."""
        positions, weight = self.sampler.sample(groups, batch, rng, beta)
        rows = {name: values[positions] for name, values in self.rows.items()}
        if weight is not None:
            rows["weight"] = weight
        drawn = {name: torch.from_numpy(values).to(self.device) for name, values in rows.items()}
        for name in ("obs", "next_obs"):
            drawn[name] = self.frames.read(drawn[name])
        return {**drawn, "position": torch.from_numpy(positions)}

    def state_dict(self) -> dict[str, Any]:
        used = (self.tail + np.arange(self.size)) % self.capacity
        return {
            "frames": self.frames.state_dict(),
            "histories": self.histories.state_dict(),
            "n_step": self.n_step.state_dict(),
            "sampler": self.sampler.state_dict(),
            "tail": self.tail,
            "rows": {name: torch.from_numpy(values[used]) for name, values in self.rows.items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name in ("frames", "histories", "n_step", "sampler"):
            getattr(self, name).load_state_dict(state[name])
        self.tail, self.size = state["tail"], len(state["rows"]["action"])
        used = (self.tail + np.arange(self.size)) % self.capacity
        for name, values in state["rows"].items():
            self.rows[name][used] = values.cpu().numpy()


def ring_size(
    capacity: int,
    frame_shape: tuple[int, ...],
    dtype: torch.dtype,
    stack: int,
    num_envs: int,
    n_step: int,
) -> tuple[int, int]:
    """Return how many frames `capacity` transitions need, and how far a row may point behind its
    elders: rows of different environments interleave, so it waited up to n_step ticks, and its
    oldest frame is up to `stack` ticks older than it.

    A transition writes one frame, and an episode's first `stack` more. Small frames have room for
    any mix of episodes; of pictures and stacks the ring holds episodes of 4 * stack steps and
    longer, and remembers fewer transitions of shorter ones.
    """
    margin = num_envs * (n_step + stack) * (stack + 1)
    small = stack == 1 and frame_bytes(frame_shape, dtype) < SMALL
    extra = capacity if small else capacity // 4
    return capacity + extra + 2 * margin, margin  # the newest row lags behind the frames as well


def frame_bytes(shape: tuple[int, ...], dtype: torch.dtype) -> int:
    return math.prod(shape) * dtype.itemsize
