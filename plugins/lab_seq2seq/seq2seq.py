"""Train encoder-decoders to write one sequence of another.

Sutskever et al. (2014), Bahdanau et al. (2015), Luong et al. (2015), Vaswani et al. (2017); whose
part is what, `model.py` and its parts say.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.capabilities import Export, Translate
from lab.nn.export import export
from lab.nn.standalone import Continuation
from lab.optim import Updater
from lab.sequence import Hypothesis, Recurrent
from lab.supervised.sequence_inputs import Unfilled
from lab.supervised.translation import Search, TranslationTask
from lab_seq2seq.config import Config
from lab_seq2seq.model import build
from lab_seq2seq.pictures import attention_figure
from lab_seq2seq.sampling import fraction, mixed

Array = np.ndarray[Any, np.dtype[Any]]

SHOWN = 4  # sentences whose attention is drawn


class Seq2Seq:
    """Shapes: B examples, U steps of the target, V words of its vocabulary."""

    network = staticmethod(build)  # what `lab model` lists

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.task = TranslationTask(config, ctx)
        self.net = ctx.wrap(build(config, self.task.info))
        self.use_kernels()
        self.updater = Updater(ctx, self.net, config, self.loss, weight=self.task.weight)
        self.stopped = False

    def use_kernels(self) -> None:
        """Run torch's own recurrent kernels where they help: that of padded sources asks for their
        lengths on the CPU, which would wait for another device."""
        waits = self.ctx.device.type != "cpu"
        for name, layer in self.net.named_modules():
            if isinstance(layer, Recurrent):
                packed = name.startswith("encoder.")
                layer.fused = not (self.ctx.compute.compiled or (packed and waits))

    # -- training

    def step(self) -> int:
        """Train on one minibatch."""
        if self.stopped:
            return 0
        batch = self.task.next()
        if self.config.teacher_forcing < 1:
            batch["decoder_inputs"] = self.partly_own(batch)
        loss, accuracy = self.updater(batch)
        self.task.log(loss, accuracy)
        self.ctx.log("lr", self.updater.lr)
        moved = len(batch["rows"])
        self.stopped = self.task.stop_early(self, moved)
        return moved

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        logits = model(batch["inputs"], batch["decoder_inputs"], batch.get("mask"))
        return self.task.loss(logits, batch)

    @torch.no_grad()
    def partly_own(self, batch: lab.Batch) -> Tensor:
        """Return tokens [B, U] to read of which some are drawn from what the network expects."""
        progress = self.ctx.progress("teacher forcing")
        true = fraction(self.config.teacher_forcing, self.config.teacher_forcing_schedule, progress)
        self.ctx.log("teacher_forcing", true)
        with self.ctx.autocast():
            logits = self.logits(batch)
        return mixed(batch["decoder_inputs"], logits, true)

    # -- measuring and writing

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            metrics = self.task.measure(self.logits, self.decode, split)
            if split == "test" and self.config.plots:
                self.draw()
        return metrics

    def logits(self, batch: lab.Batch) -> Tensor:
        """Return logits [B, U, V] under teacher forcing."""
        logits: Tensor = self.net(batch["inputs"], batch["decoder_inputs"], batch.get("mask"))
        return logits

    def decode(self, batch: lab.Batch, search: Search) -> list[Hypothesis]:
        """Return what is written of each row of a prepared batch."""
        inputs = batch["inputs"]
        state = self.net.start(inputs, batch.get("mask"), search.max_tokens)
        return search(self.net.step, state, len(inputs))

    def draw(self) -> None:
        """Show where the decoder looks while it writes some sentences of the test split."""
        batch = self.task.prepare(self.task.data.test.first(SHOWN))
        encoding = self.net.encode(batch["inputs"], batch.get("mask"))
        written = self.decode(batch, self.task.search)
        figure = attention_figure(self.net, batch, encoding, written, self.task.info)
        if figure is not None:
            self.ctx.media("attention", figure)

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return texts [B] of texts; of numbers as the source gives them [B, ...] tokens [B, U],
        where 0 ends a sentence and fills it up."""
        with self.updater.averaged():
            return self.task.predict(inputs, self.decode)

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        inputs: Tensor = self.task.example(number)
        return inputs

    @torch.no_grad()
    def predict_command(self, options: Translate) -> list[dict[str, Any]]:
        """Return what is written of texts or image files."""
        with self.updater.averaged():
            return self.task.predict_command(options, self.decode)

    def export_command(self, options: Export) -> Path:
        """Write a model for other software, from the source's inputs and the tokens so far to
        logits of those that follow; of sequences, steps that are NaN are none."""
        info, steps = self.task.info, self.task.search.max_tokens
        with self.updater.averaged():
            net = Unfilled(self.net) if info.kind == "sequence" else self.net
            return export(Continuation(net, info, steps), options, self.ctx.dir)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {
            **self.updater.state_dict(),
            **self.task.state_dict(),
            "stopped": self.stopped,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        self.task.load_state_dict(state)
        self.stopped = state.get("stopped", False)
