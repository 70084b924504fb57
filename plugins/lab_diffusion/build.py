"""Build the network for data of any kind, and the way from data to noise that it learns."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import lab
from lab_diffusion import checks
from lab_diffusion.config import Config
from lab_diffusion.ddpm import DDPM
from lab_diffusion.flow import Flow
from lab_diffusion.networks.mlp import MLP
from lab_diffusion.networks.transformer import StepTransformer
from lab_diffusion.networks.unet import UNet
from lab_diffusion.process import Process
from lab_diffusion.schedules import alpha_bar

FREQUENCIES = 6  # of a column, by default


def build(config: Config, info: lab.DatasetInfo) -> nn.Module:
    """Return the network for such data, with its initial weights.

    Raises UsageError where the data lack what the options need.
    """
    checks.fits(config, info)
    classes = len(info.classes) if config.conditional else 0
    arch = config.architecture(info.kind)
    if arch == "unet":
        return UNet(info.shape, config.width, config.blocks, classes, config.patch)
    if arch == "transformer":
        return StepTransformer(info.shape, config.width, config.blocks, config.heads, classes)
    frequencies = FREQUENCIES if info.kind == "table" else 0
    if config.frequencies is not None:
        frequencies = config.frequencies
    return MLP(info.shape, config.hidden, classes, frequencies)


def process(config: Config, device: torch.device) -> Process:
    """Return the way from data to noise, and back."""
    if config.method == "flow":
        return Flow()
    kept = alpha_bar(config.noise_schedule, config.timesteps)
    return DDPM(kept, config.prediction, device)


def arguments(config: Config, count: int = 1) -> tuple[Tensor, ...]:
    """Return what a network may be told beside x_t: times [count] and, of a conditional one,
    classes [count]."""
    time = (1 + torch.arange(count)) / count
    return (time, torch.zeros(count, dtype=torch.long)) if config.conditional else (time,)
