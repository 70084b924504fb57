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
    "Rollout": "lab.environments.rollout",
    "Step": "lab.environments.envs",
    "VectorMaker": "lab.environments.make",
    "Wrapper": "lab.environments.wrap",
    "as_observations": "lab.environments.observations",
    "check_rollout": "lab.environments.rollout",
    "count_from_zero": "lab.environments.fit",
    "env_spec": "lab.environments.make",
    "fitted": "lab.environments.fit",
    "flatten_observation": "lab.environments.fit",
    "flatten_parts": "lab.environments.fit",
    "make_env": "lab.environments.make",
    "make_envs": "lab.environments.make",
    "minibatches": "lab.environments.rollout",
    "next_values": "lab.environments.rollout",
    "play_episodes": "lab.environments.episodes",
    "record_episode": "lab.environments.recording",
    "starts": "lab.environments.fit",
}

__all__ = list(_HOME)

if TYPE_CHECKING:
    from lab.environments.config import EnvConfig as EnvConfig
    from lab.environments.envs import Envs as Envs
    from lab.environments.envs import Step as Step
    from lab.environments.episodes import Episodes as Episodes
    from lab.environments.episodes import play_episodes as play_episodes
    from lab.environments.fit import count_from_zero as count_from_zero
    from lab.environments.fit import fitted as fitted
    from lab.environments.fit import flatten_observation as flatten_observation
    from lab.environments.fit import flatten_parts as flatten_parts
    from lab.environments.fit import starts as starts
    from lab.environments.make import VectorMaker as VectorMaker
    from lab.environments.make import env_spec as env_spec
    from lab.environments.make import make_env as make_env
    from lab.environments.make import make_envs as make_envs
    from lab.environments.observations import as_observations as as_observations
    from lab.environments.recording import record_episode as record_episode
    from lab.environments.rollout import Rollout as Rollout
    from lab.environments.rollout import check_rollout as check_rollout
    from lab.environments.rollout import minibatches as minibatches
    from lab.environments.rollout import next_values as next_values
    from lab.environments.wrap import Wrapper as Wrapper

__getattr__, __dir__ = attach(__name__, _HOME)
