"""The pieces that the papers are about compute what the papers say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, conv2d, pad, relu

from lab_cnn.model import build
from lab_cnn.models.cifar_resnet import Block, shortcut
from lab_cnn.models.mobilenet import InvertedResidual, rounded
from lab_cnn.models.names import POOLS
from lab_cnn.models.pooling import pooling, windows
from lab_cnn.models.resnet import BasicBlock, Bottleneck, conv3x3
from lab_cnn.models.small import convolution


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def test_option_a_keeps_every_other_pixel_and_adds_channels_of_zeros() -> None:
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    out = shortcut(x, channels=3, stride=2)
    assert out.shape == (1, 3, 2, 2)
    assert out[0, 0].tolist() == [[0.0, 2.0], [8.0, 10.0]]
    assert not out[0, 1:].any()
    assert shortcut(x, channels=1, stride=1) is x


@pytest.mark.parametrize("stage", ["layer1", "layer2", "layer3"])
def test_only_the_residual_twin_lets_its_input_pass(stage) -> None:
    """With the last norm of a block at zero, what comes out is the shortcut, or nothing."""
    for arch, passes in (("resnet20", True), ("plain20", False)):
        net: Any = build(arch, channels=1, size=(8, 8), classes=2)
        block = net.get_submodule(stage)[0].eval()
        nn.init.zeros_(block.bn2.weight)
        x = torch.rand(1, block.conv1.in_channels, 8, 8)
        expected = shortcut(x, block.conv2.out_channels, block.stride)
        assert torch.equal(block(x), expected if passes else torch.zeros_like(expected))


BLOCKS: dict[str, Callable[[int, int], Any]] = {
    "basic": lambda inputs, stride: BasicBlock(inputs, 8, stride, 1),
    "bottleneck": lambda inputs, stride: Bottleneck(inputs, 2, stride, 1),
    "small": lambda inputs, stride: Block(inputs, 8, stride, residual=True),
}


@pytest.mark.parametrize("kind", BLOCKS)
def test_a_residual_block_rectifies_the_sum_of_both_its_ways(kind) -> None:
    """With its last norm at a constant c, it is relu(x + c), whatever the sign of x."""
    block = BLOCKS[kind](8, 1).eval()
    last = block.bn3 if kind == "bottleneck" else block.bn2
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, 0.5)
    x = torch.randn(2, 8, 5, 5, generator=torch.manual_seed(0))
    assert torch.allclose(block(x), relu(x + 0.5))


@pytest.mark.parametrize("kind", ["basic", "bottleneck"])
def test_where_sizes_differ_the_shortcut_is_a_strided_projection(kind) -> None:
    block = BLOCKS[kind](3, 2).eval()
    nn.init.zeros_((block.bn3 if kind == "bottleneck" else block.bn2).weight)
    x = torch.randn(2, 3, 6, 6, generator=torch.manual_seed(0))
    seen = conv2d(x, block.downsample[0].weight, stride=2) / (1 + 1e-5) ** 0.5  # of a fresh norm
    assert torch.allclose(block(x), relu(seen), atol=1e-6)


def test_a_dilated_convolution_is_one_of_a_wider_kernel_with_holes() -> None:
    layer = conv3x3(2, 3, dilation=2)
    wide = torch.zeros(3, 2, 5, 5)
    wide[:, :, ::2, ::2] = layer.weight.detach()
    x = torch.randn(1, 2, 7, 7, generator=torch.manual_seed(0))
    assert torch.allclose(layer(x), conv2d(x, wide, padding=2), atol=1e-6)


def test_twins_have_the_same_parameters_by_name_and_shape() -> None:
    with torch.device("meta"):
        twins = [
            build(arch, channels=3, size=(32, 32), classes=10, width=0.75)
            for arch in ("resnet56", "plain56")
        ]
    shapes = [{name: p.shape for name, p in twin.named_parameters()} for twin in twins]
    assert shapes[0] == shapes[1]


def test_pooling_by_hand() -> None:
    x = torch.tensor([[1.0, 2.0, 5.0], [3.0, 6.0, 1.0], [0.0, 4.0, 2.0]]).reshape(1, 1, 3, 3)
    results = {kind: pooling(kind, 1, 2, 1)(x)[0, 0].tolist() for kind in ("max", "average", "sum")}
    assert results["max"] == [[6.0, 6.0], [6.0, 6.0]]
    assert results["average"] == [[3.0, 3.5], [3.25, 3.25]]
    assert results["sum"] == [[12.0, 14.0], [13.0, 13.0]]


def test_the_border_is_no_part_of_an_average() -> None:
    ones = torch.ones(1, 1, 5, 5)
    assert torch.equal(pooling("average", 1, 3, 2, padding=1)(ones), torch.ones(1, 1, 3, 3))


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(("kernel", "padding"), [(2, 0), (3, 0), (3, 1)])
@pytest.mark.parametrize("side", range(4, 12))
def test_all_poolings_give_the_same_size(side, kernel, padding, ceil) -> None:
    x = torch.rand(1, 2, side, side + 1)
    shapes = {pooling(kind, 2, kernel, 2, padding, ceil)(x).shape for kind in POOLS}
    assert len(shapes) == 1


def test_strided_pooling_can_learn_the_average() -> None:
    layer: Any = pooling("strided", 2, 2, 2)
    nn.init.dirac_(layer.weight)
    layer.weight.data = (layer.weight.data.sum((2, 3)) / 4)[:, :, None, None].repeat(1, 1, 2, 2)
    nn.init.zeros_(layer.bias)
    x = torch.rand(3, 2, 6, 6)
    assert torch.allclose(layer(x), avg_pool2d(x, 2))


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("arch", ["lenet5", "vgg11", "googlenet", "densenet121", "spatial"])
def test_networks_take_any_pooling(arch, pool) -> None:
    with torch.device("meta"):
        net, own = (
            build(arch, channels=1, size=(32, 32), classes=4, pool=kind).eval()
            for kind in (pool, None)
        )
        assert net(torch.zeros(2, 1, 32, 32)).shape == (2, 4)
    assert (parameters(net) > parameters(own)) == (pool == "strided")


def test_a_separable_convolution_is_one_whose_kernel_is_an_outer_product() -> None:
    torch.manual_seed(0)
    pair: Any = convolution("separable", 3, 4, kernel=5)
    depthwise, pointwise = pair[0].weight, pair[1].weight  # [3, 1, 5, 5], [4, 3, 1, 1]
    dense = torch.einsum("ihw,oi->oihw", depthwise[:, 0], pointwise[:, :, 0, 0])
    x = torch.rand(2, 3, 9, 7)
    assert torch.allclose(pair(x), conv2d(x, dense, padding=2), atol=1e-6)


def test_a_spatial_pair_is_a_convolution_whose_kernel_factors() -> None:
    torch.manual_seed(0)
    pair: Any = convolution("spatial", 3, 4, kernel=5)
    columns, rows = pair[0].weight, pair[1].weight  # [4, 3, 5, 1], [4, 4, 1, 5]
    dense = torch.einsum("mih,omw->oihw", columns[..., 0], rows[:, :, 0])
    x = torch.rand(2, 3, 9, 7)
    assert torch.allclose(pair(x), conv2d(x, dense, padding=2), atol=1e-6)


def test_factored_kernels_save_parameters() -> None:
    counts = [
        parameters(build(arch, channels=3, size=(32, 32), classes=10))
        for arch in ("separable", "spatial", "simple")
    ]
    assert counts == sorted(counts)
    assert parameters(convolution("simple", 32, 64)) == 25 * 32 * 64
    assert parameters(convolution("separable", 32, 64)) == 25 * 32 + 32 * 64
    assert parameters(convolution("spatial", 32, 64)) == 5 * 32 * 64 + 5 * 64 * 64


def test_the_bottleneck_of_an_inverted_residual_is_linear() -> None:
    """Nothing cuts off what is below zero at the narrow end, and the shortcut joins there."""
    torch.manual_seed(0)
    block: Any = InvertedResidual(8, 8, stride=1, expansion=6).eval()
    x = torch.rand(4, 8, 5, 5)
    assert block(x).min() < 0
    nn.init.zeros_(block.conv[-1].weight)
    assert torch.equal(block(x), x)


@pytest.mark.parametrize(
    ("channels", "multiple"), [(32, 32), (11.2, 16), (12, 16), (24.5, 24), (1, 8)]
)
def test_widths_are_rounded_to_eights_without_losing_a_tenth(channels, multiple) -> None:
    assert rounded(channels) == multiple


def test_a_dense_layer_sees_and_keeps_all_channels_before_it() -> None:
    net: Any = build("densenet121", channels=1, size=(8, 8), classes=2)
    block = net.features.denseblock1.eval()
    x = torch.rand(1, 64, 4, 4)
    out = block(x)
    assert out.shape == (1, 64 + 6 * 32, 4, 4)
    assert torch.equal(out[:, :64], x)
    assert [layer.conv1.in_channels for layer in block] == [64, 96, 128, 160, 192, 224]


def test_what_a_dense_layer_adds_is_its_last_convolutions() -> None:
    """It is linear in that one's weights, and it is something."""
    net: Any = build("densenet121", channels=1, size=(8, 8), classes=2)
    layer = net.features.denseblock1[0].eval()
    x = torch.rand(1, 64, 4, 4)
    with torch.no_grad():
        before = layer(x)[:, 64:]
        layer.conv2.weight.mul_(2)
        after = layer(x)[:, 64:]
    assert before.std() > 0
    assert torch.allclose(after, 2 * before)


