"""Draw filters, feature maps and class activation maps of a convolutional network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, relu

from lab import DatasetInfo
from lab.nn.eager import as_written
from lab_cnn.model import stages

EXAMPLES = 8
MAPS = 8  # channels of a feature map
FILTERS = 64
GAP, HEADING = 0.06, 0.14  # between pictures, and above each, in widths of one
KERNELS = {
    "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edges across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "edges down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "outline": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
}  # the textbooks' own; the third and fourth are Sobel's, the last is Laplace's
COLORS = np.array(
    [
        [0, 0, 0], [213, 94, 0], [0, 158, 115], [0, 114, 178], [204, 121, 167],
        [240, 228, 66], [86, 180, 233], [230, 159, 0],
    ],
    float,
)  # fmt: skip


@dataclass(frozen=True)
class Grid:
    """Pictures [1 or 3, h, w] in [0, 1] with their titles, row by row. They become a figure only
    where it is saved: drawing takes longer than the computation."""

    tiles: list[tuple[Tensor, str]]
    columns: int

    def savefig(self, path: Any, **options: Any) -> None:
        """Write the figure, as one of matplotlib's own writes itself."""
        self.figure().savefig(path, **options)

    def figure(self) -> Any:
        from matplotlib.figure import Figure

        rows = max(1, -(-len(self.tiles) // self.columns))
        figure = Figure(figsize=(1.4 * self.columns, 1.6 * rows), layout="constrained")
        axes = figure.add_subplot()  # one for all: each of its own takes 60 ms
        axes.set_axis_off()
        for place, (picture, title) in enumerate(self.tiles):
            row, column = divmod(place, self.columns)
            image = picture.detach().cpu().permute(1, 2, 0).numpy().squeeze()
            left, top = column * (1 + GAP), row * (1 + GAP + HEADING)
            extent = (left, left + 1, top + 1, top)
            axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=extent)
            axes.text(left + 0.5, top - GAP / 2, title, fontsize=8, ha="center", va="bottom")
        axes.set_xlim(0, self.columns * (1 + GAP) - GAP)
        axes.set_ylim(rows * (1 + GAP + HEADING), -HEADING)
        return figure


def looks(
    net: nn.Module,
    images: Tensor,
    prepared: Tensor,
    info: DatasetInfo,
    targets: Tensor | None = None,
) -> Iterator[tuple[str, Grid]]:
    """Yield names and pictures, of what the network has: one of the user's own may lack any layer.

    images [B, C, H, W] are as the source gives them, prepared is what the network takes; targets
    [B] are their classes, if those are known.
    """
    convolutions = [(n, part) for n, part in net.named_modules() if isinstance(part, nn.Conv2d)]
    for name, first in convolutions[:1]:
        yield "filters", filters(first.weight.detach())
        yield "kernels", kernels(net, name, images[:1], prepared[:1])
    maps = feature_maps(net, prepared[:1])
    if maps.tiles:
        yield "feature_maps", maps
    cam = grad_cam(net, prepared) if info.task == "classify" else None
    if cam is not None:
        yield "grad_cam", grad_cam_grid(*cam, images, info, targets)


def filters(weight: Tensor) -> Grid:
    """Draw filters [F, C, h, w], those over three channels in color."""
    weights = weight[:FILTERS].float().cpu()
    if weights.shape[1] != 3:
        weights = weights.mean(1, keepdim=True)
    low, high = weights.amin((1, 2, 3), keepdim=True), weights.amax((1, 2, 3), keepdim=True)
    return Grid([(picture, "") for picture in (weights - low) / (high - low).clamp(min=1e-12)], 8)


def kernels(net: nn.Module, layer: str, images: Tensor, prepared: Tensor) -> Grid:
    """Draw the responses of textbook kernels to an image, and below them those of a layer's
    filters."""
    tiles = [(images[0].float().mean(0, keepdim=True) / 255, "image")]
    tiles += [(_stretched(response), name) for name, response in textbook(images[:1]).items()]
    for maps in _outputs(net, [layer], prepared).values():
        learned = maps[0, : len(tiles)].float()
        tiles += [(_stretched(channel[None]), f"learned {i}") for i, channel in enumerate(learned)]
    return Grid(tiles, len(KERNELS) + 1)


def textbook(images: Tensor) -> dict[str, Tensor]:
    """Return the responses [1, H, W] of `KERNELS` to the first image [1, C, H, W] in gray."""
    gray = images[:1].float().mean(1, keepdim=True)
    responses = {}
    for name, values in KERNELS.items():
        kernel = torch.tensor(values, dtype=torch.float32, device=gray.device)
        scale = kernel.sum().abs().clamp(min=1)  # a blur leaves the brightness as it is
        responses[name] = conv2d(gray, (kernel / scale)[None, None], padding=1)[0]
    return responses


def feature_maps(net: nn.Module, prepared: Tensor) -> Grid:
    """Draw some channels of each stage's feature map of one image."""
    tiles = []
    for name, maps in _outputs(net, [name for name, _ in stages(net)], prepared).items():
        if min(maps.shape[2:]) > 1:
            chosen = maps[0, :MAPS].float()
            blank = [torch.zeros_like(chosen[0])] * (MAPS - len(chosen))
            channels = [*chosen, *blank]
            tiles += [(_stretched(m[None]), name if not i else "") for i, m in enumerate(channels)]
    return Grid(tiles, MAPS)


def grad_cam(net: nn.Module, prepared: Tensor) -> tuple[Tensor, Tensor] | None:
    """Return heat maps of each image's predicted class [B, H, W] in [0, 1], and the classes [B];
    None for a network without feature maps.

    Selvaraju et al., "Grad-CAM" (ICCV 2017), equations 1 and 2: the last feature maps, weighted by
    the mean gradient of the class's logit, without negative evidence.
    """
    convolving = [name for name, stage in stages(net) if _convolves(stage)]
    with torch.enable_grad(), _watching(net, convolving) as outputs:
        # frozen layers have no gradient of their own; the images give the maps one
        logits = net(prepared.detach().requires_grad_())
        if not outputs:
            return None
        maps, classes = outputs[max(outputs, key=convolving.index)], logits.argmax(1)
        scores = logits.gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(scores, maps, allow_unused=True)
    if gradient is None:
        return None
    weights = gradient.mean((2, 3), keepdim=True)
    heat = relu((weights * maps).sum(1, keepdim=True)).detach().float()
    heat = interpolate(heat, size=prepared.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12), classes


def grad_cam_grid(
    heat: Tensor,
    classes: Tensor,
    images: Tensor,
    info: DatasetInfo,
    targets: Tensor | None = None,
) -> Grid:
    """Draw images under their true classes, and below them the heat maps of the predicted ones."""
    true = ["" if targets is None else f"is {info.classes[int(targets[i])]}"
            for i in range(len(images))]  # fmt: skip
    tiles = [(picture / 255, name) for picture, name in zip(_colored(images), true, strict=True)]
    warm = torch.stack([heat, 0.3 * heat, torch.zeros_like(heat)], 1)
    mixed = (0.6 * _colored(images) / 255 + 0.6 * warm).clamp(0, 1)
    names = [f"predicted {info.classes[number]}" for number in classes.tolist()]
    return Grid(tiles + list(zip(mixed, names, strict=True)), len(images))


def overlay(images: Tensor, targets: Tensor | None, predictions: Tensor, info: DatasetInfo) -> Grid:
    """Draw images, their true masks and the predicted ones [B, H, W], a color for each class."""
    rows = {"image": _colored(images) / 255, "found": _tinted(images, predictions)}
    if targets is not None:
        rows["true"] = _tinted(images, targets)
    tiles = [
        (image, "" if i else title) for title, row in rows.items() for i, image in enumerate(row)
    ]
    return Grid(tiles, len(images))


def _tinted(images: Tensor, masks: Tensor) -> Tensor:
    colors = torch.tensor(COLORS / 255, dtype=torch.float32, device=images.device)
    tint = colors[masks.long() % len(COLORS)].permute(0, 3, 1, 2)
    strength = 0.6 * (masks > 0).float()[:, None]
    return (1 - strength) * _colored(images) / 255 + strength * tint


def _colored(images: Tensor) -> Tensor:
    """Return images [B, 3, H, W] as floats in [0, 255]."""
    images = images.float()
    return images if images.shape[1] == 3 else images.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def _stretched(picture: Tensor) -> Tensor:
    low, high = picture.min(), picture.max()
    stretched: Tensor = (picture - low) / (high - low).clamp(min=1e-12)
    return stretched


def _convolves(stage: nn.Module) -> bool:
    return any(isinstance(part, nn.Conv2d) for part in stage.modules())


def _outputs(net: nn.Module, names: list[str], prepared: Tensor) -> dict[str, Tensor]:
    """Return the maps [B, C, h, w] that the named layers put out, those that put out any."""
    with _watching(net, names) as outputs:
        net(prepared)
    return outputs


@contextmanager
def _watching(net: nn.Module, names: list[str]) -> Iterator[dict[str, Tensor]]:
    """Yield the outputs of the named layers. Hooks do not run in compiled code: none is in here."""
    outputs: dict[str, Tensor] = {}

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor) and output.dim() == 4:
                outputs[name] = output

        return hook

    handles = [net.get_submodule(name).register_forward_hook(watch(name)) for name in names]
    try:
        with as_written(net):
            yield outputs
    finally:
        for handle in handles:
            handle.remove()
