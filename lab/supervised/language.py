"""Combine what language models of every family have in common: tokens, loss and metrics.

No trainer: an experiment's `step` takes a batch from here, updates, and logs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor, nn

from lab.capabilities import Export, Predict, Write
from lab.data.batches import IGNORED, Batch
from lab.data.dataset import Array
from lab.data.dataset_info import DatasetInfo
from lab.data.streams import StreamBatches, WindowBatches, windows
from lab.engine.context import Context
from lab.engine.experiment import Experiment
from lab.errors import UsageError
from lab.metrics.sequences import Perplexity
from lab.nn.export import export
from lab.nn.losses import CrossEntropy
from lab.nn.standalone import Standalone
from lab.options import build
from lab.sequence.ngram import NGram
from lab.sequence.states import State
from lab.supervised.corpus import Part, as_tokens, encoded, learned
from lab.supervised.data_task import DataTask
from lab.supervised.early_stop import validate
from lab.supervised.language_config import LanguageOptions
from lab.supervised.text_inputs import text_of
from lab.supervised.writing import LanguageModel, Writer
from lab.tokenizers.names import load_tokenizer
from lab.tokenizers.protocol import Tokenizer

LANES = 16  # that a text is cut into to be measured, where a state is carried: each begins anew
STEPS = 128  # of a lane at a time: what they are changes nothing
TOKENS = 16_384  # in a batch that is only measured
CARRIED = "carried_"  # begins the names of a state's tensors in a batch
BETWEEN = "\n" + "-" * 20 + "\n"  # two texts that are shown


class LanguageTask(DataTask):
    """Prediction of the next token of a source's texts.

    carried: training goes through the text in order, and each batch begins with the state that the
    one before it left, as of a recurrent network; otherwise batches are windows from anywhere.
    Batches hold inputs [B, T] and targets [B, T], the tokens one step later, IGNORED where there is
    none to predict.
    """

    def __init__(self, config: LanguageOptions, ctx: Context, *, carried: bool) -> None:
        super().__init__(config, ctx)
        self.config, self.carried = config, carried
        plain = ctx.run_constant("language", lambda: learned(self.data, config))
        self.tokenizer: Tokenizer = load_tokenizer(plain["tokenizer"])
        self.one_text: bool = plain["one_text"]
        self.criterion = CrossEntropy(config.label_smoothing, ignore=IGNORED)
        self.state: State = {}  # that the last batch left
        self._epoch_before = 0.0

    @property
    def info(self) -> DatasetInfo:
        """What networks are built from: tokens [context], and an output for each id."""
        return as_tokens(self.data.info, self.tokenizer, self.config.context)

    # -- training

    def next(self) -> Batch:
        """Return the next training batch, with the state that it begins with."""
        self._epoch_before = self.batches.epoch
        begins = not self.state or bool(self._epoch_before.is_integer())
        batch = self._targeted(self.batches.next())
        if not self.carried or begins:
            return batch
        return {**batch, **{CARRIED + name: value for name, value in self.state.items()}}

    def loss(self, model: LanguageModel, batch: Batch) -> tuple[Tensor, State]:
        """Return the mean loss of a token in nats, and the state [B, ...] to `keep`."""
        state = {n.removeprefix(CARRIED): v for n, v in batch.items() if n.startswith(CARRIED)}
        logits, after = model(batch["inputs"], state or None)
        loss = self.criterion(logits.transpose(1, 2), batch["targets"])
        return loss, {name: value.detach() for name, value in after.items()} if self.carried else {}

    def weight(self, batch: Batch) -> Tensor:
        """Return the divisor of a batch's mean loss, for batches that are computed in parts."""
        return self.criterion.weight(batch["targets"])

    def log(self, loss: Tensor, state: State) -> None:
        """Log the loss of a batch; the next begins with the state that it left."""
        self.ctx.log("loss", loss)
        self.state = state

    def stop_early(self, experiment: Experiment, moved: int) -> bool:
        """Tell, after a step, whether `patience` epochs brought no gain on the eval split."""
        ended = math.floor(self.batches.epoch) > math.floor(self._epoch_before)
        if self.early.patience is None or not ended:
            return False
        metric = self.ctx.objective[0].removeprefix("eval/")
        return self.early.add(validate(experiment, self.ctx, metric))

    @cached_property
    def batches(self) -> StreamBatches | WindowBatches:
        size, steps = self.config.batch_size, self.config.context
        ids = self.part("train").ids
        if self.carried:
            return StreamBatches(ids, size, steps)
        return WindowBatches(ids, size, steps, self.ctx.seed)

    def _targeted(self, batch: Batch) -> Batch:
        """Return a batch whose targets are IGNORED where nothing is to be predicted: behind an end,
        and the beginning of a text."""
        nothing = batch["targets"] == self.tokenizer.special.bos
        if "mask" in batch:
            nothing = nothing | ~batch["mask"]
        targets = batch["targets"].masked_fill(nothing, IGNORED)
        return {"inputs": batch["inputs"], "targets": targets}

    def part(self, split: str) -> Part:
        """Return the tokens of a split, on the device."""
        if split not in self._parts:
            part = encoded(self.data, split, self.tokenizer)
            self._parts[split] = replace(part, ids=part.ids.to(self.ctx.device))
            if part.unknown:
                self.ctx.warn(
                    f"{part.unknown:,} of {len(part.ids):,} tokens of the {split} split are none "
                    "that training showed"
                )
        return self._parts[split]

    @cached_property
    def _parts(self) -> dict[str, Part]:
        return {}

    # -- measuring

    def measure(self, model: LanguageModel, split: str) -> dict[str, float]:
        """Return the metrics of all tokens of the split; on "test" those of the n-gram model too.

        Without a carried state, a token is predicted from what stands before it in its window of
        the context, one window beside the other. The size of batches changes nothing.
        """
        part, perplexity = self.part(split), Perplexity()
        for logits, targets in self._predicted(model, part.ids):
            perplexity.add(logits, targets)
        units = {} if self._words else {"characters": part.characters, "bytes": part.bytes}
        metrics = perplexity.compute(split, **units)
        if split == "test" and self.config.ngram:
            metrics |= self._ngram(part)
        return metrics

    def _predicted(self, model: LanguageModel, ids: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield logits and targets of all tokens, batch by batch."""
        if self.carried:
            batches = StreamBatches(ids, LANES, STEPS)
            state: State | None = None
            for batch in map(self._targeted, batches.once()):
                with self.ctx.autocast():
                    logits, state = model(batch["inputs"], state)
                yield logits.float(), batch["targets"]
            return
        context = self.config.context
        for batch in map(self._targeted, windows(ids, max(1, TOKENS // context), context)):
            with self.ctx.autocast():
                logits, _ = model(batch["inputs"])
            yield logits.float(), batch["targets"]

    @property
    def _words(self) -> bool:
        return self.config.pieces == "word"

    def _ngram(self, part: Part) -> dict[str, float]:
        """Return the bits of an n-gram model in the unit that selects: the figure to beat."""
        bos = self.tokenizer.special.bos
        ids = self.part("train").ids.cpu().numpy()
        model = NGram.fit(ids, self.config.ngram, self.tokenizer.vocab_size)
        test = part.ids.cpu().numpy()
        nats = -model.log_probabilities(test)[test != bos]
        name, number = ("token", len(nats)) if self._words else ("character", part.characters)
        return {f"ngram_bits_per_{name}": float(nats.sum()) / math.log(2) / number}

    # -- writing

    def writer(self, model: LanguageModel) -> Writer:
        """Return what writes with a network, and tells how likely texts are to it."""
        return Writer(model, self.tokenizer, self.one_text, self.ctx.device)

    def sample(self, model: LanguageModel, **options: Any) -> list[str]:
        """Return texts, prompts included; the options are those of `lab.capabilities.Write`."""
        writer, chosen = self.writer(model), build(Write, options)
        return ["".join(pieces) for pieces in writer.texts(chosen, self.ctx.generator)]

    def sample_command(self, model: LanguageModel, options: Write) -> str:
        """Return the texts as one; they are shown while they are written."""
        shown = ""
        for number, pieces in enumerate(self.writer(model).texts(options, self.ctx.generator)):
            for piece in itertools.chain([BETWEEN] if number else [], pieces):
                self.ctx.show(piece)
                shown += piece
        return shown

    def predict(self, model: LanguageModel, texts: Sequence[str]) -> Array:
        """Return the bits of a character [N] of N texts, of a token where tokens are words."""
        return np.array([bits for bits, _ in self._scored(model, texts)])

    def predict_command(self, model: LanguageModel, options: Predict) -> list[dict[str, Any]]:
        """Return for each text, or file of one, how likely it is to the network."""
        if not options.inputs:
            raise UsageError("Nothing to predict. Give a text, or a file that holds one.")
        texts = [text_of(word) for word in options.inputs]
        unit = "token" if self._words else "character"
        scored = zip(options.inputs, self._scored(model, texts), strict=True)
        return [
            {"input": word, "values": {f"bits_per_{unit}": bits, "log_probability": nats}}
            for word, (bits, nats) in scored
        ]

    def _scored(self, model: LanguageModel, texts: Sequence[str]) -> list[tuple[float, float]]:
        """Return the bits of a character or token, and the log-probability in nats, of texts."""
        scores = []
        for text in [texts] if isinstance(texts, str) else texts:
            nats, tokens = self.writer(model).log_probability(text)
            length = tokens if self._words else len(text)
            scores.append((-nats / math.log(2) / length, nats))
        return scores

    def example(self, number: int) -> list[str]:  # type: ignore[override]  # not numbers
        """Return texts that `predict` takes: the first of the eval split that hold something."""
        found = (text for text in self.data.texts("eval") if text.strip())
        return list(itertools.islice(found, number))

    def export(self, model: Any, options: Export) -> Path:
        """Write a model for other software: tokens [B, context] to the logits of the next."""
        return export(Standalone(Logits(model), self.info, "logits"), options, self.ctx.dir)

    # -- remembering

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "carried": dict(self.state)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Copy a state in; a model alone, as it predicts, has none."""
        super().load_state_dict(state)
        carried = state.get("carried", {})
        self.state = {n: value.to(self.ctx.device, copy=True) for n, value in carried.items()}


def language_task(task: Any) -> LanguageTask:
    """Return the task of an experiment that is asked to write. Raises UsageError where it learned
    something else."""
    if isinstance(task, LanguageTask):
        return task
    raise UsageError(f"{task.info.name} is to {task.info.task}: only models of language write")


class Logits(nn.Module):
    """The logits [B, T, V] of a language model, for who needs no state."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        logits: Tensor = self.model(tokens)[0]
        return logits
