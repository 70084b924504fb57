"""Name the parts of a transition: the same from the environment to the loss.

    obs         stacks of k frames, or the indices of those frames in the store
    action
    reward      of a step, or summed over n steps, discounted
    discount    of the value of next_obs: gamma, or gamma^n over n steps; 0 where the episode
                terminated, and not where it was only truncated
    next_obs

A rollout [T, N, ...] also has `done`, where an episode ends, and `live`, False where an environment
only reset: that is no transition. Minibatches [G, B, ...] also have `position`, their place in the
memory, and those of prioritized replay their importance, `weight`; what does not apply is not
there. Before the loss, DQN adds `next_q` and `target` to each.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

Array = np.ndarray[Any, np.dtype[Any]]
Transitions = dict[str, Array]  # as environments give them and memory keeps them
Batch = dict[str, Tensor]  # as networks take them
