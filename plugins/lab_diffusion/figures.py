"""Measure samples, and the loss on examples that were not learned from."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

import lab
from lab.generative import FeatureMetrics, measure_samples, show_samples, spaced
from lab_diffusion import pictures
from lab_diffusion.exact import Mixture, score_errors
from lab_diffusion.sampling import Sampler

HOPELESS = 2.0  # times the loss of always answering 0
WAYS = 8  # samples that are shown on their way from noise

Noised = Callable[[lab.Batch], lab.Batch]


class Evaluator:
    """Compute the metrics of an evaluation. Each starts from the same random state, so that its
    samples come from the same noise, and losses are of the same times."""

    def __init__(self, sampler: Sampler, noised: Noised) -> None:
        self.sampler, self.noised = sampler, noised
        self.config, self.ctx, self.data = sampler.config, sampler.ctx, sampler.data

    def measure(self, split: str) -> dict[str, float]:
        how = self.sampler.how()
        classes = self.classes(split, self.config.eval_samples)
        samples = self.sampler.generate(self.config.eval_samples, classes, how)
        metrics = self.of_loss(split)
        if not bool(torch.isfinite(samples).all()):
            raise lab.Diverged(f"Samples are not finite: {self.advice}")
        metrics |= measure_samples(samples, split, self.data, self.domain)
        if classes is not None:
            named = self.domain.logits(samples).argmax(1)
            metrics["agreement"] = float((named == classes.cpu()).double().mean())
        if split == "eval":  # those of the test set would replace them
            self.show(samples, classes)
        return metrics

    def of_loss(self, split: str) -> dict[str, float]:
        """Return the loss on unseen examples, and of a known mixture the error of the score; draw
        the loss over time.

        Raises Diverged where no answer at all would be far better."""
        batch = self.noised(spaced(self.data, split))
        model = self.sampler.net
        classes = (batch["classes"],) if "classes" in batch else ()
        with self.ctx.autocast():
            answers = model(batch["noised"], batch["time"], *classes).float()
        errors = (answers - batch["target"]).flatten(1).square().mean(1)
        value, silence = float(errors.mean()), float(batch["target"].square().mean())
        if self.ctx.clock and not value <= HOPELESS * silence:  # nan neither
            raise lab.Diverged(
                f"The loss is {value:.3g}, where answering 0 has {silence:.3g}: {self.advice}"
            )
        metrics = {"loss": value}
        if self.mixture is not None:
            noised, time = batch["noised"], batch["time"]
            misses = score_errors(self.mixture, self.sampler.process, noised, answers, time)
            metrics["score_error"] = float(misses.mean())
        if split == "eval":
            self.ctx.media("loss_by_time", pictures.loss_by_time(batch["time"], errors))
        return metrics

    @property
    def advice(self) -> str:
        return f"--lr {self.config.lr:g} is too large. Adam learns with 0.0001 to 0.003."

    def show(self, samples: Tensor, classes: Tensor | None) -> None:
        real = spaced(self.data, "eval")["inputs"]
        show_samples(self.ctx, samples, real, self.domain)
        picture = pictures.denoising(self.sampler, WAYS, classes, self.sampler.how())
        if picture is not None:
            self.ctx.media("denoising", picture)

    def classes(self, split: str, count: int) -> Tensor | None:
        """Return classes [count] in the split's own proportions; None if unconditional."""
        if not self.config.conditional:
            return None
        targets = spaced(self.data, split)["targets"].long()
        return targets[torch.arange(count, device=targets.device) % len(targets)]

    @cached_property
    def mixture(self) -> Mixture | None:
        return Mixture.of(self.data)

    @cached_property
    def domain(self) -> FeatureMetrics:
        return FeatureMetrics(self.ctx, self.data)