def test_the_strided_convolution_rounds_up_by_zeros_behind() -> None:
    layer: Any = pooling("strided", 1, 3, 2, ceil=True)
    x = torch.rand(1, 1, 6, 6)
    expected = relu(conv2d(pad(x, (0, 1, 0, 1)), layer.weight, layer.bias, stride=2))
    assert torch.equal(layer(x), expected)


@pytest.mark.parametrize(
    ("arch", "name", "std"),
    [
        ("resnet18", "layer4.0.conv1.weight", (2 / (9 * 512)) ** 0.5),
        ("resnet56", "layer3.1.conv1.weight", (2 / (9 * 64)) ** 0.5),
        ("densenet121", "features.transition3.conv.weight", (2 / 1024) ** 0.5),
        ("googlenet", "inception4e.branch2.1.conv.weight", 0.01),
        ("mobilenet_v2", "classifier.1.weight", 0.01),
        ("vgg11", "classifier.3.weight", (2 / 512) ** 0.5),
    ],
)
def test_weights_start_with_the_deviation_of_their_paper(arch, name, std) -> None:
    torch.manual_seed(0)
    net = build(arch, channels=3, size=(16, 16), classes=10)
    assert net.get_parameter(name).std().item() == pytest.approx(std, rel=0.02)


@pytest.mark.parametrize("arch", ["alexnet", "vgg11"])
def test_the_signal_lives_through_small_nets_without_norms(arch) -> None:
    torch.manual_seed(0)
    net = build(arch, channels=1, size=(8, 8), classes=10).eval()
    with torch.no_grad():
        assert 0.1 < net(torch.randn(16, 1, 8, 8)).std() < 10


