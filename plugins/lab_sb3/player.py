"""Act deterministically by a trained model."""

from __future__ import annotations

from typing import Any


class Player:
    """What a model does in N environments, one step after another: a policy with an LSTM remembers
    what went before. Observations are standardized by what training has seen, if they are."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.state: Any = None  # before the first step

    def act(self, obs: Any, episode_starts: Any = None, action_mask: Any = None) -> Any:
        """Return actions [N, ...] for observations [N, ...], both from 0.

        episode_starts [N] tells where an episode begins, and the past is forgotten; action_mask
        [N, P] is True where an action is allowed, for algorithms that ask for it.
        """
        normalize = self.model.get_vec_normalize_env()
        if normalize is not None:
            obs = normalize.normalize_obs(obs)
        asked = {} if action_mask is None else {"action_masks": action_mask}
        actions, self.state = self.model.predict(
            obs, self.state, episode_starts, deterministic=True, **asked
        )
        return actions
