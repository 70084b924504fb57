"""Make environments by id, with the state-saving wrapper where one is needed."""

from __future__ import annotations

import importlib
import inspect
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec, load_env_creator
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers import TimeLimit

from lab import memory
from lab.compute.rng import from_plain, to_plain
from lab.environments.envs import Envs
from lab.environments.fit import ChangedObservation
from lab.environments.limits import registered_limit
from lab.environments.replayable import Replayable
from lab.environments.single import SingleEnv, is_plain
from lab.environments.wrap import Wrapper
from lab.errors import UsageError
from lab.imports import import_file
from lab.messages import did_you_mean, first_line
from lab.plugins import Plugins, discover
from lab.spec import EnvironmentSpec

VectorMaker = Callable[[int, int | None], VectorEnv[Any, Any, Any]]  # number, time limit

NATIVE_FROM = 4  # below this many, stepping one by one is faster than numpy's overhead
TRIAL_STEPS = 64


def register(env_id: str, offers: Iterable[EnvironmentSpec]) -> str:
    """Import what registers `env_id` and return the id as Gymnasium knows it.

    `module:Id` imports the module, `file.py:Id` the file, in which Id may be a class of its own
    instead; `namespace/Id` imports the module a plugin names for the namespace. An
    environment that was given in Python is registered anew each time: another of its name may have
    been in between. Raises UsageError where a module or the id is unknown.
    """
    if memory.is_word(env_id):
        gym.registry.pop(env_id, None)
        gym.register(env_id, entry_point=memory.find(env_id, "env"))
        return env_id
    module, _, name = env_id.rpartition(":")
    matching = [offer for offer in offers if name.startswith(f"{offer.namespace}/")]
    modules = [offer.module for offer in matching]
    try:
        if module.endswith(".py"):
            _register_of_file(Path(module), name)
        elif module:
            modules = [module, *modules]
        for needed in modules:
            importlib.import_module(needed)
        gym.spec(name)
    except ImportError as error:
        missing = [offer.install for offer in matching if offer.lacks(error)]
        hint = "".join(f". Install it: pip install {install!r}" for install in missing)
        if Path(f"{module}.py").is_file():
            hint = f". A file is named with its ending: --env {module}.py:{name}"
        raise UsageError(f"--env {env_id}: {first_line(error)}{hint}") from error
    except gym.error.Error as error:
        hint = did_you_mean(name, gym.registry)
        raise UsageError(f"--env {env_id}: Gymnasium knows no such environment.{hint}") from error
    return name


def _register_of_file(path: Path, name: str) -> None:
    """Import a file, and register its class `name` where it has one and does not so itself."""
    offered: Any = getattr(import_file(path), name, None)
    if name not in gym.registry and isinstance(offered, type) and issubclass(offered, gym.Env):
        gym.register(name, entry_point=cast("Any", offered))


def env_spec(env_id: str, plugins: Plugins | None = None) -> EnvSpec:
    """Return what Gymnasium knows of an environment, its `reward_threshold` say, without making it.
    `plugins` are those found before.

    Raises UsageError where the id is unknown.
    """
    return gym.spec(register(env_id, (plugins or discover()).environments()))


