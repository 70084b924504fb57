"""Train autoencoders: plain and regularized ones, variational ones, and ones with a codebook.

Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006); Kingma
and Welling, "Auto-encoding variational Bayes" (2014); van den Oord et al., "Neural discrete
representation learning" (2017).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab.capabilities import Predict, Sample
from lab.generative import scaled
from lab.nn.export import export
from lab.nn.standalone import Standalone
from lab.optim import Updater
from lab.supervised.command_inputs import read_inputs
from lab.supervised.inputs import as_inputs
from lab_ae.config import Config, Export
from lab_ae.figures import Evaluator
from lab_ae.loader import Examples
from lab_ae.model import build, is_bce
from lab_ae.objectives import Objective, Quantizing, Reconstructing, Variational
from lab_ae.pictures import Plots
from lab_ae.sampling import Sampler

Array = np.ndarray[Any, np.dtype[Any]]


class AE:
    """Shapes: B examples, Z dimensions of a code."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        _check(config, self.data.info)
        self.net = ctx.wrap(build(config, self.data.info))
        self.objective = self.make_objective()
        self.updater = Updater(ctx, self.net, config, self.objective)
        self.examples = Examples(config, self.data, ctx.device)
        self.sampler = Sampler(config, ctx, self.examples, self.net)
        self.evaluator = Evaluator(config, ctx, self.examples, self.net, self.sampler)
        domain = self.evaluator.domain
        self.pictures = Plots(ctx, self.examples, self.net, self.sampler, domain)

    def make_objective(self) -> Objective:
        c, generator, bits = self.config, self.ctx.generator, self.net.bits
        if c.kind == "vae":
            return Variational(c, bits, generator, lambda: self.ctx.progress("beta"))
        return Quantizing(c, bits) if c.kind == "vq" else Reconstructing(c, bits, generator)

    def step(self) -> int:
        """Train on one minibatch."""
        batch = self.objective.prepare(self.examples.read(self.batches.next()))
        loss, terms = self.updater(batch)
        self.ctx.log("loss", loss)
        self.ctx.log("lr", self.updater.lr)
        if "numbers" in terms:
            self.net.codebook.learn(terms.pop("vectors"), terms.pop("numbers"), self.ctx.generator)
        for name, value in terms.items():
            self.ctx.log(name, value)
        return len(batch["inputs"])

    @cached_property
    def batches(self) -> lab.Batches:
        self.evaluator.check_data()
        return self.data.batches()

    # -- evaluation

    def evaluate(self, split: str) -> Mapping[str, float]:
        with self.updater.averaged():
            self.evaluator.check_data()
            if split == "eval":  # those of the test set would replace them
                self.pictures.show()
            return self.evaluator.measure(split)

    # -- using the trained network

    @torch.no_grad()
    def predict(self, inputs: Any) -> Array:
        """Return codes [B, Z] of inputs [B, ...] as the source gives them."""
        info = self.data.info
        with self.updater.averaged():
            x = scaled(as_inputs(inputs, info, self.ctx.device), info)
            codes: Array = self.net.encode(x, self.likeliest(x)).cpu().numpy()
            return codes

    def example(self, number: int) -> Tensor:
        """Return inputs that `predict` takes [number, ...]."""
        return self.data.eval.first(number)["inputs"]

    @torch.no_grad()
    def predict_command(self, options: Predict) -> list[dict[str, Any]]:
        """Return the codes of images or rows of a table, the squared errors of their
        reconstructions, and of a conditional network the classes that fit best."""
        info = self.data.info
        inputs = read_inputs(options.inputs, info)
        with self.updater.averaged():
            x = scaled(inputs.values.to(self.ctx.device), info)
            classes = self.likeliest(x)
            codes = self.net.encode(x, classes)
            again = self.net.mean(self.net.decode(codes, classes))
        errors = (again - x).flatten(1).square().sum(1)
        rows = [
            {"input": word, "code": code, "reconstruction_error": error}
            for word, code, error in zip(inputs.names, codes.tolist(), errors.tolist(), strict=True)
        ]
        for number, row in enumerate([] if classes is None else classes.tolist()):
            rows[number]["class"] = info.classes[row]
        return rows

    def likeliest(self, inputs: Tensor) -> Tensor | None:
        """Return the class [B] under which each input's bound, at its mean code, is highest; None
        where the network is not conditional."""
        if not self.config.conditional:
            return None
        bounds = []
        for number in range(len(self.data.info.classes)):
            classes = torch.full((len(inputs),), number, device=inputs.device)
            bounds.append(self.evaluator.bound_at_mean(inputs, classes))
        return torch.stack(bounds, 1).argmax(1)

    @torch.no_grad()
    def sample(self, n: int = 64, class_: str | None = None) -> Array:
        """Return samples [n, ...]: images in [0, 1], rows of a table in their own units; of a
        conditional network all of one class, or of all in turn."""
        with self.updater.averaged():
            return self.sampler.generate(n, self.sampler.class_number(class_)).cpu().numpy()

    @torch.no_grad()
    def sample_command(self, options: Sample) -> Any:
        """Return samples as one picture, or as a table where the data are no images."""
        with self.updater.averaged():
            return self.sampler.show(options)

    def export_command(self, options: Export) -> Path:
        """Write the network, or its encoder, for other software; it takes inputs as the source
        has them. Reconstructions are scaled: intensities in [0, 1], standardized columns."""
        if self.config.conditional:
            raise lab.UsageError("A conditional network takes classes, too: it cannot be exported")
        with self.updater.averaged():
            return export(self.exported(options.part), options, self.ctx.dir)

    def exported(self, part: str) -> Standalone:
        info = self.data.info
        prepare = partial(scaled, info=info)
        if part == "encoder":
            return Standalone(Encoding(self.net), info, "codes", prepare)
        return Standalone(Reconstruction(self.net), info, "reconstructions", prepare)

    # -- what a checkpoint holds

    def state_dict(self) -> dict[str, Any]:
        return {**self.updater.state_dict(), "batches": self.batches.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.updater.load_state_dict(state)
        if "batches" in state:  # best.pt: enough to sample and predict
            self.batches.load_state_dict(state["batches"])


class Encoding(nn.Module):
    """Inputs as `generative.scaled` makes them [B, ...] -> codes [B, Z]."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = copy.deepcopy(net)
        del self.net.decoder

    def forward(self, inputs: Tensor) -> Tensor:
        code: Tensor = self.net.encode(inputs)
        return code


class Reconstruction(nn.Module):
    """Inputs as `generative.scaled` makes them -> their reconstructions [B, ...]."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, inputs: Tensor) -> Tensor:
        reconstruction: Tensor = self.net.reconstruct(inputs)
        return reconstruction


def _check(config: Config, info: lab.DatasetInfo) -> None:
    """Raise UsageError where the data lack what the options need."""
    if info.kind not in ("image", "table"):
        raise lab.UsageError(
            f"{info.name} is of kind {info.kind}; autoencoders learn from images and tables"
        )
    if config.arch == "cnn" and info.kind != "image":
        raise lab.UsageError(f"--arch cnn is for images; {info.name} is a {info.kind}")
    if config.loss == "bce" and info.kind != "image":
        raise lab.UsageError(
            f"--loss bce is for intensities in [0, 1]; {info.name} is a table: take --loss mse"
        )
    if config.conditional and info.task != "classify":
        raise lab.UsageError(f"--conditional needs classes; {info.name} has none")
    bits = is_bce(config, info)
    if config.binarize != "none" and not bits:
        raise lab.UsageError(f"--binarize makes bits of intensities; {info.name} has none")
    if bits and (config.learn_sigma or config.sigma != type(config).model_fields["sigma"].default):
        raise lab.UsageError("--sigma and --learn-sigma need gaussian outputs: --loss mse")
