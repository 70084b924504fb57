"""Pictures show what the network computes, and drawing them changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import difference
from scipy import ndimage, signal
from torch import nn

import lab
from lab_cnn import pictures
from lab_cnn.model import build

ABOUT = lab.DatasetInfo("hand", "image", "classify", (1, 3, 3), ("no", "yes"), 2, (0.0,), (1.0,))


def images_of(channels: int, side: int = 9, count: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(256, (count, channels, side, side), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_the_textbooks_kernels_convolve_as_scipy_does(channels) -> None:
    """Symmetric or not: what is called a convolution in networks is scipy's correlation."""
    images = images_of(channels)
    gray = images[0].double().mean(0).numpy()
    filtered = pictures.textbook(images)
    assert set(filtered) == set(pictures.KERNELS)
    for name, kernel in pictures.KERNELS.items():
        window = np.array(kernel, float)
        window /= max(1, abs(window.sum()))
        seen = filtered[name][0].numpy()
        expected = ndimage.correlate(gray, window, mode="constant")
        np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-3)
        by_signal = signal.convolve2d(gray, window[::-1, ::-1], mode="same")
        np.testing.assert_allclose(seen, by_signal, rtol=1e-5, atol=1e-3)


def test_sobels_and_laplaces_kernels_are_scipys_own() -> None:
    picture = images_of(1)[:1]
    gray = picture[0, 0].double().numpy()
    filtered = {
        name: maps[0, 1:-1, 1:-1].numpy() for name, maps in pictures.textbook(picture).items()
    }
    inside = (slice(1, -1), slice(1, -1))
    for name, expected in (
        ("edges across", ndimage.sobel(gray, axis=1)),
        ("edges down", ndimage.sobel(gray, axis=0)),
        ("outline", ndimage.laplace(gray)),
    ):
        np.testing.assert_allclose(filtered[name], expected[inside], rtol=1e-5, atol=1e-3)


class OneConvolution(nn.Module):
    """A 1 x 1 convolution of two maps, global pooling and a linear layer: all by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 1, bias=False)
        self.fc = nn.Linear(2, 2, bias=False)
        self.conv.weight.data = torch.tensor([1.0, -1.0]).reshape(2, 1, 1, 1)
        self.fc.weight.data = torch.tensor([[1.0, 0.5], [3.0, 1.0]])

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)))


def heats(net: nn.Module, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what `grad_cam` does of a network that has maps to look at."""
    found = pictures.grad_cam(net, inputs)
    assert found is not None
    return found


def test_grad_cam_by_hand() -> None:
    """The logit of class k is the mean over places of sum_c w_kc A_c, so its gradient by map c is
    w_kc / 9 everywhere: the heat is relu(sum_c w_kc A_c) up to scale. Here A = (x, -x): for class
    1 relu(3 x - x), which is 2 x where x > 0."""
    image = torch.tensor([[1.0, 2.0, -4.0], [0.0, 8.0, 1.0], [-1.0, 0.0, 2.0]])
    heat, classes = heats(OneConvolution(), image[None, None])
    assert classes.tolist() == [1]
    assert torch.allclose(heat[0], image.clamp(min=0) / 8, atol=1e-6)
    # the opposite picture speaks for class 0: relu(0.5 x) of its own x
    heat, classes = heats(OneConvolution(), -image[None, None])
    assert classes.tolist() == [0]
    assert torch.allclose(heat[0], (-image).clamp(min=0) / 4, atol=1e-6)


def test_grad_cam_looks_at_each_image_for_itself() -> None:
    net = build("simple", channels=1, size=(16, 16), classes=3, width=0.25).eval()
    inputs = torch.randn(4, 1, 16, 16)
    together, classes = heats(net, inputs)
    for number in range(4):
        alone, predicted = heats(net, inputs[number : number + 1])
        assert torch.allclose(alone[0], together[number], atol=1e-5)
        assert predicted[0] == classes[number]


