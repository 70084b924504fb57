"""Labels of nodes can be read on the colors of all classes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from lab.data.brackets import Tree
from lab.data.trees import SENTIMENT
from lab_rntn.pictures import draw

OTHERS = tuple(f"class {number}" for number in range(20))


def luminance(color) -> float:
    """Return the relative luminance of WCAG 2.1."""
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("classes", [SENTIMENT, OTHERS])
def test_labels_stand_out_from_their_color(classes) -> None:
    figure = draw([Tree(("word",), (), (name,)) for name in classes], classes)
    for axes in figure.axes:
        label = axes.texts[0]
        box = label.get_bbox_patch()
        face, opacity = np.array(to_rgb(box.get_facecolor())), box.get_alpha() or 1.0
        seen = opacity * face + 1 - opacity  # on white
        assert (luminance(seen) + 0.05) / (luminance(label.get_color()) + 0.05) >= 4.5
