"""Read sequences of numbers for `lab predict`: typed ones, csv files, arrays of numpy, sounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from warnings import warn

import numpy as np

from lab.data import csv_files
from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.gaps import filled
from lab.data.sound_files import SUFFIX, SoundDecoder, read_sound
from lab.errors import InputWarning, UsageError
from lab.messages import count

ARRAYS = (".npy", ".npz")
NAMES = ("x", "inputs", "data")  # of the sequences in an .npz file that holds several arrays


def read_sequences(words: Sequence[str], info: DatasetInfo) -> tuple[list[str], list[Array]]:
    """Return the sequences [T, F] that words stand for, and what each is called.

    A word is a csv file with a row for each step, an .npy or .npz file of one sequence [T, F] or of
    several [N, T, F], or the numbers of one, step by step: 1,2,3. Of a source of sounds it is also
    a WAV file, or a folder of them. Raises UsageError that names what cannot be read.
    """
    decoder = SoundDecoder.of(info.written)
    if not words:
        sounds = "" if decoder is None else "a WAV file, or a folder of them, "
        raise UsageError(
            f"Nothing to predict. Give {sounds}the numbers of a sequence, a csv file with a row "
            "for each step, or an .npy file"
        )
    names, values = [], []
    for word in words:
        found = _sequences(word, info) if decoder is None else _sounds(word, decoder, info)
        for name, steps in found:
            names.append(name)
            values.append(steps)
    return names, values


def _sounds(word: str, decoder: SoundDecoder, info: DatasetInfo) -> Iterator[tuple[str, Array]]:
    """Return the features of a WAV file or of all in a folder; of another word what it says."""
    place = Path(word)
    files = [place]
    if place.is_dir():
        files = sorted(path for path in place.rglob("*") if path.suffix.lower() == SUFFIX)
        if not files:
            raise UsageError(f"{word} holds no WAV files")
    elif place.suffix.lower() != SUFFIX:
        yield from _sequences(word, info)
        return
    elif not place.is_file():
        raise UsageError(f"There is no file {word}")
    for file in files:
        try:
            yield str(file), decoder(read_sound(file))
        except ValueError as error:
            raise UsageError(str(error)) from error


def _sequences(word: str, info: DatasetInfo) -> Iterator[tuple[str, Array]]:
    place, features = Path(word), info.shape[-1]
    suffix = place.suffix.lower()
    if suffix in (*ARRAYS, *csv_files.SUFFIXES) and not place.is_file():
        raise UsageError(f"There is no file {word}")
    if suffix in csv_files.SUFFIXES:
        yield word, _rows(place, word, info)
    elif suffix not in ARRAYS:
        yield word, _typed(word, features)
    else:
        array = _array(place, word)
        if array.ndim not in (2, 3) or array.shape[-1] != features:
            raise UsageError(
                f"{word} holds an array {list(array.shape)}; sequences are [T, {features}], or "
                f"[N, T, {features}]"
            )
        several = array.ndim == 3
        for row, steps in enumerate(array if several else array[None]):
            yield (f"{word}:{row}" if several else word), steps


def _typed(word: str, features: int) -> Array:
    try:
        numbers = np.array([float(cell) for cell in word.split(",")])
    except ValueError:
        what = "a file of another kind than csv, .npy and .npz"
        if not Path(word).exists():
            what = "neither a file nor numbers with commas between them"
        raise UsageError(f"{word!r} is {what}") from None
    if len(numbers) % features:
        steps = f"steps of {count(features, 'number')}"
        raise UsageError(f"{count(len(numbers), 'number')} are no {steps}: {word!r}")
    return numbers.reshape(-1, features)


def _rows(place: Path, word: str, info: DatasetInfo) -> Array:
    """Return the rows of a csv file as steps: columns by their names, or as they come."""
    frame = csv_files.read_csv(place, word)
    if info.features and set(info.features) <= set(frame.columns):
        frame = frame[list(info.features)]
    if len(frame.columns) != info.shape[-1]:
        raise UsageError(
            f"{word} has {count(len(frame.columns), 'column')}; a step has "
            f"{count(info.shape[-1], 'number')}"
        )
    try:
        steps = np.asarray(frame.to_numpy(np.float64))
    except (TypeError, ValueError) as error:
        raise UsageError(f"{word} holds what is no number: {error}") from error
    missing = int(np.isnan(steps).sum())
    if missing and info.kind == "series":  # as in training
        lacks = count(missing, "missing value")
        warn(f"{word}: {lacks} interpolated", InputWarning, stacklevel=2)
        return filled(steps)
    return steps


def _array(place: Path, word: str) -> Array:
    try:
        with place.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return loaded
            name = next((n for n in NAMES if n in loaded.files), loaded.files[0])
            return np.asarray(loaded[name])
    except (OSError, ValueError, EOFError, IndexError) as error:
        raise UsageError(f"{word} cannot be read as arrays of numpy: {error}") from error
