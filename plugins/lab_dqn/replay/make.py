"""Make the memory that the options ask for, where there is room for it."""

from __future__ import annotations

import torch

import lab
from lab_dqn.config import Config
from lab_dqn.replay.memory import Memory, frame_bytes, ring_size
from lab_dqn.replay.sampling import Prioritized, Uniform
from lab_dqn.task import Task


def make_memory(config: Config, task: Task, ctx: lab.Context) -> Memory:
    """Return an empty memory. Raises UsageError where there is no room for its frames."""
    # without replay, memory holds the rows of one rollout, however many those are
    rollout = config.train_freq + config.n_envs * config.n_step
    capacity = config.buffer_size if config.replay else rollout
    sampler = Prioritized(capacity, config.priority_alpha) if config.prioritized else None
    frames_on = torch.device("cpu") if config.replay_device == "cpu" else ctx.device
    _check_room(config, task, capacity, frames_on, ctx)
    return Memory(
        capacity,
        frame_shape=task.frame,
        dtype=task.torch_dtype,
        stack=task.stack,
        num_envs=config.n_envs,
        n_step=config.n_step,
        gamma=config.gamma,
        sampler=sampler or Uniform(capacity),
        device=ctx.device,
        frames_on=frames_on,
    )


def _check_room(
    config: Config, task: Task, capacity: int, device: torch.device, ctx: lab.Context
) -> None:
    dtype, envs = task.torch_dtype, config.n_envs
    ring, _ = ring_size(capacity, task.frame, dtype, task.stack, envs, config.n_step)
    elsewhere = "" if device.type == "cpu" else " --replay-device cpu keeps it in main memory."
    ctx.check_room(
        ring * frame_bytes(task.frame, dtype),
        f"--buffer-size {capacity:,}",
        f"Give less, or --wrap what shows less.{elsewhere}",
        device,
    )
