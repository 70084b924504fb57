"""Bring inputs of a source to the scale that generators work in, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from lab.data.dataset_info import DatasetInfo


def scaled(inputs: Tensor, info: DatasetInfo, standardized: bool | None = None) -> Tensor:
    """Return inputs [B, ...] as floats: images in [0, 1], tables and sequences standardized by the
    training data.

    `standardized` says which of the two, whatever the source.
    """
    if _standardized(info, standardized):
        return info.prepare_inputs(inputs)
    return inputs.float() / 255 if inputs.dtype == torch.uint8 else inputs.float()


def restored(values: Tensor, info: DatasetInfo, standardized: bool | None = None) -> Tensor:
    """Return scaled values, [B, ...] or [B, D], in the source's own unit and shape; images are
    clipped to [0, 1]."""
    examples = values.reshape(-1, *info.shape)
    if _standardized(info, standardized):
        examples = info.restore_inputs(examples)
    return examples.clamp(0, 1) if info.kind == "image" else examples


def centered(inputs: Tensor, info: DatasetInfo) -> Tensor:
    """Return inputs [B, ...] around 0: images in [-1, 1], all else standardized."""
    return 2 * scaled(inputs, info) - 1 if info.kind == "image" else info.prepare_inputs(inputs)


def uncentered(values: Tensor, info: DatasetInfo) -> Tensor:
    """Return centered values, [B, ...] or [B, D], in the source's own unit and shape; images are
    clipped to [0, 1]."""
    if info.kind == "image":
        return restored((values + 1) / 2, info)
    return restored(values, info, standardized=True)


def showable(images: Tensor) -> Tensor:
    """Return images [N, C, H, W] as pictures show them, gray or in colors: other channels than one
    or three are averaged."""
    return images if images.shape[1] in (1, 3) else images.mean(1, keepdim=True)


def _standardized(info: DatasetInfo, standardized: bool | None) -> bool:
    return info.kind in ("table", "sequence") if standardized is None else standardized
