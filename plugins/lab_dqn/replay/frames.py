"""Store each observation once, in a ring; everything else points at it by number.

Invariant: frame `i` can be read until `capacity` newer frames have been written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lab_dqn.replay.transitions import Array


class Frames:
    """A ring of `capacity` frames of one shape and dtype; frame indices only grow."""

    def __init__(
        self, capacity: int, shape: Sequence[int], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.capacity = capacity
        self.written = 0
        self.data = torch.empty((capacity, *shape), dtype=dtype, device=device)

    @property
    def oldest(self) -> int:
        """The smallest index that can be read."""
        return max(0, self.written - self.capacity)

    def write(self, frames: Array) -> None:
        """Append `frames` [M, ...]; they get the indices `written .. written + M - 1`."""
        source = torch.from_numpy(frames).to(self.data.device, self.data.dtype)
        source = source[-self.capacity :]
        first = (self.written + len(frames) - len(source)) % self.capacity
        head = min(len(source), self.capacity - first)
        self.data[first : first + head] = source[:head]
        self.data[: len(source) - head] = source[head:]
        self.written += len(frames)

    def read(self, indices: Tensor) -> Tensor:
        """Return frames [*indices.shape, ...], on the device of `indices`."""
        places = (indices % self.capacity).to(self.data.device)
        return self.data[places].to(indices.device)

    def state_dict(self) -> dict[str, Any]:
        return {"written": self.written, "data": self.data[: min(self.written, self.capacity)]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.written = state["written"]
        self.data[: len(state["data"])] = state["data"].to(self.data.device)


class Histories:
    """Turn each environment's observations into stacks of frame indices, writing each frame once.

    Within an episode the next observation is this one shifted by a frame, so one new frame is
    written for it. Only the first observation of an episode brings a whole stack.
    """

    def __init__(self, frames: Frames, num_envs: int, stack: int) -> None:
        self.frames = frames
        self.indices = np.zeros((num_envs, stack), dtype=np.int64)  # of the latest observations
        self.continuing = np.zeros(num_envs, dtype=bool)

    def extend(self, obs: Array, next_obs: Array, live: Array, done: Array) -> tuple[Array, Array]:
        """Write T steps of N environments; return the indices of `obs` and `next_obs` [T, N, k].

        obs, next_obs [T, N, k, ...]; live, done [T, N]. Rows that are not live stay unwritten.
        """
        stack = obs.shape[2]
        going_on = np.concatenate([self.continuing[None], (live & ~done)[:-1]])
        fresh = live & ~going_on  # [T, N] the first steps of episodes
        counts = live + stack * fresh  # how many frames each step writes: its own stack, its next
        last = self.frames.written + counts.cumsum().reshape(counts.shape) - 1  # of each next frame
        first = last[..., None] - np.arange(stack, 0, -1)  # of each stack that begins an episode
        self._write(int(counts.sum()), (first[fresh], obs[fresh]), (last[live], next_obs[live, -1]))
        self.continuing = live[-1] & ~done[-1]
        return self._shift(fresh, first, last)

    def _write(self, count: int, *parts: tuple[Array, Array]) -> None:
        """Write frames whose indices are assigned, in the order of their indices."""
        frames = np.empty((count, *parts[0][1].shape[2:]), dtype=parts[0][1].dtype)
        for indices, values in parts:
            frames[indices - self.frames.written] = values
        self.frames.write(frames)

    def _shift(self, fresh: Array, first: Array, last: Array) -> tuple[Array, Array]:
        """Return the stacks of indices before and after each step [T, N, k]."""
        before, after = np.empty_like(first), np.empty_like(first)
        after[..., -1] = last
        if first.shape[2] == 1:  # nothing is carried from step to step
            before[1:] = after[:-1]
            before[0] = self.indices
            before[fresh] = first[fresh]
        else:
            for t in range(len(first)):
                before[t] = np.where(fresh[t][:, None], first[t], self.indices)
                after[t, :, :-1] = before[t, :, 1:]
                self.indices = after[t]
        self.indices = after[-1].copy()
        return before, after

    def state_dict(self) -> dict[str, Any]:
        return {
            "numbers": torch.from_numpy(self.indices.copy()),
            "continuing": torch.from_numpy(self.continuing.copy()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.indices = state["numbers"].cpu().numpy().copy()
        self.continuing = state["continuing"].cpu().numpy().copy()
