"""Make the memory that the options ask for, where there is room for it."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lab.compute.free_memory import check_room, in_gigabytes
from lab_dqn.config import Config
from lab_dqn.replay.memory import Memory, frame_bytes, ring_size
from lab_dqn.replay.sampling import Prioritized, Uniform
from lab_dqn.task import Task

LARGE = 2**30  # bytes that are worth a line


def make_memory(
    config: Config, task: Task, device: torch.device, warn: Callable[[str], None]
) -> Memory:
    """Return an empty memory. Tells how much it takes where that is much; raises UsageError where
    that is more than is free."""
    # without replay, memory holds the rows of one rollout, however many those are
    rollout = config.train_freq + config.n_envs * config.n_step
    capacity = config.buffer_size if config.replay else rollout
    sampler = Prioritized(capacity, config.priority_alpha) if config.prioritized else None
    frames_on = torch.device("cpu") if config.replay_device == "cpu" else device
    _check(config, task, capacity, frames_on, warn)
    return Memory(
        capacity,
        frame_shape=task.frame,
        dtype=task.torch_dtype,
        stack=task.stack,
        num_envs=config.n_envs,
        n_step=config.n_step,
        gamma=config.gamma,
        sampler=sampler or Uniform(capacity),
        device=device,
        frames_on=frames_on,
    )


def _check(
    config: Config,
    task: Task,
    capacity: int,
    device: torch.device,
    warn: Callable[[str], None],
) -> None:
    dtype, envs = task.torch_dtype, config.n_envs
    ring, _ = ring_size(capacity, task.frame, dtype, task.stack, envs, config.n_step)
    needed = ring * frame_bytes(task.frame, dtype)
    elsewhere = "" if device.type == "cpu" else " --replay-device cpu keeps it in main memory."
    what = f"--buffer-size {capacity:,}"
    check_room(needed, device, what, f"Give less, or --wrap what shows less.{elsewhere}")
    if needed > LARGE:
        warn(f"{what} takes {in_gigabytes(needed)}")
