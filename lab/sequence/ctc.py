"""Score and decode outputs that have no alignment: connectionist temporal classification.

A path [T] has a label or the blank for each frame; what it reads is the path without repeats, then
without blanks (Graves et al., "Connectionist temporal classification", ICML 2006, section 3).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from lab.sequence.filtering import log_probabilities

Labels = tuple[int, ...]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
NEVER = -math.inf


def ctc_loss(
    logits: Tensor, lengths: Tensor, targets: Tensor, target_lengths: Tensor, blank: int = 0
) -> Tensor:
    """Return -log p(targets) of each example [B] in nats (Graves et al., 2006, section 4).

    logits [B, T, C] with `lengths` [B] frames; targets [B, S] with `target_lengths` [B] labels,
    none of which is the blank. Infinite where the frames are too few: see `frames_needed`.
    """
    scores = log_probabilities(logits).transpose(0, 1)
    loss: Tensor = F.ctc_loss(scores, targets, lengths, target_lengths, blank, reduction="none")
    return loss


def frames_needed(targets: Tensor, target_lengths: Tensor) -> Tensor:
    """Return how many frames [B] a path of these labels [B, S] has at least: one for each label,
    and a blank between two of the same."""
    repeated = targets[:, 1:] == targets[:, :-1]
    inside = torch.arange(1, targets.shape[1], device=targets.device) < target_lengths[:, None]
    return target_lengths + (repeated & inside).sum(1)


def ctc_greedy(logits: Tensor, lengths: Tensor, blank: int = 0) -> list[list[int]]:
    """Return what the likeliest path of each example reads, which need not be the likeliest labels
    (best path decoding: Graves et al., 2006, section 3.2). logits [B, T, C], lengths [B]."""
    paths = logits.argmax(-1).tolist()
    return [
        [label for label, _ in itertools.groupby(path[:length]) if label != blank]
        for path, length in zip(paths, lengths.tolist(), strict=True)
    ]


class Reading(NamedTuple):
    """Labels that paths read, their log-probability in nats, and their score: the same where no
    `bonus` is added."""

    labels: list[int]
    log_probability: float
    score: float


@torch.no_grad()
def ctc_beam_search(
    logits: Tensor,
    lengths: Tensor,
    *,
    beam_width: int,
    blank: int = 0,
    bonus: Callable[[Labels, int], float] | None = None,
) -> list[list[Reading]]:
    """Return for each example up to `beam_width` labelings, the best first.

    logits [B, T, C], lengths [B]. After each frame the `beam_width` best prefixes stay, each with
    the paths that read it added up, apart for those that end with a blank (Hannun et al., 2014,
    algorithm 1). `bonus(prefix, label)` is added to the score of a prefix that grows by a label: a
    language model's weighted log-probability, say. A beam that drops no prefix is exact.
    """
    if beam_width < 1:
        raise ValueError(f"beam_width is 1 or more, not {beam_width}")
    frames = log_probabilities(logits).double().cpu().numpy()
    return [
        _PrefixBeam(beam_width, blank, bonus).read(example[:length])
        for example, length in zip(frames, lengths.tolist(), strict=True)
    ]


class _PrefixBeam:
    """The best prefixes of one example, K of C labels.

    What the paths that read a prefix come to, in nats, is kept apart: `blanks` [K] of those that
    end with a blank, `ends` [K] of those that end with its last label.
    """

    def __init__(
        self, width: int, blank: int, bonus: Callable[[Labels, int], float] | None
    ) -> None:
        self.width, self.blank, self.bonus = width, blank, bonus
        self.prefixes: list[Labels] = [()]
        self.blanks, self.ends, self.bonuses = np.zeros(1), np.full(1, NEVER), np.zeros(1)
        self.known: dict[Labels, Floats] = {}  # bonuses of the labels that may follow

    def read(self, frames: Floats) -> list[Reading]:
        """Return the labelings of frames [T, C] of log-probabilities, sorted."""
        for frame in frames:
            self._advance(frame)
        totals = np.logaddexp(self.blanks, self.ends)
        values = zip(self.prefixes, totals.tolist(), self.bonuses.tolist(), strict=True)
        return [Reading(list(labels), total, total + bonus) for labels, total, bonus in values]

    def _advance(self, frame: Floats) -> None:
        """Read a frame [C] more, and keep the best of the prefixes and of what they grow to."""
        count, classes = len(self.prefixes), len(frame)
        last = np.array([labels[-1] if labels else self.blank for labels in self.prefixes])
        total = np.logaddexp(self.blanks, self.ends)
        grown = total[:, None] + frame  # [K, C]
        grown[np.arange(count), last] = self.blanks + frame[last]  # again: a blank came between
        grown[:, self.blank] = NEVER
        same = self._joined(self.ends + frame[last], grown)
        more = self.bonuses[:, None] + self._following(classes)

        never = np.full(count * classes, NEVER)
        blanks = np.concatenate([total + frame[self.blank], never])  # [K + K C]
        ends = np.concatenate([same, grown.ravel()])
        bonuses = np.concatenate([self.bonuses, more.ravel()])
        best = _top(np.logaddexp(blanks, ends) + bonuses, self.width)
        self.blanks, self.ends, self.bonuses = blanks[best], ends[best], bonuses[best]
        self.prefixes = [
            self.prefixes[place]
            if place < count
            else (*self.prefixes[(place - count) // classes], (place - count) % classes)
            for place in best.tolist()
        ]

    def _joined(self, same: Floats, grown: Floats) -> Floats:
        """Add to the paths `same` [K] of a prefix those that grow to it from another one in the
        beam, which leaves them out of `grown` [K, C]."""
        places = {labels: place for place, labels in enumerate(self.prefixes)}
        for place, labels in enumerate(self.prefixes):
            shorter = places.get(labels[:-1]) if labels else None
            if shorter is not None:
                same[place] = np.logaddexp(same[place], grown[shorter, labels[-1]])
                grown[shorter, labels[-1]] = NEVER
        return same

    def _following(self, classes: int) -> Floats:
        """Return the bonus of each label after each prefix [K, C]."""
        if self.bonus is None:
            return np.zeros((len(self.prefixes), classes))
        for labels in self.prefixes:
            if labels not in self.known:
                following = (self._bonus_of(labels, label) for label in range(classes))
                self.known[labels] = np.fromiter(following, float, classes)
        return np.stack([self.known[labels] for labels in self.prefixes])

    def _bonus_of(self, labels: Labels, label: int) -> float:
        return 0.0 if self.bonus is None or label == self.blank else self.bonus(labels, label)


def _top(scores: Floats, count: int) -> Ints:
    """Return the places of the best scores, sorted; none of what cannot be."""
    places = np.arange(len(scores))
    if count < len(scores):
        places = np.argpartition(-scores, count - 1)[:count]
    best = places[np.argsort(-scores[places], kind="stable")]
    return best[scores[best] > NEVER]
