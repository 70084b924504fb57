"""Pyramids take images of any size, and give back exactly that size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from lab.nn import ConvDecoder, ConvEncoder

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 32, 32), (2, 5, 7), (1, 1, 1), (1, 1, 33), (4, 64, 3)]


def convolutions(module: nn.Module) -> list[nn.Module]:
    return [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("norm", ["none", "batch"])
def test_images_of_any_size_go_down_and_up(shape, norm) -> None:
    encoder = ConvEncoder(shape, 6, width=4, norm=norm)
    decoder = ConvDecoder(6, shape, width=4, norm=norm)
    images = torch.rand(3, *shape)
    assert encoder(images).shape == (3, 6)
    assert encoder.features(images).shape == (3, encoder.count)
    assert decoder(encoder(images)).shape == images.shape


@settings(max_examples=25)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 8))
def test_every_size_comes_back(height, width, smallest) -> None:
    shape = (1, height, width)
    encoder = ConvEncoder(shape, 2, width=1, smallest=smallest)
    images = ConvDecoder(2, shape, width=1, smallest=smallest)(encoder(torch.rand(2, *shape)))
    assert images.shape == (2, *shape)
    assert encoder.pyramid[:-1](torch.rand(1, *shape)).shape[2:].numel() <= smallest**2


@pytest.mark.parametrize(
    ("shape", "channels", "top"),
    [
        ((1, 8, 8), [4], (4, 4, 4)),
        ((3, 32, 32), [4, 8, 16], (16, 4, 4)),
        ((1, 28, 28), [4, 8, 16], (16, 4, 4)),
        ((1, 5, 7), [4], (4, 3, 4)),
        ((2, 3, 2), [4], (4, 3, 2)),
    ],
)
def test_sides_halve_and_channels_double(shape, channels, top) -> None:
    encoder = ConvEncoder(shape, 2, width=4)
    assert [layer.out_channels for layer in convolutions(encoder)] == channels
    assert encoder.pyramid[:-1](torch.rand(1, *shape)).shape[1:] == top
    ups = convolutions(ConvDecoder(2, shape, width=4))
    assert [layer.in_channels for layer in ups] == channels[::-1]
    assert ups[-1].out_channels == shape[0]


def test_every_pixel_reaches_the_outputs_and_is_reached() -> None:
    images = torch.rand(1, 1, 7, 10, requires_grad=True)
    ConvEncoder((1, 7, 10), 3, activation="tanh")(images).sum().backward()
    assert images.grad is not None
    assert images.grad.all()
    inputs = torch.rand(1, 3, requires_grad=True)
    pixels = ConvDecoder(3, (1, 7, 10), activation="tanh")(inputs).flatten()
    for pixel in pixels:
        (gradient,) = torch.autograd.grad(pixel, inputs, retain_graph=True)
        assert (gradient != 0).all()


def test_the_ends_have_no_batch_norm() -> None:
    encoder = ConvEncoder((1, 16, 16), 2, norm="batch")
    assert not isinstance(encoder.pyramid[1], nn.BatchNorm2d)
    assert isinstance(encoder.pyramid[3], nn.BatchNorm2d)
    decoder = ConvDecoder(2, (1, 16, 16), norm="batch")
    assert isinstance(decoder.pyramid[-1], nn.ConvTranspose2d)


def test_layers_can_be_wrapped_and_activations_brought() -> None:
    encoder = ConvEncoder((1, 16, 16), 1, activation=lambda: nn.LeakyReLU(0.2))
    assert encoder.pyramid[1].negative_slope == 0.2
    for module in list(encoder.modules()):
        if isinstance(module, nn.Conv2d | nn.Linear):
            spectral_norm(module, n_power_iterations=50)
    assert encoder(torch.rand(2, 1, 16, 16)).shape == (2, 1)
    assert torch.linalg.matrix_norm(encoder.output.weight, 2).item() == pytest.approx(1, abs=1e-3)


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not \[13\]"):
        ConvEncoder((13,), 2)
    with pytest.raises(ValueError, match="no activation 'swoosh'"):
        ConvDecoder(2, (1, 8, 8), activation="swoosh")
