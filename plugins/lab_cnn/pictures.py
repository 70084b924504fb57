"""Show what a convolutional network has learnt: filters, feature maps, and where it looks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, relu

from lab import About
from lab.kit.eager import as_written
from lab_cnn.model import last_convolution, stages

SHOWN = 8  # examples
MAPS = 8  # channels of a feature map
FILTERS = 64
KERNELS = {
    "blur": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "edges across": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "edges down": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
    "outline": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
}  # the textbooks' own; the third and fourth are Sobel's, the last is Laplace's
COLOURS = np.array(
    [
        [0, 0, 0], [213, 94, 0], [0, 158, 115], [0, 114, 178], [204, 121, 167],
        [240, 228, 66], [86, 180, 233], [230, 159, 0],
    ],
    float,
)  # fmt: skip


def looks(
    net: nn.Module, images: Tensor, prepared: Tensor, about: About
) -> Iterator[tuple[str, Any]]:
    """Yield names and matplotlib figures. images [B, C, H, W] are as the source gives them,
    prepared is what the network takes."""
    first = next((part for part in net.modules() if isinstance(part, nn.Conv2d)), None)
    if first is None:
        return
    yield "filters", filters(first.weight.detach())
    yield "kernels", kernels(first, images[:1], prepared[:1])
    yield "feature_maps", feature_maps(net, prepared[:1])
    if about.task == "classify":
        yield "grad_cam", grad_cam_figure(net, images, prepared, about)


def filters(weight: Tensor) -> Any:
    """Draw filters [F, C, h, w], those over three channels in colour."""
    shown = weight[:FILTERS].float().cpu()
    if shown.shape[1] != 3:
        shown = shown.mean(1, keepdim=True)
    low, high = shown.amin((1, 2, 3), keepdim=True), shown.amax((1, 2, 3), keepdim=True)
    return _grid([(picture, "") for picture in (shown - low) / (high - low).clamp(min=1e-12)], 8)


def kernels(layer: nn.Conv2d, images: Tensor, prepared: Tensor) -> Any:
    """Draw what the textbooks' kernels see in an image, and below it the first learned filters."""
    grey = images.float().mean(1, keepdim=True)
    shown = [(grey[0] / 255, "image")]
    for name, numbers in KERNELS.items():
        kernel = torch.tensor(numbers, dtype=torch.float32, device=grey.device)
        scale = kernel.sum().abs().clamp(min=1)
        shown.append((_stretched(conv2d(grey, (kernel / scale)[None, None], padding=1)[0]), name))
    found = layer(prepared)[0].float()
    for number, answer in enumerate(found[: len(shown)]):
        shown.append((_stretched(answer[None]), f"learned {number}"))
    return _grid(shown, len(KERNELS) + 1)


def feature_maps(net: nn.Module, prepared: Tensor) -> Any:
    """Draw some channels of what each stage makes of one image."""
    seen: dict[str, Tensor] = {}
    with _watching(net, [name for name, _ in stages(net)], seen):
        net(prepared)
    shown = []
    for name, maps in seen.items():
        if maps.dim() == 4 and min(maps.shape[2:]) > 1:
            chosen = maps[0, :MAPS].float()
            blank = [torch.zeros_like(chosen[0])] * (MAPS - len(chosen))
            channels = [*chosen, *blank]
            shown += [(_stretched(m[None]), name if not i else "") for i, m in enumerate(channels)]
    return _grid(shown, MAPS)


def grad_cam(net: nn.Module, prepared: Tensor) -> tuple[Tensor, Tensor]:
    """Return where each image speaks for its class [B, H, W] in [0, 1], and the classes [B].

    Selvaraju et al., "Grad-CAM" (ICCV 2017), equations 1 and 2: the last feature maps, weighted by
    the mean gradient of the class's logit, without what speaks against it.
    """
    seen: dict[str, Tensor] = {}
    name = last_convolution(net)
    with torch.enable_grad(), _watching(net, [name], seen):
        # frozen layers have no gradient of their own; the images give the maps one
        logits = net(prepared.detach().requires_grad_())
        maps, classes = seen[name], logits.argmax(1)
        (slope,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), maps)
    weights = slope.mean((2, 3), keepdim=True)
    heat = relu((weights * maps).sum(1, keepdim=True)).detach().float()
    heat = interpolate(heat, size=prepared.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    return heat / heat.amax((1, 2), keepdim=True).clamp(min=1e-12), classes


def grad_cam_figure(net: nn.Module, images: Tensor, prepared: Tensor, about: About) -> Any:
    heat, classes = grad_cam(net, prepared)
    shown = [(picture / 255, "") for picture in _coloured(images)]
    warm = torch.stack([heat, 0.3 * heat, torch.zeros_like(heat)], 1)
    mixed = (0.6 * _coloured(images) / 255 + 0.6 * warm).clamp(0, 1)
    names = [about.classes[number] for number in classes.tolist()]
    return _grid(shown + list(zip(mixed, names, strict=True)), len(images))


def overlay(images: Tensor, targets: Tensor | None, found: Tensor, about: About) -> Any:
    """Draw images, their true masks and those found [B, H, W], a colour for each class."""
    rows = {"image": _coloured(images) / 255, "found": _tinted(images, found)}
    if targets is not None:
        rows["true"] = _tinted(images, targets)
    shown = [(one, "" if i else title) for title, row in rows.items() for i, one in enumerate(row)]
    return _grid(shown, len(images))


def _tinted(images: Tensor, masks: Tensor) -> Tensor:
    colours = torch.tensor(COLOURS / 255, dtype=torch.float32, device=images.device)
    tint = colours[masks.long() % len(COLOURS)].permute(0, 3, 1, 2)
    strength = 0.6 * (masks > 0).float()[:, None]
    return (1 - strength) * _coloured(images) / 255 + strength * tint


def _coloured(images: Tensor) -> Tensor:
    """Return images [B, 3, H, W] as floats in [0, 255]."""
    images = images.float()
    return images if images.shape[1] == 3 else images.mean(1, keepdim=True).expand(-1, 3, -1, -1)


def _stretched(picture: Tensor) -> Tensor:
    low, high = picture.min(), picture.max()
    stretched: Tensor = (picture - low) / (high - low).clamp(min=1e-12)
    return stretched


@contextmanager
def _watching(net: nn.Module, names: list[str], seen: dict[str, Tensor]) -> Iterator[None]:
    """Keep what layers put out. Compiled layers would not tell: none is while this lasts."""

    def watch(name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                seen[name] = output

        return hook

    layers = dict(net.named_modules())
    handles = [layers[name].register_forward_hook(watch(name)) for name in names]
    try:
        with as_written(net):
            yield
    finally:
        for handle in handles:
            handle.remove()


def _grid(shown: list[tuple[Tensor, str]], columns: int) -> Any:
    """Return a figure of pictures [1 or 3, h, w] in [0, 1] with their titles, row by row."""
    from matplotlib.figure import Figure

    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(1.1 * columns, 1.25 * rows), layout="constrained")
    for place, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        axes.set_axis_off()
        if place < len(shown):
            picture, title = shown[place]
            image = picture.detach().cpu().permute(1, 2, 0).numpy()
            axes.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_title(title, fontsize=6)
    return figure
