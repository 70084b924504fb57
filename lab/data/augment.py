"""Vary whole batches of training inputs on their device."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lab.data.batches import Batch
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError

ON_IMAGES = ("shift", "crop", "flip", "cutout")


class Augment:
    """Augmentations by name and amount, each example varied by itself.

    Inputs are as `DatasetInfo.prepare` returns them: what is uncovered is filled with 0, the mean.
    All randomness is drawn from `generator`, so that a resumed run varies as it would have.
    """

    def __init__(
        self, amounts: Mapping[str, float], info: DatasetInfo, generator: Generator
    ) -> None:
        impossible = [name for name in ON_IMAGES if name in amounts and info.kind != "image"]
        if impossible:
            raise UsageError(f"--augment {impossible[0]} needs images; {info.name} has none")
        if amounts and info.kind == "tokens":
            raise UsageError(f"--augment varies numbers; {info.name} holds words")
        if "mixup" in amounts and info.task != "classify":
            raise UsageError(f"--augment mixup mixes classes; {info.name} is to {info.task}")
        if info.task == "segment" and set(ON_IMAGES) & set(amounts):
            raise UsageError("--augment: a mask would have to move along; use noise")
        self._amounts = dict(amounts)
        self._classes = info.outputs
        self._generator = generator

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with its inputs [B, ...] varied; mixup makes targets soft, [B, K], those
        of steps [B, K, T]."""
        varied = {**batch, "inputs": self._vary(batch["inputs"])}
        if self._amounts.get("mixup") and "targets" in batch:
            if "mask" in batch:
                raise UsageError("--augment mixup would mix steps with padding")
            varied["inputs"], varied["targets"] = mixup(
                varied["inputs"],
                batch["targets"],
                self._classes,
                self._amounts["mixup"],
                self._generator,
            )
        return varied

    def _vary(self, inputs: Tensor) -> Tensor:
        amounts, generator = self._amounts, self._generator
        if amounts.get("crop", 1.0) < 1:
            inputs = crop(inputs, amounts["crop"], generator)
        if amounts.get("shift"):
            inputs = shift(inputs, int(amounts["shift"]), generator)
        if amounts.get("flip"):
            inputs = flip(inputs, amounts["flip"], generator)
        if amounts.get("cutout"):
            inputs = cutout(inputs, int(amounts["cutout"]), generator)
        if amounts.get("noise"):
            noise = torch.empty_like(inputs).normal_(generator=generator)
            inputs = inputs + amounts["noise"] * noise
        return inputs


def shift(images: Tensor, pixels: int, generator: Generator) -> Tensor:
    """Move each image [B, C, H, W] by up to `pixels` each way, filling with 0."""
    count, _, height, width = images.shape
    padded = F.pad(images, (pixels, pixels, pixels, pixels))
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # [B, C, 2p+1, 2p+1, H, W], a view
    down, right = _integers(2 * pixels + 1, (2, count), images, generator)
    return windows[torch.arange(count, device=images.device), :, down, right]


def crop(images: Tensor, smallest: float, generator: Generator) -> Tensor:
    """Cut a window out of each image, at least `smallest` of each side, and resize it back."""
    count = len(images)
    side = smallest + (1 - smallest) * _uniform((count,), images, generator)
    translation = (1 - side)[:, None] * (2 * _uniform((count, 2), images, generator) - 1)
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = translation
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def flip(images: Tensor, probability: float, generator: Generator) -> Tensor:
    """Mirror each image, left to right, with this probability."""
    chosen = _uniform((len(images),), images, generator) < probability
    return torch.where(chosen[:, None, None, None], images.flip(-1), images)


def cutout(images: Tensor, side: int, generator: Generator) -> Tensor:
    """Clear a square in each image, which may hang over the edge (DeVries and Taylor, 2017)."""
    count, _, height, width = images.shape
    tops = _integers(height, (count, 1), images, generator) - side // 2
    lefts = _integers(width, (count, 1), images, generator) - side // 2
    rows, columns = (torch.arange(n, device=images.device) for n in (height, width))
    in_rows = (rows >= tops) & (rows < tops + side)
    in_columns = (columns >= lefts) & (columns < lefts + side)
    return images.masked_fill((in_rows[:, :, None] & in_columns[:, None, :])[:, None], 0.0)


def mixup(
    inputs: Tensor, targets: Tensor, classes: int, alpha: float, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Mix each example with another, and their classes alike (Zhang et al., 2018)."""
    count, device = len(inputs), inputs.device
    # beta(a, a) from two gamma draws: torch's own beta takes no generator
    gamma = torch._standard_gamma(torch.full((2, count), alpha, device=device), generator=generator)
    lam = gamma[0] / gamma.sum(0).clamp(min=1e-12)
    permutation = torch.randperm(count, generator=generator, device=device)
    soft = F.one_hot(targets.long(), classes).movedim(-1, 1).to(inputs.dtype)
    return _mixed(inputs, inputs[permutation], lam), _mixed(soft, soft[permutation], lam)


def _mixed(a: Tensor, b: Tensor, lam: Tensor) -> Tensor:
    lam = lam.view(-1, *[1] * (a.ndim - 1))
    return lam * a + (1 - lam) * b


def _uniform(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(shape, generator=generator, device=like.device)


def _integers(below: int, shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return torch.randint(below, shape, generator=generator, device=like.device)
