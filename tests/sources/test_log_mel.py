"""Log-mel features of a sine are the closed form, and those of any sound scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from lab.data.log_mel import FLOOR, hertz, log_mel, mel, triangles

RATE, WINDOW, HOP = 8_000, 256, 80


def triangle(frequency: float, band: int, mels: int) -> float:
    """Return the weight of a frequency in a band, by the definition."""
    top = 2595 * np.log10(1 + RATE / 2 / 700)
    low, peak, high = (700 * (10 ** (top * (band + i) / (mels + 1) / 2595) - 1) for i in range(3))
    if low < frequency <= peak:
        return (frequency - low) / (peak - low)
    return (high - frequency) / (high - peak) if peak < frequency < high else 0.0


@pytest.mark.parametrize("k", [17, 40, 101])
def test_a_sine_is_the_closed_form(k) -> None:
    """Under a Hann window, amplitude A at frequency k/W has |X|^2 of (A W / 4)^2 at k, a quarter of
    that at its neighbors, and nothing elsewhere."""
    amplitude, mels = 0.3, 20
    sound = amplitude * np.sin(2 * np.pi * k / WINDOW * np.arange(1_000) + 0.7)
    peak = (amplitude * WINDOW / 4) ** 2
    power = {k: peak, k - 1: peak / 4, k + 1: peak / 4}
    energy = [
        sum(p * triangle(i * RATE / WINDOW, band, mels) for i, p in power.items())
        for band in range(mels)
    ]
    features = log_mel(sound, RATE, mels)
    assert features.shape == (1 + (1_000 - WINDOW) // HOP, mels)
    expected = np.log(np.maximum(energy, FLOOR))
    np.testing.assert_allclose(features, np.tile(expected, (len(features), 1)), atol=1e-4)


def test_frames_are_scipys() -> None:
    rng = np.random.default_rng(0)
    sound = rng.uniform(-1, 1, 3_000)
    window = signal.windows.hann(WINDOW, sym=False)
    _, _, spectrum = signal.stft(
        sound, RATE, window, WINDOW, WINDOW - HOP, boundary=None, padded=False
    )
    power = np.abs(spectrum.T * window.sum()) ** 2
    expected = np.log(power @ triangles(WINDOW, RATE, 40).T)
    np.testing.assert_allclose(log_mel(sound, RATE), expected, rtol=1e-4)


def test_triangles_overlap_to_one_between_the_first_and_the_last_peak() -> None:
    total = triangles(WINDOW, RATE, 20).sum(0)
    frequency = np.arange(WINDOW // 2 + 1) * RATE / WINDOW
    peaks = hertz(np.linspace(0, mel(RATE / 2), 22))[1:-1]
    inside = (frequency >= peaks[0]) & (frequency <= peaks[-1])
    np.testing.assert_allclose(total[inside], 1)


def test_the_mel_scale_has_1000_at_1000_hertz() -> None:
    assert mel(1000.0) == pytest.approx(1000, abs=0.1)
    assert hertz(mel(440.0)) == pytest.approx(440)


def test_silence_is_the_floor_and_a_short_sound_one_frame() -> None:
    features = log_mel(np.zeros(10), RATE)
    assert features.shape == (1, 40)
    np.testing.assert_allclose(features, np.log(FLOOR), rtol=1e-6)
