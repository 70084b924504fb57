"""Tell how a file of text is written, and say in one line what is wrong with it."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.errors import UsageError

ADVICE = "Say how it is written: --data-args encoding=latin-1"
AT_ONCE = 2**20  # bytes
TOO_LONG = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
UNCLOSED = re.compile(r"EOF inside string starting at row (\d+)")
SHOWN = 60  # characters of a line


@contextmanager
def plain_errors(name: str) -> Iterator[None]:
    """Raise UsageError, in one line, for what goes wrong while a file is read."""
    try:
        yield
    except (OSError, ValueError, LookupError) as error:  # pandas' and pyarrow's are among them
        line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UsageError(f"{name} cannot be read: {_in_plain_words(line)}") from error


def _in_plain_words(line: str) -> str:
    """Return what pandas says of a row that does not fit, without its own words."""
    line = line.removeprefix("Error tokenizing data. C error: ")
    if match := TOO_LONG.search(line):
        return f"line {match[2]} has {match[3]} fields, and those before it {match[1]}"
    if match := UNCLOSED.search(line):
        return f"the text in quotes that begins in row {match[1]} does not end"
    return line


def encoding_of(place: Path, name: str, advice: str = ADVICE, otherwise: str = "") -> str:
    """Return UTF-8 or UTF-16, whichever the bytes are. Others cannot be told from each other: for
    those, return `otherwise`, or raise UsageError without it; `advice` ends with what reads the
    line that the message shows."""
    with plain_errors(name), place.open("rb") as file:
        if file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while part := file.read(AT_ONCE):
                decoder.decode(part)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            if otherwise:
                return otherwise
            number, line, byte = _first_other(place)
            shown = line.decode("latin-1").strip()[:SHOWN]
            raise UsageError(
                f"{name} is not UTF-8: line {number} holds byte {byte:#x}. {advice} reads {shown!r}"
            ) from error
    return "utf-8-sig"  # with or without a mark at its start


def _first_other(place: Path) -> tuple[int, bytes, int]:
    """Return the number of the first line that is no UTF-8, the line, and the byte."""
    with place.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return number, line, line[error.start]
    raise AssertionError(f"{place} is UTF-8")


def read_text(place: Path, name: str, encoding: str = "") -> str:
    """Return a file of text, in the encoding that is said or told from it."""
    encoding = encoding or encoding_of(place, name)
    with plain_errors(name):
        return place.read_text(encoding=encoding)
