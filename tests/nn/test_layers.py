"""Initial weights have the variance of their papers, and activations their values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from lab.nn import ACTIVATIONS, activation, initialize
from lab.nn.initializers import fans

OF_TORCH = {
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": nn.functional.leaky_relu,
    "relu6": nn.functional.relu6,
    "gelu": nn.functional.gelu,
}
LAYERS = {
    "linear": (lambda: nn.Linear(400, 300), 400, 300),
    "conv": (lambda: nn.Conv2d(40, 60, 5, stride=2), 40 * 25, 60 * 25),
    "grouped": (lambda: nn.Conv2d(64, 96, 5, groups=4), 16 * 25, 24 * 25),
    "transposed": (lambda: nn.ConvTranspose2d(40, 60, 4, stride=2), 40 * 4, 60 * 16),
    "1d": (lambda: nn.Conv1d(80, 90, 9), 80 * 9, 90 * 9),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_fans_are_counted(kind) -> None:
    make, fan_in, fan_out = LAYERS[kind]
    assert fans(make()) == (fan_in, fan_out)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", ["relu", "tanh"])
@pytest.mark.parametrize("init", ["xavier", "he", "normal"])
def test_variances_are_those_of_the_papers(kind, init, name) -> None:
    make, fan_in, fan_out = LAYERS[kind]
    layer, gain = make(), nn.init.calculate_gain(name)
    assert isinstance(layer.weight, torch.Tensor)
    assert isinstance(layer.bias, torch.Tensor)
    initialize(layer, init, name)
    variance = {
        "xavier": gain**2 * 2 / (fan_in + fan_out),
        "he": gain**2 / fan_in,
        "normal": 0.02**2,
    }[init]
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.05)
    assert layer.weight.mean().item() == pytest.approx(0, abs=math.sqrt(variance) * 0.05)
    assert not layer.bias.any()


def test_xavier_is_uniform_within_its_bound() -> None:
    layer = nn.Linear(400, 300)
    initialize(layer, "xavier", "sigmoid")
    bound = math.sqrt(6 / 700)
    assert bound * 0.99 < layer.weight.abs().max().item() <= bound


@pytest.mark.parametrize("shape", [(20, 50), (50, 20)])
def test_orthogonal_rows_or_columns_are_orthonormal_times_the_gain(shape) -> None:
    layer = nn.Linear(*shape)
    initialize(layer, "orthogonal", "relu")
    w = layer.weight if shape[0] > shape[1] else layer.weight.T
    torch.testing.assert_close(w @ w.T, 2 * torch.eye(20), atol=1e-5, rtol=0)


@pytest.mark.parametrize("stride", [1, 2, 4])
def test_he_keeps_the_size_of_signals_through_a_transposed_convolution(stride) -> None:
    """Whose outputs meet a part of the kernel each. The border, which meets less, is cut."""
    net = nn.Sequential(nn.ConvTranspose2d(64, 64, 4, stride=stride), nn.ReLU())
    initialize(net, "he", "relu")
    with torch.no_grad():
        y = net(torch.randn(8, 64, 8, 8))[:, :, 4:-4, 4:-4]
    assert y.square().mean().item() == pytest.approx(1.0, rel=0.2)  # relu halves the gain of 2


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"threshold", "relu6", "gelu"}))
def test_gains_are_torchs(name) -> None:
    args = (0.01,) if name == "leaky-relu" else ()
    expected = nn.init.calculate_gain(name.replace("-", "_"), *args)
    assert ACTIVATIONS[name].gain == pytest.approx(expected)


def test_default_and_other_layers_stay_as_torch_made_them() -> None:
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Embedding(3, 3))
    before = {name: value.clone() for name, value in net.state_dict().items()}
    initialize(net, "default")
    torch.testing.assert_close(net.state_dict(), before, rtol=0, atol=0)
    initialize(net, "he")
    after = net.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"0.weight", "0.bias"}


def test_the_same_seed_draws_the_same_weights() -> None:
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        layer = nn.Linear(4, 4)
        initialize(layer, "orthogonal")
        drawn.append(layer.weight)
    assert torch.equal(*drawn)


def test_unknown_names_are_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"no 'kaiming' here; there is: default, xavier"):
        initialize(nn.Linear(1, 1), "kaiming")
    with pytest.raises(ValueError, match=r"no 'swish' here; there is: threshold"):
        initialize(nn.Linear(1, 1), "he", "swish")
    with pytest.raises(ValueError, match="no activation 'swish'; there is: threshold"):
        activation("swish")


@pytest.mark.parametrize("name", OF_TORCH)
def test_activations_are_torchs(name) -> None:
    x = torch.linspace(-8, 8, 101)
    assert torch.equal(activation(name)(x), OF_TORCH[name](x))
    assert activation(name) is not activation(name)
    assert set(ACTIVATIONS) == {"threshold", *OF_TORCH}


@given(st.floats(width=32, allow_nan=False))
def test_the_threshold_is_the_unit_step_with_slope_0(value) -> None:
    x = torch.tensor([value], requires_grad=True)
    y = activation("threshold")(x)
    assert y.item() == (1.0 if value >= 0 else 0.0)
    y.backward()
    assert x.grad is not None
    assert x.grad.item() == 0.0
