"""Register MinAtar's games (Young & Tian, 2019), `MinAtar/Breakout-v1` say, where it is installed.

They are that package's own, by its ids: v0 with all six actions, v1 with those that do something.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from minatar.gym import BaseEnv

GAMES = ("asterix", "breakout", "freeway", "seaquest", "space_invaders")


class Game(BaseEnv):  # type: ignore[misc]
    """A game whose episodes follow from their seed, and whose pictures are bytes.

    The package's own may begin with the last action of the episode before, by a sticky action.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        gym.Env.reset(self, seed=seed)
        self.game.last_action = 0
        return super().reset(seed=seed, options=options)  # type: ignore[no-any-return]

    def render(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Return the ten by ten places as colors [10, 10, 3]."""
        return (255 * np.asarray(super().render())).astype(np.uint8)


for game in GAMES:
    for version, minimal in (("v0", False), ("v1", True)):
        gym.register(
            id=f"MinAtar/{game.title().replace('_', '')}-{version}",
            entry_point="lab_envs.minatar:Game",
            kwargs={"game": game, "use_minimal_action_set": minimal},
        )
