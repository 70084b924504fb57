"""Record one episode as a clip."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import gymnasium as gym
import numpy as np
from PIL import Image

from lab.config import Play
from lab.environments.envs import failure
from lab.errors import LabError
from lab.messages import describe
from lab.storage.media import Clip, Picture


def record_episode(
    env: gym.Env[Any, Any], act: Callable[[Any], Any], seed: int, options: Play
) -> Clip:
    """Play an episode from `seed` and return its frames, every `skip`-th, of about `size` pixels.

    The episode is cut after `max_steps`. Raises LabError where the environment fails, or cannot
    draw itself.
    """
    frames: list[Picture] = []
    captions: list[str] = []
    score = 0.0
    name = env.spec.id if env.spec else "unnamed"
    try:
        obs = _call(name, "reset", lambda: env.reset(seed=seed))[0]
        for step in range(options.max_steps):
            if step % options.skip == 0:
                frames.append(_render(env, options.size))
                captions.append(f"step {step}, return {score:g}")
            action = act(obs)
            obs, reward, terminated, truncated, _ = _call(name, "step", partial(env.step, action))
            score += float(reward)
            if terminated or truncated:
                break
        frames.append(_render(env, options.size))
        captions.append(f"step {step + 1}, return {score:g}")
    finally:
        env.close()
    fps = float(env.metadata.get("render_fps") or 30)
    return Clip(frames, fps=max(1, round(fps / options.skip)), captions=captions)


def _call(name: str, method: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # an environment may fail in any way
        raise failure(name, method, error) from error


def _render(env: gym.Env[Any, Any], size: int) -> Picture:
    try:
        pixels = np.asarray(env.render())
        if pixels.dtype != np.uint8:
            raise TypeError(f"its pictures are {pixels.dtype}, and not uint8")
        image = Image.fromarray(pixels)
    except Exception as error:  # a screen may be missing in any way
        raise LabError(f"the environment cannot draw itself: {describe(error)}") from error
    image.thumbnail((size, size), Image.Resampling.BOX)
    times = max(1, size // max(image.size))  # of a grid of ten by ten there is little to see
    return np.asarray(image).repeat(times, 0).repeat(times, 1)
