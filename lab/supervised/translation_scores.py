"""Measure sentences that were written: by tokens, edits and n-grams, and by length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from lab.data.tokens import END
from lab.metrics.bleu import Bleu
from lab.metrics.error_rates import ErrorRate
from lab.metrics.sequences import Perplexity, TokenAccuracy
from lab.supervised.sentences import Sentences

BINS = 12  # of lengths in the figure, at most


class TranslationScores:
    """Metrics of a split, fed batch by batch."""

    def __init__(self, written: Sentences) -> None:
        self.written = written
        self._tokens, self._nats = TokenAccuracy(), Perplexity()
        self._edits = ErrorRate()
        self._bleu = Bleu("13a" if written.spaced else "char")
        self._exact: dict[int, list[bool]] = {}  # by length of the source
        self._forced = False

    def add_logits(self, logits: Tensor, targets: Tensor) -> None:
        """Add logits [B, U, V] under teacher forcing and prepared targets [B, U]."""
        self._forced = True
        self._nats.add(logits, targets)
        self._tokens.add(logits.argmax(-1), targets)

    def add_sentences(
        self, sentences: Sequence[Sequence[int]], targets: Tensor, lengths: Tensor
    ) -> None:
        """Add what was written, B rows without END, targets [B, U] as the source has them, and the
        lengths [B] of the sources."""
        right = [row[: row.index(END)] if END in row else row for row in targets.tolist()]
        self._edits.add(sentences, right)
        self._bleu.add(
            [self.written.text(sentence) for sentence in sentences],
            [[self.written.text(sentence)] for sentence in right],
        )
        for sentence, truth, length in zip(sentences, right, lengths.tolist(), strict=True):
            self._exact.setdefault(length, []).append(list(sentence) == truth)

    def compute(self, split: str) -> dict[str, float]:
        """Return `error_rate`, `exact_match` and `bleu` of what was written; under teacher forcing
        `loss` in nats a token, `perplexity` and `token_accuracy`. On "test" with the interval of
        exact matches and n, the number of sentences."""
        metrics = self._edits.compute(split) | {"bleu": self._bleu.score().score}
        if self._forced:
            nats = self._nats.compute()
            metrics |= {name: nats[name] for name in ("loss", "perplexity")}
            metrics["token_accuracy"] = self._tokens.compute()["token_accuracy"]
        return metrics

    def by_length(self) -> Mapping[int, Sequence[bool]]:
        """Return which sentences were exact, by the length of their source."""
        return dict(sorted(self._exact.items()))


def draw_by_length(exact: Mapping[int, Sequence[bool]]) -> Any:
    """Return a matplotlib figure of the fraction of exact sentences by the length of the source,
    lengths next to each other in one bin where there are many."""
    from matplotlib.figure import Figure

    lengths = list(exact)
    width = -(-len(lengths) // BINS)
    bins = [lengths[start : start + width] for start in range(0, len(lengths), width)]
    counts = [[one for length in part for one in exact[length]] for part in bins]
    names = [str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in bins]
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.add_subplot()
    axes.bar(names, [sum(count) / len(count) for count in counts])
    for place, count in enumerate(counts):
        axes.text(place, 0.02, f"n = {len(count)}", rotation=90, ha="center", color="white")
    axes.set(xlabel="steps of the source", ylabel="exact sentences", ylim=(0, 1.02))
    return figure
