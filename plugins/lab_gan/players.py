"""Hold the two networks, generate samples and score them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn

import lab
from lab.optim import Updater, make_optimizer
from lab_gan import networks
from lab_gan.adversarial import Adversarial
from lab_gan.config import Config
from lab_gan.discriminator import DiscriminatorOutput
from lab_gan.latent import LatentSpec
from lab_gan.preprocessing import decoded, encoded

AT_ONCE = 1_000  # samples that are made together
MEMORY = 0.05  # weight of a new value in the moving average of the AUC


class Players:
    """Shapes: B examples as the source gives them [B, ...], labels [B, K], codes [B, D]."""

    def __init__(self, config: Config, ctx: lab.Context, info: lab.DatasetInfo) -> None:
        self.config, self.ctx, self.info = config, ctx, info
        self.codes = LatentSpec.of(config, info)
        self.generator = ctx.wrap(networks.generator(config, info, self.codes))
        # compiled code can be differentiated only once, which a penalty does twice, and it draws
        # from no generator of one's own, as variations do
        varies = bool(config.diffaug)
        compiles = not (config.penalized or varies)
        discriminator = networks.discriminator(config, info, self.codes)
        self.discriminator = ctx.wrap(discriminator, compile=compiles)
        self.game = Adversarial(config, self.codes, self.discriminator, ctx.generator)
        opponent = config.model_copy(update={"lr": config.d_lr or config.lr, "ema": None})
        self.g_updater = self._updater(self.generator, config, self.game.generator_loss, not varies)
        self.d_updater = self._updater(
            self.discriminator, opponent, self.game.discriminator_loss, compiles
        )
        # AUC: the fraction of pairs whose real scores above the fake, as a moving average; and its
        # maximum: one batch may be in order by chance
        self.rank_auc = torch.full((), 0.5, device=ctx.device)
        self.best_rank_auc = self.rank_auc

    def _updater(self, module: nn.Module, options: Config, loss: Any, compiles: bool) -> Updater:
        arguments: dict[str, Any] = {}
        if options.optimizer in ("adam", "adamw"):
            arguments["betas"] = (options.beta1, options.beta2)
        optimizer = make_optimizer(module, options, **arguments)
        return Updater(self.ctx, module, options, loss, optimizer=optimizer, compile=compiles)

    def compare(self, real: Tensor, fake: Tensor) -> None:
        """Update the moving AUC by scores of reals and fakes [B]."""
        auc = (real > fake).to(self.rank_auc.dtype).mean()
        self.rank_auc = torch.lerp(self.rank_auc, auc, MEMORY)
        self.best_rank_auc = torch.maximum(self.best_rank_auc, self.rank_auc)

    # -- generating and scoring

    def prepare(self, batch: lab.Batch) -> lab.Batch:
        """Return a batch of the source as the networks take it: `real` examples [B, ...], and of a
        conditional network their `labels` [B, K]."""
        prepared = {"real": encoded(batch["inputs"], self.info)}
        if self.codes.classes:
            prepared["labels"] = self.codes.label(batch["targets"])
        return prepared

    def draw(self, count: int, labels: Tensor | None = None) -> Tensor:
        """Return random codes [count, D], for labels [count, K] if conditional."""
        return self.codes.draw(count, labels, self.ctx.generator, self.ctx.device)

    def averaged(self) -> AbstractContextManager[None]:
        """Swap in the generator's averaged weights, which samples are made with."""
        return self.g_updater.averaged()

    @torch.no_grad()
    def generate(self, codes: Tensor) -> Tensor:
        """Return the averaged generator's examples of codes, in the source's own units."""
        with self.averaged(), self.ctx.autocast():
            parts = [self.generator(part).float() for part in torch.split(codes, AT_ONCE)]
        return decoded(torch.cat(parts), self.info)

    def discriminate(self, inputs: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Return the discriminator's output for inputs in the source's own units."""
        return self.discriminator(encoded(inputs, self.info), labels)  # type: ignore[no-any-return]

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        """Return a state whose `model` suffices to sample and to score."""
        g, d = self.g_updater.state_dict(), self.d_updater.state_dict()
        model = {
            "generator": g.pop("model"),
            "discriminator": d.pop("model"),
            "best_rank_auc": self.best_rank_auc,
        }
        return {"model": model, "generator": g, "discriminator": d, "rank_auc": self.rank_auc}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        for name, updater in (("generator", self.g_updater), ("discriminator", self.d_updater)):
            updater.load_state_dict({"model": state["model"][name], **state.get(name, {})})
        self.best_rank_auc = state["model"]["best_rank_auc"].to(self.ctx.device)
        if "rank_auc" in state:
            self.rank_auc = state["rank_auc"].to(self.ctx.device)
