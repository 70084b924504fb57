"""Make Gymnasium environments whose state the runner can save without pickle.

Names load what they need when first used, so that a config may inherit `EnvConfig` and stay light.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.lazy import attach

_HOME = {
    "EnvConfig": "lab.environments.config",
    "Envs": "lab.environments.envs",
    "Episodes": "lab.environments.episodes",
    "Step": "lab.environments.envs",
    "env_spec": "lab.environments.make",
    "make_env": "lab.environments.make",
    "make_envs": "lab.environments.make",
    "play_episodes": "lab.environments.episodes",
    "record_episode": "lab.environments.recording",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.environments.config import EnvConfig as EnvConfig
    from lab.environments.envs import Envs as Envs
    from lab.environments.envs import Step as Step
    from lab.environments.episodes import Episodes as Episodes
    from lab.environments.episodes import play_episodes as play_episodes
    from lab.environments.make import env_spec as env_spec
    from lab.environments.make import make_env as make_env
    from lab.environments.make import make_envs as make_envs
    from lab.environments.recording import record_episode as record_episode

__getattr__, __dir__ = attach(__name__, _HOME)
