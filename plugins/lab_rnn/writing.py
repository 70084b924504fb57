"""Write sentences: captions of pictures, and what is said in a sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Export
from lab.data.augment import Augment
from lab.data.batches import IGNORED
from lab.data.tokens import END
from lab.nn.export import export
from lab.nn.standalone import Standalone
from lab.sequence import ctc_beam_search, ctc_greedy, ctc_loss, frames_needed
from lab.sequence.decoding import Hypothesis
from lab.supervised.options import refuse_unused
from lab.supervised.sequence_inputs import Unfilled
from lab.supervised.task import call
from lab.supervised.translation import Search, TranslationTask
from lab_rnn.config import Config, Predict

Array = np.ndarray[Any, np.dtype[Any]]

AS_HEARD = "a path (CTC) holds as many words as are heard"


def writing(config: Config, ctx: lab.Context) -> Captions | Transcripts:
    """Return the task of a source to translate: captions of pictures, transcripts of the rest."""
    sentences = TranslationTask(config, ctx)
    kind = Captions if sentences.info.kind == "image" else Transcripts
    return kind(config, ctx, sentences)


class Captions:
    """Token by token, of a state that knows the picture. Shapes: B pictures, U tokens."""

    def __init__(self, config: Config, ctx: lab.Context, sentences: TranslationTask) -> None:
        self.config, self.ctx, self.sentences = config, ctx, sentences
        refuse_unused(config, "sentences are written", "class_weights", "loss")
        self._augment = Augment(config.augment, self.info, ctx.generator)
        self.stop_early, self.example = sentences.stop_early, sentences.example

    @property
    def info(self) -> lab.DatasetInfo:
        return self.sentences.info

    def next(self) -> lab.Batch:
        """Return the next training batch, prepared and augmented."""
        return self._augment(self.sentences.next())

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        """Return the cross-entropy of the tokens, and the fraction of right ones."""
        return self.sentences.loss(self.logits(model, batch), batch)

    def weight(self, batch: lab.Batch) -> Tensor:
        """Return the divisor of a batch's mean loss, for batches that are computed in parts."""
        return self.sentences.weight(batch)

    def log(self, loss: Tensor, accuracy: Any) -> None:
        self.sentences.log(loss, accuracy)

    def logits(self, model: Any, batch: lab.Batch) -> Tensor:
        """Return logits [B, U, V] behind the tokens before each."""
        logits: Tensor = model(batch["inputs"], batch["decoder_inputs"])
        return logits

    def decode(self, model: Any, batch: lab.Batch, search: Search) -> Sequence[Hypothesis]:
        """Return what is written of each row of a prepared batch."""
        return search(model.step, model.start(batch["inputs"]), len(batch["inputs"]))

    def measure(self, model: Any, split: str) -> dict[str, float]:
        """Return the metrics of a split: under teacher forcing, and of what is really written."""
        logits = partial(self.logits, model)
        return self.sentences.measure(logits, partial(self.decode, model), split)

    def predict(self, model: Any, inputs: Any) -> Array:
        """Return tokens [B, U] for inputs as the source gives them; 0 ends and fills up."""
        return self.sentences.predict(inputs, partial(self.decode, model))

    def predict_command(self, model: Any, options: Predict) -> list[dict[str, Any]]:
        """Return the sentence that is written of each input."""
        return self.sentences.predict_command(options, partial(self.decode, model))

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software. Raises UsageError: it is no function of a picture."""
        raise lab.UsageError(
            "What writes captions goes token by token, for which no exported format here has a loop"
        )

    def state_dict(self) -> dict[str, Any]:
        return self.sentences.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.sentences.load_state_dict(state)


class Transcripts(Captions):
    """By connectionist temporal classification (Graves et al., 2006): a score for each word, and
    for the blank, at each frame; no alignment is given. Shapes: B sequences, T frames, U words."""

    def __init__(self, config: Config, ctx: lab.Context, sentences: TranslationTask) -> None:
        super().__init__(config, ctx, sentences)
        if config.label_smoothing:
            raise lab.UsageError("--label-smoothing is for classes and tokens, not for paths (CTC)")
        refuse_unused(config, AS_HEARD, "max_tokens", "length_penalty")

    def next(self) -> lab.Batch:
        """Return the next training batch, prepared: `targets` end in 0, and `words` [B] says how
        many there are, 0 of an example with too few frames for them, which does not count."""
        batch = super().next()
        targets = batch["targets"].masked_fill(batch["targets"] == IGNORED, END)
        words = (targets != END).sum(1)
        needed = frames_needed(targets, words)
        fits = needed <= frames(batch)
        return {**batch, "targets": targets, "words": words * fits, "fits": fits}

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, None]:
        """Return -log p of the words, in nats, the mean over examples that have the frames."""
        losses = ctc_loss(
            self.logits(model, batch), frames(batch), batch["targets"], batch["words"], END
        )
        return (losses * batch["fits"]).sum() / self.weight(batch).clamp(min=1), None

    def weight(self, batch: lab.Batch) -> Tensor:
        """Return how many examples count."""
        return batch["fits"].sum()

    def log(self, loss: Tensor, accuracy: Any) -> None:
        self.ctx.log("loss", loss)

    def logits(self, model: Any, batch: lab.Batch) -> Tensor:
        """Return logits [B, T, V] of words, 0 the blank, at each frame."""
        return call(model, batch).mT

    def decode(self, model: Any, batch: lab.Batch, search: Search) -> Sequence[Hypothesis]:
        """Return the words of the best path, or of the best labeling that a beam finds."""
        logits, lengths = self.logits(model, batch).float(), frames(batch)
        if search.beam > 1:
            found = ctc_beam_search(logits, lengths, beam_width=search.beam, blank=END)
            return [
                Hypothesis(best.labels, best.log_probability, best.score, True)
                for best, *_ in found
            ]
        words = ctc_greedy(logits, lengths, END)
        return [
            Hypothesis(row, score, score, True)
            for row, score in zip(words, log_probabilities(logits, lengths, words), strict=True)
        ]

    def predict_command(self, model: Any, options: Predict) -> list[dict[str, Any]]:
        """Return the sentence that is heard in each input."""
        refuse_unused(options, AS_HEARD, "max_tokens", "length_penalty")
        return super().predict_command(model, options)

    def measure(self, model: Any, split: str) -> dict[str, float]:
        """Return the error rates of what is written."""
        return self.sentences.measure(None, partial(self.decode, model), split)

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software: probabilities of words, 0 the blank, at each frame
        [B, V, T]; frames that are NaN are none."""
        net = Unfilled(model) if self.info.kind == "sequence" else model
        softmax = partial(torch.softmax, dim=1)
        return export(
            Standalone(net, self.info, "probabilities", answer=softmax), options, self.ctx.dir
        )


def frames(batch: lab.Batch) -> Tensor:
    """Return how many frames each example of a batch has [B]."""
    inputs = batch["inputs"]
    if "mask" in batch:
        return batch["mask"].sum(1)
    return torch.full((len(inputs),), inputs.shape[1], device=inputs.device)


def log_probabilities(
    logits: Tensor, lengths: Tensor, words: Sequence[Sequence[int]]
) -> list[float]:
    """Return log p of rows of words, in nats, over all paths that read them."""
    count = torch.tensor([len(row) for row in words], device=logits.device)
    targets = torch.full((len(words), max(1, int(count.max()))), END, device=logits.device)
    for target, row in zip(targets, words, strict=True):
        target[: len(row)] = torch.tensor(row, device=logits.device)
    return [-loss for loss in ctc_loss(logits, lengths, targets, count, END).tolist()]
