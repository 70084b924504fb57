"""Build recurrent networks: what reads steps, and what answers from what was read.

Shapes: batch B, steps T, outputs K, units D = directions * hidden size.
"""

from __future__ import annotations

from torch import Tensor, nn

import lab
from lab.nn.pyramid import Pyramid
from lab.sequence import Recurrent, StepInputs, TokenEmbedding
from lab.sequence.states import State
from lab_rnn.config import Config

SMALLEST = 0.05  # standard deviation of a past, where that of train is 1


def build(config: Config, info: lab.DatasetInfo) -> nn.Module:
    """Return the network for such data, with its initial weights: what `lab model` lists.

    Raises UsageError for what no network here learns.
    """
    if info.task == "forecast":
        return Forecaster(config, info)
    if info.task == "lm":
        return LanguageNet(config, info)
    if info.task == "translate":
        return Captioner(config, info) if info.kind == "image" else _transcriber(config, info)
    if info.task in ("classify", "regress"):
        return (StepLabeler if info.per_step else Labeler)(config, info)
    raise lab.UsageError(
        f"{info.name} is {info.kind} data to {info.task}, which recurrent networks do not"
    )


def _transcriber(config: Config, info: lab.DatasetInfo) -> StepLabeler:
    """Return what scores each word, and the blank, at each step. Raises UsageError for texts."""
    if info.kind == "tokens":
        raise lab.UsageError(
            f"{info.name} are texts to translate: lab run seq2seq. Here sequences of numbers are "
            "written down (CTC), and pictures described"
        )
    return StepLabeler(config, info)


def recurrent(config: Config, inputs: int, bidirectional: bool) -> Recurrent:
    """Return the recurrent layers that the config asks for."""
    return Recurrent(
        config.cell,
        inputs,
        config.hidden_size,
        config.layers,
        bidirectional=bidirectional,
        dropout=config.dropout if config.layers > 1 else 0.0,
        forget_bias=config.forget_bias,
        chrono=config.chrono,
        gate_steepness=config.gate_steepness,
        identity_init=config.identity_init,
    )


class Reader(nn.Module):
    """Prepared inputs [B, ...] -> outputs of the last recurrent layer [B, T, D], and the units that
    know the whole sequence [B, D].

    Numbers go into the cells as they are, tokens and frames as vectors that are learned.
    """

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.inputs = StepInputs(info, config.embedding_dim, scan=config.scan, project=False)
        self.layers = recurrent(config, self.inputs.width, bidirectional=config.bidirectional)
        self.width = config.hidden_size * len(self.layers.directions)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        return self.read(*self.inputs(inputs, mask))

    def read(self, steps: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return outputs [B, T, D] and last units [B, D] of steps [B, T, ...]."""
        outputs, state = self.layers(steps, lengths)
        return outputs, self.layers.last(state)


class Labeler(nn.Module):
    """One answer [B, K] for a sequence, by the units that have read all of it."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.reader = Reader(config, info)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.reader.width, info.outputs)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        return self.answer(*self.reader(inputs, mask))

    def answer(self, outputs: Tensor, last: Tensor) -> Tensor:
        """Return what is answered to what was read."""
        answers: Tensor = self.head(self.dropout(last))
        return answers


class StepLabeler(Labeler):
    """An answer for each step, [B, K, T]."""

    def answer(self, outputs: Tensor, last: Tensor) -> Tensor:
        answers: Tensor = self.head(self.dropout(outputs))
        return answers.mT


class Captioner(nn.Module):
    """A picture [B, C, H, W] gives the first state of the layers that write of it, as in Vinyals et
    al., "Show and tell" (2015), section 3: they read the token before each [B, U], and score the
    next, [B, U, V]."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        words = len(info.target_vocabulary)
        self.embedding = TokenEmbedding(words + 1, config.embedding_dim)  # and what begins
        self.layers = recurrent(config, config.embedding_dim, bidirectional=False)
        size = config.layers * config.hidden_size
        self.parts = tuple(self.layers.cell.state)
        self.front = Pyramid(info.shape, size * len(self.parts), channels=32)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden_size, words)

    def forward(self, pictures: Tensor, tokens: Tensor) -> Tensor:
        logits, _ = self.score(tokens, self.start(pictures))
        return logits

    def start(self, pictures: Tensor) -> dict[str, Tensor]:
        """Return the state that knows the pictures: each part [B, layers, H]."""
        units = self.front(pictures).tanh()
        parts = units.unflatten(1, (len(self.parts), -1, self.layers.hidden_size)).unbind(1)
        return dict(zip(self.parts, parts, strict=True))

    def score(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits [B, U, V] behind tokens [B, U], and the state after them."""
        outputs, after = self.layers(self.dropout(self.embedding(tokens)), state=state)
        return self.head(self.dropout(outputs)), after

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read one token a row [B]; return logits [B, V] of the next, and the state."""
        logits, state = self.score(tokens[:, None], state)
        return logits[:, 0], state


class LanguageNet(nn.Module):
    """Tokens [B, T] -> logits [B, T, V] of the one after each, and the state behind them."""

    context: int | None = None  # the state carries all

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        if config.bidirectional:
            raise lab.UsageError("--bidirectional would read what is to be predicted")
        self.embedding = TokenEmbedding(info.outputs, config.embedding_dim)
        self.layers = recurrent(config, config.embedding_dim, bidirectional=False)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.hidden_size, info.outputs)

    def start(self, batch: int) -> State:
        return self.layers.zero_state(batch)

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        outputs, state = self.layers(self.dropout(self.embedding(tokens)), state=state)
        return self.head(self.dropout(outputs)), state


class Forecaster(nn.Module):
    """Prepared pasts [B, C, F] -> the next steps [B, H, K] of the columns to forecast.

    What is read is the past relative to its last step, in units of its own standard deviation, and
    so is what is answered: level and scale of a series may move away from those of training (as in
    Kim et al., 2022, section 3.1, and Zeng et al., 2023, section 4.2).
    """

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.columns, self.horizon = target_columns(info), config.horizon
        self.reader = Reader(config, info)
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(self.reader.width, config.horizon * len(self.columns))

    def forward(self, past: Tensor) -> Tensor:
        last, scale = scales(past)
        _, units = self.reader((past - last) / scale)
        changes = self.head(self.dropout(units)).unflatten(1, (self.horizon, len(self.columns)))
        forecasts: Tensor = last[..., self.columns] + changes * scale[..., self.columns]
        return forecasts


def scales(past: Tensor) -> tuple[Tensor, Tensor]:
    """Return the last step of prepared pasts [B, C, F] and their standard deviation, [B, 1, F]."""
    return past[:, -1:], past.std(1, correction=0, keepdim=True).clamp(min=SMALLEST)


def target_columns(info: lab.DatasetInfo) -> list[int]:
    """Return the numbers of the columns of a series that are forecast: all, if none is named."""
    return [info.features.index(name) for name in info.target] or list(range(info.shape[0]))
