"""Answer by what an encoder read: a class or values, one for each step, or a span."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import lab
from lab.sequence import initialize_transformer
from lab_transformer.config import Config
from lab_transformer.networks.reader import Reader


class Labeler(nn.Module):
    """Inputs [B, ...] -> logits or values [B, K]; where each step has a class, [B, K, T], as
    cross-entropy and metrics take them."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.per_step = info.per_step
        self.reader = Reader(config, info, class_token=config.pool == "class")
        self.head = nn.Linear(config.width, info.outputs)
        initialize_transformer(self, config.init)

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> Tensor:
        outputs, keep = self.reader(inputs, mask)
        if self.per_step:
            answers: Tensor = self.head(self.reader.of_steps(outputs)).mT  # (B, K, T)
        else:
            answers = self.head(self.reader.of_all(outputs, keep))  # (B, K)
        return answers


class SpanFinder(nn.Module):
    """Texts as tokens [B, T] -> logits [B, 2, T]: of the answer's first token, and of its last one
    (Devlin et al., 2019, section 4.2). What fills a text up has the lowest number."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.reader = Reader(config, info, class_token=config.pool == "class")
        self.head = nn.Linear(config.width, 2)
        initialize_transformer(self, config.init)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        outputs, keep = self.reader(tokens, mask)
        logits: Tensor = self.head(self.reader.of_steps(outputs)).mT  # (B, 2, T)
        if keep is None:
            return logits
        there = keep[:, None, self.reader.before :]
        return logits.masked_fill(~there, torch.finfo(logits.dtype).min)


def best_spans(logits: Tensor, longest: int) -> tuple[Tensor, Tensor]:
    """Return the spans [B, 2] of at most `longest` tokens whose first and last logits [B, 2, T]
    have the largest sum, and their probabilities [B] among all such spans."""
    first, last = logits.unbind(1)
    steps = torch.arange(first.shape[1], device=logits.device)
    length = steps[None, :] - steps[:, None] + 1  # (T, T), of the span from row to column
    allowed = (length >= 1) & (length <= longest)
    scores = (first[:, :, None] + last[:, None, :]).masked_fill(~allowed, -torch.inf).flatten(1)
    best = scores.argmax(1)
    probability = scores.softmax(1).gather(1, best[:, None]).squeeze(1)
    return torch.stack([best // len(steps), best % len(steps)], 1), probability
