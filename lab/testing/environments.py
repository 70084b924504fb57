"""Check the environments of a namespace: Gymnasium's own rules, and what the lab builds on."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.utils.env_checker import check_env

from lab.compute.rng import untouched
from lab.environments.make import is_exact, make_env, make_envs
from lab.spec import EnvironmentSpec
from lab.testing.offered import Offered
from lab.testing.subject import CheckFailed, Skipped, expect

LONGEST = 10_000  # steps in which an episode that nothing limits must end
STEPS = 50
EPISODES = 3


class Subject(Offered):
    """The environments of a namespace under examination."""

    spec: EnvironmentSpec

    @property
    def path(self) -> str:
        return self.spec.module

    def ids(self) -> list[str]:
        """The ids under the namespace, once the module is imported.

        Raises Skipped where it is not installed but the spec says how to, Broken where it does not.
        """
        try:
            importlib.import_module(self.spec.module)
        except ModuleNotFoundError as error:
            if self.spec.lacks(error):
                raise Skipped(f"it is not installed: pip install {self.spec.install!r}") from error
            raise CheckFailed(f"{self.spec.module} cannot be imported: {error}") from error
        ids = [name for name in gym.registry if name.startswith(f"{self.spec.namespace}/")]
        expect(
            bool(ids),
            f"Importing {self.spec.module} registers no environment under {self.spec.namespace}/.",
        )
        return sorted(ids)

    def envs(self) -> Iterator[tuple[str, gym.Env[Any, Any]]]:
        """Yield one environment of each id, as Gymnasium makes it, and close it."""
        for name in self.ids():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    env = gym.make(name)
                except Exception as error:  # an environment may fail in any way
                    raise CheckFailed(
                        f"{name} cannot be made without arguments: {error}"
                    ) from error
                with closing(env), untouched():
                    yield name, env


def check_its_module_registers_environments(subject: Subject) -> None:
    """The module can be imported and registers ids under the namespace with Gymnasium."""
    expect(bool(subject.ids()), "It registers no environment.")


def check_it_says_how_to_install_what_is_missing(subject: Subject) -> None:
    """A module that is not the plugin's own comes with the words for `pip install`."""
    own = subject.plugin.module.split(".")[0] if subject.plugin else subject.spec.module
    top = subject.spec.module.split(".")[0]
    expect(
        top == own.split(".")[0] or bool(subject.spec.install),
        f"{top} is another package, and the spec does not say how to install it: give it "
        f"install={top!r}, say.",
    )


def check_it_keeps_gymnasiums_rules(subject: Subject) -> None:
    """Gymnasium's own check of environments passes for each id."""
    for name, env in subject.envs():
        try:
            check_env(env.unwrapped, skip_render_check=True)
        except Exception as error:  # the check raises what the environment does, too
            raise CheckFailed(f"{name} breaks a rule of Gymnasium: {error}") from error


def check_it_knows_its_id(subject: Subject) -> None:
    """Each environment carries the id that it was made by."""
    for name, env in subject.envs():
        env.reset(seed=0)
        own = env.unwrapped.spec.id if env.unwrapped.spec else None
        expect(own == name, f"{name} was made, but its spec says {own}: do not set env.spec.")


def check_the_same_seed_gives_the_same_episode(subject: Subject) -> None:
    """Reset with one seed, everything that is seen of an episode is the same."""
    for name, env in subject.envs():
        first, again = _episode(env, seed=3), _episode(env, seed=3)
        expect(
            first == again,
            f"{name} gives another episode for the same seed and actions. Draw from "
            "self.np_random, and call super().reset(seed=seed).",
        )


def check_episodes_end(subject: Subject) -> None:
    """An episode ends by itself or has a limit, so that a run can evaluate."""
    for name, env in subject.envs():
        if env.spec and env.spec.max_episode_steps:
            continue
        env.reset(seed=0)
        env.action_space.seed(0)
        ended = False
        for _ in range(LONGEST):
            _, _, terminated, truncated, _ = env.step(env.action_space.sample())
            ended = terminated or truncated
            if ended:
                break
        expect(
            ended,
            f"{name} did not end in {LONGEST:,} random steps, and nothing limits it: register it "
            "with max_episode_steps.",
        )


