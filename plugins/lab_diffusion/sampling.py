"""Draw samples: from noise to data, by class if the network was told classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

import lab
from lab.generative import centered, uncentered
from lab_diffusion.config import Config, check_steps
from lab_diffusion.guidance import guided
from lab_diffusion.process import Model, Process, Sampling, at

AT_ONCE = 1_000  # samples that are made together
MEASURED = 10_000  # training examples that say how far data go


class Sampler:
    """Shapes: n samples [n, ...], as the source gives its inputs; classes [n]."""

    def __init__(
        self, config: Config, ctx: lab.Context, data: lab.Data, net: Any, process: Process
    ) -> None:
        self.config, self.ctx, self.data = config, ctx, data
        self.net, self.process = net, process

    @property
    def info(self) -> lab.DatasetInfo:
        return self.data.info

    # -- how

    def how(self, **changes: Any) -> Sampling:
        """Return how to sample: as the run says, but for what is given and not None.

        Raises UsageError for what another method has, or what was not learned."""
        c = self.config
        changes = {name: value for name, value in changes.items() if value is not None}
        foreign = "solver" if c.method == "ddpm" else "eta"
        if foreign in changes:
            raise lab.UsageError(f"--{foreign} is not for a run of --method {c.method}")
        if "guidance" in changes and not c.conditional:
            raise lab.UsageError("--guidance is for classes: train with --conditional")
        how = replace(Sampling(c.steps, c.guidance, c.eta, c.solver, self.bound()), **changes)
        if how.guidance != 1 and c.conditional and not c.label_dropout:
            raise lab.UsageError("--guidance needs a run with a --label-dropout above 0")
        if c.method == "ddpm":
            try:
                check_steps(how.steps, c.timesteps)
            except ValueError as error:
                raise lab.UsageError(str(error)) from error
        return how

    def bound(self) -> float:
        """Return the largest absolute value of centered data."""
        if self.info.kind == "image":
            return 1.0
        return float(self.ctx.run_constant("bound", self.largest))

    def largest(self) -> float:
        train = self.data.train
        rows = torch.linspace(0, len(train) - 1, min(len(train), MEASURED)).long()
        inputs = centered(train.take(rows.to(train.device))["inputs"], self.info)
        return float(inputs.abs().max())

    # -- samples

    def noise(self, n: int) -> Tensor:
        """Return noise [n, ...] of the shape of centered data."""
        shape = (n, *self.info.shape)
        return torch.randn(shape, generator=self.ctx.generator, device=self.ctx.device)

    def generate(self, n: int, classes: Tensor | None, how: Sampling) -> Tensor:
        """Return samples [n, ...], of classes [n] if the network is told classes."""
        return self.from_noise(self.noise(n), classes, how)

    def from_noise(self, noise: Tensor, classes: Tensor | None, how: Sampling) -> Tensor:
        """Return the samples [n, ...] that noise [n, ...] leads to."""
        parts = []
        for rows in torch.arange(len(noise), device=noise.device).split(AT_ONCE):
            chosen = None if classes is None else classes[rows]
            *_, last = self.path(noise[rows], chosen, how)
            parts.append(uncentered(last, self.info))
        return torch.cat(parts)

    @torch.no_grad()
    def path(self, noise: Tensor, classes: Tensor | None, how: Sampling) -> Iterator[Tensor]:
        """Yield centered x_t [n, ...] after each step."""
        model = self.model(classes, how.guidance)
        yield from self.process.path(model, noise, how, self.ctx.generator)

    def model(self, classes: Tensor | None, guidance: float = 1.0) -> Model:
        """Return the network as a function of x_t and one time for all."""
        none = len(self.info.classes)

        def output(x: Tensor, time: float) -> Tensor:
            with self.ctx.autocast():
                if classes is None:
                    answer = self.net(x, at(time, x))
                else:
                    answer = guided(self.net, x, at(time, x), classes, none, guidance)
            outputs: Tensor = answer.float()
            return outputs

        return output

    # -- classes

    def classes(self, n: int, name: str | None) -> Tensor | None:
        """Return class numbers [n]: that of a name, or all in turn; None where the network is not
        told them. Raises UsageError for a name where there is none."""
        if not self.config.conditional:
            if name is not None:
                raise lab.UsageError("This network was not told classes: train with --conditional")
            return None
        turn = torch.arange(n, device=self.ctx.device) % len(self.info.classes)
        if name is None:
            return turn
        return torch.full_like(turn, lab.generative.class_number(name, self.info.classes))
