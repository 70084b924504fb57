"""Read images that lie in a folder for each class."""

from __future__ import annotations

import lab
from lab_sources import class_folders
from lab_sources.images import read

SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"}


def imagefolder(path: str, size: int, max_eager_mb: int) -> lab.Dataset:
    """Return the images under `path`, uint8 [N, C, H, W]; the class is the folder's name.

    `path` may hold the folders `train`, `val` and `test` with the classes in them. Files that
    cannot be read are listed in `bad`.
    Raises UsageError where there is no such folder, or no image in it.
    """
    found = class_folders.find(
        path, "imagefolder", "images", lambda file: file.suffix.lower() in SUFFIXES
    )
    paths = found.paths
    pictures = read(
        lambda rows: [paths[row] for row in rows], list(map(str, paths)), size, max_eager_mb
    )
    test, selection = found.own("test"), found.own("eval")
    return lab.Dataset(
        pictures.inputs,
        found.targets[pictures.kept],
        found.classes,
        test=None if test is None else test[pictures.kept],
        eval=None if selection is None else selection[pictures.kept],
        bad=pictures.bad,
        notes=(*pictures.notes, *found.notes),
    )
