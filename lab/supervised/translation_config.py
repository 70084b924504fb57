"""List the options of what writes sentences, the same in every family that translates."""

from __future__ import annotations

from pydantic import Field

from lab.data.options import DataOptions
from lab.supervised.options import LabelOptions

OBJECTIVE = ("eval/error_rate", "min")  # what selects: edits, by what is really written


class TranslationOptions(DataOptions, LabelOptions):
    """Pairs to learn from, and how sentences are searched for when they are measured and predicted.

    Families that inherit this share split, metrics and objective, so that their runs on one source
    compare in one table.
    """

    beam: int = Field(1, ge=1, description="Width of the beam that writes; 1 is greedy.")
    length_penalty: float = Field(
        0.0,
        ge=0,
        description="Exponent by which a beam prefers what is longer (Wu et al., 2016).",
    )
    max_tokens: int | None = Field(
        None, ge=1, description="Tokens written at most; none: as many as the source's longest."
    )
