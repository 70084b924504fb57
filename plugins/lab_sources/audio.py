"""Read sounds that lie in a folder for each class, as log-mel features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import lab
from lab.data.log_mel import bands
from lab.data.sound_files import SLOWEST, SUFFIX, Sound, SoundDecoder, read_sound
from lab.messages import count
from lab_sources import class_folders
from lab_sources.ts_file import padded


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
        path, "audiofolder", "WAV files", lambda file: file.suffix.lower() == SUFFIX
    )
    read = [_read(file) for file in found.paths]
    kept = np.array([row for row, sound in enumerate(read) if isinstance(sound, Sound)], int)
    sounds = [sound for sound in read if isinstance(sound, Sound)]
    bad = tuple(why for why in read if isinstance(why, str))
    decoder = SoundDecoder(_rate(rate, sounds), mels, seconds)
    features = [decoder(sound) for sound in sounds]
    inputs, mask = padded(features) if features else (np.zeros((0, 1, mels), np.float32), None)
    test, selection = found.own("test"), found.own("eval")
    return lab.Dataset(
        inputs,
        found.targets[kept],
        found.classes,
        test=None if test is None else test[kept],
        eval=None if selection is None else selection[kept],
        mask=mask,
        features=bands(decoder.rate, mels),
        written=decoder.as_written(),
        bad=bad,
        notes=(*found.notes, *_changed(sounds, decoder.rate), *_cut(sounds, seconds)),
    )


def _read(file: Path) -> Sound | str:
    """Return a file's sound, or a line that says why there is none."""
    try:
        return read_sound(file)
    except ValueError as error:
        return str(error)


def _rate(rate: int, sounds: Sequence[Sound]) -> int:
    """Return the rate that was asked for, or the most frequent one, of equals the lower."""
    if rate or not sounds:
        return rate or SLOWEST
    counts = Counter(sound.rate for sound in sounds)
    return min(counts, key=lambda rate: (-counts[rate], rate))


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


def _cut(sounds: Sequence[Sound], seconds: float) -> list[str]:
    number = sum(len(sound.values) > seconds * sound.rate for sound in sounds)
    if not number:
        return []
    return [f"{count(number, 'file')} cut after {seconds:g} s; seconds=S keeps more"]
