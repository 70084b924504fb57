"""Draw trees whose nodes have the colors of their classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lab.data.brackets import Tree
from lab.data.trees import SENTIMENT
from lab_rntn.trees import TreeTask

EXAMPLES = 4
LIGHT = 0.6  # opacity of colors: black is read on all of them


def looks(task: TreeTask, net: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and figures of what the first trees of the test split are taken for."""
    answers = task.read(net, task.texts("test", EXAMPLES), None)
    yield "trees", draw([answer.tree for answer in answers], task.info.classes)


def draw(trees: list[Tree], classes: tuple[str, ...]) -> Any:
    """Return a matplotlib figure: a panel for each tree, leaves at the bottom, the root on top."""
    from matplotlib.figure import Figure

    widest = max(len(tree.words) for tree in trees)
    size = (min(24.0, 2 + 0.6 * widest), 2.6 * len(trees))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(len(trees), squeeze=False)[:, 0]
    for axes, tree in zip(panels, trees, strict=True):
        _draw(axes, tree, classes)
    return figure


def _draw(axes: Any, tree: Tree, classes: tuple[str, ...]) -> None:
    from matplotlib import colormaps

    across, up = places(tree)
    leaves = len(tree.words)
    colors = colormaps["RdYlGn" if classes == SENTIMENT else "tab20"]
    for parent, children in enumerate(tree.children, leaves):
        for child in children:
            ends = ([across[parent], across[child]], [up[parent], up[child]])
            axes.plot(*ends, color="0.7", linewidth=0.8, zorder=1)
    for node, label in enumerate(tree.labels):
        number = classes.index(label) if label is not None else 0
        color = "0.8" if label is None else colors(number / max(1, len(classes) - 1))[:3]
        axes.text(
            across[node], up[node], label or "", ha="center", va="center", fontsize=6, zorder=2,
            bbox={"boxstyle": "round,pad=0.2", "fc": color, "ec": "none", "alpha": LIGHT},
        )  # fmt: skip
    for place, word in enumerate(tree.words):
        axes.text(place, -0.45, word, ha="center", va="top", fontsize=7)
    axes.set_xlim(-0.6, leaves - 0.4)
    axes.set_ylim(-1.2, max(up) + 0.5)
    axes.axis("off")


def places(tree: Tree) -> tuple[list[float], list[int]]:
    """Return where each node stands: across, over the middle of its children, and its height."""
    across: list[float] = [float(place) for place in range(len(tree.words))]
    up = [0] * len(tree.words)
    for left, right in tree.children:
        across.append((across[left] + across[right]) / 2)
        up.append(1 + max(up[left], up[right]))
    return across, up
