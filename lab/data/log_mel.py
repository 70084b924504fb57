"""Turn sound into logarithmic energies of mel bands."""

from __future__ import annotations

import numpy as np

from lab.data.dataset import Array

WINDOW = 0.032  # seconds
HOP = 0.010
FLOOR = 1e-6  # of the energy in a band: silence is not minus infinity


def log_mel(sound: Array, rate: int, mels: int = 40) -> Array:
    """Return the natural logarithm of the energy in `mels` bands at each frame, float32 [T, mels].

    sound: float [L], in -1..1, `rate` samples a second. Frames of 32 ms begin every 10 ms, all of
    them within the sound, which is filled up to one frame where it is shorter: T = 1 + (L - W) //
    H for W = WINDOW rate and H = HOP rate, rounded. Each is weighted by a Hann window (Harris,
    1978); the energy of a band is the sum of |FFT|^2 under its triangle (Davis and Mermelstein,
    1980), 1 at its peak; peaks are even on the mel scale between 0 and rate / 2.
    """
    window, hop = round(WINDOW * rate), round(HOP * rate)
    sound = np.pad(sound, (0, max(0, window - len(sound))))
    frames = np.lib.stride_tricks.sliding_window_view(sound, window)[::hop]
    weights = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    power = np.abs(np.fft.rfft(frames * weights, axis=1)) ** 2
    energy = power @ triangles(window, rate, mels).T
    return np.asarray(np.log(np.maximum(energy, FLOOR)), np.float32)


def bands(rate: int, mels: int) -> tuple[str, ...]:
    """Return the names of the bands: where each peaks."""
    return tuple(f"{peak:.0f} Hz" for peak in hertz(np.linspace(0, mel(rate / 2), mels + 2))[1:-1])


def triangles(window: int, rate: int, mels: int) -> Array:
    """Return the weight of each frequency of an FFT of `window` samples in each band, float [mels,
    window // 2 + 1]."""
    corners = hertz(np.linspace(0, mel(rate / 2), mels + 2))
    low, peak, high = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    frequency = np.fft.rfftfreq(window, 1 / rate)
    rise, fall = (frequency - low) / (peak - low), (high - frequency) / (high - peak)
    return np.asarray(np.maximum(0, np.minimum(rise, fall)))


def mel(frequency: Array | float) -> Array:
    """Return frequencies in Hz on the mel scale, of which 1000 Hz is 1000 (O'Shaughnessy, 1987)."""
    return np.asarray(2595 * np.log10(1 + np.asarray(frequency) / 700))


def hertz(mels: Array | float) -> Array:
    """Return what `mel` makes mels of."""
    return np.asarray(700 * (10 ** (np.asarray(mels) / 2595) - 1))
