"""Sentences of sentences, or of anything else that an encoder reads."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

import lab
from lab.capabilities import Export, Translate
from lab.data.augment import Augment
from lab.nn.export import export
from lab.nn.standalone import Continuation
from lab.sequence import Hypothesis
from lab.supervised.options import refuse_unused
from lab.supervised.sequence_inputs import Unfilled
from lab.supervised.translation import Search, TranslationTask
from lab_transformer import pictures
from lab_transformer.config import Config
from lab_transformer.networks.translator import Translator


class Translation:
    """Shapes: B examples, U words of a sentence, V words of its vocabulary."""

    asked, answers = Translate, "sentences"

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.ctx = ctx
        self.writing = TranslationTask(config, ctx)
        refuse_unused(config, "sentences are written", "class_weights", "loss")
        self._augment = Augment(config.augment, self.info, ctx.generator)

    @property
    def info(self) -> lab.DatasetInfo:
        return self.writing.info

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return Translator(config, info)

    # -- training and measuring

    def next(self) -> lab.Batch:
        return self._augment(self.writing.next())

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        return self.writing.loss(logits_of(model, batch), batch)

    def weight(self, batch: lab.Batch) -> Tensor:
        return self.writing.weight(batch)

    def log(self, loss: Tensor, extra: Any) -> None:
        self.writing.log(loss, extra)

    def stop_early(self, experiment: Any, moved: int) -> bool:
        return self.writing.stop_early(experiment, moved)

    def measure(self, model: Any, split: str) -> dict[str, float]:
        return self.writing.measure(partial(logits_of, model), partial(decode, model), split)

    def draw(self, model: Any) -> None:
        """Draw what each word of a sentence looks at while it is written."""
        batch = self.writing.prepare(self.writing.data.test.first(1))
        (best,) = decode(model, batch, self.writing.search)
        figure = pictures.written(model, batch, best.tokens, self.info)
        if figure is not None:
            self.ctx.media("attention", figure)

    # -- answering

    def predict(self, model: Any, inputs: Any) -> Any:
        return self.writing.predict(inputs, partial(decode, model))

    def example(self, number: int) -> Any:
        return self.writing.example(number)

    def predict_command(self, model: Any, options: Translate) -> list[dict[str, Any]]:
        return self.writing.predict_command(options, partial(decode, model))

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software, from the source's inputs and the words so far to the
        logits of those that follow; of sequences, steps that are NaN are none."""
        net = Unfilled(model) if self.info.kind == "sequence" else model
        steps = self.writing.search.max_tokens
        return export(Continuation(net, self.info, steps), options, self.ctx.dir)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return self.writing.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.writing.load_state_dict(state)


def logits_of(model: Any, batch: lab.Batch) -> Tensor:
    """Return logits [B, U, V] of each word after those before it."""
    logits: Tensor = model(batch["inputs"], batch["decoder_inputs"], batch.get("mask"))
    return logits


def decode(model: Any, batch: lab.Batch, search: Search) -> list[Hypothesis]:
    """Return what is written of each row of a prepared batch."""
    inputs = batch["inputs"]
    state = model.start(inputs, batch.get("mask"), search.max_tokens)
    return search(model.step, state, len(inputs))