@pytest.mark.parametrize("arch", ["simple", "lenet5", "resnet20", "googlenet"])
def test_looking_touches_no_weight_gradient_mode_or_randomness(arch) -> None:
    net = build(arch, channels=1, size=(16, 16), classes=2).eval()
    info = lab.DatasetInfo("x", "image", "classify", (1, 16, 16), ("no", "yes"), 2, (0.0,), (1.0,))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    random = torch.get_rng_state()
    inputs = torch.randn(3, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        grids = dict(pictures.looks(net, images_of(1, 16), inputs, info))
    assert list(grids) == ["filters", "kernels", "feature_maps", "grad_cam"]
    assert difference(dict(net.state_dict()), before) is None
    assert all(p.grad is None for p in net.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(part.training or part._forward_hooks for part in net.modules())
    assert not inputs.requires_grad


def test_frozen_networks_have_their_heat_too() -> None:
    net = build("simple", channels=1, size=(16, 16), classes=2).eval().requires_grad_(False)
    heat, _ = heats(net, torch.randn(2, 1, 16, 16))
    assert heat.shape == (2, 16, 16)
    assert 0 <= heat.min() <= heat.max() <= 1


def test_filters_over_three_channels_are_in_color() -> None:
    grid = pictures.filters(torch.randn(5, 3, 4, 4))
    assert [picture.shape for picture, _ in grid.tiles] == [(3, 4, 4)] * 5
    assert all(picture.min() == 0 and picture.max() == 1 for picture, _ in grid.tiles)
    assert pictures.filters(torch.randn(5, 2, 4, 4)).tiles[0][0].shape == (1, 4, 4)
    assert len(pictures.filters(torch.randn(200, 1, 3, 3)).tiles) == pictures.FILTERS


def test_masks_are_tinted_by_class_and_the_ground_is_left_alone() -> None:
    picture = torch.full((1, 3, 2, 2), 100, dtype=torch.uint8)
    mask = torch.tensor([[[0, 1], [2, 1]]])
    info = lab.DatasetInfo("x", "image", "segment", (3, 2, 2), ("g", "a", "b"), 3, (0.0,), (1.0,))
    panels = pictures.overlay(picture, mask, torch.zeros_like(mask), info).tiles
    image, predicted, true = (panel for panel, _ in panels)
    assert [title for _, title in panels] == ["image", "found", "true"]
    assert torch.allclose(predicted, image)
    assert torch.equal(true[:, 0, 0], image[:, 0, 0])
    expected = 0.4 * 100 / 255 + 0.6 * torch.tensor(pictures.COLORS[1] / 255).float()
    assert torch.allclose(true[:, 0, 1], expected)
    assert torch.equal(true[:, 0, 1], true[:, 1, 1])
    assert not torch.equal(true[:, 1, 0], true[:, 1, 1])


def test_a_run_draws_at_its_end_and_only_where_media_are_wanted(train, monkeypatch) -> None:
    result = train("drawn", media=True)
    names = {path.name for path in (result.dir / "media").iterdir()}
    expected = ("confusion", "filters", "kernels", "feature_maps", "grad_cam", "learning_curve")
    assert names == {f"000000064-{name}.png" for name in expected}

    def figure(self):
        raise AssertionError("drawn")

    with monkeypatch.context() as patch:
        patch.setattr(pictures.Grid, "figure", figure)
        assert not (train("off", media=False).dir / "media").exists()
    without = train("without", media=True, plots=False)
    names = {path.name.partition("-")[2] for path in (without.dir / "media").iterdir()}
    assert names == {"confusion.png", "learning_curve.png"}


def test_pictures_change_no_figure(train) -> None:
    with_pictures, without = train("with", media=True), train("without", plots=False)
    assert with_pictures.summary["test"] == without.summary["test"]


# -- networks of anybody's


class NoConvolution(nn.Module):
    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(channels * size[0] * size[1], classes)

    def forward(self, images):
        return self.linear(images.flatten(1))


class Bare(nn.Module):
    """A convolution that is a parameter, and one that no input reaches."""

    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, channels, 3, 3))
        self.unused = nn.Conv2d(7, 5, 3)

    def forward(self, images):
        return nn.functional.conv2d(images, self.weight).mean((2, 3))


class Aside(nn.Module):
    """Maps that the answer does not come from."""

    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.linear = nn.Linear(channels, classes)

    def forward(self, images):
        self.conv(images)
        return self.linear(images.mean((2, 3)))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (NoConvolution, []),
        (Bare, ["filters", "kernels"]),
        (Aside, ["filters", "kernels", "feature_maps"]),
    ],
)
def test_a_network_that_lacks_something_gets_fewer_pictures(kind, expected, tmp_path) -> None:
    net = kind(1, (3, 3), 2)
    grids = dict(pictures.looks(net, images_of(1, 3), torch.randn(3, 1, 3, 3), ABOUT))
    assert list(grids) == expected
    for name, grid in grids.items():
        grid.savefig(tmp_path / f"{name}.png")
