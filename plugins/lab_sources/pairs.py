"""Read pairs of sentences, what is given and what is to be written, from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import lab
from lab.data.text_files import read_text
from lab.messages import count
from lab.tokenizers.words import pieces
from lab_sources import token_rows

SIDES = ("source", "target")


def pairs(path: str, unit: str, longest: int, encoding: str) -> lab.Dataset:
    """Return sentences as tokens int [N, T], and what is to be written int [N, U].

    A line of the file holds both, with a tab between; it has no column names, and columns after the
    second are left out. unit: tokens are characters, or words as `WordTokenizer` sees them. Lines
    without either side are listed in `bad`; pairs of more than `longest` tokens on a side are left
    out, and a note says so.
    Raises UsageError where the file cannot be read, and where no pair is left.
    """
    name = f"pairs:{path}"
    text = read_text(Path(path).expanduser(), name, encoding)
    lines = [(n, line.split("\t")) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise lab.UsageError(f"{name} is empty: a line is to hold a sentence, a tab and another")
    bad = [f"line {n}: {why}" for n, cells in lines if (why := _wrong(cells))]
    found = [_tokens(cells[:2], unit) for _, cells in lines if not _wrong(cells)]
    kept = [pair for pair in found if max(map(len, pair)) <= longest]
    if found and not kept:
        raise lab.UsageError(f"{name}: every pair has more than {longest:,} tokens on a side")
    sources, targets = [source for source, _ in kept], [target for _, target in kept]
    words, written = token_rows.vocabulary(sources), token_rows.vocabulary(targets)
    return lab.Dataset(
        token_rows.rows(sources, words),
        token_rows.rows(targets, written, ends=True),
        vocabulary=words,
        target_vocabulary=written,
        bad=tuple(bad),
        notes=tuple(_notes(len(found) - len(kept), longest, max(len(c) for _, c in lines))),
    )


def _wrong(cells: Sequence[str]) -> str:
    """Return what a line lacks, "" for nothing."""
    if len(cells) < len(SIDES):
        return "there is no tab, so that it has no target"
    lacking = [side for side, cell in zip(SIDES, cells, strict=False) if not cell.strip()]
    return f"its {lacking[0]} is empty" if lacking else ""


def _tokens(cells: Sequence[str], unit: str) -> tuple[list[str], list[str]]:
    source, target = (pieces(cell) if unit == "word" else list(cell.strip()) for cell in cells)
    return source, target


def _notes(long: int, longest: int, columns: int) -> list[str]:
    notes = []
    if long:
        verb = "is" if long == 1 else "are"
        notes.append(
            f"{count(long, 'pair')} of more than {longest:,} tokens on a side {verb} left out "
            "(longest=N keeps those of up to N)"
        )
    if columns > len(SIDES):
        notes.append("columns after the second are left out")
    return notes
