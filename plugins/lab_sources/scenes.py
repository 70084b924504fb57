"""Arrange segments of pictures, from the left, that are parts of objects; what a segment looks like
does not say alone what it is a part of."""

from __future__ import annotations

import numpy as np

import lab
from lab_sources.tree_rows import parsed

LOOKS = {  # what parts may look like
    "wall": ("white-box", "brick-box", "gray-box"),
    "door": ("brown-bar", "green-bar"),
    "roof": ("red-triangle", "gray-triangle"),
    "trunk": ("brown-bar", "gray-bar"),
    "crown": ("green-disk", "red-disk"),
    "hull": ("white-box", "brown-box"),
    "sail": ("white-triangle", "red-triangle"),
    "legs": ("blue-bar", "gray-bar"),
    "shirt": ("white-box", "red-box", "green-box"),
    "head": ("pink-disk", "brown-disk"),
    "wheels": ("black-disk", "gray-disk"),
    "chassis": ("red-box", "gray-box"),
    "cabin": ("white-box", "gray-triangle"),
}
OBJECTS = (  # how they are joined of their parts
    "(house (facade door wall) roof)",
    "(house wall roof)",
    "(tree trunk crown)",
    "(boat hull sail)",
    "(person (body legs shirt) head)",
    "(car (base wheels chassis) cabin)",
)


def scenes(n: int, objects: int, seed: int) -> lab.Dataset:
    """Return n different scenes of two objects or more, to parse: tokens int [n, T], the looks of
    segments; trees int [n, T - 1, 2]: parts are joined to objects, those to the scene; and the
    class of each node. factors: length [n] in segments.
    """
    rng = np.random.default_rng(seed)
    texts: dict[str, None] = {}
    while len(texts) < n:
        shown = [_object(rng) for _ in range(rng.integers(2, objects + 1))]
        scene = shown.pop()
        while shown:
            scene = f"(scene {shown.pop()} {scene})"
        texts[scene] = None
    return parsed(list(texts))


def _object(rng: np.random.Generator) -> str:
    """Return an object with the look of each part drawn."""
    words = OBJECTS[rng.integers(len(OBJECTS))].replace(")", " )").split()
    drawn = (_segment(word, rng) if word in LOOKS else word for word in words)
    return " ".join(drawn).replace(" )", ")")


def _segment(part: str, rng: np.random.Generator) -> str:
    looks = LOOKS[part]
    return f"({part} {looks[rng.integers(len(looks))]})"
