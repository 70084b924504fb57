"""Train networks that take noise away, and make data out of nothing but noise.

One algorithm: draw a time, add noise, ask the network for what was mixed, and compare. How noise is
added and how samples come out of it is the process's affair: `ddpm.py`, `flow.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

import lab
from lab.capabilities import Export, Predict
from lab.generative import centered
from lab.nn.export import export
from lab.optim import Updater
from lab.supervised.command_inputs import ranked, read_inputs
from lab.supervised.inputs import as_inputs
from lab_diffusion import checks, pictures
from lab_diffusion.build import arguments, build, process
from lab_diffusion.config import Config, Sample
from lab_diffusion.exported import Denoiser
from lab_diffusion.figures import Evaluator
from lab_diffusion.guidance import dropped
from lab_diffusion.likelihood import MOST, log_density
from lab_diffusion.sampling import Sampler

LIKELIHOOD_STEPS = 100  # from data to noise

Array = np.ndarray[Any, np.dtype[Any]]


class Diffusion:
    """Shapes: B examples."""

    network = staticmethod(build)  # what `lab model` lists
    network_arguments = staticmethod(arguments)

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        self.info = self.data.info
        self.net = ctx.wrap(build(config, self.info))
        self.process = process(config, ctx.device)
        self.updater = Updater(ctx, self.net, config, loss)
        self.sampler = Sampler(config, ctx, self.data, self.net, self.process)
        self.evaluator = Evaluator(self.sampler, self.noised)

    # -- training

    def step(self) -> int:
        """Train on one minibatch."""
        batch = self.batches.next()
        value, _ = self.updater(self.noised(batch, self.config.label_dropout))
        self.ctx.log("loss", value)
        self.ctx.log("lr", self.updater.lr)
        return len(batch["inputs"])

    def noised(self, batch: lab.Batch, label_dropout: float = 0.0) -> lab.Batch:
        """Return what the network learns from a batch of the source: `noised` x_t [B, ...], `time`
        [B], the `target` [B, ...] and, of a conditional network, `classes` [B]."""
        generator, device = self.ctx.generator, self.ctx.device
        clean = centered(batch["inputs"], self.info)
        noise = torch.empty_like(clean).normal_(generator=generator)
        time = self.process.times(len(clean), generator, device)
        learned = {
            "noised": self.process.noised(clean, noise, time),
            "time": time,
            "target": self.process.target(clean, noise, time),
        }
        if self.config.conditional:
            classes, none = batch["targets"].long(), len(self.info.classes)
            learned["classes"] = dropped(classes, none, label_dropout, generator)
        return learned

    @cached_property
    def batches(self) -> lab.ShuffledBatches:
        checks.examples(self.data, self.config.eval_samples)
        return self.data.batches()

    # -- evaluation

    def evaluate(self, split: str) -> Mapping[str, float]:
        checks.examples(self.data, self.config.eval_samples)
        with self.updater.averaged():
            return self.evaluator.measure(split)

    # -- using the trained network

    def sample(
        self,
        n: int = 64,
        class_: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        eta: float | None = None,
        solver: str | None = None,
    ) -> Array:
        """Return samples [n, ...]: images in [0, 1], tables and sequences in their own units; of a
        conditional network all of one class, or of all in turn. What is None is as in the run."""
        how = self.sampler.how(steps=steps, guidance=guidance, eta=eta, solver=solver)
        with self.updater.averaged():
            return self.sampler.generate(n, self.sampler.classes(n, class_), how).cpu().numpy()

    def sample_command(self, options: Sample) -> Any:
        """Return samples as one picture; of tables and sequences as a table."""
        with self.updater.averaged():
            return pictures.sampled(self.sampler, options)

    def predict(self, inputs: Any) -> Array:
        """Return log densities [B, 1], in nats of centered inputs, of inputs [B, ...] as the source
        gives them; of a conditional network the probabilities of the classes [B, K], each as likely
        before. Raises UsageError for examples of more than 64 numbers."""
        size = prod(self.info.shape)
        if size > MOST:
            raise lab.UsageError(
                f"{self.info.name} has {size} numbers in an example; densities are computed for "
                f"{MOST} or fewer"
            )
        clean = centered(as_inputs(inputs, self.info, self.ctx.device), self.info)
        with self.updater.averaged():
            if not self.config.conditional:
                return self.log_density(clean, None)[:, None].cpu().numpy()
            each = [self.log_density(clean, number) for number in range(len(self.info.classes))]
            return torch.stack(each, 1).softmax(1).cpu().numpy()

    def log_density(self, clean: Tensor, number: int | None) -> Tensor:
        """Return log densities of centered inputs [B], given a class if there are classes."""
        classes = None
        if number is not None:
            classes = torch.full((len(clean),), number, device=clean.device)
        model = self.sampler.model(classes)
        return log_density(self.process, model, clean, LIKELIHOOD_STEPS)

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.data.eval.first(number)["inputs"]

    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the log densities of images or rows of a table, or their likeliest classes."""
        inputs = read_inputs(options.inputs, self.info)
        answers = inputs.answers(self.predict)
        if self.config.conditional:
            return ranked(answers, inputs, options, self.info)
        return [
            {"input": name, "log_density": float(value)}
            for name, value in zip(inputs.names, answers[:, 0], strict=True)
        ]

    def export_command(self, options: Export) -> Path:
        """Write the network, which says of x_t and times what the method makes samples of."""
        with self.updater.averaged():
            return export(Denoiser(self.net, self.info, self.config), options, self.ctx.dir)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {**self.updater.state_dict(), "batches": self.batches.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        if "batches" in state:  # a model alone samples
            self.batches.load_state_dict(state["batches"])


def loss(model: Any, batch: lab.Batch) -> tuple[Tensor, None]:
    """Return the squared error of the network's answers, mean over everything (Ho et al., 2020,
    equation 14; Lipman et al., 2023, equation 23)."""
    return mse_loss(answer(model, batch).float(), batch["target"]), None


def answer(model: Any, batch: lab.Batch) -> Tensor:
    """Return the network's outputs [B, ...] for a batch that `Diffusion.noised` made."""
    classes = (batch["classes"],) if "classes" in batch else ()
    outputs: Tensor = model(batch["noised"], batch["time"], *classes)
    return outputs
