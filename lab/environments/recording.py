"""Record one episode as a clip."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image

from lab.config import Play
from lab.errors import LabError
from lab.media import Clip, Picture


def record_episode(
    env: gym.Env[Any, Any], act: Callable[[Any], Any], seed: int, options: Play
) -> Clip:
    """Play an episode from `seed` and return its frames, every `skip`-th and made small.

    Raises LabError where the environment cannot draw itself.
    """
    frames: list[Picture] = []
    try:
        obs, _ = env.reset(seed=seed)
        for step in range(options.max_steps):
            if step % options.skip == 0:
                frames.append(_shrink(env.render(), options.size))
            obs, _, terminated, truncated, _ = env.step(act(obs))
            if terminated or truncated:
                break
        frames.append(_shrink(env.render(), options.size))
    except (gym.error.Error, ImportError, TypeError) as error:
        raise LabError(f"the environment cannot draw itself: {error}") from error
    finally:
        env.close()
    fps = float(env.metadata.get("render_fps") or 30)
    return Clip(frames, fps=max(1, round(fps / options.skip)))


def _shrink(picture: Any, size: int) -> Picture:
    image = Image.fromarray(np.asarray(picture, dtype=np.uint8))
    image.thumbnail((size, size))
    return np.asarray(image)
