"""Measure reconstructions, probes of the codes, and bounds of the likelihood."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

import lab
from lab import generative
from lab.generative import Principal, principal
from lab.statistics import summed_up
from lab_ae.bounds import bounds_of
from lab_ae.codebook import perplexity
from lab_ae.config import Config
from lab_ae.loader import Examples
from lab_ae.losses import kl_divergence, log_bernoulli, log_normal
from lab_ae.model import Quantized, Variational
from lab_ae.objectives import binarized
from lab_ae.sampling import Sampler

FIXED = 1_000  # training examples, always the same, for train metrics
BOUNDED = 2_000  # eval examples whose likelihood is bounded; of the test set, all
PROBED = 2_000  # training codes that probes are fitted to
PRINCIPAL = 10_000  # training examples for the principal components
ELEMENTS = 2**23  # in memory in one step of a bound
ACTIVE = 0.01  # variance of a posterior mean (Burda et al., 2016, section 5.2)
TASKS = ("classify", "regress")  # with targets that probes can predict
HOPELESS = 2.0  # times the error of a constant gray, or of black


class Evaluator:
    """Compute the metrics of an evaluation."""

    def __init__(
        self, config: Config, ctx: lab.Context, examples: Examples, net: Any, sampler: Sampler
    ) -> None:
        self.config, self.ctx, self.examples, self.net = config, ctx, examples, net
        self.data, self.sampler = examples.data, sampler
        self.domain = generative.FeatureMetrics(ctx, examples.data)
        self._pca_probes: dict[str, dict[str, float]] = {}  # depends on the data alone
        self._checked = False

    def measure(self, split: str) -> dict[str, float]:
        errors, codes = self.passed(split)
        metrics = summed_up("reconstruction", errors, split)
        trained = self.errors(self.examples.some_training(FIXED))[0]
        self.check_error(float(trained.mean()))
        metrics["train_reconstruction"] = float(trained.mean())
        metrics["pca_reconstruction"] = self.pca_error(split)
        if self.probed:
            metrics |= self.of_codes(split, codes)
        if isinstance(self.net, Variational):
            metrics |= self.of_likelihood(split)
            self.check_likelihood(metrics["elbo"])
        if isinstance(self.net, Quantized):
            indices = self.net.codebook.nearest(self.net.vectors(codes))
            metrics["perplexity"] = float(perplexity(indices, self.config.entries))
        if self.config.fid:
            distances = self.domain.measure(self.sampler.generate(self.config.fid), split)
            metrics |= {n: v for n, v in distances.items() if n != "n"}
        return metrics

    # -- reconstructions

    def errors(self, batch: lab.Batch) -> tuple[Tensor, Tensor]:
        """Return the squared error of each example [B], summed over its dimensions, and codes."""
        prepared = self.examples.read(batch)
        inputs, classes = prepared["inputs"], prepared.get("classes")
        with self.ctx.autocast():
            code = self.net.encode(inputs, classes)
            again = self.net.mean(self.net.decode(code, classes))
        return (again.float() - inputs).flatten(1).square().sum(1), code.float()

    def passed(self, split: str) -> tuple[Tensor, Tensor]:
        """Return errors [N] and codes [N, Z] of a split."""
        outputs = [self.errors(batch) for batch in self.examples.batches(split)]
        errors, codes = zip(*outputs, strict=True)
        return torch.cat(errors), torch.cat(codes)

    @cached_property
    def components(self) -> Principal:
        """As many principal components of the training data as a code has dimensions."""
        trained = self.examples.some_training(PRINCIPAL)
        return principal(self.examples.inputs(trained), self.config.latent_dim)

    def pca_error(self, split: str) -> float:
        total = 0.0
        for batch in self.examples.batches(split):
            total += self.components.error(self.examples.inputs(batch)) * len(batch["rows"])
        return total / len(self.data.part(split))

    # -- codes

    @property
    def probed(self) -> bool:
        """Whether codes are probed: not those of a conditional network, which gets the class."""
        info = self.data.info
        return self.config.probes and not self.config.conditional and info.task in TASKS

    def of_codes(self, split: str, codes: Tensor) -> dict[str, float]:
        """Return how well codes predict the targets, and how well principal components do."""
        trained, targets = self.examples.some_training(PROBED), self.data.part(split).targets
        assert targets is not None
        metrics = generative.probe(self.errors(trained)[1], trained["targets"], codes, targets)
        if split not in self._pca_probes:
            encode, inputs = self.components.encode, self.examples.inputs
            projected = torch.cat([encode(inputs(batch)) for batch in self.examples.batches(split)])
            pca = generative.probe(encode(inputs(trained)), trained["targets"], projected, targets)
            self._pca_probes[split] = {f"pca_{name}": value for name, value in pca.items()}
        return metrics | self._pca_probes[split]

    # -- likelihood

    def of_likelihood(self, split: str) -> dict[str, float]:
        """Return the bounds in nats, unweighted, and the KL divergence."""
        elbos, iwaes, kls, means = [], [], [], []
        most = BOUNDED if split == "eval" else len(self.data.part(split))
        for batch in self.examples.batches(split, most):
            prepared = self.examples.read(batch)
            inputs, classes = prepared["inputs"], prepared.get("classes")
            inputs = binarized(inputs, self.config, self.ctx.generator)
            mean, logvar = (parameter.float() for parameter in self.net.posterior(inputs, classes))
            bounds = self.bounds(inputs, classes, mean, logvar)
            elbos.append(bounds.elbo)
            iwaes.append(bounds.iwae)
            kls.append(kl_divergence(mean, logvar))
            means.append(mean)
        metrics = summed_up("elbo", torch.cat(elbos), split)
        metrics |= summed_up("iwae", torch.cat(iwaes), split)
        metrics["kl"] = float(torch.cat(kls).mean())
        metrics["active_units"] = float((torch.cat(means).var(0) > ACTIVE).sum())
        return metrics

    def bounds(
        self, inputs: Tensor, classes: Tensor | None, mean: Tensor, logvar: Tensor
    ) -> generative.Bounds:
        net, generator, log_sigma = self.net, self.ctx.generator, 0.5 * logvar
        zero = mean.new_zeros(())

        def draw_codes(x: Tensor, k: int) -> Tensor:
            noise = mean.new_empty(k, *mean.shape).normal_(generator=generator)
            return mean + noise * log_sigma.exp()

        def log_likelihood(x: Tensor, codes: Tensor) -> Tensor:
            k = len(codes)
            repeated = None if classes is None else classes.repeat(k)
            outputs = net.decode(codes.flatten(0, 1), repeated).view(k, len(x), -1)
            if net.bits:
                return log_bernoulli(x.flatten(1), outputs)
            return log_normal(x.flatten(1), outputs, net.log_sigma)

        return bounds_of(
            inputs,
            draw_codes,
            log_likelihood,
            lambda codes: log_normal(codes, zero, zero),
            lambda codes, x: log_normal(codes, mean, log_sigma),
            self.config.iwae,
            max(1, min(16, ELEMENTS // inputs.numel())),
        )

    def bound_at_mean(self, inputs: Tensor, classes: Tensor | None) -> Tensor:
        """Return the bound of each input [B], but for the likelihood at the mean code alone."""
        mean, logvar = self.net.posterior(inputs, classes)
        outputs, x = self.net.decode(mean, classes).flatten(1), inputs.flatten(1)
        if self.net.bits:
            log_likelihood = log_bernoulli(x, outputs)
        else:
            log_likelihood = log_normal(x, outputs, self.net.log_sigma)
        return log_likelihood - kl_divergence(mean, logvar)

    # -- what went wrong

    def check_data(self) -> None:
        """Raise UsageError where there is nothing to learn, or where intensities are out of range.
        Checks once."""
        if self._checked:
            return
        info = self.data.info
        inputs = self.examples.inputs(self.examples.some_training(PRINCIPAL))
        low, high = float(inputs.min()), float(inputs.max())
        if self.net.bits and (low < 0 or high > 1):
            raise lab.UsageError(
                f"{info.name} runs from {low:g} to {high:g}, beyond what --loss bce takes for "
                "intensities: take --loss mse."
            )
        generative.check_variety(self.data)
        if self.config.fid:
            generative.check_size(self.data, self.config.fid)
        self._checked = True

    def check_error(self, error: float) -> None:
        """Raise Diverged, with the likely cause, where a trained network does far worse than a
        constant output."""
        inputs = self.examples.inputs(self.examples.some_training(FIXED)).flatten(1)
        simple = max(float((inputs - level).square().sum(1).mean()) for level in (0.0, 0.5))
        if self.ctx.clock and not error <= HOPELESS * simple:  # nan neither
            raise self.diverged(f"squared error is {error:.3g}", f"{simple:.3g}")

    def check_likelihood(self, elbo: float) -> None:
        """Raise Diverged where bits are far less likely than those of a fair coin."""
        coin = -math.prod(self.data.info.shape) * math.log(2)
        if self.net.bits and self.ctx.clock and not elbo >= HOPELESS * coin:
            raise self.diverged(f"likelihood is bounded by {elbo:.3g} nats", f"{coin:.3g}")

    def diverged(self, text: str, simple: str) -> lab.Diverged:
        return lab.Diverged(
            f"The reconstructions' {text}, where always answering the same has {simple}: "
            f"--lr {self.config.lr:g} is too large. Adam learns with 0.0003 to 0.003."
        )
