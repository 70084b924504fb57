"""Learn of sentences without labels, by guessing hidden words (Devlin et al., 2019)."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export, Predict
from lab.data.batches import IGNORED
from lab.data.tokens import END
from lab.metrics import Perplexity, TokenAccuracy
from lab.nn import CrossEntropy
from lab.nn.export import export
from lab.nn.standalone import Standalone
from lab.supervised.command_inputs import read_inputs
from lab.supervised.data_task import DataTask
from lab.supervised.options import refuse_unused
from lab.supervised.sequence_inputs import as_steps
from lab.supervised.task import EVALUATED, call
from lab_transformer import pictures
from lab_transformer.config import Config
from lab_transformer.masking import hide
from lab_transformer.networks.guesser import Guesser
from lab_transformer.networks.reader import MASK

Array = np.ndarray[Any, np.dtype[Any]]


class Masked(DataTask):
    """Shapes: B sentences of T tokens, V words. Raises UsageError for data without words."""

    asked, answers = Predict, "words"

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.fraction = config.mask_fraction
        if self.info.kind != "tokens":
            raise lab.UsageError(
                f"--pretrain masked hides words; {self.info.name} is {self.info.kind} data"
            )
        refuse_unused(config, "hidden words are guessed", "class_weights", "augment", "loss")
        self.criterion = CrossEntropy(config.label_smoothing, ignore=IGNORED)

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return Guesser(config, info)

    # -- training and measuring

    def next(self) -> lab.Batch:
        return self._hidden(self.batches.next())

    def _hidden(self, batch: lab.Batch) -> lab.Batch:
        """Return a batch of which some words are hidden, and are the targets."""
        prepared = self.info.prepare({n: t for n, t in batch.items() if n != "targets"})
        tokens = prepared["inputs"]
        present = prepared.get("mask", tokens != END)
        words = len(self.info.vocabulary)
        read, targets = hide(tokens, present, words, self.fraction, self.ctx.generator)
        # of what is hidden, no token tells any more that it is there
        return {**prepared, "inputs": read, "targets": targets, "mask": present}

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Tensor]:
        """Return the cross-entropy of the hidden words in nats, and the fraction guessed right."""
        logits, targets = call(model, batch), batch["targets"]
        right = (logits.detach().argmax(-1) == targets).sum()  # which IGNORED never is
        accuracy = right / (targets != IGNORED).sum().clamp(min=1)
        return self.criterion(logits.transpose(1, 2), targets), accuracy

    def weight(self, batch: lab.Batch) -> Tensor:
        return self.criterion.weight(batch["targets"])

    def log(self, loss: Tensor, accuracy: Tensor) -> None:
        self.ctx.log("loss", loss)
        self.ctx.log("token_accuracy", accuracy)

    def measure(self, model: nn.Module, split: str) -> dict[str, float]:
        """Return how well words of a split are guessed; the same are hidden each time."""
        accuracy, perplexity = TokenAccuracy(), Perplexity()
        for batch in self.data.part(split).batches(EVALUATED):
            hidden = self._hidden(batch)
            with self.ctx.autocast():
                logits = call(model, hidden).float()
            perplexity.add(logits, hidden["targets"])
            accuracy.add(logits.argmax(-1), hidden["targets"])
        return {
            "token_accuracy": accuracy.compute()["token_accuracy"],
            **perplexity.compute(split),
        }

    def draw(self, model: nn.Module) -> None:
        """Draw where the network looks, in a sentence of the test split."""
        for name, figure in pictures.looks(model, self.data.test.first(1), self.info):
            self.ctx.media(name, figure)

    # -- answering

    @cached_property
    def readable(self) -> lab.DatasetInfo:
        """The data with the mask as a word, which a person may write."""
        return replace(self.info, vocabulary=(*self.info.vocabulary, MASK))

    def predict(self, model: Any, inputs: Any) -> Array:
        """Return the probabilities [B, T, V] of words at each place of sentences as `as_steps`
        takes them; the mask is the token numbered V."""
        batch = as_steps(inputs, self.readable, self.ctx.device)
        return call(model, self.info.prepare(batch)).softmax(-1).cpu().numpy()

    def predict_command(self, model: nn.Module, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest words for each mask in each text, and their probabilities."""
        inputs = read_inputs(options.inputs, self.readable)
        answers = inputs.answers(lambda values: self.predict(model, values))
        rows = []
        for text, tokens, answer in zip(inputs.names, inputs.values, answers, strict=True):
            places = (tokens == len(self.info.vocabulary)).nonzero().flatten().tolist()
            if not places:
                raise lab.UsageError(f"{text!r} hides no word: write {MASK} where one is guessed")
            rows += [self._guessed(text, answer[place], options.top) for place in places]
        return rows

    def _guessed(self, text: str, probabilities: Array, top: int) -> dict[str, Any]:
        values, words = torch.from_numpy(probabilities).topk(min(top, len(probabilities)))
        named = zip(words.tolist(), values.tolist(), strict=True)
        return {"input": text, "classes": {self.info.vocabulary[word]: p for word, p in named}}

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software: tokens to the logits of words at each place."""
        return export(Standalone(model, self.info, "logits"), options, self.ctx.dir)
