"""Write numbers in English words, and hold some of them out."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources import token_rows
from lab_sources.drawn import drawn
from lab_sources.sdf import Array

ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


def number_words(n: int, digits: int, unit: str, seed: int) -> lab.Dataset:
    """Return numbers of up to `digits` digits as characters int [n, T], and what they are called
    int [n, U]: its characters, or with `unit` word its words.

    Held out for testing is every number that ends with one of 17 pairs of digits that training
    never shows as the last two, though each of the two digits in its place: 23 is there, and 44,
    but not 24 (`is_held_out`). n = 0 asks for all numbers. factors: number [n].
    Raises UsageError where there are no n numbers.
    """
    numbers = np.array(drawn(range(10**digits), n or 10**digits, seed, "number-words"))
    written = [str(number) for number in numbers]
    called = [in_words(int(number)) for number in numbers]
    targets = called if unit == "char" else [words.split() for words in called]
    symbols, letters = token_rows.vocabulary(written), token_rows.vocabulary(targets)
    return lab.Dataset(
        token_rows.rows(written, symbols),
        token_rows.rows(targets, letters, ends=True),
        test=is_held_out(numbers),
        factors={"number": numbers},
        vocabulary=symbols,
        target_vocabulary=letters,
    )


def is_held_out(numbers: Array) -> Array:
    """Return which numbers are for testing: of the last two digits, the tens are 2 to 9, the ones 1
    to 9, and they add up to 6, 10 or 14. Each of those digits comes with others in training."""
    tens, ones = numbers // 10 % 10, numbers % 10
    return (tens >= 2) & (ones >= 1) & np.isin(tens + ones, (6, 10, 14))


def in_words(number: int) -> str:
    """Return what a number below a million is called, without `and`: two hundred thirty-four."""
    if number < len(ONES):
        return ONES[number]
    if number < 100:
        tens, ones = TENS[number // 10 - 2], number % 10
        return f"{tens}-{ONES[ones]}" if ones else tens
    size, unit = (100, "hundred") if number < 1_000 else (1_000, "thousand")
    rest = f" {in_words(number % size)}" if number % size else ""
    return f"{in_words(number // size)} {unit}{rest}"
