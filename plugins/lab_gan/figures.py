"""Measure the samples, and the game between the two players."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

import lab
from lab import generative
from lab.generative import FeatureMetrics, measure_samples, show_samples
from lab_gan import diagnostics, pictures, tokens
from lab_gan.players import Players

MOST = 1_000  # examples that the networks are evaluated on
HEALTH = (
    "d_loss",
    "g_loss",
    "g_gradient",
    "d_gradient",
    "diversity",
    "coverage",
    "precision",
)
MIN_AUC = 0.65  # AUC that a discriminator must have reached before it counts as fooled


class Evaluator:
    """Compute the metrics of an evaluation. Each starts from the same random state, so that
    its samples come from the same codes."""

    def __init__(self, players: Players, ctx: lab.Context, data: lab.Data) -> None:
        self.players, self.ctx, self.data = players, ctx, data
        self.config, self.kind = players.config, players.info.kind
        self.verdict = "healthy"  # the last one

    def measure(self, split: str) -> Mapping[str, float]:
        codes = self.players.draw(
            self.config.eval_samples, self.labels(split, self.config.eval_samples)
        )
        samples = self.players.generate(codes)
        metrics = self.of_samples(samples, split)
        metrics |= self.of_codes(samples, codes)
        metrics |= self.of_players(split)
        metrics |= self.health(metrics)
        if self.config.n_labeled_per_class is not None:
            metrics |= self.of_answers(split)
        self.show(samples, split)
        return metrics

    # -- the samples

    def of_samples(self, samples: Tensor, split: str) -> dict[str, float]:
        if not bool(torch.isfinite(samples.float()).all()):
            raise lab.Diverged(f"The generator's samples are not finite: {self.advice}")
        if self.kind == "tokens":
            return tokens.measure(samples, self.data, split)
        return measure_samples(samples, split, self.data, self.domain)

    def of_codes(self, samples: Tensor, codes: Tensor) -> dict[str, float]:
        """Measure whether samples have the class and the category of their codes."""
        metrics: dict[str, float] = {}
        parts = self.players.codes.read(codes)
        if "labels" in parts and self.kind != "tokens":
            classes = self.domain.logits(samples).argmax(1)
            metrics["agreement"] = fraction(classes == parts["labels"].argmax(1).cpu())
        if "category" in parts:
            logits = self.players.discriminate(samples, parts.get("labels")).category
            assert logits is not None
            nll = torch.nn.functional.cross_entropy(logits, parts["category"])
            metrics["information"] = math.log(self.players.codes.categories) - float(nll)
        return metrics

    # -- the players

    def of_players(self, split: str) -> dict[str, float]:
        """Measure the discriminator on unseen examples, and the gradient norm of both networks."""
        game = self.players.game
        real, fake = self.scores(split)
        threshold = game.loss.threshold
        if threshold is None:  # halfway between its means on training examples and on samples
            d_real, d_fake = self.scores("train")
            threshold = float(d_real.mean() + d_fake.mean()) / 2
        test = generative.indistinguishable(real - threshold, fake - threshold)
        fooled = (
            test.verdict == "indistinguishable" and float(self.players.best_rank_auc) >= MIN_AUC
        )
        d_loss, d_gradient = self.gradient_norm(
            split, game.discriminator_loss, self.players.discriminator
        )
        g_loss, g_gradient = self.gradient_norm(split, game.generator_loss, self.players.generator)
        return {
            "d_accuracy": test.accuracy,
            "indistinguishable": float(fooled),
            "d_loss": d_loss,
            "g_loss": g_loss,
            "d_gradient": d_gradient,
            "g_gradient": g_gradient,
        }

    def scores(self, split: str) -> tuple[Tensor, Tensor]:
        """Return the discriminator's scores of examples and of as many fresh samples."""
        players = self.players
        batch = players.prepare(self.some(split, self.config.packing))
        labels = batch.get("labels")
        fake = players.generate(players.draw(len(batch["real"]), labels))
        real = players.discriminator(batch["real"], labels).score.float()
        return real, players.discriminate(fake, labels).score.float()

    def gradient_norm(self, split: str, loss: Any, network: Any) -> tuple[float, float]:
        """Return a network's loss on a batch of a split, and the norm of its gradient."""
        players = self.players
        batch = players.prepare(self.some(split, self.config.packing, self.config.batch_size))
        batch["codes"] = players.draw(len(batch["real"]), batch.get("labels"))
        if self.config.penalized:
            batch["penalty_weight"] = batch["codes"].new_ones(())
        with torch.enable_grad(), players.averaged():
            if network is not players.generator:
                batch["fake"] = players.generator(batch["codes"]).detach()
            value, _ = loss(network, batch)
            weights = [weight for weight in network.parameters() if weight.requires_grad]
            gradients = torch.autograd.grad(value, weights, allow_unused=True)
        norm = torch.nn.utils.get_total_norm([g for g in gradients if g is not None])
        return float(value.detach()), float(norm)

    def of_answers(self, split: str) -> dict[str, float]:
        """Measure the discriminator as a classifier."""
        from lab.metrics import Classification

        metrics = Classification(self.players.info.outputs)
        for batch in self.data.part(split).batches(MOST):
            logits = self.players.discriminate(batch["inputs"]).classes
            assert logits is not None
            metrics.add(logits, batch["targets"].long())
        return metrics.compute(split)

    def show(self, samples: Tensor, split: str) -> None:
        """Record samples, and of images their nearest training examples, too."""
        if self.kind == "tokens":
            self.ctx.media("samples", pictures.text(samples, self.players.info))
        else:
            show_samples(self.ctx, samples, self.some(split)["inputs"], self.domain)

    # -- the health of training

    def health(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Return the verdict as metrics; warn where it is new and bad.

        Raises Diverged where training cannot recover."""
        names = set(HEALTH)
        if not self.players.game.loss.distance:  # where a high accuracy is no fault
            names.add("d_accuracy")
        health = diagnostics.health({name: metrics[name] for name in names & set(metrics)})
        if health.verdict == "diverged":
            raise lab.Diverged(f"Training diverged, {health.why}: {self.advice}")
        if health.verdict != self.verdict and health.verdict != "healthy":
            self.ctx.warn(f"At {self.ctx.clock:,} samples: {health.verdict}, {health.why}.")
        self.verdict = health.verdict
        return health.figures()

    @property
    def advice(self) -> str:
        config = self.config
        rate = max(config.lr, config.d_lr or 0.0)
        if rate > 0.01:
            return f"a rate of {rate:g} is too large; these networks learn with 0.00005 to 0.005."
        return "take a smaller --lr, a --clip-norm, or another --loss or penalty."

    # -- examples

    @cached_property
    def domain(self) -> FeatureMetrics:
        return FeatureMetrics(self.ctx, self.data)

    def some(self, split: str, pack: int = 1, most: int = MOST) -> lab.Batch:
        """Return evenly spaced examples of a split, as many as packs hold."""
        part = self.data.part(split)
        count = min(len(part), most) // pack * pack
        if not count:
            raise lab.UsageError(
                f"{len(part)} examples to {split} do not fill a --packing of {pack}"
            )
        rows = torch.linspace(0, len(part) - 1, count, device=part.device).long()
        return part.take(rows)

    def labels(self, split: str, count: int) -> Tensor | None:
        """Return classes [count, K] in the split's own proportions, or None if unconditional."""
        if not self.players.codes.classes:
            return None
        classes = self.some(split)["targets"]
        turn = torch.arange(count, device=self.ctx.device) % len(classes)
        return self.players.codes.label(classes[turn])


def fraction(hits: Tensor) -> float:
    return float(hits.float().mean())
