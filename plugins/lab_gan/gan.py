"""Train generative adversarial networks: a generator makes examples out of noise, and a
discriminator, which learns to tell them from real ones, teaches it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

import lab
from lab.data.batches import Batches
from lab.kit import Predict, Sample, Updater, make_optimizer
from lab.kit.generative import check_variety
from lab.kit.inputs import ranked, read_inputs
from lab_gan import checks, networks, pictures
from lab_gan.adversarial import Adversarial, Terms
from lab_gan.codes import Codes
from lab_gan.config import Config
from lab_gan.discriminator import Verdict
from lab_gan.examples import decoded, encoded
from lab_gan.figures import Figures
from lab_gan.penalties import clip_weights

AT_ONCE = 1_000  # samples that are made together
LOOK = (
    4  # updates from one look at the discriminator's outputs to the next: a look costs 4 % of one
)


class GAN:
    """Shapes: B examples, K classes, D numbers of a code."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        self.about = self.data.about
        checks.fits(config, self.about)
        self.codes = Codes.of(config, self.about)
        self.generator = ctx.wrap(networks.generator(config, self.about, self.codes))
        # a penalty differentiates the slope, and compiled code can be differentiated only once
        compiles = not config.penalized
        self.discriminator = ctx.wrap(
            networks.discriminator(config, self.about, self.codes), compile=compiles
        )
        self.game = Adversarial(config, self.codes, self.discriminator, ctx.generator)
        opponent = config.model_copy(update={"lr": config.d_lr or config.lr, "ema": None})
        self.g_updater = self.make_updater(self.generator, config, self.game.of_generator)
        self.d_updater = self.make_updater(
            self.discriminator, opponent, self.game.of_discriminator, compiles
        )
        self.figures = Figures(self)
        self.updates = 0  # of the discriminator
        # the largest share of pairs that it has put in order, a real above a fake
        self.told = torch.zeros((), device=ctx.device)

    def make_updater(
        self, module: torch.nn.Module, options: Config, loss: Any, compiles: bool = True
    ) -> Updater:
        arguments: dict[str, Any] = {}
        if options.optimizer in ("adam", "adamw"):
            arguments["betas"] = (options.beta1, options.beta2)
        optimizer = make_optimizer(module, options, **arguments)
        return Updater(self.ctx, module, options, loss, optimizer=optimizer, compile=compiles)

    # -- learning

    def step(self) -> int:
        """Teach the discriminator, once or several times, and then the generator."""
        for _ in range(self.config.updates):
            real, labels = self.next()
            self.teach_discriminator(real, labels)
        self.teach_generator(real, labels)
        return self.config.updates * self.batches.size

    def teach_discriminator(self, real: Tensor, labels: Tensor) -> None:
        codes = self.codes.draw(labels, self.ctx.generator)
        with torch.no_grad(), self.ctx.autocast():
            fake = self.generator(codes).to(real.dtype)
        self.game.due = self.updates % self.config.lazy == 0
        loss, seen = self.d_updater(real, fake, labels, codes, *self.known())
        if self.config.loss == "wgan":
            clip_weights(self.discriminator, self.config.clip)
        self.ctx.log("d_loss", loss)
        if "penalty" in seen:
            self.ctx.log("penalty", seen["penalty"])
        if self.updates % LOOK == 0:
            self.look(seen)
        self.updates += 1

    def teach_generator(self, real: Tensor, labels: Tensor) -> None:
        codes = self.codes.draw(labels, self.ctx.generator)
        loss, _ = self.g_updater(codes, real, labels)
        self.ctx.log("g_loss", loss)
        self.ctx.log("lr", self.g_updater.lr)

    def next(self) -> tuple[Tensor, Tensor]:
        """Return the next real examples [B, ...] and their labels [B, K]."""
        batch = self.batches.next()
        real = encoded(batch.inputs, self.about)
        return real, self.codes.label(batch.targets, len(real), real.device)

    def known(self) -> tuple[Tensor, ...]:
        """Return some of the examples whose classes may be learnt [B, ...], and these [B]."""
        if self.config.labelled is None:
            return ()
        size = (self.batches.size,)
        chosen = torch.randint(
            len(self.labelled), size, generator=self.ctx.generator, device=self.ctx.device
        )
        batch = self.data.train.take(self.labelled[chosen])
        assert batch.targets is not None
        return encoded(batch.inputs, self.about), batch.targets.long()

    def look(self, seen: Terms) -> None:
        """Log what the discriminator says."""
        log = self.ctx.log
        real, fake = seen["real"], seen["fake"]
        self.told = torch.maximum(self.told, (real > fake).float().mean())
        if self.config.loss in ("non-saturating", "minimax"):
            log("d_real", real.sigmoid().mean())
            log("d_fake", fake.sigmoid().mean())
        else:
            log("d_real", real.mean())
            log("d_fake", fake.mean())
        threshold = self.game.loss.threshold
        if threshold is not None:
            hits = (real > threshold).float() + (fake <= threshold).float()
            log("d_accuracy", hits.mean() / 2)
        if "named" in seen:
            log("accuracy", seen["named"])

    @cached_property
    def batches(self) -> Batches:
        return self.data.batches()

    @cached_property
    def labelled(self) -> Tensor:
        """The rows of the training split whose classes may be looked at."""
        return checks.few_of_each(self.data, self.config)

    # -- looking at it

    def evaluate(self, split: str) -> Mapping[str, float]:
        check_variety(self.data)
        return self.figures.measure(split)

    def averaged(self) -> AbstractContextManager[None]:
        return self.g_updater.averaged()

    @torch.no_grad()
    def generate(self, codes: Tensor) -> Tensor:
        """Return what the averaged generator makes of codes [B, D], in the source's own units."""
        with self.averaged(), self.ctx.autocast():
            parts = [self.generator(part).float() for part in torch.split(codes, AT_ONCE)]
        return decoded(torch.cat(parts), self.about)

    # -- using what was learned

    def sample(self, asked: Sample) -> Any:
        """Return samples as one picture; of tables and sequences a table, of words a text."""
        return pictures.sampled(self, asked)

    @torch.no_grad()
    def infer(self, inputs: Tensor) -> Tensor:
        """Return the probabilities of the classes [B, K] for inputs [B, ...] as the source gives
        them; of a discriminator that names none, its score [B, 1]."""
        if self.config.pack > 1:
            raise lab.UsageError(f"This discriminator judges {self.config.pack} examples at a time")
        examples = encoded(inputs.to(self.ctx.device), self.about)
        labels = torch.zeros(len(examples), self.codes.classes, device=self.ctx.device)
        found: Verdict = self.discriminator(examples, labels)
        if self.config.names_classes:
            return found.classes.softmax(1)
        return found.score[:, None]

    def example(self, number: int) -> Tensor:
        """Return inputs that `infer` takes [number, ...]."""
        found: Tensor = self.data.eval.take(torch.arange(number, device=self.ctx.device)).inputs
        return found

    def predict(self, asked: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes of image files or rows of numbers, where the discriminator
        was taught to name them."""
        if not self.config.names_classes:
            raise lab.UsageError("This discriminator names no classes: train it with --labelled")
        return ranked(self.infer(read_inputs(asked.inputs, self.about)), asked, self.about)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        g, d = self.g_updater.state_dict(), self.d_updater.state_dict()
        return {
            "model": {
                "generator": g.pop("model"),
                "discriminator": d.pop("model"),
                "told": self.told,
            },
            "generator": g,
            "discriminator": d,
            "updates": self.updates,
            "batches": self.batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        players = {"generator": self.g_updater, "discriminator": self.d_updater}
        for name, updater in players.items():
            updater.load_state_dict({"model": state["model"][name], **state.get(name, {})})
        self.told = state["model"]["told"].to(self.ctx.device)
        if "batches" in state:  # a model alone draws and judges
            self.updates = state["updates"]
            self.batches.load_state_dict(state["batches"])
