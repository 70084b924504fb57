"""Measure the samples, and the game between the two players."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

import lab
from lab.kit import generative
from lab.kit.generative import Domain
from lab_gan import pictures, words
from lab_gan.examples import encoded

if TYPE_CHECKING:
    from lab_gan.gan import GAN

MOST = 1_000  # examples that the players are judged by
JUDGED = ("d_loss", "g_loss", "g_gradient", "d_gradient", "diversity", "coverage", "precision")
TOLD = 0.75  # how many pairs a discriminator has to have put in order before it can be fooled


class Figures:
    """What an evaluation of `gan` finds. Each begins at the same randomness, so that its samples
    come of the same codes."""

    def __init__(self, gan: GAN) -> None:
        self.gan, self.ctx, self.data = gan, gan.ctx, gan.data
        self.kind = gan.about.kind
        self.verdict = "healthy"  # the last one that was told

    def measure(self, split: str) -> Mapping[str, float]:
        labels = self.labels(split, self.gan.config.samples)
        codes = self.gan.codes.draw(labels, self.ctx.generator)
        samples = self.gan.generate(codes)
        found = self.of_samples(samples, split)
        found |= self.of_codes(samples, codes)
        found |= self.of_players(split)
        found |= self.health(found)
        if self.gan.config.labelled is not None:
            found |= self.of_answers(split)
        pictures.show(self.gan, samples, split)
        return found

    # -- the samples

    def of_samples(self, samples: Tensor, split: str) -> dict[str, float]:
        if not bool(torch.isfinite(samples.float()).all()):
            raise lab.Diverged(f"The generator's samples are not finite: {self.advice}")
        if self.kind == "tokens":
            return words.measure(samples, self.data, split)
        found = self.domain.measure(samples, split)
        memory = self.domain.memorisation(samples, split)
        found |= {"nearer": memory.nearer, "copies": memory.copies, "distance": found["fid"]}
        real = self.some(split).inputs
        prepared = (self.gan.about.prepare(one) for one in (samples, real))
        found["diversity"] = generative.diversity(*prepared)
        if "centre" in self.data.dataset.factors:
            modes = generative.mode_coverage(samples, *generative.mixture_of(self.data))
            found |= {name: float(value) for name, value in modes._asdict().items()}
            if math.isnan(found["mode_kl"]):  # no sample is near any mode
                del found["mode_kl"]
        return found

    def of_codes(self, samples: Tensor, codes: Tensor) -> dict[str, float]:
        """Say whether samples are what their codes asked for."""
        found: dict[str, float] = {}
        asked = self.gan.codes.read(codes)
        if asked.classes.shape[1] and self.kind != "tokens":
            seen = self.domain.logits(samples).argmax(1)
            found["agreement"] = share(seen == asked.classes.argmax(1).cpu())
        if self.gan.codes.categories:
            read = self.read(samples, codes).category
            surprise = torch.nn.functional.cross_entropy(read, asked.category)
            found["information"] = math.log(self.gan.codes.categories) - float(surprise)
        return found

    def read(self, samples: Tensor, codes: Tensor) -> Any:
        examples = encoded(samples, self.gan.about)
        return self.gan.discriminator(examples, self.gan.codes.read(codes).classes)

    # -- the players

    def of_players(self, split: str) -> dict[str, float]:
        """Judge the discriminator on examples that it has not seen, and both by their slopes."""
        game, loss = self.gan.game, self.gan.game.loss
        real, fake = self.scores(split)
        threshold = loss.threshold
        if threshold is None:  # halfway between what it says of training examples and of samples
            seen, made = self.scores("train")
            threshold = float(seen.mean() + made.mean()) / 2
        test = generative.indistinguishable(real - threshold, fake - threshold)
        fooled = test.verdict == "indistinguishable" and float(self.gan.told) >= TOLD
        d_loss, d_gradient = self.slope(split, game.of_discriminator, self.gan.discriminator)
        g_loss, g_gradient = self.slope(split, game.of_generator, self.gan.generator)
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
        gan, pack = self.gan, self.gan.config.pack
        batch = self.some(split, pack)
        labels = gan.codes.label(batch.targets, len(batch.inputs), self.ctx.device)
        fake = gan.generate(gan.codes.draw(labels, self.ctx.generator))
        real, made = (
            gan.discriminator(encoded(one, gan.about), labels).score.float()
            for one in (batch.inputs, fake)
        )
        return real, made

    def slope(self, split: str, loss: Any, player: Any) -> tuple[float, float]:
        """Return a player's loss on a batch of a split, and the norm of its gradient."""
        gan, config = self.gan, self.gan.config
        batch = self.some(split, config.pack, config.batch)
        labels = gan.codes.label(batch.targets, len(batch.inputs), self.ctx.device)
        real = encoded(batch.inputs, gan.about)
        codes = gan.codes.draw(labels, self.ctx.generator)
        gan.game.due = True
        with torch.enable_grad(), gan.averaged():
            if player is gan.generator:
                value, _ = loss(player, codes, real, labels)
            else:
                fake = gan.generator(codes).detach()
                value, _ = loss(player, real, fake, labels, codes)
            weights = [weight for weight in player.parameters() if weight.requires_grad]
            found = torch.autograd.grad(value, weights, allow_unused=True)
        norm = torch.nn.utils.get_total_norm([slope for slope in found if slope is not None])
        return float(value.detach()), float(norm)

    def of_answers(self, split: str) -> dict[str, float]:
        """Measure the classes that the discriminator names."""
        from lab.kit import Classification

        figures = Classification(self.gan.about.outputs)
        for batch in self.data.part(split).batches(MOST):
            assert batch.targets is not None
            examples = encoded(batch.inputs, self.gan.about)
            nothing = examples.new_zeros(len(examples), 0)
            figures.add(self.gan.discriminator(examples, nothing).classes, batch.targets.long())
        return figures.compute(split)

    # -- how the game goes

    def health(self, found: Mapping[str, float]) -> dict[str, float]:
        """Return the verdict as figures; say it where it is a new one and a bad one.

        Raises Diverged where there is no more game."""
        judged = set(JUDGED)
        if self.gan.game.loss.threshold is not None:
            judged.add("d_accuracy")  # a critic of distances is to be good
        health = generative.health({name: found[name] for name in judged & set(found)})
        if health.verdict == "diverged":
            raise lab.Diverged(f"Training diverged, {health.why}: {self.advice}")
        if health.verdict != self.verdict and health.verdict != "healthy":
            self.ctx.warn(f"At {self.ctx.clock:,} samples: {health.verdict}, {health.why}.")
        self.verdict = health.verdict
        return health.figures()

    @property
    def advice(self) -> str:
        config = self.gan.config
        rate = max(config.lr, config.d_lr or 0.0)
        if rate > 0.003:
            return f"a rate of {rate:g} is too large; these networks learn with 0.00005 to 0.002."
        return "take a smaller --lr, a --clip-norm, or another --loss with a penalty (--r1 1)."

    # -- examples

    @cached_property
    def domain(self) -> Domain:
        return Domain(self.ctx, self.data)

    def some(self, split: str, pack: int = 1, most: int = MOST) -> lab.Batch:
        """Return evenly spaced examples of a split, as many as packs hold."""
        part = self.data.part(split)
        count = min(len(part), most) // pack * pack
        if not count:
            raise lab.UsageError(f"{len(part)} examples to {split} do not fill a --pack of {pack}")
        rows = torch.linspace(0, len(part) - 1, count, device=part.device).long()
        return part.take(rows)

    def labels(self, split: str, count: int) -> Tensor:
        """Return classes [count, K] in the split's own proportions."""
        batch = self.some(split)
        turn = torch.arange(count, device=self.ctx.device) % len(batch.inputs)
        targets = None if batch.targets is None else batch.targets[turn]
        return self.gan.codes.label(targets, count, self.ctx.device)


def share(hits: Tensor) -> float:
    return float(hits.float().mean())
