"""List the options of the sources of sequences; `--data-args` fills them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import lab
from lab_sources.options import Seeded


class Words(Seeded):
    n: int = Field(10_000, ge=0, description="Words, drawn at random; 0 for all.")
    stress: bool = Field(False, description="Keep the stress of vowels: AH0, AH1, AH2.")


class Phrases(Seeded):
    n: int = Field(10_000, ge=0, description="Phrases, drawn at random; 0 for all.")
    unit: Literal["syllable", "letter"] = Field(
        "syllable", description="What is written: syllables with their tones, or letters."
    )


class Library(lab.Options):
    n: int = Field(500_000, ge=0, description="Characters at most; 0 for all.")
