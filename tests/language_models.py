"""Language models small enough to follow, and the options of their task."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from lab.sequence import Recurrent
from lab.sequence.states import State
from lab.supervised.config import SupervisedConfig
from lab.supervised.language_config import LanguageOptions


class Words(nn.Module):
    """A recurrent network: what it read stands in its state."""

    context: int | None = None

    def __init__(self, size: int, width: int = 24) -> None:
        super().__init__()
        self.embedding = nn.Embedding(size, width)
        self.layers = Recurrent("gru", width, width)
        self.scores = nn.Linear(width, size)

    def start(self, batch: int) -> State:
        return self.layers.zero_state(batch)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        outputs, state = self.layers(self.embedding(tokens), state=state)
        return self.scores(outputs), state


class Window(nn.Module):
    """A network that sees the last `context` tokens: its scores are a sum over them, so a token
    outside of them changes nothing. The state is the tokens themselves [B, context]."""

    def __init__(self, size: int, context: int) -> None:
        super().__init__()
        self.context: int | None = context
        self.length = context
        self.nothing = size  # what stands in the state before the first token
        self.scores = nn.Embedding(size + 1, size, padding_idx=size)  # by what was read

    def start(self, batch: int) -> State:
        return {"read": torch.full((batch, self.length), self.nothing)}

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        read = (self.start(len(tokens)) if state is None else state)["read"]
        logits = []
        for token in tokens.unbind(1):
            read = torch.cat([read[:, 1:], token[:, None]], 1)
            logits.append(self.scores(read).sum(1))
        return torch.stack(logits, 1), {"read": read}


class Bigrams(nn.Module):
    """Log-probabilities [V, V] of a token by the one before it, as they are given."""

    context: int | None = None

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = nn.Parameter(scores)

    def start(self, batch: int) -> State:
        return {"nothing": torch.zeros(batch, 1)}

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        return self.scores[tokens], self.start(len(tokens))


class Config(SupervisedConfig, LanguageOptions):  # type: ignore[misc]  # of the plugin for pydantic
    data: str = Field("stdlib", description="Source.")
    carried: bool = Field(True, description="Carry a state on, rather than look back.")

    @property
    def objective(self) -> Mapping[str, tuple[str, str]]:
        return {"lm": self.language_objective}

    @property
    def budget(self) -> int:
        return 400
