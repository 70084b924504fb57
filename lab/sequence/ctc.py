"""Score and decode outputs that have no alignment: connectionist temporal classification.

A path [T] has a label or the blank for each frame; what it reads is the path without repeats, then
without blanks (Graves et al., "Connectionist temporal classification", ICML 2006, section 3).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from lab.sequence.filtering import log_probabilities

Labels = tuple[int, ...]
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
    frames = log_probabilities(logits).double().tolist()
    return [
        _PrefixBeam(beam_width, blank, bonus).read(example[:length])
        for example, length in zip(frames, lengths.tolist(), strict=True)
    ]


class _Paths:
    """What the paths that read the same come to, in nats: those that end with a blank, and those
    that end with the last label."""

    __slots__ = ("blank", "label")

    def __init__(self, blank: float = NEVER) -> None:
        self.blank, self.label = blank, NEVER

    @property
    def total(self) -> float:
        return _add(self.blank, self.label)


class _PrefixBeam:
    """The best prefixes of one example."""

    def __init__(
        self, width: int, blank: int, bonus: Callable[[Labels, int], float] | None
    ) -> None:
        self.width, self.blank, self.bonus = width, blank, bonus
        self.beam: dict[Labels, _Paths] = {(): _Paths(blank=0.0)}
        self.bonuses: dict[Labels, float] = {(): 0.0}

    def read(self, frames: list[list[float]]) -> list[Reading]:
        """Return the labelings of frames [T, C] of log-probabilities, sorted."""
        for frame in frames:
            grown: dict[Labels, _Paths] = {}
            for labels, paths in self.beam.items():
                self._stay(grown, labels, paths, frame)
                self._grow(grown, labels, paths, frame)
            ranked = sorted(grown, key=lambda one: self._score(one, grown[one]), reverse=True)
            self.beam = {labels: grown[labels] for labels in ranked[: self.width]}
        return [
            Reading(list(labels), paths.total, self._score(labels, paths))
            for labels, paths in self.beam.items()
            if paths.total > NEVER
        ]

    def _stay(
        self, grown: dict[Labels, _Paths], labels: Labels, paths: _Paths, frame: list[float]
    ) -> None:
        """Add the paths that read the same with a frame more: a blank, or the last label again."""
        same = grown.setdefault(labels, _Paths())
        same.blank = _add(same.blank, paths.total + frame[self.blank])
        if labels:
            same.label = _add(same.label, paths.label + frame[labels[-1]])

    def _grow(
        self, grown: dict[Labels, _Paths], labels: Labels, paths: _Paths, frame: list[float]
    ) -> None:
        """Add the paths that read a label more; one that comes again needs a blank between."""
        for label, value in enumerate(frame):
            if label == self.blank:
                continue
            before = paths.blank if labels and label == labels[-1] else paths.total
            longer = (*labels, label)
            if before + value > NEVER:
                more = grown.setdefault(longer, _Paths())
                more.label = _add(more.label, before + value)
                if longer not in self.bonuses:
                    extra = self.bonus(labels, label) if self.bonus else 0.0
                    self.bonuses[longer] = self.bonuses[labels] + extra

    def _score(self, labels: Labels, paths: _Paths) -> float:
        return paths.total + self.bonuses[labels]


def _add(a: float, b: float) -> float:
    """Return log(exp a + exp b)."""
    if a < b:
        a, b = b, a
    return a if b == NEVER else a + math.log1p(math.exp(b - a))
