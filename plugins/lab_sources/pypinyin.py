"""Read how Chinese phrases are said from the files of pypinyin."""

from __future__ import annotations

import json

import lab
from lab_sources import token_rows
from lab_sources.drawn import drawn
from lab_sources.wheel_files import Package

PYPINYIN = Package("pypinyin", "0.55.0", "MIT")
PATH = "pypinyin/phrases_dict.json"
SHA256 = "a45ff140a6b631ca9c82127b280a2f414e0aba6bb2824a0e9d1e77fff359c665"


def pypinyin(n: int, unit: str, seed: int) -> lab.Dataset:
    """Return characters int [n, T] of phrases, and their pinyin int [n, U]: a syllable with its
    tone to a character, or with `unit` letter the letters, a space between syllables.

    Where a character may be said in several ways within a phrase, the first one is taken. n = 0
    asks for all phrases, in the order of the file; otherwise they are drawn.
    Raises NotInstalled without pypinyin, UsageError where it has no n phrases.
    """
    content = PYPINYIN.read("pypinyin", PATH, SHA256)
    phrases = drawn(list(json.loads(content.data).items()), n, seed, "pypinyin")
    written = [characters for characters, _ in phrases]
    said = [[ways[0] for ways in syllables] for _, syllables in phrases]
    targets = said if unit == "syllable" else [" ".join(syllables) for syllables in said]
    characters, sounds = token_rows.vocabulary(written), token_rows.vocabulary(targets)
    return lab.Dataset(
        token_rows.rows(written, characters),
        token_rows.rows(targets, sounds, ends=True),
        vocabulary=characters,
        target_vocabulary=sounds,
        origin=(content.origin,),
        notes=content.notes,
    )
