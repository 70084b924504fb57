"""Train generative adversarial networks: a generator makes examples out of noise, and a
discriminator, which learns to distinguish them from real ones, provides its loss."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

import lab
from lab.capabilities import Predict, Sample
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab_gan import checks, pictures
from lab_gan.adversarial import Terms, clip_weights
from lab_gan.config import Config
from lab_gan.figures import Evaluator
from lab_gan.players import Players
from lab_gan.preprocessing import encoded

Array = np.ndarray[Any, np.dtype[Any]]

# Updates between two logs of the discriminator's outputs: one costs 4 % of an update.
LOOK = 4


class GAN:
    """Shapes: B examples, K classes, D dimensions of the latent code."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        self.info = self.data.info
        checks.fits(config, self.info)
        self.players = Players(config, ctx, self.info)
        self.evaluator = Evaluator(self.players, ctx, self.data)
        self.updates = 0  # of the discriminator

    # -- training

    def step(self) -> int:
        """Update the discriminator, once or several times, and then the generator."""
        for _ in range(self.config.updates):
            batch = self.players.prepare(self.batches.next())
            self.update_discriminator(batch)
        self.update_generator(batch)
        return self.config.updates * self.batches.size

    def update_discriminator(self, batch: lab.Batch) -> None:
        players, real = self.players, batch["real"]
        codes = players.draw(len(real), batch.get("labels"))
        with torch.no_grad(), self.ctx.autocast():
            fake = players.generator(codes).to(real.dtype)
        batch = {
            **batch,
            "fake": fake,
            "codes": codes,
            **self.labeled_batch(),
            **self.penalty_weight(),
        }
        loss, terms = players.d_updater(batch)
        if self.config.game.clips:
            clip_weights(players.discriminator, self.config.weight_clip)
        self.ctx.log("d_loss", loss)
        if "penalty" in terms:
            self.ctx.log("penalty", terms["penalty"])
        if self.updates % LOOK == 0:
            self.look(terms)
        self.updates += 1

    def update_generator(self, batch: lab.Batch) -> None:
        codes = self.players.draw(len(batch["real"]), batch.get("labels"))
        loss, _ = self.players.g_updater({**batch, "codes": codes})
        self.ctx.log("g_loss", loss)
        self.ctx.log("lr", self.players.g_updater.lr)

    def penalty_weight(self) -> lab.Batch:
        """Return `penalty_weight` [], the factor of gradient penalties in this update: with lazy
        regularization the interval, and nothing in the updates between."""
        if not self.config.penalized or self.updates % self.config.reg_interval:
            return {}
        weight = torch.full((), float(self.config.reg_interval), device=self.ctx.device)
        return {"penalty_weight": weight}

    def labeled_batch(self) -> lab.Batch:
        """Return a batch of the labeled examples: `known` [B, ...] and
        `known_classes` [B]."""
        if self.config.n_labeled_per_class is None:
            return {}
        size = (self.batches.size,)
        chosen = torch.randint(
            len(self.labeled), size, generator=self.ctx.generator, device=self.ctx.device
        )
        batch = self.data.train.take(self.labeled[chosen])
        examples = encoded(batch["inputs"], self.info)
        return {"known": examples, "known_classes": batch["targets"].long()}

    def look(self, terms: Terms) -> None:
        """Log the discriminator's outputs."""
        log = self.ctx.log
        real, fake = terms["real"], terms["fake"]
        self.players.compare(real, fake)
        if self.config.game.logits:
            log("d_real", real.sigmoid().mean())
            log("d_fake", fake.sigmoid().mean())
        else:
            log("d_real", real.mean())
            log("d_fake", fake.mean())
        threshold = self.players.game.loss.threshold
        if threshold is not None:
            hits = (real > threshold).float() + (fake <= threshold).float()
            log("d_accuracy", hits.mean() / 2)
        if "named" in terms:
            log("accuracy", terms["named"])

    @cached_property
    def batches(self) -> lab.ShuffledBatches:
        checks.examples(self.data, self.config)
        return self.data.batches()

    @cached_property
    def labeled(self) -> Tensor:
        """The rows of the training split whose labels may be used."""
        return checks.few_of_each(self.data, self.config)

    # -- evaluation

    def evaluate(self, split: str) -> Mapping[str, float]:
        checks.examples(self.data, self.config)
        return self.evaluator.measure(split)

    # -- using the trained networks

    def sample(self, n: int = 64, class_: str | None = None) -> Array:
        """Return samples [n, ...]: images in [0, 1], tables and sequences in their own units, words
        as token numbers; of a conditional network all of one class, or of all in turn."""
        players = self.players
        codes = players.draw(n, pictures.labels(players, class_, n))
        return players.generate(codes).cpu().numpy()

    def sample_command(self, options: Sample) -> Any:
        """Return samples as one picture; of tables and sequences a table, of words a text."""
        return pictures.sampled(self.players, options)

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return the probabilities of the classes [B, K] for inputs [B, ...] as the source gives
        them; of a discriminator that names none, its score [B, 1]."""
        if self.config.packing > 1:
            raise lab.UsageError(
                f"This discriminator scores {self.config.packing} examples jointly"
            )
        inputs, labels = as_inputs(inputs, self.info, self.ctx.device), None
        if self.players.codes.classes:  # which is unknown: of none of them
            labels = torch.zeros(len(inputs), self.players.codes.classes, device=self.ctx.device)
        verdict = self.players.discriminate(inputs, labels)
        classes = verdict.classes
        return (verdict.score[:, None] if classes is None else classes.softmax(1)).cpu().numpy()

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.data.eval.first(number)["inputs"]

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the likeliest classes of images or rows of a table, where the discriminator
        was trained to predict them."""
        if not self.config.names_classes:
            raise lab.UsageError(
                "This discriminator names no classes: train it with --n-labeled-per-class"
            )
        inputs = read_inputs(options.inputs, self.info)
        return ranked(inputs.answers(self.predict), inputs, options, self.info)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {
            **self.players.state_dict(),
            "updates": self.updates,
            "batches": self.batches.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.players.load_state_dict(state)
        if "batches" in state:  # a model alone samples and scores
            self.updates = state["updates"]
            self.batches.load_state_dict(state["batches"])
