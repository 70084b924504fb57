"""Measure a network in the present phase of training."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

import lab
from lab.metrics import Classification
from lab.statistics import summed_up
from lab_dbn.config import Config
from lab_dbn.features import AT_ONCE, Features
from lab_dbn.likelihood import countable, exact_log_partition, log_partition, pseudo_likelihood
from lab_dbn.model import DBN
from lab_dbn.rbm import RBM, bits_

FIXED = 1_000  # training examples, always the same, for train metrics
LARGEST = 10.0  # root mean square of an RBM's weights; in sound training under 2
STILL = 1e-8  # variance of hidden means over examples
DECIDED = 1e-2  # p (1 - p) of hidden units that are nearly always on, or off; 0.25 before training


class Evaluator:
    """Metrics of the layer in training, and in the last phase of the network."""

    def __init__(self, config: Config, ctx: lab.Context, net: DBN, features: Features) -> None:
        self.config, self.ctx, self.net, self.features = config, ctx, net, features

    def measure(self, split: str, last: bool) -> dict[str, float]:
        metrics: dict[str, float] = {}
        phase = int(self.net.phase)
        if phase < len(self.net.rbms) or self.config.finetune == "up-down":
            metrics |= self.of_layer(split, min(phase, len(self.net.rbms) - 1))
        if last and self.classifies:
            metrics |= self.of_answers(split)
        if last and self.config.finetune != "classify":
            metrics |= self.of_reconstruction(split)
        if last and self.config.finetune in ("none", "up-down"):
            metrics |= self.of_likelihood(split)
        return metrics

    @property
    def classifies(self) -> bool:
        return self.config.finetune == "classify" or self.net.top.labels > 0

    # -- one RBM

    def of_layer(self, split: str, level: int) -> dict[str, float]:
        """Return the metrics of an RBM on the features of the layers below it."""
        rbm = self.net.machines[level]
        states = torch.cat([self.features.labeled(b, level) for b in self.batches(split)])
        again = rbm.visible_mean(rbm.hidden_mean(states))
        squared_error = (again - states)[:, : rbm.units].square().sum(1).mean()
        trained = self.features.labeled(self.some_training(), level)
        gap = rbm.free_energy(states).mean() - rbm.free_energy(trained).mean()
        metrics = {"layer_reconstruction": float(squared_error), "free_energy_gap": float(gap)}
        if not rbm.gaussian:
            bits = bits_(states, self.ctx.generator)
            log_likelihood = pseudo_likelihood(rbm, bits, self.ctx.generator).mean()
            metrics["pseudo_likelihood"] = float(log_likelihood)
        return metrics

    # -- the network

    def of_likelihood(self, split: str) -> dict[str, float]:
        """Return log p(v) of the split, whose intensities are sampled as bits."""
        metrics: dict[str, float] = {}
        top, generator = self.net.top, self.ctx.generator
        states = torch.cat([self.features.of(b, 0) for b in self.batches(split)])
        if not self.features.gaussian:
            bits_(states, generator)
        if self.config.ais_temperatures:
            log_z = self.annealed(top)
            values = self.net.log_likelihood(states, log_z, generator)
            metrics |= summed_up("log_likelihood", values, split)
        if countable(top):
            exact = exact_log_partition(top)
            metrics["log_likelihood_exact"] = float(
                self.net.log_likelihood(states, exact, generator).mean()
            )
        return metrics

    def annealed(self, top: RBM) -> Tensor:
        """Estimate log Z, starting at a machine without weights that has each unit's mean."""
        level = len(self.net.rbms) - 1
        mean = self.features.labeled(self.some_training(), level).mean(0)
        steps, chains = self.config.ais_temperatures, self.config.ais_chains
        return log_partition(top, top.biases_at(mean), steps, chains, self.ctx.generator)

    def of_reconstruction(self, split: str) -> dict[str, float]:
        errors = []
        for batch in self.batches(split):
            states = self.features.of(batch, 0)
            errors.append((self.reconstruct(states) - states).square().sum(1))
        return summed_up("reconstruction", torch.cat(errors), split)

    def of_answers(self, split: str) -> dict[str, float]:
        metrics = Classification(self.features.data.info.outputs)
        for batch in self.batches(split):
            logits = self.class_logits(self.features.of(batch, 0))
            metrics.add(logits, batch["targets"].long())
        return metrics.compute(split)

    # -- passes

    def reconstruct(self, visible: Tensor) -> Tensor:
        """Return visible states [B, V] after a pass up to the highest trained layer and down."""
        tuned = int(self.net.phase) == len(self.net.rbms)
        if self.config.finetune == "autoencode" and tuned:
            outputs: Tensor = self.net.unrolled(visible)
            return outputs if self.features.gaussian else outputs.sigmoid()
        levels = min(int(self.net.phase) + 1, len(self.net.rbms))
        return self.net.down(self.net.up(visible, levels), levels)

    def class_logits(self, visible: Tensor) -> Tensor:
        """Return the logits of classes [B, K]: the fine-tuned
        network's outputs, or the free energy of each label with the features of the top RBM."""
        if self.config.finetune == "classify":
            with self.ctx.autocast():
                outputs: Tensor = self.net.unrolled(visible)
            return outputs.float()
        return -self.net.top.class_energies(self.net.up(visible, len(self.net.rbms) - 1))

    def predict(self, visible: Tensor) -> Tensor:
        """Return the probabilities of classes [B, K], or the means of the highest layer [B, H]."""
        if self.classifies:
            return self.class_logits(visible).softmax(1)
        if self.config.finetune == "autoencode" and int(self.net.phase) == len(self.net.rbms):
            code: Tensor = self.net.unrolled[: 2 * len(self.net.rbms)](visible)
            return code
        return self.net.up(visible, len(self.net.rbms))

    # -- examples

    def batches(self, split: str) -> Iterator[lab.Batch]:
        return self.features.data.part(split).batches(AT_ONCE)

    def some_training(self) -> lab.Batch:
        """Return the same training examples every time."""
        return self.features.data.train.first(FIXED)

    # -- what went wrong

    def check_sound(self) -> None:
        """Raise Diverged, with the likely cause, where weights have exploded, or where the units of
        a layer have saturated: their outputs no longer depend on the example."""
        phase, layers = int(self.net.phase), len(self.net.rbms)
        if phase == layers and self.config.finetune != "up-down":
            return  # backpropagation's own weights show in its loss
        states = self.features.of(self.some_training(), 0)
        for number, rbm in enumerate(self.net.machines[: phase + 1]):
            size = float(rbm.weight.square().mean().sqrt())
            if not size <= LARGEST:  # nan neither
                raise lab.Diverged(
                    f"The weights of layer {number + 1} grew to {size:.3g} (root mean square): "
                    + self._advice(rbm, phase)
                )
            states = self.net.logits(number, states).sigmoid()
            if _saturated(states):
                raise lab.Diverged(
                    f"The hidden units of layer {number + 1} answer the same to every example: "
                    + self._advice(rbm, phase)
                )

    def _advice(self, rbm: RBM, phase: int) -> str:
        c = self.config
        if phase == len(self.net.rbms):
            return "the learning rate of --finetune up-down is too large. Give a --finetune-lr."
        option, rate, usual = ("--lr", c.lr, "bits learn with 0.01 to 0.2")
        if rbm.gaussian:
            option, rate, usual = (
                "--gaussian-lr",
                c.gaussian_lr,
                "gaussian units learn with 0.0005 to 0.03",
            )
        return f"{option} {rate:g} is too large. RBMs of {usual}."


def _saturated(means: Tensor) -> bool:
    """Tell whether hidden means [B, H] are near 0 or 1, and the same for every example."""
    if len(means) < 2:
        return False
    decided = float((means * (1 - means)).mean()) < DECIDED
    return decided and float(means.var(0).mean()) < STILL
