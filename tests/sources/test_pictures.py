"""Pictures of every kind of file become what a person sees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lab.errors import UsageError

ORIENTATION = 0x0112  # the tag of EXIF

# what a viewer must do to the pixels of a file of each orientation (EXIF 2.32, section 4.6.4)
UPRIGHT: dict[int, Callable[[Any], Any]] = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: np.rot90,
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder of a class."""
    folder = tmp_path / "pictures" / "some"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def look(ask, place):
    """`look()`: the pictures as [N, H, W, C]."""
    return lambda **options: ask(f"imagefolder:{place.parent}", **options).inputs.transpose(
        0, 2, 3, 1
    )


def pixels(height: int = 4, width: int = 6, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)


@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_pictures_are_turned_upright(look, place, suffix, orientation) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(pixels()).save(place / f"a.{suffix}", exif=exif, lossless=True)
    np.testing.assert_array_equal(look()[0], UPRIGHT[orientation](pixels()))


def test_what_is_transparent_lies_on_white(look, place) -> None:
    color = pixels(channels=4)
    color[0, 0, 3], color[0, 1, 3] = 0, 255
    Image.fromarray(color).save(place / "a.png")
    (seen,) = look()
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[0, 1].tolist() == color[0, 1, :3].tolist()
    share = color[..., 3:] / 255
    np.testing.assert_allclose(seen, color[..., :3] * share + 255 * (1 - share), atol=1)


def test_gray_with_transparency_stays_gray(look, place) -> None:
    Image.merge("LA", [Image.new("L", (4, 4), 10), Image.new("L", (4, 4), 0)]).save(place / "a.png")
    assert look().shape == (1, 4, 4, 1)
    assert (look() == 255).all()


def test_a_transparent_color_of_a_palette_is_white_and_others_are_their_own(look, place) -> None:
    image = Image.new("P", (3, 2), 1)
    image.putpalette([0, 0, 0, 200, 100, 50])
    image.putpixel((0, 0), 0)
    image.save(place / "a.png", transparency=0)
    (seen,) = look()
    assert seen[0, 0].tolist() == [255, 255, 255]
    assert seen[1, 2].tolist() == [200, 100, 50]


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_sixteen_bits_become_eight_by_one_scale(look, place, suffix) -> None:
    values = np.array([[0, 255, 256], [4_095, 40_000, 65_535]], np.uint16)
    Image.fromarray(values).save(place / f"a.{suffix}")
    Image.fromarray(np.full((2, 3), 200, np.uint16)).save(place / f"b.{suffix}")
    first, dark = look()[..., 0]
    assert first.tolist() == [[0, 0, 1], [15, 156, 255]]
    assert (dark == 0).all()


def test_inks_are_seen_as_colors(look, place) -> None:
    inks = np.array(
        [[[0, 0, 0, 0], [255, 0, 0, 0], [0, 255, 255, 0], [0, 0, 0, 255]]] * 2, np.uint8
    )
    Image.fromarray(inks, "CMYK").save(place / "a.tiff")
    white, cyan, red, black = look()[0, 0].tolist()
    assert (white, black) == ([255] * 3, [0] * 3)
    assert (cyan, red) == ([0, 255, 255], [255, 0, 0])


def test_the_first_frame_of_an_animation_is_taken(look, place) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(place / "a.gif", save_all=True, append_images=frames[1:])
    assert (look() == [255, 0, 0]).all()


def test_numbers_without_a_known_range_are_refused(look, place) -> None:
    Image.new("L", (4, 4)).save(place / "a.png")
    Image.fromarray(np.full((4, 4), 0.5, np.float32)).save(place / "b.tiff")
    with pytest.raises(UsageError, match=r"b.tiff cannot be read: its values \(mode F\) are no"):
        look()


def test_a_large_jpeg_is_what_it_would_be_at_full_size(look, place) -> None:
    ramp = np.tile(np.linspace(0, 255, 1_200).astype(np.uint8), (900, 1))
    Image.fromarray(ramp).save(place / "a.jpg", quality=95)
    seen = look()[0, ..., 0]
    assert seen.shape == (48, 64)
    np.testing.assert_allclose(seen, np.tile((np.arange(64) + 0.5) * 255 / 64, (48, 1)), atol=3)


@pytest.mark.parametrize("limit", [1_024, 0], ids=["whole", "by batch"])
def test_the_size_is_the_median_and_is_told(ask, place, limit) -> None:
    for number, side in enumerate((10, 20, 20, 20, 31)):
        Image.new("RGB", (side, 2 * side)).save(place / f"{number}.png")
    dataset = ask(f"imagefolder:{place.parent}", max_eager_mb=limit)
    assert dataset.shape == (3, 40, 20)
    (note,) = dataset.notes
    assert "resized to 20 x 40 pixels" in note
    assert "2 of 5 have another size. --data-args size=SIDE" in note
    asked = ask(f"imagefolder:{place.parent}", max_eager_mb=limit, size=8)
    assert (asked.shape, asked.notes) == ((3, 8, 8), ())


def test_a_turned_picture_counts_as_it_is_seen(ask, place) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    for number in range(3):
        Image.new("RGB", (8, 4)).save(place / f"{number}.jpg", exif=exif)
    Image.new("RGB", (8, 4)).save(place / "9.jpg")
    dataset = ask(f"imagefolder:{place.parent}")
    assert dataset.shape == (3, 8, 4)
    assert "1 of 4 have another size" in dataset.notes[0]


def test_large_pictures_shrink_to_64_pixels(ask, place) -> None:
    for number in range(3):
        Image.new("RGB", (300, 100)).save(place / f"{number}.png")
    dataset = ask(f"imagefolder:{place.parent}")
    assert dataset.shape == (3, 21, 64)
    assert "resized to 64 x 21 pixels" in dataset.notes[0]
    assert "3 of 3 have another size" in dataset.notes[0]


@pytest.mark.parametrize("name", ["val", "valid", "validation"])
def test_a_folder_may_hold_a_part_for_eval(ask, tmp_path, name) -> None:
    for part, count in (("train", 3), (name, 2), ("test", 1)):
        for label in ("cats", "dogs"):
            folder = tmp_path / "parted" / part / label
            folder.mkdir(parents=True)
            for number in range(count):
                Image.new("L", (4, 4), 10 * number).save(folder / f"{number}.png")
    dataset = ask(f"imagefolder:{tmp_path}/parted")
    assert dataset.classes == ("cats", "dogs")
    part = np.where(dataset.test, "test", np.where(dataset.eval, "eval", "train"))
    assert part.tolist() == ["train"] * 6 + ["eval"] * 4 + ["test"] * 2
    assert dataset.targets.tolist() == [0, 0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1]


def test_a_class_may_be_called_test(ask, tmp_path) -> None:
    for label in ("test", "control"):
        (tmp_path / "x" / label).mkdir(parents=True)
        Image.new("L", (4, 4)).save(tmp_path / "x" / label / "0.png")
    dataset = ask(f"imagefolder:{tmp_path}/x")
    assert dataset.classes == ("control", "test")
    assert dataset.test is None
    assert dataset.eval is None