def check_it_can_be_shown(subject: Subject) -> None:
    """Where it says that it draws arrays, it does: uint8 [H, W, 3], as a run's clip needs them."""
    rendered = 0
    for name, env in subject.envs():
        if "rgb_array" not in env.metadata.get("render_modes", []):
            continue
        with closing(make_env(name, render_mode="rgb_array")) as drawn:
            drawn.reset(seed=0)
            frame: Any = drawn.render()
        expect(
            isinstance(frame, np.ndarray) and frame.dtype == np.uint8 and frame.ndim == 3,
            f"{name} says that it draws rgb_array, but render() returns no uint8 [H, W, 3].",
        )
        rendered += 1
    if not rendered:
        raise Skipped("none says that it draws rgb_array, so `lab play` shows nothing of it")


def check_its_state_is_restored_exactly(subject: Subject) -> None:
    """An episode that is interrupted goes on alike where it is resumed."""
    inexact = []
    for name, _ in subject.envs():
        if not is_exact(lambda name=name: make_envs(name, 2, native=False)):  # type: ignore[misc]
            inexact.append(name)
    if inexact:
        raise Skipped(
            f"playing its actions again does not restore {', '.join(inexact)}: episodes start "
            "anew when a run is resumed. What it keeps from one episode to the next does that, or "
            "a generator that is not self.np_random"
        )


def check_native_versions_equal_their_originals(subject: Subject) -> None:
    """The vector version that replaces another environment equals it step for step."""
    if not subject.spec.native:
        raise Skipped("the spec names no native version")
    subject.ids()
    for original, native in subject.spec.native.items():
        try:
            single, vector = gym.make(original), gym.make_vec(native, 1, "vector_entry_point")
        except Exception as error:  # an environment may fail in any way
            raise CheckFailed(f"{original} or {native} cannot be made: {error}") from error
        with closing(single), closing(vector):
            for seed in range(EPISODES):
                _expect_equal(original, single, native, vector, seed)


def _expect_equal(original: str, single: Any, native: str, vector: Any, seed: int) -> None:
    """Play one episode in both, from the same seed and with the same actions."""
    single.action_space.seed(seed)
    theirs, ours = single.reset(seed=seed)[0], vector.reset(seed=seed)[0]
    expect(
        _bits(theirs) == _bits(ours),
        f"With seed {seed}, {native} starts elsewhere than {original}: for one environment it must "
        "draw what the original draws.",
    )
    for step in range(LONGEST):
        action = single.action_space.sample()
        seen = single.step(action)[:4]
        stepped = vector.step(np.asarray([action]))[:4]
        for what, a, b in zip(
            ("observation", "reward", "terminated", "truncated"), seen, stepped, strict=True
        ):
            expect(
                _bits(a) == _bits(np.asarray(b).astype(np.asarray(a).dtype)),
                f"After {step + 1} steps from seed {seed}, the {what} of {native} is not that of "
                f"{original}: {b} and {a}.",
            )
        if seen[2] or seen[3]:
            return


def _episode(env: gym.Env[Any, Any], seed: int) -> list[bytes]:
    """Return everything that is seen of the first steps from a seed, to the bit."""
    env.action_space.seed(seed)
    seen = [*_parts(env.reset(seed=seed)[0])]
    for _ in range(STEPS):
        obs, reward, terminated, truncated, _ = env.step(env.action_space.sample())
        seen += [*_parts(obs), _bits(reward), _bits([terminated, truncated])]
        if terminated or truncated:
            break
    return seen


def _parts(obs: Any) -> Iterator[bytes]:
    """Yield the bytes of an observation, or of each part of a composed one."""
    if isinstance(obs, dict):
        for part in obs.values():
            yield from _parts(part)
    elif isinstance(obs, tuple):
        for part in obs:
            yield from _parts(part)
    else:
        yield _bits(obs)


def _bits(value: Any) -> bytes:
    return np.ascontiguousarray(value).tobytes()
