"""Remember experience: frames stored once, n-step transitions over them, and how to sample."""

from lab_dqn.replay.memory import Batch, Memory

__all__ = ["Batch", "Memory"]
