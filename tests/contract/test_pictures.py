"""Every picture that a run of any family writes is large enough to read, under a title."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lab
from lab.plugins import discover
from lab.storage import media

OWN = [spec for spec in discover().experiments() if spec.experiment.startswith("lab_")]


@pytest.mark.parametrize("name", [spec.name for spec in OWN])
def test_pictures_are_wide_titled_and_one_is_the_learning_curve(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    titles: list[str] = []
    write = media.write

    def noted(stem: Path, content: Any, title: str = "") -> Path:
        titles.append(title)
        return write(stem, content, title)

    monkeypatch.setattr(media, "write", noted)
    run = lab.run(name, preset="tiny", runs_dir=tmp_path, wandb="disabled", threads=1)
    files = sorted((run.dir / "media").iterdir())
    assert all(titles)
    pictures = [file for file in files if file.suffix in (".png", ".gif")]
    assert [file for file in pictures if file.stem.endswith("-learning_curve")]
    for file in pictures:
        with Image.open(file) as picture:
            assert picture.width >= 640, f"{file.name} is {picture.size}"


def test_a_title_stands_above_what_is_enlarged_pixel_by_pixel(tmp_path: Path) -> None:
    small = media.Clip([np.full((10, 30, 3), 90, np.uint8)] * 2, captions=["one", "two"])
    with Image.open(media.write(tmp_path / "clip", small, "episode")) as picture:
        assert picture.size == (660, 220 + 2 * media.LETTERS)
        assert picture.n_frames == 2  # type: ignore[attr-defined]  # their captions differ
        below = picture.convert("RGB").crop((0, 2 * media.LETTERS, 660, 256)).getcolors()
        assert below is not None
        ((number, color),) = below
        assert number == 660 * 220
        assert color == pytest.approx((90, 90, 90), abs=6)  # of the palette
    with Image.open(media.write(tmp_path / "plain", small.frames[0])) as picture:
        assert picture.size == (30, 10)