@pytest.mark.parametrize("sides", [(7, 7, 7, 7), (9, 4, 7, 7), (13, 6, 6, 4), (2, 3, 7, 4)])
def test_adaptive_windows_are_those_of_torch(sides) -> None:
    height, width, down, across = sides
    images = torch.randn(2, 3, height, width, dtype=torch.double)
    pooled = windows(height, down, images) @ images @ windows(width, across, images).T
    torch.testing.assert_close(pooled, adaptive_avg_pool2d(images, (down, across)))


@pytest.mark.parametrize("arch", ["alexnet", "vgg11", "googlenet"])
def test_no_gradient_goes_through_what_does_not_repeat_itself_on_cuda(arch) -> None:
    """Of all that these networks are made of torch lists adaptive pooling alone, to more than one
    pixel, among what raises where deterministic kernels are required. "meta" stands for CUDA."""
    net = build(arch, channels=3, size=(64, 64), classes=4).to("meta").train()
    torch.use_deterministic_algorithms(True)
    try:
        outputs = net(torch.empty(2, 3, 64, 64, device="meta"))
    finally:
        torch.use_deterministic_algorithms(False)
    several = outputs if isinstance(outputs, tuple) else (outputs,)
    names = {node.name() for output in several for node in _passed(output.grad_fn)}
    assert any("Convolution" in name for name in names)
    assert not any(name.startswith("AdaptiveAvgPool") for name in names)


def _passed(last) -> set[Any]:
    """Return all nodes that a gradient passes from the last one on."""
    nodes, ahead = set(), [last]
    while ahead:
        node = ahead.pop()
        if node is not None and node not in nodes:
            nodes.add(node)
            ahead += [before for before, _ in node.next_functions]
    return nodes
