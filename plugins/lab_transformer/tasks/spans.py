"""Answers that are spans of a text, as SQuAD's are (Rajpurkar et al., 2016)."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.metrics import Answers
from lab.nn import CrossEntropy
from lab.nn.export import export
from lab.nn.standalone import Standalone
from lab.supervised.command_inputs import read_inputs
from lab.supervised.options import refuse_unused
from lab.supervised.sequence_inputs import as_steps
from lab.supervised.task import EVALUATED, call
from lab_transformer.config import Config
from lab_transformer.networks.answers import SpanFinder, best_spans
from lab_transformer.tasks.labels import Labels

Array = np.ndarray[Any, np.dtype[Any]]


class Spans(Labels):
    """A source of texts whose factors `start` and `end` say where each has its answer.

    Shapes: B texts of T tokens, logits [B, 2, T], spans [B, 2], of the first token and the last.
    Raises UsageError for other sources.
    """

    answers = "spans"

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        if self.info.kind != "tokens":
            raise lab.UsageError(
                f"--answer span finds words of a text; {self.info.name} is {self.info.kind} data"
            )
        refuse_unused(
            config,
            "answers are spans of words",
            "class_weights",
            "label_smoothing",
            "augment",
            "loss",
        )
        self.longest: int = ctx.run_constant("longest answer", self._longest)
        self.criterion = CrossEntropy()

    def _longest(self) -> int:
        spans = self._all_spans()[self.data.parts["train"]]
        return int((spans[:, 1] - spans[:, 0]).max()) + 1

    def _all_spans(self) -> Array:
        factors = self.data.dataset.factors
        if not {"start", "end"} <= set(factors):
            raise lab.UsageError(
                f"--answer span needs a source that says where answers stand, its factors start "
                f"and end, as stories does; {self.info.name} does not"
            )
        return np.stack([factors["start"], factors["end"]], 1)

    @cached_property
    def spans(self) -> dict[str, Tensor]:
        """Return the right spans [N, 2] of each split."""
        every, parts = self._all_spans(), self.data.parts
        return {
            name: torch.from_numpy(every[rows]).long().to(self.ctx.device)
            for name, rows in parts.items()
        }

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return SpanFinder(config, info)

    # -- training and measuring

    def next(self) -> lab.Batch:
        return self._with_spans(super().next(), "train")

    def _with_spans(self, batch: lab.Batch, split: str) -> lab.Batch:
        return {**batch, "targets": self.spans[split][batch["rows"]]}

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy of both ends, and the fraction of exact spans."""
        logits, spans = call(model, batch), batch["targets"]
        exact = (logits.detach().argmax(-1) == spans).all(1).float().mean()
        return self._mean(logits, spans), exact

    def _mean(self, logits: Tensor, spans: Tensor) -> Tensor:
        return self.criterion(logits.flatten(0, 1), spans.flatten())

    def weight(self, batch: lab.Batch) -> Tensor:
        return self.criterion.weight(batch["targets"].flatten())

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return the loss, and exact match and F1 of the words that are found."""
        answers, losses, count = Answers(), [], 0
        for batch in self.data.part(split).batches(EVALUATED):
            prepared = self._with_spans(self.info.prepare(batch), split)
            with self.ctx.autocast():
                logits = call(model, prepared).float()
            tokens, spans = prepared["inputs"], prepared["targets"]
            losses.append(self._mean(logits, spans) * len(tokens))
            count += len(tokens)
            found = self._words(tokens, best_spans(logits, self.longest)[0])
            answers.add(found, [[right] for right in self._words(tokens, spans)])
        return {"loss": float(torch.stack(losses).sum()) / count, **answers.compute(split)}

    def _words(self, tokens: Tensor, spans: Tensor) -> list[str]:
        """Return the words of a span [B, 2] of each row of tokens [B, T]."""
        rows = zip(tokens.tolist(), spans.tolist(), strict=True)
        return [
            " ".join(self.info.vocabulary[token] for token in row[first : last + 1])
            for row, (first, last) in rows
        ]

    # -- answering

    def predict(self, model: Any, inputs: Any) -> Array:
        """Return the spans [B, 2], first and last token, of texts as `as_steps` takes them."""
        return self._found(model, inputs)[0].cpu().numpy()

    def _found(self, model: Any, inputs: Any) -> tuple[Tensor, Tensor]:
        batch = self.info.prepare(as_steps(inputs, self.info, self.ctx.device))
        return best_spans(call(model, batch), self.longest)

    def predict_command(self, model: nn.Module, options: Predict) -> list[dict[str, Any]]:
        """Return the words that answer each text, and their probability."""
        inputs = read_inputs(options.inputs, self.info)
        spans, probabilities = self._found(model, inputs.values)
        answers = self._words(inputs.values, spans)
        found = zip(inputs.names, answers, probabilities.tolist(), strict=True)
        return [{"input": text, "answer": a, "probability": p} for text, a, p in found]

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software: tokens to the logits of `SpanFinder`."""
        return export(Standalone(model, self.info, "logits"), options, self.ctx.dir)
