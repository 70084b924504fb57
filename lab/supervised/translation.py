"""Learn to write sentences: combine what families that translate have in common.

No trainer, and no network: an experiment's `step` takes a batch from here, updates, and logs, and
gives its network as functions. Shapes: batch B, steps of a target U, words of its vocabulary V.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from lab.data.batches import IGNORED, Batch
from lab.data.dataset import Array
from lab.data.tokens import END
from lab.engine.context import Context
from lab.errors import UsageError
from lab.nn.losses import CrossEntropy
from lab.sequence.beam import beam_search
from lab.sequence.decoding import Hypothesis, greedy
from lab.sequence.states import State, Step
from lab.supervised import padding
from lab.supervised.command_inputs import read_inputs
from lab.supervised.data_task import DataTask
from lab.supervised.sentences import Sentences, are_texts, token_rows
from lab.supervised.sequence_inputs import as_steps
from lab.supervised.translation_config import TranslationOptions
from lab.supervised.translation_scores import TranslationScores, draw_by_length

EVALUATED = 512  # examples in a batch that is only measured
AT_ONCE = 128  # inputs that are predicted from at a time


@dataclass(frozen=True)
class Search:
    """How a sentence is searched for: a beam, its penalty, and the most tokens. `bos` begins it."""

    beam: int
    length_penalty: float
    max_tokens: int
    bos: int

    def __call__(self, step: Step, state: State, rows: int) -> list[Hypothesis]:
        """Return the best sentence of each of `rows` rows, whose state knows what to write of."""
        begin = torch.full((rows, 1), self.bos)
        how: dict[str, Any] = {"max_tokens": self.max_tokens, "stop": {END}}
        if self.beam == 1:
            return greedy(step, state, begin, **how)
        how |= {"beam_width": self.beam, "length_penalty": self.length_penalty}
        return [best for best, *_ in beam_search(step, state, begin, **how)]


Logits: TypeAlias = Callable[[Batch], Tensor]
"""A prepared batch -> logits [B, U, V] of each target token, after those before it."""
Decode: TypeAlias = Callable[[Batch, Search], Sequence[Hypothesis]]
"""A prepared batch, of which `targets` may be missing -> a sentence for each row, without END."""


class TranslationTask(DataTask):
    """The task of a source whose targets are sentences: tokens of `info.target_vocabulary`.

    Batches come prepared: inputs as `info.prepare` gives them; `targets` [B, U], the tokens, one
    END, and IGNORED behind it; `decoder_inputs` [B, U], the same shifted to the right behind `bos`
    (Sutskever et al., 2014, section 2). Where looking costs nothing, U and the steps of the inputs
    are those of the batch's longest.
    Raises UsageError for a source that is no translation.
    """

    def __init__(self, config: TranslationOptions, ctx: Context) -> None:
        super().__init__(config, ctx)
        if self.info.task != "translate":
            raise UsageError(
                f"{self.info.name} is {self.info.kind} data to {self.info.task}; sentences are "
                "written of sources to translate"
            )
        self.bos = len(self.info.target_vocabulary)  # a word more than can be written
        longest = ctx.run_constant(f"{self.data.words} target", self._longest)
        self.search = Search(
            config.beam, config.length_penalty, config.max_tokens or longest, self.bos
        )
        self.criterion = CrossEntropy(config.label_smoothing, ignore=IGNORED)
        self.written = Sentences(self.info.target_vocabulary)
        self._trims = padding.costs_nothing(ctx)

    def _longest(self) -> int:
        targets = self.data.dataset.targets
        assert targets is not None
        return int((targets != END).sum(1).max()) + 1

    # -- training

    def next(self) -> Batch:
        """Return the next training batch, prepared."""
        return self.prepare(self.batches.next())

    def prepare(self, batch: Batch) -> Batch:
        """Return a batch of the source as decoders and the loss take it."""
        prepared = self.info.prepare(batch)
        targets = functional.pad(prepared["targets"], (0, 1), value=END)  # each has its end
        behind = (targets == END).cumsum(1) > 1
        prepared["decoder_inputs"] = functional.pad(targets[:, :-1], (1, 0), value=self.bos)
        prepared["targets"] = targets.masked_fill(behind, IGNORED)
        return self._trimmed(prepared) if self._trims else prepared

    def loss(self, logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the mean cross-entropy in nats of the tokens, ends among them, of logits
        [B, U, V], and the fraction of them that are the likeliest, detached."""
        targets = batch["targets"]
        right = (logits.detach().argmax(-1) == targets).sum()  # which IGNORED never is
        accuracy = right / (targets != IGNORED).sum()
        return self.criterion(logits.transpose(1, 2), targets), accuracy

    def weight(self, batch: Batch) -> Tensor:
        """Return the divisor of a batch's mean loss, for batches that are computed in parts."""
        return self.criterion.weight(batch["targets"])

    def log(self, loss: Tensor, accuracy: Tensor) -> None:
        self.ctx.log("loss", loss)
        self.ctx.log("token_accuracy", accuracy)

    def _trimmed(self, batch: Batch) -> Batch:
        """Return a batch without the steps that are padding in every row."""
        longest = int((batch["targets"] != IGNORED).sum(1).max())
        trimmed = {**batch, **{n: batch[n][:, :longest] for n in ("targets", "decoder_inputs")}}
        return padding.trimmed(trimmed, self.info)

    # -- measuring

    def measure(self, logits: Logits | None, decode: Decode, split: str) -> dict[str, float]:
        """Return the metrics of the entire split: those of a language model under teacher forcing,
        where there are `logits`, and those of what is really written. On "test" also a figure of
        exact sentences by the length of the source."""
        scores = TranslationScores(self.written)
        for batch in self.data.part(split).batches(EVALUATED):
            prepared = self.prepare(batch)
            with self.ctx.autocast():
                if logits is not None:
                    scores.add_logits(logits(prepared).float(), prepared["targets"])
                sentences = [best.tokens for best in decode(prepared, self.search)]
            scores.add_sentences(sentences, batch["targets"], self._source_lengths(prepared))
        if split == "test":
            self.ctx.media("exact_by_length", draw_by_length(scores.by_length()))
        return scores.compute(split)

    def _source_lengths(self, batch: Batch) -> Tensor:
        """Return the steps of each source [B]; of a picture, the tokens of what is said of it."""
        present = padding.present(batch, self.info)
        return ((batch["targets"] != IGNORED) if present is None else present).sum(1)

    # -- predicting

    @torch.no_grad()
    def predict(self, inputs: Any, decode: Decode) -> Array:
        """Return what is written of inputs: of texts an array of texts [B]; of what `as_steps`
        takes tokens int64 [B, max_tokens or more], END behind each."""
        texts = self.info.kind == "tokens" and are_texts(inputs)
        values = self._tokens(inputs) if texts else inputs
        found = self._decoded(as_steps(values, self.info, self.ctx.device), decode, self.search)
        if texts:
            return np.array([self.written.text(best.tokens) for best in found])
        longest = max([self.search.max_tokens, *(len(best.tokens) for best in found)])
        rows = np.full((len(found), longest), END, np.int64)
        for row, best in zip(rows, found, strict=True):
            row[: len(best.tokens)] = best.tokens
        return rows

    def predict_command(self, options: Any, decode: Decode) -> list[dict[str, Any]]:
        """Return for each input, a text, a line of standard input (`-`), an image or a sequence,
        what is written of it, with the log-probability in nats. What options say of `Search` goes
        first."""
        inputs = read_inputs(options.inputs, self.info)
        steps = as_steps(inputs.values, self.info, self.ctx.device)
        found = self._decoded(steps, decode, self._asked_for(options))
        return [
            {
                "input": name,
                "output": self.written.text(best.tokens),
                "log_probability": best.log_probability,
            }
            for name, best in zip(inputs.names, found, strict=True)
        ]

    def _asked_for(self, options: Any) -> Search:
        """Return the search that options of a prediction ask for, else the run's own."""
        names = ("beam", "length_penalty", "max_tokens")
        values = {name: getattr(options, name, None) for name in names}
        return replace(
            self.search, **{n: value for n, value in values.items() if value is not None}
        )

    def _tokens(self, texts: Sequence[str]) -> Tensor:
        return torch.from_numpy(token_rows(texts, self.info))

    def _decoded(self, batch: Batch, decode: Decode, search: Search) -> list[Hypothesis]:
        found: list[Hypothesis] = []
        for start in range(0, len(batch["inputs"]), AT_ONCE):
            part = {name: values[start : start + AT_ONCE] for name, values in batch.items()}
            found += decode(self.info.prepare(part), search)
        return found
