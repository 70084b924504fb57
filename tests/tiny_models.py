"""Step functions small enough to enumerate: tables over the whole history, and a random RNN."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from lab.sequence.states import State

Tokens = tuple[int, ...]


class Table:
    """Logits of the next token by all that was read: any distribution over short sequences.

    The state is the history [B, T], padded with -1, and how much of it is read [B].
    """

    def __init__(
        self, vocabulary: int, seed: int = 0, scale: float = 2.0, memory: bool = True
    ) -> None:
        self.vocabulary, self.seed, self.scale, self.memory = vocabulary, seed, scale, memory
        self.known: dict[Tokens, Tensor] = {}

    def start(self, rows: int, room: int = 12) -> State:
        history = torch.full((rows, room), -1)
        return {"history": history, "nested": {"length": torch.zeros(rows, dtype=torch.long)}}

    def logits(self, history: Tokens) -> Tensor:
        key = history if self.memory else (len(history),)
        if key not in self.known:
            generator = torch.Generator().manual_seed(hash((self.seed, *key)) % 2**31)
            self.known[key] = self.scale * torch.randn(
                self.vocabulary, generator=generator, dtype=torch.float64
            )
        return self.known[key]

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        length = state["nested"]["length"]
        history = state["history"].clone()
        history[torch.arange(len(tokens)), length] = tokens
        rows = [
            tuple(row[: n + 1]) for row, n in zip(history.tolist(), length.tolist(), strict=True)
        ]
        logits = torch.stack([self.logits(row) for row in rows])
        return logits, {"history": history, "nested": {"length": length + 1}}

    def log_probability(self, prompt: Sequence[int], tokens: Sequence[int]) -> float:
        total, history = 0.0, tuple(prompt)
        for token in tokens:
            total += float(self.logits(history).log_softmax(-1)[token])
            history = (*history, token)
        return total

    def every(
        self, prompt: Sequence[int], most: int, stop: Collection[int] = ()
    ) -> dict[Tokens, float]:
        """Every continuation that ends with a stop token, or has `most` tokens and none."""
        found: dict[Tokens, float] = {}
        for length in range(1, most + 1):
            for tokens in itertools.product(range(self.vocabulary), repeat=length):
                if any(token in stop for token in tokens[:-1]):
                    continue
                if tokens[-1] in stop or length == most:
                    found[tokens] = self.log_probability(prompt, tokens)
        assert math.isclose(sum(map(math.exp, found.values())), 1)
        return found


class Recurrent:
    """A random RNN in double precision, whose state is a hidden vector [B, H]."""

    def __init__(self, vocabulary: int, seed: int = 0, hidden: int = 8) -> None:
        generator = torch.Generator().manual_seed(seed)

        def make(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.embedding, self.recurrent = make(vocabulary, hidden), make(hidden, hidden)
        self.out = make(hidden, vocabulary)
        self.hidden, self.vocabulary = hidden, vocabulary

    def start(self, rows: int) -> State:
        return {"hidden": torch.zeros(rows, self.hidden, dtype=torch.float64)}

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        hidden = torch.tanh(self.embedding[tokens] + state["hidden"] @ self.recurrent)
        return hidden @ self.out, {"hidden": hidden}
