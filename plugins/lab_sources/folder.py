"""Read images that lie in a folder for each class."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import lab
from lab_sources.images import read

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def imagefolder(path: str, size: int, max_eager_mb: int) -> lab.Dataset:
    """Return the images under `path`, uint8 [N, C, H, W]; the class is the folder's name.

    `path` may hold the folders `train` and `test` with the classes in them: then `test` is for
    testing. Files that cannot be read are listed in `bad`.
    Raises UsageError where there is no such folder, or no image in it.
    """
    root = Path(path).expanduser()
    if not root.is_dir():
        raise lab.UsageError(f"imagefolder: there is no folder {path}")
    sides = [root / "train", root / "test"] if _is_split(root) else [root]
    files = [(file, side) for side in sides for file in _files(side)]
    if not files:
        raise lab.UsageError(f"imagefolder: {path} holds no folder with images, one for each class")
    classes = sorted({file.parent.name for file, _ in files})
    paths = [file for file, _ in files]
    names = list(map(str, paths))
    inputs, kept, bad = read(lambda rows: [paths[row] for row in rows], names, size, max_eager_mb)
    return lab.Dataset(
        inputs,
        np.array([classes.index(file.parent.name) for file in paths])[kept],
        tuple(classes),
        test=np.array([side == sides[-1] for _, side in files])[kept] if len(sides) > 1 else None,
        bad=bad,
    )


def _is_split(root: Path) -> bool:
    """Tell whether `root` holds train/CLASS/ and test/CLASS/ rather than CLASS/."""
    return all(
        (root / side).is_dir() and any(folder.is_dir() for folder in (root / side).iterdir())
        for side in ("train", "test")
    )


def _files(root: Path) -> list[Path]:
    """Return the image files in the folders of `root`, by class and name."""
    folders = sorted(
        folder for folder in root.iterdir() if folder.is_dir() and folder.name[0] != "."
    )
    return [
        file
        for folder in folders
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in SUFFIXES and file.name[0] != "."
    ]
