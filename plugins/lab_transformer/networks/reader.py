"""Read inputs of any kind by an encoder: what all networks that answer begin with.

ViT (Dosovitskiy et al., 2021) reads patches, BERT (Devlin et al., 2019) words; behind the first
layer they are one network.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn

import lab
from lab.sequence import Encoder, StepInputs, count_up, keep_mask, make_positions
from lab.sequence.positions import Learned
from lab_transformer.config import Config
from lab_transformer.networks.blocks import block_config
from lab_transformer.networks.patches import Patches

MASK = "[MASK]"  # the word that stands for one to be guessed


def make_inputs(config: Config, info: lab.DatasetInfo) -> Patches | StepInputs:
    """Return the layer that makes steps of a source's inputs. Words get a vector for MASK, used or
    not: so a network that was pretrained by it has the same shapes."""
    if info.kind == "image":
        return Patches(info.shape, config.patch, config.width)
    if info.kind == "tokens":
        info = replace(info, vocabulary=(*info.vocabulary, MASK))
    return StepInputs(info, config.width, scaled=config.positions == "sinusoidal")


class Reader(nn.Module):
    """Prepared inputs of a source [B, ...] -> what the encoder says at each step, [B, T, W].

    class_token: whether a learned vector stands before the steps, whose output answers for all.
    """

    def __init__(self, config: Config, info: lab.DatasetInfo, *, class_token: bool) -> None:
        super().__init__()
        width = config.width
        self.embed = make_inputs(config, info)
        if self.embed.steps is None:
            raise lab.UsageError(f"{info.name} is {info.kind} data, without an end to answer at")
        self.steps = self.embed.steps
        self.before = int(class_token)
        if self.before:
            self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.pos_embed = make_positions(config.positions, width, self.steps + self.before)
        self.dropout = nn.Dropout(config.dropout)
        self.encoder = Encoder(config.layers, block_config(config))

    def forward(self, inputs: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Return outputs, the class token's first, [B, 1 + T, W], and which of them there are,
        [B, 1 + T]; None where all are. mask: bool [B, T], the steps that there are."""
        x, lengths = self.embed(inputs, mask)
        before = self.before
        keep = None if lengths is None else keep_mask(lengths + before, x.shape[1] + before)
        if before:
            x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1)  # (B, 1 + T, W)
        if isinstance(self.pos_embed, Learned) and x.shape[1] > self.pos_embed.num_embeddings:
            raise lab.UsageError(
                f"{x.shape[1] - before} steps are more than the {self.steps} of the longest in "
                "training: shorten them, or train with --positions sinusoidal or rotary"
            )
        if self.pos_embed is not None:
            x = x + self.pos_embed(count_up(x))
        return self.encoder(self.dropout(x), keep), keep

    def of_steps(self, outputs: Tensor) -> Tensor:
        """Return the outputs of steps [B, T, W]."""
        return outputs[:, self.before :]

    def of_all(self, outputs: Tensor, keep: Tensor | None) -> Tensor:
        """Return what answers for all steps, [B, W]: the class token, or the mean of what there
        is."""
        if self.before:
            return outputs[:, 0]
        if keep is None:
            return outputs.mean(1)
        weights = keep.to(outputs.dtype)[..., None]
        return (outputs * weights).sum(1) / weights.sum(1)
