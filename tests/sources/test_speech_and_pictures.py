"""Utterances are the tones of a telephone's keys, and captions say what is drawn."""

from __future__ import annotations

import numpy as np
import pytest

from lab.data.log_mel import hertz, mel
from lab.data.splits import split
from lab.data.tokens import sentence
from lab.errors import UsageError
from lab_sources.captions import COLORS, vocabulary

KEYS = {  # ITU-T Q.23
    "1": (697, 1209), "2": (697, 1336), "3": (697, 1477), "4": (770, 1209), "5": (770, 1336),
    "6": (770, 1477), "7": (852, 1209), "8": (852, 1336), "9": (852, 1477), "0": (941, 1336),
}  # fmt: skip

# -- utterances


def said(dataset, row: int) -> list[str]:
    return sentence(dataset.targets[row], dataset.target_vocabulary)


def heard(dataset, row: int) -> list[np.ndarray]:
    """Return the loudest frame of each sound between two silences."""
    frames = dataset.inputs[row]
    loud = np.concatenate([[False], frames.max(1) > 0, [False]])
    begins, ends = (np.flatnonzero(np.diff(loud.astype(int)) == way) for way in (1, -1))
    return [frames[begin:end].max(0) for begin, end in zip(begins, ends, strict=True)]


def test_digits_sound_one_after_the_other_by_their_two_tones(ask) -> None:
    dataset = ask("utterances", n=60, noise=0)
    assert (dataset.kind, dataset.task, dataset.shape[1]) == ("sequence", "translate", 40)
    peaks = hertz(np.linspace(0, mel(4_000), 42))[1:-1]
    for row in range(60):
        for frame, digit in zip(heard(dataset, row), said(dataset, row), strict=True):
            low, high = (np.abs(peaks - tone).argmin() for tone in KEYS[digit])
            valley = (low + high) // 2
            assert abs(frame[:valley].argmax() - low) <= 1
            assert abs(valley + frame[valley:].argmax() - high) <= 1
        assert dataset.factors["length"][row] == len(said(dataset, row))
    assert set(dataset.factors["length"]) == {2, 3, 4, 5, 6}


def test_lengths_are_in_the_mask_and_leave_room_to_align(ask) -> None:
    dataset = ask("utterances")
    steps = dataset.mask.sum(1)
    assert steps.max() == dataset.shape[0]
    assert steps.min() < 0.5 * steps.max()
    assert (steps > 2 * dataset.factors["length"] + 1).all()  # what CTC needs at most
    assert (dataset.inputs[~dataset.mask] == 0).all()
    assert (np.diff(dataset.mask.astype(int), axis=1) <= 0).all()


def test_no_utterance_is_longer_than_the_longest(ask) -> None:
    with pytest.raises(UsageError, match="utterances: shortest=9 is more than longest=6"):
        ask("utterances", shortest=9)


# -- captions


def test_a_caption_says_what_is_seen(ask) -> None:
    dataset = ask("captions", n=300, difficulty=0)
    assert (dataset.kind, dataset.task, dataset.targets.shape) == ("image", "translate", (300, 9))
    for row in range(300):
        a, size, color, figure, *where = sentence(dataset.targets[row], dataset.target_vocabulary)
        x, y = dataset.factors["position"][row]
        pixel = dataset.inputs[row].transpose(1, 2, 0)[int(y), int(x)] / 255
        away = {name: np.abs(np.array(rgb) - pixel).max() for name, rgb in COLORS.items()}
        assert a == "a"
        if figure != "ring":  # which is hollow
            assert min(away, key=away.__getitem__) == color
        covered = np.abs(dataset.inputs[row] / 255 - np.array(COLORS[color])[:, None, None])
        area = (covered.max(0) < 0.1).sum()
        assert (area < 75) == (size == "small"), (area, size, figure)
        third = [(int(v // (32 / 3))) for v in (y, x)]
        words = (("top", "", "bottom")[third[0]], ("left", "", "right")[third[1]])
        place = ["at", "the", *filter(None, words)] if any(words) else ["in", "the", "center"]
        assert where == place


def test_words_of_captions_all_occur(ask) -> None:
    dataset = ask("captions", n=600)
    words = {w for row in dataset.targets for w in sentence(row, dataset.target_vocabulary)}
    assert words == set(vocabulary()) - {""}


def test_held_out_figures_have_a_color_that_training_never_gives_them(ask) -> None:
    dataset = ask("captions", held_out=True)
    parts = split(dataset, "captions")
    pairs = {
        part: set(zip(dataset.factors["figure"][rows], dataset.factors["color"][rows], strict=True))
        for part, rows in parts.items()
    }
    assert len(pairs["test"]) == 6
    assert len(pairs["train"]) == 30
    assert not pairs["test"] & (pairs["train"] | pairs["eval"])
    assert {f for f, _ in pairs["test"]} == {c for _, c in pairs["test"]} == set(range(6))
