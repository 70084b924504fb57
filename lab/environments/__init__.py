"""Lend Gymnasium environments whose state the runner can save without pickle."""

from lab.environments.envs import Envs, Step
from lab.environments.episodes import Episodes, play_episodes
from lab.environments.make import make_env, make_envs
from lab.environments.recording import record_episode

__all__ = [
    "Envs",
    "Episodes",
    "Step",
    "make_env",
    "make_envs",
    "play_episodes",
    "record_episode",
]
