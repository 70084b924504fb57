"""List the options of a language model, a mixin that a plugin's config inherits.

The same option then has one name, range and help text in every family. Nothing heavy is imported.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from lab.config import Objective, OneOf
from lab.data.options import DataOptions
from lab.supervised.options import LabelOptions
from lab.tokenizers.names import TOKENIZERS


class LanguageOptions(DataOptions, LabelOptions):
    """What a token is, and how many are read at a time; for sources to `lm`."""

    tokenizer: Annotated[str, OneOf(TOKENIZERS)] = Field(
        "char", description="Pieces that text is read in, learned from the training text."
    )
    vocab_size: int = Field(
        4096, ge=5, description="Most tokens there are; of word and bpe, the others are fixed."
    )
    context: int = Field(
        64, ge=1, description="Tokens of a text in a training example, one to predict from each."
    )
    ngram: int = Field(
        5, ge=0, le=12, description="Order of the n-gram model to beat, tested beside; 0: none."
    )

    @property
    def language_objective(self) -> Objective:
        """Return what selects: bits of a character compare over tokenizers. Words forget the spaces
        between them, and which the unknown ones are, so theirs are bits of other texts."""
        unit = "token" if self.tokenizer == "word" else "character"
        return f"eval/bits_per_{unit}", "min"
