"""Show the samples of any generator alike: points over real ones, curves, pictures with their
nearest training examples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from lab.generative.domain import FeatureMetrics
from lab.generative.pictures import neighbor_grid, sample_grid
from lab.generative.scaling import showable

if TYPE_CHECKING:
    from lab.engine.context import Context

IMAGES, LINES = 64, 16  # samples in a picture of each kind
NEIGHBORS, NEAR = 16, 3  # samples that are drawn with their neighbors, and how many of those


def show_samples(ctx: Context, samples: Tensor, real: Tensor, domain: FeatureMetrics) -> None:
    """Record samples [N, ...] in the source's own units as the picture `samples`, over real
    examples [M, 2] where they are points; of images `samples_and_nearest` too. A table of other
    than two columns has no picture."""
    info = domain.info
    if info.kind == "image":
        ctx.media("samples", sample_grid(showable(samples[:IMAGES])))
        nearest, _, _ = domain.nearest(samples[:NEIGHBORS], NEAR)
        ctx.media("samples_and_nearest", neighbors(samples[:NEIGHBORS], nearest))
    elif info.kind == "sequence":
        ctx.media("samples", lines(samples[:LINES]))
    elif info.shape == (2,):
        ctx.media("samples", points(samples, real))


def neighbors(samples: Tensor, nearest: Tensor) -> Any:
    """Return a picture of images [N, C, H, W], each in a line with its neighbors [N, M, C, H,
    W]."""
    flat = showable(nearest.flatten(0, 1))
    in_lines = flat.view(*nearest.shape[:2], *flat.shape[1:])
    return neighbor_grid(showable(samples), in_lines)


def points(samples: Tensor, real: Tensor) -> Any:
    """Return a figure of samples [N, 2] over real points [M, 2]."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    for cloud, color, name in ((real, "0.75", "real"), (samples, "tab:blue", "samples")):
        x, y = cloud.cpu().float().T.numpy()
        axes.scatter(x, y, s=4, color=color, label=name, linewidths=0)
    axes.legend(frameon=False, fontsize="small", markerscale=3)
    axes.set_aspect("equal", adjustable="datalim")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def lines(samples: Tensor) -> Any:
    """Return a figure with a panel for each sequence [N, T, F], a line for each feature."""
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(samples) // columns)
    figure = Figure(figsize=(8, 1.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in panels.flat:
        axes.spines[["top", "right"]].set_visible(False)
    for axes, sample in zip(panels.flat, samples.cpu(), strict=False):
        axes.plot(sample.numpy(), linewidth=1)
    return figure
