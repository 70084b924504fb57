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
from lab.generative import FeatureMetrics
from lab_gan import pictures, tokens
from lab_gan.players import Players

BESIDE = 16  # samples that are shown with their neighbors
MOST = 1_000  # examples that the players are judged by
JUDGED = ("d_loss", "g_loss", "g_gradient", "d_gradient", "diversity", "coverage", "precision")
TOLD = 0.65  # share of pairs that a discriminator has to have put in order before it can be fooled


class Evaluator:
    """What an evaluation finds. Each begins at the same randomness, so that its samples
    come of the same codes."""

    def __init__(self, players: Players, ctx: lab.Context, data: lab.Data) -> None:
        self.players, self.ctx, self.data = players, ctx, data
        self.config, self.kind = players.config, players.info.kind
        self.verdict = "healthy"  # the last one that was told

    def measure(self, split: str) -> Mapping[str, float]:
        codes = self.players.draw(
            self.config.eval_samples, self.labels(split, self.config.eval_samples)
        )
        samples = self.players.generate(codes)
        found = self.of_samples(samples, split)
        found |= self.of_codes(samples, codes)
        found |= self.of_players(split)
        found |= self.health(found)
        if self.config.n_labeled_per_class is not None:
            found |= self.of_answers(split)
        self.show(samples, split)
        return found

    # -- the samples

    def of_samples(self, samples: Tensor, split: str) -> dict[str, float]:
        if not bool(torch.isfinite(samples.float()).all()):
            raise lab.Diverged(f"The generator's samples are not finite: {self.advice}")
        if self.kind == "tokens":
            return tokens.measure(samples, self.data, split)
        found = self.domain.measure(samples, split)
        memory = self.domain.memorization(samples, split)
        found |= {"nearer": memory.nearer, "copies": memory.copies, "distance": found["fid"]}
        real = self.some(split)["inputs"]
        prepared = (self.players.info.prepare_inputs(one) for one in (samples, real))
        found["diversity"] = generative.diversity(*prepared)
        if "center" in self.data.dataset.factors:
            modes = generative.mode_coverage(samples, *generative.mixture_of(self.data))
            found |= {name: float(value) for name, value in modes._asdict().items()}
            if math.isnan(found["mode_kl"]):  # no sample is near any mode
                del found["mode_kl"]
        return found

    def of_codes(self, samples: Tensor, codes: Tensor) -> dict[str, float]:
        """Say whether samples are what their codes asked for."""
        found: dict[str, float] = {}
        asked = self.players.codes.read(codes)
        if "labels" in asked and self.kind != "tokens":
            seen = self.domain.logits(samples).argmax(1)
            found["agreement"] = share(seen == asked["labels"].argmax(1).cpu())
        if "category" in asked:
            read = self.players.discriminate(samples, asked.get("labels")).category
            assert read is not None
            surprise = torch.nn.functional.cross_entropy(read, asked["category"])
            found["information"] = math.log(self.players.codes.categories) - float(surprise)
        return found

    # -- the players

    def of_players(self, split: str) -> dict[str, float]:
        """Judge the discriminator on examples that it has not seen, and both by their slopes."""
        game = self.players.game
        real, fake = self.scores(split)
        threshold = game.loss.threshold
        if threshold is None:  # halfway between what it says of training examples and of samples
            seen, made = self.scores("train")
            threshold = float(seen.mean() + made.mean()) / 2
        test = generative.indistinguishable(real - threshold, fake - threshold)
        fooled = test.verdict == "indistinguishable" and float(self.players.best_rank_auc) >= TOLD
        d_loss, d_gradient = self.slope(split, game.discriminator_loss, self.players.discriminator)
        g_loss, g_gradient = self.slope(split, game.generator_loss, self.players.generator)
        return {
            "d_accuracy": test.accuracy,
            "indistinguishable": float(fooled),
            "d_loss": d_loss,
            "g_loss": g_loss,
            "d_gradient": d_gradient,
            "g_gradient": g_gradient,
        }

    def scores(self, split: str) -> tuple[Tensor, Tensor]:
        """Return what the discriminator says of examples and of as many fresh samples."""
        players = self.players
        batch = players.prepare(self.some(split, self.config.packing))
        labels = batch.get("labels")
        fake = players.generate(players.draw(len(batch["real"]), labels))
        real = players.discriminator(batch["real"], labels).score.float()
        return real, players.discriminate(fake, labels).score.float()

    def slope(self, split: str, loss: Any, player: Any) -> tuple[float, float]:
        """Return a player's loss on a batch of a split, and the norm of its gradient."""
        players = self.players
        batch = players.prepare(self.some(split, self.config.packing, self.config.batch_size))
        batch["codes"] = players.draw(len(batch["real"]), batch.get("labels"))
        if self.config.penalized:
            batch["penalty_weight"] = batch["codes"].new_ones(())
        with torch.enable_grad(), players.averaged():
            if player is not players.generator:
                batch["fake"] = players.generator(batch["codes"]).detach()
            value, _ = loss(player, batch)
            weights = [weight for weight in player.parameters() if weight.requires_grad]
            found = torch.autograd.grad(value, weights, allow_unused=True)
        norm = torch.nn.utils.get_total_norm([slope for slope in found if slope is not None])
        return float(value.detach()), float(norm)

    def of_answers(self, split: str) -> dict[str, float]:
        """Measure the classes that the discriminator names."""
        from lab.metrics import Classification

        figures = Classification(self.players.info.outputs)
        for batch in self.data.part(split).batches(MOST):
            named = self.players.discriminate(batch["inputs"]).classes
            assert named is not None
            figures.add(named, batch["targets"].long())
        return figures.compute(split)

    def show(self, samples: Tensor, split: str) -> None:
        """Record samples, and beside images the training examples that they are nearest to."""
        info = self.players.info
        if info.shape == (2,) and self.kind == "table":
            self.ctx.media("samples", pictures.points(samples, self.some(split)["inputs"]))
        elif self.kind != "table":
            self.ctx.media("samples", pictures.shown(samples, info))
        if self.kind == "image":
            few = samples[:BESIDE]
            beside, _, _ = self.domain.nearest(few, 3)
            self.ctx.media("samples_and_nearest", pictures.neighbors(few, beside))

    # -- how the game goes

    def health(self, found: Mapping[str, float]) -> dict[str, float]:
        """Return the verdict as figures; say it where it is a new one and a bad one.

        Raises Diverged where there is no more game."""
        judged = set(JUDGED)
        if not self.players.game.loss.distance:  # which is to be good
            judged.add("d_accuracy")
        health = generative.health({name: found[name] for name in judged & set(found)})
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
        """Return classes [count, K] in the split's own proportions, where they are asked for."""
        if not self.players.codes.classes:
            return None
        classes = self.some(split)["targets"]
        turn = torch.arange(count, device=self.ctx.device) % len(classes)
        return self.players.codes.label(classes[turn])


def share(hits: Tensor) -> float:
    return float(hits.float().mean())
