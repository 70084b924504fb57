"""Options of Weights & Biases."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

import lab

DEFAULT_PROJECT = "lab"


class Options(lab.Options):
    """Options of every run; what W&B itself reads from its own variables counts as everywhere."""

    CHANGES: ClassVar[frozenset[str]] = frozenset({"wandb"})

    wandb: Literal["auto", "online", "offline", "disabled"] = Field(
        "auto", description="Weights & Biases; auto is online with a key and offline without."
    )
    project: str | None = Field(
        None, description="Weights & Biases project; by default WANDB_PROJECT, or lab."
    )

    @property
    def follows(self) -> bool:
        return self.wandb != "disabled"
