"""Pictures hold the pixels that they are to show, where they are to be."""

from __future__ import annotations

import sys

import helpers
import numpy as np
import pytest
import torch

from lab import generative
from lab.generative import (
    code_map,
    filter_grid,
    interpolation_grid,
    neighbor_grid,
    sample_grid,
    traversal_grid,
)
from lab.storage import media


def tile(picture: np.ndarray, row: int, column: int, side: int = 32, gap: int = 2) -> np.ndarray:
    top, left = row * (side + gap), column * (side + gap)
    return picture[top : top + side, left : left + side]


def shades(*values: float, side: int = 32) -> torch.Tensor:
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, side, side)


def test_filters_are_stretched_from_black_to_white_each_for_itself() -> None:
    weights = torch.tensor([[-1.0, 1.0, 0.0, 0.0], [0.5, 0.25, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0]])
    picture = filter_grid(weights, (1, 2, 2))
    assert [int(tile(picture, 0, 0)[y, x, 0]) for y, x in ((0, 0), (0, 31), (31, 31))] == [
        0,
        255,
        128,
    ]
    assert [int(tile(picture, 0, 1)[y, x, 0]) for y, x in ((0, 0), (31, 0), (31, 31))] == [
        128,
        0,
        255,
    ]
    assert (tile(picture, 1, 0) == 0).all()  # nothing to stretch


def test_a_grid_holds_the_images_line_by_line() -> None:
    images = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8)
    picture = sample_grid(images)
    assert picture.dtype == np.uint8
    assert picture.shape == (2 * 34 - 2, 3 * 34 - 2, 3)
    for index in range(5):
        cell = tile(picture, *divmod(index, 3))
        assert np.array_equal(cell, images[index].permute(1, 2, 0).numpy())
    assert (tile(picture, 1, 2) == 255).all()  # nobody there
    assert np.array_equal(sample_grid(images.numpy()), picture)


def test_small_images_are_enlarged_and_floats_clipped() -> None:
    image = torch.tensor([[[[-3.0, 0.5], [1.0, 9.0]]]])
    picture = sample_grid(image)
    assert picture.shape == (32, 32, 3)
    assert picture[0, 0, 0] == 0
    assert picture[0, 31, 0] == 128
    assert (picture[31] == 255).all()
    assert sample_grid(torch.zeros(1, 1, 40, 70)).shape == (40, 70, 3)


def test_what_is_no_image_is_refused() -> None:
    for shape in ((4, 64), (4, 2, 8, 8), (0, 1, 8, 8)):
        with pytest.raises(ValueError, match="images are"):
            sample_grid(torch.zeros(shape))


def test_neighbors_stand_beside_their_sample() -> None:
    picture = neighbor_grid(shades(0.0, 0.2), shades(0.4, 0.6, 0.8, 1.0).view(2, 2, 1, 32, 32))
    assert picture.shape == (66, 3 * 32 + 8 + 3 * 2, 3)
    assert picture[0, 0, 0] == 0
    assert picture[40, 0, 0] == 51
    assert [picture[0, x, 0] for x in (34, 60, 90)] == [255, 102, 153]


def test_interpolations_begin_and_end_where_they_are_to() -> None:
    def decode(z):
        return shades(*z[:, 0].tolist())

    starts, ends = torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 0.0]])
    straight = interpolation_grid(decode, starts, ends, steps=3)
    arc = interpolation_grid(decode, starts, ends, steps=3, spherical=True)
    assert [tile(straight, 0, i)[0, 0, 0] for i in range(3)] == [0, 128, 255]
    assert [tile(arc, 0, i)[0, 0, 0] for i in range(3)] == [0, round(255 * 0.5**0.5), 255]
    alike = interpolation_grid(decode, ends, ends, steps=2, spherical=True)
    assert (tile(alike, 0, 1) == 255).all()


def test_a_traversal_varies_one_dimension_a_line() -> None:
    seen = []

    def decode(z):
        seen.append(z)
        return shades(*z.sum(1).tolist())

    code = torch.tensor([0.1, 0.2, 0.3])
    picture = traversal_grid(decode, code, dimensions=[0, 2], values=[0.0, 0.5])
    expected = [[0, 0.2, 0.3], [0.5, 0.2, 0.3], [0.1, 0.2, 0], [0.1, 0.2, 0.5]]
    assert seen[0].numpy() == pytest.approx(np.array(expected))
    assert picture.shape == (66, 66, 3)
    assert code.tolist() == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.parametrize("dimensions", [1, 2, 5])
@pytest.mark.parametrize("labeled", [True, False])
def test_codes_are_mapped_by_class(dimensions, labeled, tmp_path) -> None:
    labels = torch.tensor([0, 0, 1, 2, 2, 2]) if labeled else None
    figure = code_map(torch.randn(6, dimensions), labels, classes=("a", "b"))
    drawn = figure.axes[0].collections
    assert sum(len(artist.get_offsets()) for artist in drawn) == 6
    if labeled:
        assert [artist.get_label() for artist in drawn] == ["a", "b", "2"]
    assert media.write(tmp_path / "map", figure).suffix == ".png"


# -- the facade


@pytest.mark.parametrize("name", generative.__all__)
def test_every_name_is_there_and_stands_on_the_page(name) -> None:
    value = getattr(generative, name)
    assert name in dir(generative)
    page = (helpers.ROOT / "docs" / "building-blocks.md").read_text()
    assert f"`{name}" in page or f"generative.{name}" in page, value


def test_no_name_is_that_of_a_file() -> None:
    assert not set(generative.__all__) & {
        home.rpartition(".")[2] for home in generative._HOME.values()
    }
    with pytest.raises(AttributeError, match="no attribute 'inception'"):
        _ = generative.inception


def test_names_load_nothing_heavy(tmp_path) -> None:
    code = (
        "import sys; from lab import generative; dir(generative);"
        "generative.DISTRIBUTION_METRICS;"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, helpers.child_environment())
    assert child.stdout.strip() == "False False", child.stderr
