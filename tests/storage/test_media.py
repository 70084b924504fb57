"""Media are written to disk in a format that any viewer opens."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageSequence
from PIL.GifImagePlugin import GifImageFile

from lab import Clip, Table
from lab.storage import media

rng = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7)])
def test_a_picture_comes_back_pixel_by_pixel(tmp_path, shape) -> None:
    picture = rng.integers(0, 256, shape, dtype=np.uint8)
    path = media.write(tmp_path / "000000100-seen", picture)
    assert path.name == "000000100-seen.png"
    assert np.array_equal(np.asarray(Image.open(path)), picture)


def test_a_picture_may_be_a_view(tmp_path) -> None:
    picture = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)[::2, ::-1]
    assert np.array_equal(np.asarray(Image.open(media.write(tmp_path / "v", picture))), picture)


def test_a_clip_keeps_its_frames_its_pace_and_loops(tmp_path) -> None:
    frames = [np.full((8, 8, 3), level, np.uint8) for level in (0, 120, 250)]
    image = Image.open(media.write(tmp_path / "clip", Clip(frames, fps=20)))
    assert isinstance(image, GifImageFile)
    assert (image.format, image.n_frames, image.info["loop"]) == ("GIF", 3, 0)
    assert image.info["duration"] == 50
    levels = [np.asarray(frame.convert("L")).mean() for frame in ImageSequence.Iterator(image)]
    assert levels == pytest.approx([0, 120, 250], abs=3)


def test_no_clip_is_faster_than_browsers_show(tmp_path) -> None:
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (0, 255)]
    image = Image.open(media.write(tmp_path / "clip", Clip(frames, fps=1000)))
    assert image.info["duration"] >= 20


def test_a_picture_whose_writing_fails_leaves_the_one_before(tmp_path) -> None:
    """Whoever lists the folder meanwhile, a live page say, sees no part of a file."""
    path = media.write(tmp_path / "it", "whole")
    with pytest.raises(UnicodeEncodeError):
        media.write(tmp_path / "it", "half \udc80")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def test_a_clip_without_frames_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        media.write(tmp_path / "clip", Clip([]))


def test_text_is_written_as_it_is(tmp_path) -> None:
    path = media.write(tmp_path / "sample", "tränen\n\u2603")
    assert path.suffix == ".txt"
    assert path.read_text(encoding="utf-8") == "tränen\n\u2603"


def test_a_table_is_written_as_csv(tmp_path) -> None:
    table = Table(["name", "score"], [["a, b", 0.5], ["ü", 2]])
    path = media.write(tmp_path / "scores", table)
    assert path.name == "scores.csv"
    assert path.read_text(encoding="utf-8") == 'name,score\n"a, b",0.5\nü,2\n'


def test_a_table_whose_rows_do_not_fit_is_refused(tmp_path) -> None:
    with pytest.raises(ValueError, match="a row of 1 values under 2 columns"):
        media.write(tmp_path / "scores", Table(["a", "b"], [[1]]))
    assert list(tmp_path.iterdir()) == []


def test_a_figure_becomes_a_png(tmp_path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2])
    assert Image.open(media.write(tmp_path / "figure", figure)).format == "PNG"


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("layout", [None, "constrained"])
def test_characters_that_the_font_lacks_are_not_warned_of(tmp_path, layout) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), layout=layout)
    figure.subplots().set_title("很好 😀")
    media.write(tmp_path / "figure", figure)


def test_a_dot_in_the_name_is_no_suffix(tmp_path) -> None:
    assert media.write(tmp_path / "lr-0.1", "x").name == "lr-0.1.txt"


@pytest.mark.parametrize("content", [3.0, [1, 2], np.zeros(4, np.uint8), None])
def test_what_cannot_be_shown_is_refused_by_its_type(tmp_path, content) -> None:
    with pytest.raises(TypeError, match="no picture, figure, Clip, Table or text"):
        media.write(tmp_path / "x", content)
