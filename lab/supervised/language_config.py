"""List the options of a language model, a mixin that a plugin's config inherits.

The same option then has one name, range and help text in every family. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.config import Objective
from lab.data.options import DataOptions, TextOptions
from lab.options import OneOf
from lab.supervised.options import LabelOptions
from lab.tokenizers.names import TOKENIZERS


class LanguageOptions(DataOptions, TextOptions, LabelOptions):
    """What a token is, and how many are read at a time; for sources to `lm`."""

    tokenizer: Annotated[str, OneOf(TOKENIZERS)] | None = Field(
        None,
        description="Pieces that text is read in, learned from the training text; none: words to "
        "label, characters to write.",
    )
    context: int = Field(
        64, ge=1, description="Tokens of a text in a training example, one to predict from each."
    )
    ngram: int = Field(
        5, ge=0, le=12, description="Order of the n-gram model to beat, tested beside; 0: none."
    )

    @property
    def pieces(self) -> str:
        """The tokenizer of a language model."""
        return self.tokenizer or "char"

    @property
    def language_objective(self) -> Objective:
        """Return what selects: bits of a character compare over tokenizers. Words forget the spaces
        between them, and which the unknown ones are, so theirs are bits of other texts."""
        unit = "token" if self.pieces == "word" else "character"
        return f"eval/bits_per_{unit}", "min"

    def lacks(self, task: str) -> tuple[str, ...]:
        return () if task == "lm" else ("sample",)
