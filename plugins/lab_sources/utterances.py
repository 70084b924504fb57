"""Say digits in a made-up speech: each is a chord of two tones, as a telephone's keys are."""

from __future__ import annotations

import numpy as np

import lab
from lab.data.log_mel import bands
from lab.data.sound_files import Sound, SoundDecoder
from lab_sources import token_rows
from lab_sources.sdf import Array
from lab_sources.ts_file import padded

RATE = 8_000  # samples a second
MELS = 40
LOW, HIGH = (697, 770, 852, 941), (1209, 1336, 1477)  # Hz, of rows and columns of keys
KEYS = ("123", "456", "789", "*0#")
TONES = {
    key: (LOW[row], HIGH[column])
    for row, keys in enumerate(KEYS)
    for column, key in enumerate(keys)
    if key.isdigit()
}
SECONDS, PAUSE = (0.06, 0.20), (0.03, 0.10)  # of a tone, and of the silence around it
LOUDNESS = (0.1, 0.5)
DETUNED = 0.02  # at most, as a fraction


def utterances(n: int, shortest: int, longest: int, noise: float, seed: int) -> lab.Dataset:
    """Return log-mel features float [n, T, 40] of spoken digits with a mask, and the digits int [n,
    longest + 1].

    A digit is the sum of the two tones of its key (ITU-T Q.23), a little out of tune, 60 to 200 ms
    long and of some loudness, with pauses of 30 to 100 ms around it; the noise is white. Nothing
    says where a digit begins or ends. factors: length [n], in digits.
    Raises UsageError where the shortest is longer than the longest.
    """
    if shortest > longest:
        raise lab.UsageError(f"utterances: shortest={shortest} is more than longest={longest}")
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest + 1, n)
    said = [rng.choice(list(TONES), length).tolist() for length in lengths]
    sounds = [_spoken(digits, noise, rng) for digits in said]
    decoder = SoundDecoder(RATE, MELS)
    inputs, mask = padded([decoder(Sound(values, RATE, 1)) for values in sounds])
    words = token_rows.vocabulary(TONES)
    return lab.Dataset(
        inputs,
        token_rows.rows(said, words, ends=True),
        mask=mask,
        features=bands(RATE, MELS),
        written=decoder.as_written(),
        factors={"length": lengths},
        target_vocabulary=words,
    )


def _spoken(digits: list[str], noise: float, rng: np.random.Generator) -> Array:
    """Return the sound [L] of some digits."""
    parts = [_silence(rng)]
    for digit in digits:
        parts += [_chord(TONES[digit], rng), _silence(rng)]
    sound = np.concatenate(parts)
    return sound + rng.normal(0, 1, len(sound)) * noise


def _silence(rng: np.random.Generator) -> Array:
    return np.zeros(round(rng.uniform(*PAUSE) * RATE))


def _chord(tones: tuple[int, int], rng: np.random.Generator) -> Array:
    steps = np.arange(round(rng.uniform(*SECONDS) * RATE)) / RATE
    tuned = np.array(tones) * rng.uniform(1 - DETUNED, 1 + DETUNED)
    phase = rng.uniform(0, 2 * np.pi, (2, 1))
    waves = np.sin(2 * np.pi * tuned[:, None] * steps + phase)
    return np.asarray(rng.uniform(*LOUDNESS) * waves.mean(axis=0))
