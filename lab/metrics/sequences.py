"""Measure predictions of tokens: accuracy, exact match, perplexity. Padding counts for nothing."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from lab.data.batches import IGNORED
from lab.metrics.metrics import fetch, widest
from lab.statistics import bounds, wilson

MOST_NATS = 709.0  # of which a float holds the exponential


class TokenAccuracy:
    """The fraction of right tokens, and of sequences whose tokens are all right.

    ignore: the target that is none, padding say. What is predicted there does not matter, and a
    sequence of nothing else is none.
    """

    def __init__(self, ignore: int = IGNORED) -> None:
        self.ignore = ignore
        self._sums: Tensor | None = None  # right tokens, tokens, right sequences, sequences

    @torch.no_grad()
    def add(self, predicted: Tensor, targets: Tensor) -> None:
        """Add tokens [B, T] and what they should be. Raises ValueError where the shapes differ."""
        if predicted.shape != targets.shape or targets.ndim != 2:
            raise ValueError(
                f"tokens are [B, T], not {tuple(predicted.shape)} for {tuple(targets.shape)}"
            )
        counted = targets != self.ignore
        wrong = (predicted != targets) & counted
        present = counted.any(1)
        exact = present & ~wrong.any(1)
        right = counted.sum() - wrong.sum()
        sums = torch.stack([right, counted.sum(), exact.sum(), present.sum()])
        self._sums = sums if self._sums is None else self._sums + sums

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `token_accuracy` and `exact_match`; on "test" with Wilson's interval of the second
        and n, the number of sequences. Tokens of one sequence are no independent trials. Raises
        ValueError where nothing was added."""
        ((right, tokens, exact, sequences),) = fetch(self._sums)
        if not tokens:
            raise ValueError("nothing but padding was added: there is no token to measure")
        share = float(exact / sequences)
        metrics = {"token_accuracy": float(right / tokens), "exact_match": share}
        if split == "test":
            n = float(sequences)
            metrics |= {**bounds("exact_match", wilson(share, n)), "n": n}
        return metrics


class Perplexity:
    """The cross-entropy of all tokens together: their nats are added up, and divided once.

    ignore: the target that counts for nothing.
    """

    def __init__(self, ignore: int = IGNORED) -> None:
        self.ignore = ignore
        self._sums: Tensor | None = None  # nats, tokens

    @torch.no_grad()
    def add(self, logits: Tensor, targets: Tensor) -> None:
        """Add logits [..., V] of the tokens [...]. Raises ValueError where the shapes differ."""
        if logits.shape[:-1] != targets.shape:
            raise ValueError(
                f"logits are {tuple(logits.shape)}; tokens {tuple(targets.shape)} need one row each"
            )
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32)).flatten(0, -2)
        nats = F.cross_entropy(
            logits, targets.flatten(), ignore_index=self.ignore, reduction="none"
        )
        self.add_nats(nats.to(widest(nats)).sum(), (targets != self.ignore).sum())

    def add_nats(self, nats: Tensor, tokens: Tensor) -> None:
        """Add the sum of -log p over some tokens, and their number: tensors without axes."""
        sums = torch.stack([nats.to(widest(nats)), tokens.to(nats.device, widest(nats))])
        self._sums = sums if self._sums is None else self._sums + sums

    def compute(
        self, split: str = "eval", *, characters: int | None = None, bytes: int | None = None
    ) -> dict[str, float]:
        """Return `loss` in nats a token, `perplexity` and `bits_per_token`; on "test" with n, the
        number of tokens.

        With the `characters` or `bytes` of the text that the tokens stand for, `bits_per_character`
        or `bits_per_byte`: these alone compare models of different tokens. Raises ValueError where
        nothing was added.
        """
        ((nats, tokens),) = fetch(self._sums)
        if not tokens:
            raise ValueError("nothing but padding was added: there is no token to measure")
        bits, loss = float(nats) / math.log(2), float(nats / tokens)
        metrics = {
            "loss": loss,
            "perplexity": math.inf if loss >= MOST_NATS else math.exp(loss),
            "bits_per_token": bits / float(tokens),
        }
        for name, number in (("character", characters), ("byte", bytes)):
            if number is not None:
                metrics[f"bits_per_{name}"] = bits / number
        if split == "test":
            metrics["n"] = float(tokens)
        return metrics
