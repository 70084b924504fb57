"""Hold one option of each kind, and how to fail."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import lab

Trouble = Literal[
    "none",
    "raise-init",
    "raise-step",
    "raise-evaluate",
    "nan-loss",
    "nan-eval",
    "unpicklable",
    "unplain",
]


class Odd(lab.Config):
    lr: float = Field(0.5, gt=0, description="Learning rate.")
    hidden: tuple[int, ...] = Field((8, 4), description="Widths.")
    limit: float | None = Field(1.0, ge=0, description="A bound, or none.")
    fast: bool = Field(False, description="A switch.")
    color: Literal["red", "green"] = "red"
    place: str = "meadow"
    trouble: Trouble = "none"
    at: int = Field(100, description="The clock from which there is trouble.")
    pause: float = Field(0.0, description="Seconds that a step takes.")
    ballast: int = Field(0, description="Bytes that a checkpoint carries.")

    @property
    def objective(self) -> tuple[str, str]:
        return "eval/score", "max"

    @property
    def target(self) -> str:
        return self.place

    @property
    def budget(self) -> int:
        return 200

    @property
    def preset(self) -> str:
        return self.place


class Play(lab.Options):
    text: str = "la la la"


class Sample(lab.Options):
    n: int = Field(3, ge=1, description="How many digits.")
    class_: Literal["words", "table"] = "words"
