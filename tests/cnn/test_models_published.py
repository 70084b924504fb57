"""Every architecture is the published one: parameters to the unit, multiply-adds, and names.

Networks are made on torch's meta device: shapes without data, so that the largest costs nothing.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lab_cnn.model import build, build_fcn, names

IMAGENET = {
    "alexnet": 61_100_840,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vgg11_bn": 132_868_840,
    "vgg13_bn": 133_053_736,
    "vgg16_bn": 138_365_992,
    "vgg19_bn": 143_678_248,
    "googlenet": 13_004_888,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "densenet121": 7_978_856,
    "densenet169": 14_149_480,
    "densenet201": 20_013_928,
}
TEN_CLASSES = {
    "alexnet": 57_044_810,
    "vgg16": 134_301_514,
    "resnet18": 11_181_642,
    "resnet50": 23_528_522,
    "mobilenet_v2": 2_236_682,
    "densenet121": 6_964_106,
}
# 6n + 2 layers. Those of n = 1 and 2, which the paper leaves out, are counted by hand: first layer,
# stages, norms and head are 464 + 4,608n + (18,432n - 4,608) + (73,728n - 18,432) + 448n + 650
CIFAR = {8: 75_290, 14: 172_506, 20: 269_722, 32: 464_154, 44: 658_586, 56: 853_018, 110: 1_727_962}
MILLION_MULTIPLY_ADDS = {
    "alexnet": 714,
    "vgg11": 7_609,
    "vgg16": 15_470,
    "googlenet": 1_498,
    "resnet18": 1_814,
    "resnet50": 4_089,
    "mobilenet_v1": 569,
    "mobilenet_v2": 301,
    "densenet121": 2_834,
}
# how many tensors are published under what names: the first, some between, the last
TENSORS = {
    "alexnet": (16, ["features.0.weight", "features.10.bias", "classifier.1.weight"]),
    "vgg16": (32, ["features.0.weight", "features.28.bias", "classifier.3.weight"]),
    "vgg16_bn": (97, ["features.0.weight", "features.41.running_var", "classifier.0.bias"]),
    "googlenet": (
        364,
        [
            "conv1.conv.weight",
            "conv3.bn.num_batches_tracked",
            "inception3a.branch1.conv.weight",
            "inception4c.branch2.1.conv.weight",
            "inception4e.branch3.0.bn.bias",
            "inception5b.branch4.1.bn.running_mean",
            "aux1.conv.conv.weight",
            "aux2.fc1.weight",
            "aux2.fc2.bias",
        ],
    ),
    "resnet18": (122, ["conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight"]),
    "resnet50": (320, ["bn1.running_mean", "layer1.0.downsample.1.bias", "layer4.2.conv3.weight"]),
    "mobilenet_v2": (
        314,
        [
            "features.0.0.weight",
            "features.1.conv.0.1.weight",
            "features.1.conv.1.weight",
            "features.2.conv.1.0.weight",
            "features.17.conv.3.running_var",
            "features.18.1.bias",
        ],
    ),
    "densenet121": (
        727,
        [
            "features.conv0.weight",
            "features.norm0.weight",
            "features.denseblock1.denselayer1.norm1.weight",
            "features.transition2.conv.weight",
            "features.denseblock4.denselayer16.conv2.weight",
            "features.norm5.running_mean",
        ],
    ),
}
LAST = {
    "alexnet": "classifier.6.bias",
    "vgg16": "classifier.6.bias",
    "vgg16_bn": "classifier.6.bias",
    "googlenet": "fc.bias",
    "resnet18": "fc.bias",
    "resnet50": "fc.bias",
    "mobilenet_v2": "classifier.1.bias",
    "densenet121": "classifier.bias",
}


def parameters(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def imagenet(arch: str, classes: int = 1000, **options) -> nn.Module:
    with torch.device("meta"):
        return build(arch, channels=3, size=(224, 224), classes=classes, **options)


def multiply_adds(net: nn.Module, side: int) -> int:
    """Count the multiplications of convolutions and linear layers for one image."""
    total = 0

    def count(layer: nn.Module, _: object, out: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer.weight, torch.Tensor)
        per_output = layer.weight[0].numel()
        total += out[0].numel() * per_output

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    net.eval()(torch.zeros(1, 3, side, side, device="meta"))
    return total


@pytest.mark.parametrize(("arch", "count"), IMAGENET.items())
def test_parameters_at_a_thousand_classes(arch, count) -> None:
    assert parameters(imagenet(arch)) == count


@pytest.mark.parametrize(("arch", "count"), TEN_CLASSES.items())
def test_parameters_at_ten_classes(arch, count) -> None:
    assert parameters(imagenet(arch, classes=10)) == count


def test_googlenet_without_auxiliary_heads() -> None:
    assert parameters(imagenet("googlenet", aux=False)) == 6_624_904
    assert parameters(imagenet("googlenet", aux=False, classes=10)) == 5_610_154


def test_lenet_on_mnist() -> None:
    net = build("lenet5", channels=1, size=(28, 28), classes=10)
    assert parameters(net) == 61_706
    assert net.feature_maps(torch.zeros(1, 1, 28, 28))[-1].shape == (1, 16, 5, 5)


@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize(("depth", "count"), CIFAR.items())
def test_networks_for_cifar(kind, depth, count) -> None:
    with torch.device("meta"):
        net = build(f"{kind}{depth}", channels=3, size=(32, 32), classes=10)
    assert parameters(net) == count
    weighted = [m for m in net.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(weighted) == depth


@pytest.mark.parametrize(("aux", "count"), [(False, 32_957_013), (True, 35_322_218)])
def test_dilated_fcn_on_resnet50(aux, count) -> None:
    with torch.device("meta"):
        net = build_fcn("dilated", "resnet50", channels=3, size=(520, 520), classes=21, aux=aux)
    assert parameters(net) == count
    last = "aux_classifier.4.bias" if aux else "classifier.4.bias"
    keys = list(net.state_dict())
    assert (keys[0], keys[-1]) == ("backbone.conv1.weight", last)
    maps = net.backbone.feature_maps(torch.zeros(1, 3, 64, 64, device="meta"))
    assert [x.shape[2] for x in maps] == [16, 8, 8, 8]


@pytest.mark.parametrize(("arch", "million"), MILLION_MULTIPLY_ADDS.items())
def test_multiply_adds_at_224_pixels(arch, million) -> None:
    assert round(multiply_adds(imagenet(arch), 224) / 1e6) == million


@pytest.mark.parametrize("arch", TENSORS)
def test_tensors_are_named_as_published(arch) -> None:
    count, some = TENSORS[arch]
    keys = list(imagenet(arch).state_dict())
    assert len(keys) == count
    assert (keys[0], keys[-1]) == (some[0] if "conv1" not in keys[0] else keys[0], LAST[arch])
    assert set(some) <= set(keys)


@pytest.mark.parametrize(("depth", "count"), [(34, 218), (101, 626), (152, 932)])
def test_deeper_residual_networks_have_the_published_tensors(depth, count) -> None:
    assert len(imagenet(f"resnet{depth}").state_dict()) == count


def test_old_names_of_densenets_load() -> None:
    """The published files write `norm.1` where the networks of today write `norm1`."""
    net = imagenet("densenet121")
    old = {
        key.replace("norm1", "norm.1").replace("norm2", "norm.2")
        .replace("conv1", "conv.1").replace("conv2", "conv.2"): value
        for key, value in net.state_dict().items()
    }  # fmt: skip
    assert "features.denseblock4.denselayer16.conv.2.weight" in old
    net.load_state_dict(old, strict=True, assign=True)


@pytest.mark.parametrize(("width", "count"), [(0.25, 470_072), (0.5, 1_331_592), (0.75, 2_585_560)])
def test_narrow_mobilenets(width, count) -> None:
    """Howard et al. (2017), table 7: 0.5, 1.3 and 2.6 million."""
    assert parameters(imagenet("mobilenet_v1", width=width)) == count


def test_every_architecture_was_counted() -> None:
    cifar = {f"{kind}{depth}" for kind in ("resnet", "plain") for depth in CIFAR}
    small = {"simple", "separable", "spatial"}
    assert set(names()) == {"lenet5", "capsnet_baseline", *IMAGENET, *cifar, *small}


def test_the_network_that_capsules_were_compared_with_has_its_size() -> None:
    """35.4 million (Sabour et al., 2017, section 5), which needs maps of the picture's size."""
    with torch.device("meta"):
        net = build("capsnet_baseline", channels=1, size=(28, 28), classes=10)
    convolutions = 25 * (1 * 256 + 256 * 256 + 256 * 128) + 256 + 256 + 128
    linear = (28 * 28 * 128 + 1) * 328 + 329 * 192 + 193 * 10
    assert parameters(net) == convolutions + linear == 35_445_522