def make_env(
    env_id: str,
    *,
    wrappers: Sequence[Wrapper] = (),
    time_limit: int | None = None,
    render_mode: str | None = None,
    **kwargs: Any,
) -> gym.Env[Any, Any]:
    """Make one environment, wrapped, whose episodes are truncated after `time_limit` steps as seen
    from outside. Raises UsageError where it cannot be built."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Unasked, `render_mode` would be refused by environments that have no such argument.
            rendering: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
            env = gym.make(env_id, **rendering, **kwargs)
            env = wrapped(env, wrappers)
            if time_limit is not None:
                env = TimeLimit(env, time_limit)
    except UsageError:
        raise
    except Exception as error:  # an environment may refuse its arguments in any way
        if render_mode is not None and isinstance(error, TypeError) and not _draws(env_id):
            raise UsageError(
                f"--env {env_id} cannot draw itself: its class takes no render_mode="
            ) from error
        raise UsageError(f"--env {env_id} cannot be made: {_reason(error)}") from error
    return env


def _draws(env_id: str) -> bool:
    """Tell whether the class or function behind an id takes a `render_mode`."""
    entry_point = gym.spec(env_id.rpartition(":")[2]).entry_point  # its module is imported
    make = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    parameters = inspect.signature(make).parameters if make else {}
    return "render_mode" in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def wrapped(env: gym.Env[Any, Any], wrappers: Sequence[Wrapper]) -> gym.Env[Any, Any]:
    """Return the environment in its wrappers, of which the first is the innermost."""
    for wrapper in wrappers:
        env = wrapper(env)
    return env


def notes(env: gym.Env[Any, Any]) -> list[str]:
    """Return what wrappers have to tell of what they change, the innermost first."""
    found: list[str] = []
    while isinstance(env, gym.Wrapper):
        found += [env.note] if isinstance(env, ChangedObservation) else []
        env = env.env
    return found[::-1]


def make_envs(
    env_id: str,
    num_envs: int,
    *,
    native: bool = True,
    wrappers: Sequence[Wrapper] = (),
    vector_id: str | None = None,
    vector: VectorMaker | None = None,
    time_limit: int | None = None,
    **kwargs: Any,
) -> Envs:
    """Make `num_envs` environments: a native vector version where there is one, it is faster, and
    `native` and the wrappers allow it, otherwise one by one. `vector_id` names the environment that
    has it, if not `env_id` itself. `vector` makes a vector version that does by itself what the
    wrappers do, and whose state is not saved. Episodes are truncated after `time_limit` steps, if
    nothing ends them before.
    """
    if vector is not None:
        return Envs(vector(num_envs, time_limit), name=env_id, exact=False)
    vector_id = vector_id or env_id
    if native and num_envs >= NATIVE_FROM and gym.spec(vector_id).vector_entry_point:
        found = _native(env_id, vector_id, num_envs, wrappers, time_limit, kwargs)
        if found is not None:
            return Envs(found, name=env_id)
    single = {"wrappers": wrappers, "time_limit": time_limit, **kwargs}
    return Envs(one_by_one(lambda: Replayable(make_env(env_id, **single)), num_envs), name=env_id)


def one_by_one(make: Callable[[], gym.Env[Any, Any]], num_envs: int) -> VectorEnv[Any, Any, Any]:
    """Return a vector environment that steps single ones in turn, in SAME_STEP mode."""
    first = make()
    if num_envs == 1 and is_plain(first):
        return SingleEnv(first)
    return SyncVectorEnv(
        [lambda: first, *[make] * (num_envs - 1)],
        copy=False,  # Envs copies
        autoreset_mode=AutoresetMode.SAME_STEP,
    )


def _native(
    env_id: str,
    vector_id: str,
    num_envs: int,
    wrappers: Sequence[Wrapper],
    time_limit: int | None,
    kwargs: Mapping[str, Any],
) -> VectorEnv[Any, Any, Any] | None:
    """Return the native vector version; None where it does not take the arguments, where it shows
    other observations or takes other actions than the environment itself, or where a wrapper does
    not return the environment as it is.

    No wrapper can end the episodes of some of its environments: it has to know the limit itself.
    """
    registered = registered_limit(vector_id, kwargs)
    limits = [limit for limit in (time_limit, registered) if limit is not None]
    own = {name: value for name, value in kwargs.items() if name != "max_episode_steps"}
    if limits:
        own["max_episode_steps"] = min(limits)
    elif "max_episode_steps" in kwargs:
        return None  # no limit is requested; it may have one of its own
    if time_limit is not None and not _takes_limit(vector_id):
        return None
    single = make_env(env_id, **kwargs)
    try:
        if wrapped(single, wrappers) is not single:
            return None
        vector = gym.make_vec(vector_id, num_envs, "vector_entry_point", **own)
    except (TypeError, gym.error.Error):
        return None
    finally:
        single.close()
    alike = (
        vector.single_observation_space == single.observation_space
        and vector.single_action_space == single.action_space
    )
    if not alike:
        vector.close()
    return vector if alike else None


def _takes_limit(vector_id: str) -> bool:
    """Tell whether a native vector version names its time limit among its arguments: one that
    takes any argument may pass over it."""
    entry: Any = gym.spec(vector_id).vector_entry_point
    creator = load_env_creator(entry) if isinstance(entry, str) else entry
    return "max_episode_steps" in inspect.signature(creator).parameters


def is_exact(make: Callable[[], Envs]) -> bool:
    """Try on two scratch copies whether a state saved here continues there alike.

    The first plays into its second episode, so that what is carried between episodes shows, and
    gives its state to the other. Both go on with the same actions.
    """
    original, copy = make(), make()
    try:
        rng = np.random.default_rng(0)
        original.reset(seed=1)
        copy.reset(seed=2)
        _play(original, _actions(original, rng))
        original.reset()
        _play(original, _actions(original, rng))
        copy.load_state_dict(from_plain(to_plain(original.state_dict())))
        actions = _actions(original, rng)
        return _play(original, actions) == _play(copy, actions)
    except Exception:  # an environment may fail in any way; then its state cannot be saved
        return False
    finally:
        original.close()
        copy.close()


def _reason(error: Exception) -> str:
    """Return the message of an environment's error; that of a KeyError is the key alone."""
    message = first_line(error)
    return f"{type(error).__name__} {message}" if isinstance(error, KeyError) else message


def _actions(envs: Envs, rng: np.random.Generator) -> list[Any]:
    space = envs.vector.action_space
    space.seed(int(rng.integers(2**31)))
    return [space.sample() for _ in range(TRIAL_STEPS)]


def _play(envs: Envs, actions: Sequence[Any]) -> list[bytes]:
    """Step through `actions` and return everything seen, to the bit."""
    seen = []
    for action in actions:
        step = envs.step(_permitted(envs, action))
        seen += [part for seen_by in (*step[:5], envs.obs) for part in _bytes(seen_by)]
    return seen


def _permitted(envs: Envs, actions: Any) -> Any:
    """Return actions [N]; in place of a forbidden one the first that is allowed."""
    mask, space = envs.action_mask, envs.action_space
    if mask is None or not isinstance(space, gym.spaces.Discrete):
        return actions
    allowed = mask[np.arange(len(actions)), actions - space.start]
    return np.where(allowed, actions, mask.argmax(1) + space.start)


def _bytes(value: Any) -> list[bytes]:
    if isinstance(value, dict):
        return [part for item in value.values() for part in _bytes(item)]
    return [np.ascontiguousarray(value).tobytes()]
