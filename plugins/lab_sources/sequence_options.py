"""List the options of the sources of sequences; `--data-args` fills them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

import lab
from lab_sources.options import Form, Seeded, Text


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


class Adding(Seeded):
    n: int = Field(2_000, ge=1, description="Sequences.")
    steps: int = Field(50, ge=2, description="Steps of a sequence.")


class CopyMemory(Seeded):
    n: int = Field(2_000, ge=1, description="Sequences.")
    length: int = Field(10, ge=1, description="Symbols to be written again.")
    blanks: int = Field(30, ge=1, description="Steps between the last symbol and the first due.")


class Reverse(Seeded):
    n: int = Field(5_000, ge=1, description="Strings.")
    shortest: int = Field(1, ge=1, description="Letters of the shortest.")
    longest: int = Field(10, ge=1, description="Letters of the longest.")
    symbols: int = Field(8, ge=2, le=26, description="Different letters.")
    order: Literal["reverse", "copy"] = Field(
        "reverse", description="How they are to be written: backwards, or as they are."
    )


class NumberWords(Seeded):
    n: int = Field(5_000, ge=0, description="Different numbers; 0 for all.")
    digits: int = Field(4, ge=2, le=6, description="Digits of the largest.")
    unit: Literal["char", "word"] = Field(
        "char", description="What is written: characters, or words."
    )


class Dates(Seeded):
    n: int = Field(5_000, ge=50, description="Dates.")


class Regimes(Seeded):
    n: int = Field(2_000, ge=50, description="Steps.")
    noise: float = Field(0.2, ge=0, description="Standard deviation of the noise.")
    duration: int = Field(200, ge=1, description="Steps of a regime, on average.")


class Stories(Seeded):
    n: int = Field(3_000, ge=1, description="Stories.")
    facts: int = Field(5, ge=2, le=50, description="Sentences before the question.")
    hops: int = Field(
        1, ge=1, le=2, description="Facts that an answer needs: 1 for where somebody is, 2 a thing."
    )


class Utterances(Seeded):
    n: int = Field(400, ge=1, description="Utterances.")
    shortest: int = Field(2, ge=1, description="Digits of the shortest.")
    longest: int = Field(6, ge=1, description="Digits of the longest.")
    noise: float = Field(0.05, ge=0, description="Standard deviation of the noise.")


class Captions(Seeded):
    n: int = Field(3_000, ge=1, description="Pictures.")
    difficulty: float = Field(0.3, ge=0, le=1, description="Clutter, noise, and how figures turn.")
    held_out: bool = Field(
        False, description="Test on figures in the one color where train never has them."
    )


class Pairs(Text):
    unit: Literal["char", "word"] = Field("char", description="What a token is.")
    longest: int = Field(200, ge=1, description="Tokens on a side; longer pairs are left out.")


class Series(Form):
    target: str = Field("", description="The one column to forecast; by default all of them.")
    drop: str = Field("", description="Columns to leave out, joined by +.")


class Audio(lab.Options):
    rate: int = Field(
        0, ge=0, le=192_000, description="Samples a second of all files; 0 for that of most."
    )
    mels: int = Field(40, ge=1, le=128, description="Bands of frequency.")
    seconds: float = Field(10, gt=0, description="What a sound has at most; it is cut there.")
