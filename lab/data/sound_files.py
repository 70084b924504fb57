"""Decode WAV files: the sounds of a source and those to predict from are read alike."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from math import gcd, inf
from pathlib import Path

import numpy as np

from lab.data.dataset import Array
from lab.data.log_mel import log_mel

SUFFIX = ".wav"
SLOWEST = 1_000  # samples a second: a frame has 32 then


@dataclass(frozen=True)
class Sound:
    """A sound of one channel, float [L] in -1..1. channels: those of its file, which are averaged;
    rate: samples a second."""

    values: Array
    rate: int
    channels: int

    def at(self, rate: int) -> Array:
        """Return the sound at another rate, float [L]."""
        if self.rate == rate:
            return self.values
        from scipy.signal import resample_poly

        common = gcd(self.rate, rate)
        return np.asarray(resample_poly(self.values, rate // common, self.rate // common))


@dataclass(frozen=True)
class SoundDecoder:
    """Turn sounds into log-mel features float32 [T, mels]. seconds: what is longer is cut there."""

    rate: int
    mels: int
    seconds: float = inf

    def __call__(self, sound: Sound) -> Array:
        return log_mel(sound.at(self.rate)[: self.longest], self.rate, self.mels)

    @property
    def longest(self) -> int | None:
        """What a sound has at most, in samples; None where there is no limit."""
        return None if self.seconds == inf else round(self.seconds * self.rate)

    def as_written(self) -> dict[str, str]:
        """Return what new files are read by, for `Dataset.written`."""
        return {"rate": str(self.rate), "mels": str(self.mels), "seconds": str(self.seconds)}

    @classmethod
    def of(cls, written: Mapping[str, str]) -> SoundDecoder | None:
        """Return what reads sounds as a source's were; None where those were no sounds."""
        if "mels" not in written:
            return None
        return cls(int(written["rate"]), int(written["mels"]), float(written["seconds"]))


def read_sound(file: Path) -> Sound:
    """Return the sound of a WAV file. Raises ValueError with a line that says why there is none."""
    from scipy.io import wavfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks of other data
            warnings.filterwarnings("error", "Reached EOF|Incomplete", wavfile.WavFileWarning)
            rate, values = wavfile.read(file)
    except wavfile.WavFileWarning:
        raise ValueError(f"{file} ends before it should: it may be cut off") from None
    except Exception:  # of a file that is no WAV, scipy raises whatever its bytes lead to
        raise ValueError(f"{file} is no WAV file that can be read") from None
    if not len(values):
        raise ValueError(f"{file} holds no sound")
    if rate < SLOWEST:
        raise ValueError(f"{file} has {rate:,} samples a second, fewer than {SLOWEST:,}")
    mixed = _scaled(values).reshape(len(values), -1)
    if not np.isfinite(mixed).all():
        raise ValueError(f"{file} holds values that are not finite")
    return Sound(mixed.mean(axis=1), rate, mixed.shape[1])


def _scaled(values: Array) -> Array:
    """Return samples in -1..1: of bytes 128 is the middle, other whole numbers have a sign."""
    if values.dtype.kind == "f":
        return values.astype(float)
    if values.dtype == np.uint8:
        return (values.astype(float) - 128) / 128
    return np.asarray(values / float(-np.iinfo(values.dtype).min))
