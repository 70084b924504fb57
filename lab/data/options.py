"""List the options by which data are chosen and varied, the same for every experiment."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lab import memory
from lab.options import OneOf, Options
from lab.plugins import Plugins
from lab.tokenizers.names import TOKENIZERS

AUGMENTATIONS = {
    "shift": "largest shift in pixels",
    "crop": "smallest fraction of a side that a crop keeps",
    "flip": "probability of a mirror image",
    "cutout": "side of the square that is cleared, in pixels",
    "noise": "standard deviation of added noise, where the inputs' own is 1",
    "mixup": "alpha of the beta distribution of the mixture",
}
IN_PIXELS = ("shift", "cutout")
TEXT_SOURCES = ("csv-text", "textfolder")


def _checked(amounts: dict[str, float]) -> dict[str, float]:
    for name, amount in amounts.items():
        if name not in AUGMENTATIONS:
            raise ValueError(f"{name!r} is none of {', '.join(AUGMENTATIONS)}")
        if not _possible(name, amount):
            raise ValueError(f"{name}={amount:g} is out of range: {AUGMENTATIONS[name]}")
    return amounts


def _possible(name: str, amount: float) -> bool:
    if not math.isfinite(amount) or amount < 0:
        return False
    if name == "crop":
        return 0 < amount <= 1
    if name == "flip":
        return amount <= 1
    return name not in IN_PIXELS or amount.is_integer()


def _absolute(words: str) -> str:
    """Return a source whose argument is a path with all of that: a run is resumed from anywhere."""
    name, _, argument = words.partition(":")
    place = Path(argument).expanduser()
    if memory.is_word(words):
        return words
    return f"{name}:{place.resolve()}" if argument and place.exists() else words


Augmentations = Annotated[dict[str, float], AfterValidator(_checked)]


Source = Annotated[str, AfterValidator(_absolute)]
"""A source as options name it, NAME or NAME:ARGUMENT."""


class DataOptions(Options):
    """Which examples to use and how to split them. An experiment that learns from a source inherits
    it together with `lab.Config`, and passes its config to `ctx.data`."""

    data: Source = Field(
        "digits", description="Source: NAME or NAME:ARGUMENT; `lab data` lists them."
    )
    data_args: dict[str, bool | int | float | str] = Field(
        {}, description="Options of the source: difficulty=0.5,n=2000."
    )
    task: Literal[
        "auto", "classify", "regress", "segment", "translate", "forecast", "parse", "lm"
    ] = Field("auto", description="What to learn of it; auto is what the source is for.")
    fold: int = Field(0, ge=0, lt=5, description="Which of five disjoint parts is the test set.")
    split_seed: int = Field(0, ge=0, description="Seed of the split; runs of one seed share it.")
    classes: tuple[str, ...] = Field((), description="Only these classes: names, or 0-4.")
    labels_per_class: int | None = Field(
        None, ge=1, description="Training examples per class; all by default."
    )
    skip_bad: bool = Field(False, description="Go on without rows or files that cannot be read.")
    max_resident_mb: int = Field(
        2_048, ge=0, description="MB of data to keep on the device; more is read by batch."
    )
    batch_size: int = Field(64, ge=1, description="Examples in a minibatch.")

    missing: Literal["median", "mean", "most_frequent", "indicator", "drop"] = Field(
        "median",
        description="What a table lacks: filled from the training rows (of categories the most "
        "frequent), with a feature that tells so (indicator), or the row is left out.",
    )

    @property
    def data_name(self) -> str:
        """The source as messages and names of runs call it, without the folder of a path."""
        name, _, argument = self.data.partition(":")
        place = Path(argument)
        return f"{name}:{place.name}" if place.is_absolute() else self.data

    @property
    def target(self) -> str:
        return self.data_name

    def learns(self, plugins: Plugins) -> str:
        """Return what is learned: a `lab.data.dataset.Task`."""
        from lab.data.sources import task_of

        if self.task != "auto":
            return self.task
        return task_of(self.data, self.data_args, plugins.sources())


class TextOptions(Options):
    """How texts are read as tokens. Whose config has it learns from texts that have labels."""

    tokenizer: Annotated[str, OneOf(TOKENIZERS)] | None = Field(
        None,
        description="Pieces that text is read in, learned from the training text; none: words.",
    )
    vocab_size: int = Field(
        4096, ge=5, description="Most tokens there are; of word and bpe, the others are fixed."
    )
    max_length: int = Field(
        256, ge=1, description="Tokens of a text with a label that are read; the rest is cut."
    )


def preset_of_texts(options: DataOptions) -> str | None:
    """Return the preset for a person's own texts that have labels, where a source gives such."""
    name, _, argument = options.data.partition(":")
    given = name == memory.MEMORY and argument.startswith("texts-")
    return "texts" if (given or name in TEXT_SOURCES) and options.task != "lm" else None


class ObjectOptions(Options):
    """How examples that are given in Python are read: which columns of a table, and what for."""

    target: str = Field("", description="Column of a DataFrame that is predicted.")
    task: Literal["auto", "classify", "regress", "segment"] = Field(
        "auto", description="What to learn; auto tells it from the labels."
    )
    drop: str = Field("", description="Columns of a DataFrame to leave out, joined by +.")


class AugmentOptions(Options):
    """How training inputs are varied."""

    augment: Augmentations = Field(
        {}, description="Vary inputs: shift=2,crop=0.8,flip=0.5,cutout=4,noise=0.1,mixup=0.2."
    )
