"""Networks take data of any size, know time and class, and begin by answering nothing."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lab_diffusion.networks.conditions import Conditions
from lab_diffusion.networks.mlp import MLP
from lab_diffusion.networks.transformer import StepTransformer
from lab_diffusion.networks.unet import UNet

SHAPES = {
    "points": (2,),
    "digits": (1, 8, 8),
    "odd": (3, 5, 9),
    "a line": (1, 1, 20),
    "one pixel": (2, 1, 1),
    "mnist": (1, 28, 28),
    "waves": (9, 2),
    "one step": (1, 3),
}


def build(shape: tuple[int, ...], classes: int = 0) -> nn.Module:
    if len(shape) == 3:
        return UNet(shape, 4, 2, classes)
    if len(shape) == 2:
        return StepTransformer(shape, 8, 2, 2, classes)
    return MLP(shape, (8, 8, 6), classes, frequencies=2)


def stirred(net: nn.Module) -> nn.Module:
    """The network with all weights drawn, as they are after training."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return net


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("classes", [0, 3])
def test_outputs_have_the_shape_of_inputs_and_begin_at_0(shape, classes) -> None:
    x, time = torch.randn(5, *shape), torch.rand(5)
    numbers = (torch.tensor([0, 1, 2, 3, 3]),) if classes else ()
    net = build(shape, classes)
    assert torch.equal(net(x, time, *numbers), torch.zeros_like(x))
    output = stirred(net)(x, time, *numbers)
    assert output.shape == x.shape
    assert bool(output.isfinite().all())


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_examples_are_each_their_own(shape) -> None:
    x, time, numbers = torch.randn(4, *shape), torch.rand(4), torch.tensor([0, 1, 2, 3])
    net = stirred(build(shape, 3)).double()
    x, time = x.double(), time.double()
    whole = net(x, time, numbers)
    alone = torch.cat([net(x[i : i + 1], time[i : i + 1], numbers[i : i + 1]) for i in range(4)])
    assert torch.allclose(whole, alone, atol=1e-9)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_time_class_and_every_parameter_matter(shape) -> None:
    x, time, numbers = torch.randn(4, *shape), torch.rand(4), torch.tensor([0, 1, 2, 3])
    net = stirred(build(shape, 3))
    output = net(x, time, numbers)
    assert not torch.allclose(output, net(x, time / 2, numbers))
    assert not torch.allclose(output, net(x, time, numbers.roll(1)))
    gradients = torch.autograd.grad(output.square().sum(), list(net.parameters()))
    assert all(bool(gradient.isfinite().all()) for gradient in gradients)


def test_each_pixel_sees_all_others() -> None:
    net = stirred(UNet((1, 17, 12), 4, 1)).double()
    x = torch.randn(1, 1, 17, 12, dtype=torch.float64, requires_grad=True)
    output = net(x, torch.tensor([0.5], dtype=torch.float64))
    (seen,) = torch.autograd.grad(output[0, 0, 0, 0], x)
    assert bool((seen != 0).all())


@pytest.mark.parametrize(
    ("sides", "levels"), [((7, 7), 1), ((8, 8), 2), ((14, 9), 2), ((28, 28), 3), ((32, 20), 4)]
)
def test_sides_are_halved_until_none_is_longer_than_seven(sides, levels) -> None:
    net = UNet((1, *sides), 2, 1)
    seen: list[tuple[int, ...]] = []
    net.middle.register_forward_hook(lambda module, args, output: seen.append(output.shape[2:]))
    net(torch.randn(1, 1, *sides), torch.rand(1))
    assert len(net.down) == levels
    assert max(seen[0]) <= 7
    expected = tuple(-(-side // 2 ** (levels - 1)) for side in sides)
    assert tuple(seen[0]) == expected


@pytest.mark.parametrize("sides", [(8, 8), (7, 9)])
def test_patches_are_places_and_each_pixel_keeps_its_own(sides) -> None:
    net = UNet((2, *sides), 4, 1, patch=2)
    halved = tuple(-(-side // 2) for side in sides)
    seen: list[Tensor] = []
    first: Any = net.down[0]
    first.enter.register_forward_hook(lambda module, args, output: seen.append(args[0]))
    x = torch.randn(3, 2, *sides)
    output = stirred(net)(x, torch.rand(3))
    assert output.shape == x.shape
    assert seen[0].shape == (3, 8, *halved)
    assert torch.equal(seen[0][:, 3, 1, 1], x[:, 0, 3, 3])  # the last of the four of a square
    assert torch.equal(seen[0][:, 4, 0, 0], x[:, 1, 0, 0])


def test_growing_back_doubles_each_pixel() -> None:
    """What is halved at even places grows back over the same pixels, odd sizes included."""
    for side in range(1, 12):
        pixels = torch.arange(side).float()
        kept = pixels[::2].view(1, 1, 1, -1)
        grown = nn.functional.interpolate(kept, scale_factor=2.0)[0, 0, 0, :side]
        assert torch.equal(grown, 2 * (pixels // 2))


def test_times_are_told_apart_at_both_ends() -> None:
    told: Tensor = Conditions(16)(torch.tensor([0.001, 0.002, 0.5, 0.998, 1.0])).detach()
    assert float(torch.cdist(told, told).add(torch.eye(5)).min()) > 1e-3


def test_inputs_come_with_waves_of_doubling_frequency() -> None:
    x = torch.tensor([[0.3, -2.0]])
    features = MLP((2,), (4,), frequencies=3).features(x)
    waves = [f(n * value) for f in (math.sin, math.cos) for value in (0.3, -2.0) for n in (1, 2, 4)]
    assert features[0].tolist() == pytest.approx([0.3, -2.0, *waves], abs=1e-6)
    assert torch.equal(MLP((2,), (4,)).features(x), x)


@pytest.mark.parametrize(
    ("words", "shape", "classes"),
    [
        (["--data", "digits", "--conditional"], [1, 8, 8], 10),
        (["--data", "ring", "--hidden", "8,8"], [2], 0),
        (["--data", "waves", "--width", "8", "--heads", "2"], [32, 1], 0),
        (["--shape", "3,9,9", "--outputs", "4", "--conditional", "--patch", "2"], [3, 9, 9], 4),
    ],
)
def test_lab_model_lists_the_layers(cli, words, shape, classes) -> None:
    answer = cli("model", "diffusion", *words, "--json")
    assert answer.exit_code == 0, answer.output
    facts = json.loads(answer.stdout)
    assert facts["input_shape"] == shape
    layers = {row["name"]: row for row in facts["layers"]}
    out = layers["output.2"] if len(shape) == 3 else layers["output"]
    places = 3 * 10 * 10 if "--patch" in words else math.prod(shape)  # 9 pixels are padded
    assert math.prod(out["output_shape"]) == places
    width = layers["conditions.layers.0"]["output_shape"][0]
    told = layers.get("conditions.classes", {"parameters": 0})["parameters"]
    assert told == (classes + 1) * width * (classes > 0)


def test_lab_model_refuses_what_the_run_would(cli) -> None:
    for words, message in (
        (["--data", "sentences"], "sentences is tokens data; noise is added to numbers"),
        (["--data", "diabetes", "--conditional"], "needs a class for each example; diabetes"),
    ):
        refused = cli("model", "diffusion", *words)
        assert refused.exit_code == 2
        assert message in refused.output
