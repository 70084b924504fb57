"""Vary whole batches of training inputs on their device."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from lab.data.batches import IGNORED, Batch
from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError

ON_IMAGES = ("shift", "crop", "flip", "cutout")

Move = Callable[[Tensor, float], Tensor]
"""Moves each picture of a batch [B, C, H, W], images and masks of classes alike. What it uncovers
gets the value."""


class Augment:
    """Augmentations by name and amount, each example varied by itself.

    Inputs are as `DatasetInfo.prepare` returns them: what is uncovered is filled with 0, the mean.
    Masks of classes move with their images; their uncovered pixels are IGNORED.
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
        self._amounts = dict(amounts)
        self._classes = info.outputs
        self._moves_targets = info.task == "segment"
        self._generator = generator

    def __call__(self, batch: Batch) -> Batch:
        """Return the batch with its inputs [B, ...] varied; mixup makes targets soft, [B, K], those
        of steps [B, K, T]."""
        moved = self._move(batch)
        varied = {**moved, "inputs": self._vary(moved["inputs"])}
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

    def _move(self, batch: Batch) -> Batch:
        """Return the batch with its images moved, and their masks [B, H, W] alike."""
        images = batch["inputs"]
        moves = self._moves(images)
        if not moves:
            return batch
        for move in moves:
            images = move(images, 0)
        moved = {**batch, "inputs": images}
        if self._moves_targets and "targets" in batch:
            masks = batch["targets"][:, None]
            for move in moves:
                masks = move(masks, IGNORED)
            moved["targets"] = masks[:, 0]
        return moved

    def _moves(self, images: Tensor) -> list[Move]:
        """Draw how each image moves."""
        amounts, generator = self._amounts, self._generator
        moves: list[Move] = []
        if amounts.get("crop", 1.0) < 1:
            moves.append(draw_crop(images, amounts["crop"], generator))
        if amounts.get("shift"):
            moves.append(draw_shift(images, int(amounts["shift"]), generator))
        if amounts.get("flip"):
            moves.append(draw_flip(images, amounts["flip"], generator))
        return moves

    def _vary(self, inputs: Tensor) -> Tensor:
        amounts, generator = self._amounts, self._generator
        if amounts.get("cutout"):
            inputs = cutout(inputs, int(amounts["cutout"]), generator)
        if amounts.get("noise"):
            noise = torch.empty_like(inputs).normal_(generator=generator)
            inputs = inputs + amounts["noise"] * noise
        return inputs


def draw_shift(images: Tensor, pixels: int, generator: Generator) -> Move:
    """Draw for each image [B, C, H, W] a shift of up to `pixels` each way."""
    down, right = _integers(2 * pixels + 1, (2, len(images)), images, generator)

    def move(pictures: Tensor, fill: float) -> Tensor:
        height, width = pictures.shape[-2:]
        padded = F.pad(pictures, (pixels, pixels, pixels, pixels), value=fill)
        windows = padded.unfold(2, height, 1).unfold(
            3, width, 1
        )  # [B, C, 2p+1, 2p+1, H, W], a view
        return windows[torch.arange(len(pictures), device=pictures.device), :, down, right]

    return move


def draw_crop(images: Tensor, smallest: float, generator: Generator) -> Move:
    """Draw for each image a window of at least `smallest` of each side, resized to the whole:
    images by bilinear interpolation, masks of classes by the nearest pixel."""
    count = len(images)
    side = smallest + (1 - smallest) * _uniform((count,), images, generator)
    translation = (1 - side)[:, None] * (2 * _uniform((count, 2), images, generator) - 1)
    theta = torch.zeros(count, 2, 3, device=images.device)
    theta[:, 0, 0] = theta[:, 1, 1] = side
    theta[:, :, 2] = translation
    size = [count, 1, *images.shape[-2:]]
    grid = F.affine_grid(theta, size, align_corners=False)

    def move(pictures: Tensor, fill: float) -> Tensor:
        mode = "bilinear" if pictures.is_floating_point() else "nearest"
        values = pictures.to(grid.dtype)
        moved = F.grid_sample(values, grid, mode, padding_mode="border", align_corners=False)
        return moved.to(pictures.dtype)

    return move


def draw_flip(images: Tensor, probability: float, generator: Generator) -> Move:
    """Draw which images are mirrored, left to right, each with this probability."""
    chosen = _uniform((len(images),), images, generator) < probability

    def move(pictures: Tensor, fill: float) -> Tensor:
        return torch.where(chosen[:, None, None, None], pictures.flip(-1), pictures)

    return move


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
