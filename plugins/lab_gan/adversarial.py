"""Play the game: what each of the two players is to make small.

Goodfellow et al., "Generative adversarial networks" (2014), algorithm 1, with the losses, penalties
and heads of those who came after. Nothing is logged here, read or written.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from lab_gan.augment import differentiable
from lab_gan.codes import Codes
from lab_gan.config import Config
from lab_gan.discriminator import Verdict
from lab_gan.losses import LOSSES
from lab_gan.penalties import interpolated, slope, squared_norm

Terms = dict[str, Tensor]


class Adversarial:
    """Shapes: B examples [B, ...] in the players' units, labels [B, K] and codes [B, D] as rows."""

    def __init__(self, config: Config, codes: Codes, judge: nn.Module, draw: Generator) -> None:
        self.config, self.codes, self.judge, self.draw = config, codes, judge, draw
        self.loss = LOSSES[config.loss]
        self.due = 1.0  # how often this update pays the penalties: lazy ones several times, or not

    def with_penalties(self) -> Adversarial:
        """Return the same game with the penalties paid, as an evaluation looks at it: that writes
        nothing which training reads."""
        game = copy.copy(self)
        game.due = 1.0
        return game

    def of_discriminator(
        self, judge: Any, real: Tensor, fake: Tensor, labels: Tensor, codes: Tensor, *known: Tensor
    ) -> tuple[Tensor, Terms]:
        """Return the discriminator's loss. `known`: examples whose classes [B] it is to learn."""
        real, fake = self.varied(real), self.varied(fake)
        both, twice = torch.cat([real, fake]), torch.cat([labels, labels])
        if self.due and any(self.config.gammas):
            both.requires_grad_()
        found = judge(both, twice)
        on_real, on_fake = found.score.chunk(2)
        value = self.loss.discriminator(on_real, on_fake).mean()
        seen = {"real": on_real.detach(), "fake": on_fake.detach()}
        if self.due and self.config.penalized:
            price = self.penalty(judge, both, found.score, labels)
            seen["penalty"] = price.detach()
            value = value + self.due * price
        if self.config.conditional == "auxiliary":
            value = value + self.config.class_weight * cross_entropy(found.classes, twice)
        if known:
            examples, classes = known
            named = judge(self.varied(examples), labels).classes
            seen["named"] = (named.argmax(1) == classes).float().mean()
            value = value + self.config.class_weight * cross_entropy(named, classes)
        if found.category.shape[1] or found.numbers.shape[1]:
            value = value + self.misread(found, torch.cat([codes, codes]), len(real))
        return value, seen

    def of_generator(
        self, generator: Any, codes: Tensor, real: Tensor, labels: Tensor
    ) -> tuple[Tensor, Terms]:
        """Return the generator's loss."""
        fake = self.varied(generator(codes))
        found: Verdict = self.judge(fake, labels)
        on_real = found.score
        if self.loss.compares:
            with torch.no_grad():
                on_real = self.judge(self.varied(real), labels).score
        value = self.loss.generator(on_real, found.score).mean()
        if self.config.conditional == "auxiliary":
            value = value + self.config.class_weight * cross_entropy(found.classes, labels)
        if found.category.shape[1] or found.numbers.shape[1]:
            value = value + self.misread(found, codes, 0)
        return value, {}

    def penalty(self, judge: Any, both: Tensor, scores: Tensor, labels: Tensor) -> Tensor:
        """Return the price of steep slopes."""
        config = self.config
        gammas, price = config.gammas, scores.new_zeros(())
        if any(gammas):  # gamma / 2 E|grad D|^2 (Mescheder et al., 2018, equation 9)
            on_real, on_fake = self.squares(slope(scores, both)).chunk(2)
            price = (gammas[0] * on_real.mean() + gammas[1] * on_fake.mean()) / 2
        if config.penalty:
            real, fake = both.chunk(2)

            def score(examples: Tensor) -> Tensor:
                found: Tensor = judge(examples, labels).score
                return found

            between = interpolated(real, fake, config.pack, self.draw)
            norm = (self.squares(slope(score(between), between)) + 1e-12).sqrt()
            price = price + config.penalty * (norm - 1).square().mean()
        return price

    def squares(self, gradients: Tensor) -> Tensor:
        """Return |g|² of each thing that is judged: an example, or a pack of them."""
        return squared_norm(gradients.reshape(len(gradients) // self.config.pack, -1))

    def misread(self, found: Verdict, codes: Tensor, first: int) -> Tensor:
        """Return how badly codes are read from fakes, which begin at row `first`: the bound of
        their mutual information (Chen et al., 2016, equation 5), numbers by a Gaussian of
        deviation 1."""
        asked = self.codes.read(codes[first:])
        value = codes.new_zeros(())
        if found.category.shape[1]:
            value = value + cross_entropy(found.category[first:], asked.category)
        if found.numbers.shape[1]:
            value = value + mse_loss(found.numbers[first:], asked.numbers) / 2
        return self.config.info_weight * value

    def varied(self, examples: Tensor) -> Tensor:
        if not self.config.diffaug:
            return examples
        return differentiable(examples, self.config.diffaug, self.draw)
