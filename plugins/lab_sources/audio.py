"""Read sounds that lie in a folder for each class, as log-mel features."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np

import lab
from lab.messages import count
from lab_sources import class_folders
from lab_sources.log_mel import bands, log_mel
from lab_sources.sdf import Array
from lab_sources.ts_file import padded

SLOWEST = 1_000  # samples a second: a frame has 32 then


@dataclass(frozen=True)
class Sound:
    """A sound of one channel, float [L] in -1..1. channels: those of its file."""

    values: Array
    rate: int
    channels: int


def audiofolder(path: str, rate: int, mels: int, seconds: float) -> lab.Dataset:
    """Return the WAV files under `path` as log-mel features float [N, T, mels] with a mask, T that
    of the longest; the class is the folder's name.

    `path` may hold the folders `train`, `val` and `test` with the classes in them. Channels are
    averaged. rate: samples a second that all are brought to, 0 for that of most files. seconds:
    longer sounds are cut there. Notes tell of what was changed; files that cannot be read are
    listed in `bad`.
    Raises UsageError where there is no such folder, or no WAV file in it.
    """
    found = class_folders.find(
        path, "audiofolder", "WAV files", lambda file: file.suffix.lower() == ".wav"
    )
    read = [_read(file) for file in found.paths]
    kept = np.array([row for row, sound in enumerate(read) if isinstance(sound, Sound)], int)
    sounds = [sound for sound in read if isinstance(sound, Sound)]
    bad = tuple(why for why in read if isinstance(why, str))
    rate = _rate(rate, sounds)
    at_rate = [_resampled(sound, rate) for sound in sounds]
    longest = round(seconds * rate)
    features = [log_mel(values[:longest], rate, mels) for values in at_rate]
    inputs, mask = padded(features) if features else (np.zeros((0, 1, mels), np.float32), None)
    test, selection = found.own("test"), found.own("eval")
    return lab.Dataset(
        inputs,
        found.targets[kept],
        found.classes,
        test=None if test is None else test[kept],
        eval=None if selection is None else selection[kept],
        mask=mask,
        features=bands(rate, mels),
        bad=bad,
        notes=(
            *found.notes,
            *_changed(sounds, rate),
            *_cut(sum(len(values) > longest for values in at_rate), seconds),
        ),
    )


def _read(file: Path) -> Sound | str:
    """Return a file's sound, or a line that says why there is none."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks of other data
            warnings.filterwarnings("error", "Reached EOF|Incomplete", wavfile.WavFileWarning)
            rate, values = wavfile.read(file)
    except wavfile.WavFileWarning:
        return f"{file} ends before it should: it may be cut off"
    except Exception:  # of a file that is no WAV, scipy raises whatever its bytes lead to
        return f"{file} is no WAV file that can be read"
    if not len(values):
        return f"{file} holds no sound"
    if rate < SLOWEST:
        return f"{file} has {rate:,} samples a second, fewer than {SLOWEST:,}"
    mixed = _scaled(values).reshape(len(values), -1)
    if not np.isfinite(mixed).all():
        return f"{file} holds values that are not finite"
    return Sound(mixed.mean(axis=1), rate, mixed.shape[1])


def _scaled(values: Array) -> Array:
    """Return samples in -1..1: of bytes 128 is the middle, other whole numbers have a sign."""
    if values.dtype.kind == "f":
        return values.astype(float)
    if values.dtype == np.uint8:
        return (values.astype(float) - 128) / 128
    return np.asarray(values / float(-np.iinfo(values.dtype).min))


def _rate(rate: int, sounds: Sequence[Sound]) -> int:
    """Return the rate that was asked for, or the most frequent one, of equals the lower."""
    if rate or not sounds:
        return rate or SLOWEST
    counts = Counter(sound.rate for sound in sounds)
    return min(counts, key=lambda rate: (-counts[rate], rate))


def _resampled(sound: Sound, rate: int) -> Array:
    if sound.rate == rate:
        return sound.values
    from scipy.signal import resample_poly

    common = gcd(sound.rate, rate)
    return np.asarray(resample_poly(sound.values, rate // common, sound.rate // common))


def _changed(sounds: Sequence[Sound], rate: int) -> list[str]:
    notes = []
    others = sorted({sound.rate for sound in sounds} - {rate})
    if others:
        number = count(sum(sound.rate != rate for sound in sounds), "file")
        listed = ", ".join(f"{other:,}" for other in others)
        notes.append(f"{number} of {listed} Hz resampled to {rate:,} Hz; rate=HZ chooses another")
    mixed = sum(sound.channels > 1 for sound in sounds)
    if mixed:
        notes.append(f"{count(mixed, 'file')} of several channels, which are averaged")
    return notes


def _cut(number: int, seconds: float) -> list[str]:
    if not number:
        return []
    return [f"{count(number, 'file')} cut after {seconds:g} s; seconds=S keeps more"]
