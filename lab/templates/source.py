"""Hold a source of points on two rings."""

from __future__ import annotations

from lab.templates.template import Template

SPEC = '''\
"""Offer {{name}}."""

from collections.abc import Iterator

from lab import SourceSpec, hookimpl


@hookimpl
def lab_sources() -> Iterator[SourceSpec]:
    yield SourceSpec(
        name="{{name}}",
        summary="Points of an inner and an outer ring",
        load="{{package}}.data:rings",
        options="{{package}}.options:Options",
        task="classify",
    )
'''

OPTIONS = '''\
"""List the options that `--data-args` fills."""

import lab
from pydantic import Field


class Options(lab.Options):
    n: int = Field(1_000, ge=40, description="Points.")
    noise: float = Field(0.1, ge=0, description="Standard deviation of the radius.")
    seed: int = Field(0, ge=0, description="Seed of the points: runs of all seeds learn from them.")
'''

DATA = '''\
"""Draw points of two rings."""

import lab
import numpy as np


def rings(n: int, noise: float, seed: int) -> lab.Dataset:
    """Return points float32 [n, 2] of an inner and an outer ring, and which of the two [n].

    Images are uint8 [N, C, H, W], sequences float [N, T, F]; the lab splits, batches and scales.
    """
    rng = np.random.default_rng(seed)  # never the global generator: the data are always the same
    side = np.arange(n) % 2
    angle = rng.uniform(0, 2 * np.pi, n)
    radius = 1 + side + noise * rng.standard_normal(n)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    classes, features = ("inner", "outer"), ("x", "y")
    return lab.Dataset(points.astype(np.float32), side, classes=classes, features=features)
'''

TEMPLATE = Template(
    what="A source of data",
    about="points of an inner and an outer ring, to classify.",
    tries={
        "lab data show {{name}}": "what it holds",
        "lab run mlp --data {{name}}": "learn from it",
    },
    files={"__init__.py": SPEC, "options.py": OPTIONS, "data.py": DATA},
    holds={
        "__init__.py": "what the lab lists: name, task; imports nothing heavy",
        "options.py": "the options: each with a type, a range and a description",
        "data.py": "the examples and what is to be learned of them",
    },
)
