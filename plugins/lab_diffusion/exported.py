"""Make of a network what other software can draw samples with."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import lab
from lab.nn.standalone import BATCH, Meaning, Standalone
from lab_diffusion.build import arguments
from lab_diffusion.config import Config

ANSWERS: dict[str, Meaning] = {"flow": "velocity", "epsilon": "noise", "v": "v"}


class Denoiser(Standalone):
    """x_t [B, *info.shape] around 0, times [B] from 0, the data, to 1, noise, and of a conditional
    network classes [B], of which the number behind the last is none -> what the network answers
    [B, *info.shape]."""

    def __init__(self, net: nn.Module, info: lab.DatasetInfo, config: Config) -> None:
        answer = "flow" if config.method == "flow" else config.prediction
        super().__init__(net, info, ANSWERS[answer])
        self.config = config

    def forward(
        self, inputs: Tensor, time: Tensor | None = None, classes: Tensor | None = None
    ) -> Tensor:
        told = [part for part in (time, classes) if part is not None]
        outputs: Tensor = self.net(inputs, *told)
        return outputs

    def examples(self) -> dict[str, Tensor]:
        """Return arguments by name, of random numbers."""
        generator = torch.Generator().manual_seed(0)
        noised = torch.randn(BATCH, *self.info.shape, generator=generator)
        names = ("time", "classes")
        return {"noised": noised, **dict(zip(names, arguments(self.config, BATCH), strict=False))}
