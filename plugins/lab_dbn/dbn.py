"""Train deep belief networks: RBMs stacked greedily, then all layers at once.

Hinton, Osindero and Teh, "A fast learning algorithm for deep belief nets", Neural Computation 18
(2006); Hinton and Salakhutdinov, Science 313 (2006). One layer is a restricted Boltzmann machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

import lab
from lab.capabilities import Predict
from lab.generative import class_number, filter_grid, restored, sample_grid, sample_table, showable
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab_dbn.backprop import Backprop
from lab_dbn.config import SAMPLE_STEPS, Config, Sample
from lab_dbn.contrastive import Contrastive
from lab_dbn.features import Features, visible
from lab_dbn.figures import Evaluator
from lab_dbn.model import DBN
from lab_dbn.phases import Phases
from lab_dbn.pictures import interleaved, nearest
from lab_dbn.rbm import bits_
from lab_dbn.up_down import UpDown

Array = np.ndarray[Any, np.dtype[Any]]

UP_DOWN_RATE = 0.01
EXAMPLES = 16  # and samples in the pictures of an evaluation


class DeepBelief:
    """Shapes: B examples, V visible units, H hidden units of a layer, K classes."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        info = self.data.info
        self.gaussian = _is_gaussian(config, info)
        _check(config, info)
        # small products of matrices: entering compiled code would take longer than they do
        self.net = ctx.wrap(DBN(config, info, self.gaussian), compile=False)
        self.phases = Phases(config, ctx.budget)
        self.features = Features(self.data, self.net, self.gaussian)
        self.evaluator = Evaluator(config, ctx, self.net, self.features)
        self.learner: Contrastive | UpDown | Backprop | None = None  # of the present phase

    # -- training

    def step(self) -> int:
        """Train on one minibatch, in the present phase."""
        if self.learner is None or self.phases.is_over(self.phase, self.ctx.clock):
            self.enter_phase()
        batch = self.batches.next()
        if isinstance(self.learner, Backprop):
            self.backpropagate(self.learner, batch)
        elif isinstance(self.learner, UpDown):
            self.learn_up_and_down(self.learner, batch)
        elif self.learner is not None:
            self.learn_layer(self.learner, batch)
        self.ctx.log("phase", self.phase + 1)
        return len(batch["rows"])

    def enter_phase(self) -> None:
        """Begin the first phase, or the next one: freeze what was trained, and build on it."""
        if self.learner is not None:
            self.net.phase += 1
            self.features.forget()
        else:
            self.features.check()
        if self.fine_tuning and self.config.pretrain:
            self.net.unroll()
        elif not self.fine_tuning:
            rbm = self.net.machines[self.phase]
            rbm.visible_bias.copy_(rbm.biases_at(self.features.mean(self.phase)))
        self.learner = self.make_learner()

    def make_learner(self) -> Contrastive | UpDown | Backprop:
        c, size, generator = self.config, self.batches.size, self.ctx.generator
        if not self.fine_tuning:
            return Contrastive(self.net.machines[self.phase], c, size, generator)
        if c.finetune == "up-down":
            return UpDown(self.net, c, size, generator)
        return Backprop(self.net.unrolled, c, self.gaussian, self.ctx, lambda: self.done)

    def learn_layer(self, learner: Contrastive, batch: lab.Batch) -> None:
        """Train the RBM of this phase on the features of the frozen layers below."""
        states = self.features.labeled(batch, self.phase, train=True)
        if self.config.sample_inputs and not learner.rbm.gaussian:
            bits_(states, self.ctx.generator)  # a one-hot label is unchanged
        rate = self.config.gaussian_lr if learner.rbm.gaussian else self.config.lr
        learned = learner.update(states, self.rate(rate), self.momentum)
        self.log_descent(learned.error, self.rate(rate))

    def learn_up_and_down(self, learner: UpDown, batch: lab.Batch) -> None:
        """Train all layers generatively."""
        states = self.features.train(batch, 0)
        rate = self.rate(self.config.finetune_lr or UP_DOWN_RATE)
        labels = None
        if self.net.top.labels:
            labels = one_hot(batch["targets"].long(), self.net.top.labels).to(states.dtype)
        self.log_descent(learner.update(states, labels, rate, self.momentum), rate)

    def backpropagate(self, learner: Backprop, batch: lab.Batch) -> None:
        """Train all layers to classify, or to reconstruct."""
        inputs = {"visible": self.features.train(batch, 0)}
        if self.config.finetune == "classify":
            inputs["targets"] = batch["targets"].long()
        loss, accuracy = learner.update(inputs)
        self.ctx.log("loss", loss)
        self.ctx.log("lr", learner.lr)
        if accuracy is not None:
            self.ctx.log("accuracy", accuracy)

    def log_descent(self, error: Tensor | None, lr: float) -> None:
        self.ctx.log("lr", lr)
        if error is not None:
            self.ctx.log("reconstruction", error)

    # -- where training is

    @property
    def phase(self) -> int:
        return int(self.net.phase)

    @property
    def fine_tuning(self) -> bool:
        return self.phase == len(self.config.layers)

    @property
    def done(self) -> float:
        """The completed fraction of the phase."""
        return self.phases.done(self.phase, self.ctx.clock)

    def rate(self, peak: float) -> float:
        return peak * (1 - self.done) if self.config.lr_schedule == "linear" else peak

    @property
    def momentum(self) -> float:
        """Little at first: early gradients are large (Hinton's guide, section 9)."""
        return self.config.initial_momentum if self.done < 0.1 else self.config.momentum

    @cached_property
    def batches(self) -> lab.ShuffledBatches:
        return self.data.batches()

    # -- evaluation

    @torch.no_grad()
    def evaluate(self, split: str) -> Mapping[str, float]:
        self.features.check()
        self.evaluator.check_sound()
        if self.data.info.kind == "image":
            self.show(split)
        return self.evaluator.measure(split, last=self.phase == self.phases.last)

    def show(self, split: str) -> None:
        """Draw filters, reconstructions, and samples with their nearest training examples.
        Evaluations start from the same random state, so that samples start at the same states."""
        info, first = self.data.info, self.net.machines[0]
        self.ctx.media("filters", filter_grid(first.weight[: first.units].T, info.shape))
        states = self.features.of(self.data.part(split).first(EXAMPLES), 0)
        again = self.evaluator.reconstruct(states)
        self.ctx.media("reconstructions", self.draw(interleaved(states, again)))
        if self.phase >= self.phases.layers - 1:
            samples = self.net.generate(
                self.chains(EXAMPLES), self.config.gibbs_steps, self.ctx.generator, None
            )
            train = self.features.of(self.evaluator.some_training(), 0)
            neighbors = train[nearest(samples, train)]
            self.ctx.media("samples_and_nearest", self.draw(interleaved(samples, neighbors)))

    def draw(self, states: Tensor) -> Any:
        return sample_grid(showable(restored(states, self.data.info, self.gaussian)), 8)

    # -- using the trained network

    @torch.no_grad()
    def generate(self, n: int, steps: int, class_: int | None = None) -> Tensor:
        """Return the means of n samples [n, V], all of class `class_` if there is one."""
        clamped = None
        if class_ is not None:
            clamped = torch.zeros(n, self.net.top.labels, device=self.ctx.device)
            clamped[:, class_] = 1.0
        means: Tensor = self.net.generate(self.chains(n), steps, self.ctx.generator, clamped)
        return means

    def sample(self, n: int = 64, class_: str | None = None, steps: int = SAMPLE_STEPS) -> Array:
        """Return samples [n, ...], images in [0, 1] or rows of a table in their own units: the
        means after so many Gibbs steps from random states, all of one class where there are label
        units."""
        return self.samples(n, class_, steps).cpu().numpy()

    def samples(self, n: int, name: str | None, steps: int) -> Tensor:
        means = self.generate(n, steps, None if name is None else self.class_number(name))
        return restored(means, self.data.info, self.gaussian)

    def sample_command(self, options: Sample) -> Any:
        """Return samples as one picture, or as a table where the data are no images."""
        samples = self.samples(options.n, options.class_, options.steps)
        if self.data.info.kind == "image":
            return sample_grid(showable(samples))
        return sample_table(samples, self.data.info)

    def class_number(self, name: str) -> int:
        if not self.net.top.labels:
            raise lab.UsageError("This network has no label units: train it with --label-units")
        return class_number(name, self.data.info.classes)

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return the probabilities of the classes [B, K] for inputs [B, ...] as the source gives
        them; without classes, the means of the highest layer [B, H]."""
        info = self.data.info
        states = visible(as_inputs(inputs, info, self.ctx.device), info, self.gaussian)
        return self.evaluator.predict(states).cpu().numpy()

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.data.eval.first(number)["inputs"]

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes of images or rows of a table, or their features."""
        info = self.data.info
        inputs = read_inputs(options.inputs, info)
        outputs = inputs.answers(self.predict)
        if self.evaluator.classifies:
            return ranked(outputs, inputs, options, info)
        named = zip(inputs.names, outputs.tolist(), strict=True)
        return [{"input": word, "features": row} for word, row in named]

    def chains(self, n: int) -> Tensor:
        """Return random hidden bits of the top RBM [n, H]."""
        half = torch.full((n, self.net.top.hidden), 0.5, device=self.ctx.device)
        return bits_(half, self.ctx.generator)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {
            "model": self.net.state_dict(),
            "learner": None if self.learner is None else self.learner.state_dict(),
            "batches": self.batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["model"])
        self.features.forget()
        self.learner = None
        if "batches" not in state:  # best.pt: enough to sample and predict
            return
        self.batches.load_state_dict(state["batches"])
        if state["learner"] is not None:
            self.learner = self.make_learner()
            self.learner.load_state_dict(state["learner"])


def _is_gaussian(config: Config, info: lab.DatasetInfo) -> bool:
    if config.visible == "auto":
        return info.kind == "table"
    return config.visible == "gaussian"


def _check(config: Config, info: lab.DatasetInfo) -> None:
    """Raise UsageError where the data lack what the options need."""
    if info.kind not in ("image", "table", "video"):
        raise lab.UsageError(f"{info.name} is {info.kind} data; RBMs learn from images and tables")
    for option, is_set in (
        ("--label-units", config.label_units),
        ("--finetune classify", config.finetune == "classify"),
    ):
        if is_set and info.task != "classify":
            raise lab.UsageError(f"{option} needs classes; {info.name} has none")
