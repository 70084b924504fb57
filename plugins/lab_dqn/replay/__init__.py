"""Remember experience: frames stored once, n-step transitions over them, and how to sample."""

from lab_dqn.replay.memory import Memory
from lab_dqn.replay.transitions import Batch, Transitions

__all__ = ["Batch", "Memory", "Transitions"]
