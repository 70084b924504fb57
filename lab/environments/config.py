"""List the options by which every experiment chooses the Gymnasium environment it learns from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from lab.config import Config
from lab.option_text import REPEATED
from lab.plugins import Plugins

if TYPE_CHECKING:
    from lab.environments.wrap import Wrapper


class EnvConfig(Config):
    """Base of the configs of reinforcement learning: hand `time_limit=config.max_episode_steps` and
    `wrappers=config.wrappers()` to `ctx.make_envs` and `ctx.make_env`."""

    clock: ClassVar[str] = "env_steps"

    env: str = Field(
        "CartPole-v1", description="Gymnasium id; module:Id or file.py:Class for one's own."
    )
    env_args: dict[str, bool | int | float | str] = Field(
        {}, description="Arguments of the environment: is_slippery=false,map_name=8x8."
    )
    wrap: Annotated[tuple[str, ...], REPEATED] = Field(
        (),
        description="Wrapper of gymnasium.wrappers, module:Class or file.py:Class, as Name or "
        "Name(key=value,...); may be repeated, the first is the innermost.",
    )
    n_envs: int = Field(1, ge=1, description="Environments stepped together.")
    max_episode_steps: int | None = Field(
        None,
        ge=1,
        description="Steps after which episodes are truncated, if nothing ends them before.",
    )

    def wrappers(self) -> list[Wrapper]:
        """Return what `--wrap` names, for `ctx.make_envs` and `ctx.make_env`. Raises UsageError for
        a wrapper that cannot be found."""
        from lab.environments.wrap import named_wrappers

        return named_wrappers(self.wrap)

    def goals(self, plugins: Plugins) -> Mapping[str, str]:
        """Return the threshold that the environment itself declares."""
        from lab.environments.make import env_spec

        threshold = env_spec(self.env, plugins).reward_threshold
        return {} if threshold is None else {"solved": f"eval/return>={threshold:g}"}
