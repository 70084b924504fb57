"""Answer by what was learned from labels: in Python, on the command line, as a model that stands
alone."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from lab.capabilities import Export, Predict
from lab.data.dataset import Array
from lab.nn.export import export
from lab.nn.standalone import answering
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.sequence_inputs import Unfilled, as_steps, present_steps
from lab.supervised.task import SupervisedTask, call


class LabelTask(SupervisedTask):
    """Labels of anything that a network takes: of pictures, of sequences, of each of their steps.

    Shapes: B examples, of T steps where there are steps, K classes or values.
    """

    def predict(self, model: Any, inputs: Any) -> Array:
        """Return probabilities [B, K], of steps [B, K, T], or values [B, K], of inputs as
        `as_steps` takes them."""
        batch = self.info.prepare(as_steps(inputs, self.info, self.ctx.device))
        outputs = call(model, batch)
        answers = outputs.softmax(1) if self.info.classes else self.info.restore_targets(outputs)
        return answers.cpu().numpy()

    def predict_command(self, model: nn.Module, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes, or the values, of sequences, images or texts; of each step
        the likeliest class where each has one."""
        inputs = read_inputs(options.inputs, self.info)
        answers = inputs.answers(partial(self.predict, model))
        if not self.info.per_step:
            return ranked(answers, inputs, options, self.info)
        lengths = present_steps(inputs.values, self.info)
        return [
            {"input": name, "steps": [self.info.classes[number] for number in row[:length]]}
            for name, row, length in zip(inputs.names, answers.argmax(1), lengths, strict=True)
        ]

    def export(self, model: nn.Module, options: Export) -> Path:
        """Write a model for other software; of sequences, steps that are NaN are none."""
        net = Unfilled(model) if self.info.kind == "sequence" else model
        return export(answering(net, self.info), options, self.ctx.dir)
