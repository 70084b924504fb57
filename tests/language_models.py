"""Language models small enough to follow, and an experiment of them: for tests of what families
share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

import lab
from lab.capabilities import Predict, Write
from lab.metrics import LANGUAGE_MODEL_METRICS
from lab.optim import Updater
from lab.sequence import Recurrent
from lab.sequence.states import State
from lab.supervised.config import SupervisedConfig
from lab.supervised.language import LanguageTask
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


class Config(LanguageOptions, SupervisedConfig):
    data: str = Field("stdlib", description="Source.")
    carried: bool = Field(True, description="Carry a state on, rather than look back.")
    lr: float = Field(1e-2, gt=0, description="Learning rate.")

    @property
    def objective(self) -> tuple[str, str]:
        return self.language_objective

    @property
    def budget(self) -> int:
        return 400


class Language:
    """A whole experiment, as a family writes it."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.ctx = ctx
        self.task = LanguageTask(config, ctx, carried=config.carried)
        size = self.task.info.outputs
        self.net = ctx.wrap(Words(size) if config.carried else Window(size, config.context))
        self.updater = Updater(ctx, self.net, config, self.task.loss, weight=self.task.weight)
        self.stopped = False

    def step(self) -> int:
        if self.stopped:
            return 0
        batch = self.task.next()
        self.task.log(*self.updater(batch))
        moved = len(batch["inputs"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            return self.task.measure(self.net, split)

    def sample(self, **options: Any) -> list[str]:
        with self.updater.averaged():
            return self.task.sample(self.net, **options)

    def sample_command(self, options: Write) -> str:
        with self.updater.averaged():
            return self.task.sample_command(self.net, options)

    def predict(self, texts: Any) -> Any:
        with self.updater.averaged():
            return self.task.predict(self.net, texts)

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        with self.updater.averaged():
            return self.task.predict_command(self.net, options)

    def example(self, number: int) -> list[str]:
        return self.task.example(number)

    def state_dict(self) -> dict[str, Any]:
        state = {**self.updater.state_dict(), **self.task.state_dict()}
        return {**state, "stopped": self.stopped}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        self.stopped = state.get("stopped", False)


SPEC = lab.ExperimentSpec(
    name="language",
    summary="Language models that are only tested with",
    config="language_models:Config",
    experiment="language_models:Language",
    presets={
        "tiny": {
            "data": "stdlib",
            "data_args": {"n": 6_000},
            "batch_size": 8,
            "context": 16,
            "budget": 400,
        }
    },
    capabilities={"sample": "lab.capabilities:Write", "predict": "lab.capabilities:Predict"},
    metrics={
        "train/loss": "cross-entropy of a token in nats",
        **LANGUAGE_MODEL_METRICS,
    },
)


@lab.hookimpl
def lab_experiments() -> Iterator[lab.ExperimentSpec]:
    yield SPEC
