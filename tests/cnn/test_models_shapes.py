"""Every network takes pictures of any sensible size, and says what its feature maps are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from lab_cnn.model import WithAux, build
from lab_cnn.models.names import families, resolve
from lab_cnn.models.stems import choose_stem, poolings_that_fit

REPRESENTATIVES = [
    "lenet5", "alexnet", "vgg11", "vgg13_bn", "googlenet", "resnet18", "resnet50", "resnet20",
    "plain20", "mobilenet_v1", "mobilenet_v2", "densenet121", "simple", "separable", "spatial",
    "capsnet_baseline",
]  # fmt: skip
SIZES = [(8, 8), (28, 37), (65, 97)]
PADDED = [arch for arch in REPRESENTATIVES if arch not in ("lenet5", "alexnet")]


def meta(arch: str, size: tuple[int, int], channels: int = 3, **options) -> Any:
    with torch.device("meta"):
        return build(arch, channels=channels, size=size, classes=7, **options).eval()


def test_a_representative_of_every_family_is_tried() -> None:
    assert all(set(family.names) & set(REPRESENTATIVES) for family in families())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("arch", REPRESENTATIVES)
def test_logits_have_their_shape_at_any_size(arch, size) -> None:
    net = meta(arch, size, channels=2)
    images = torch.zeros(3, 2, *size, device="meta")
    assert net(images).shape == (3, 7)
    maps = net.feature_maps(images)
    assert [x.shape[1] for x in maps] == [each.channels for each in net.maps]
    assert net.classify(maps[-1]).shape == (3, 7)


@pytest.mark.parametrize("arch", ["vgg19_bn", "resnet34", "resnet44", "plain110", "densenet169"])
def test_the_other_depths_take_small_pictures(arch) -> None:
    assert meta(arch, (8, 8))(torch.zeros(2, 3, 8, 8, device="meta")).shape == (2, 7)


@pytest.mark.parametrize("size", [(32, 64), (224, 96)])
@pytest.mark.parametrize("arch", PADDED)
def test_strides_are_those_of_the_maps(arch, size) -> None:
    net = meta(arch, size)
    maps = net.feature_maps(torch.zeros(1, 3, *size, device="meta"))
    sizes = [(x.shape[2], x.shape[3]) for x in maps]
    assert sizes == [(size[0] // each.stride, size[1] // each.stride) for each in net.maps]


@pytest.mark.parametrize(
    ("arch", "full", "small"),
    [
        ("alexnet", [8, 16, 32], [2, 4, 8]),
        ("vgg16", [2, 4, 8, 16, 32], [2, 4, 8, 8, 16]),
        ("googlenet", [8, 16, 32], [2, 4, 8]),
        ("resnet18", [4, 8, 16, 32], [1, 2, 4, 8]),
        ("mobilenet_v1", [2, 4, 8, 16, 32], [1, 1, 2, 4, 8]),
        ("mobilenet_v2", [2, 4, 8, 16, 32], [1, 1, 2, 4, 8]),
        ("densenet121", [4, 8, 16, 32], [1, 2, 4, 8]),
    ],
)
def test_the_small_stem_keeps_more_of_a_small_picture(arch, full, small) -> None:
    assert [each.stride for each in meta(arch, (224, 224)).maps] == full
    assert [each.stride for each in meta(arch, (28, 28)).maps] == small


@pytest.mark.parametrize("arch", ["lenet5", "resnet18", "mobilenet_v2", "googlenet", "simple"])
def test_a_training_step_reaches_every_parameter(arch) -> None:
    """With real data: eight pixels, one channel, as scikit-learn's digits."""
    torch.manual_seed(0)
    net = build(arch, channels=1, size=(8, 8), classes=10).train()
    out = net(torch.rand(4, 1, 8, 8))
    parts = out if isinstance(out, WithAux) else [out]
    torch.stack([part.square().sum() for part in parts]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_googlenet_gives_three_predictions_in_training_only() -> None:
    net = build("googlenet", channels=1, size=(16, 16), classes=5)
    images = torch.rand(2, 1, 16, 16)
    out = net.train()(images)
    assert isinstance(out, WithAux)
    assert [tuple(part.shape) for part in out] == [(2, 5)] * 3
    assert net.eval()(images).shape == (2, 5)
    assert build("googlenet", channels=1, size=(16, 16), classes=5, aux=False)(images).shape == (
        2,
        5,
    )


@pytest.mark.parametrize(
    ("size", "stem", "chosen"),
    [
        ((28, 28), "auto", "small"),
        ((64, 640), "auto", "small"),
        ((65, 65), "auto", "full"),
        ((32, 32), "full", "full"),
        ((224, 224), "small", "small"),
    ],
)
def test_the_stem_goes_by_the_shorter_side_unless_it_is_named(size, stem, chosen) -> None:
    assert choose_stem(size, stem) == chosen


def test_lenet_takes_the_paper_s_own_stem_from_mnist_on() -> None:
    assert not resolve("lenet5", channels=1, size=(28, 28), classes=10).small
    assert resolve("lenet5", channels=1, size=(27, 28), classes=10).small


def test_windows_leave_something_to_convolve() -> None:
    yes, no = True, False
    assert poolings_that_fit((28, 28), kernel=2, count=5) == ([yes, yes, yes, no, yes], (1, 1))
    assert poolings_that_fit((32, 64), kernel=2, count=5) == ([yes] * 5, (1, 2))
    assert poolings_that_fit((8, 8), kernel=2, count=5) == ([yes, yes, no, no, yes], (1, 1))
    assert poolings_that_fit((8, 8), kernel=3, count=3) == ([yes, no, yes], (1, 1))


@pytest.mark.parametrize(
    ("arch", "stem", "least"),
    [
        ("lenet5", "full", 12),
        ("alexnet", "full", 63),
        ("vgg11", "full", 32),
        ("googlenet", "full", 32),
        ("resnet18", "full", 32),
        ("mobilenet_v1", "full", 32),
        ("densenet121", "full", 32),
        ("alexnet", "small", 8),
        ("resnet20", "auto", 8),
        ("simple", "auto", 8),
    ],
)
def test_the_least_size_works_and_one_pixel_less_is_refused(arch, stem, least) -> None:
    net = meta(arch, (least, least), stem=stem)
    assert net(torch.zeros(1, 3, least, least, device="meta")).shape == (1, 7)
    with pytest.raises(ValueError, match=f"at least {least} x {least} pixels; these have"):
        meta(arch, (least, least - 1), stem=stem)


@pytest.mark.parametrize("arch", ["resnet20", "mobilenet_v1", "mobilenet_v2", "simple"])
def test_the_width_multiplies_channels(arch) -> None:
    half, full = (meta(arch, (32, 32), width=width) for width in (0.5, 1.0))
    pairs = zip(half.maps[:-1], full.maps[:-1], strict=True)
    assert all(
        narrow.channels == wide.channels // 2 for narrow, wide in pairs if wide.channels > 24
    )


def test_width_12_is_three_quarters_of_a_cifar_network() -> None:
    net = meta("plain56", (8, 8), channels=1, width=0.75)
    assert [each.channels for each in net.maps] == [12, 24, 48]


@pytest.mark.parametrize(
    "arch",
    ["alexnet", "vgg11", "googlenet", "mobilenet_v1", "mobilenet_v2", "densenet121", "simple"],
)
def test_dropout_is_what_was_asked_for(arch) -> None:
    net = meta(arch, (32, 32), dropout=0.375)
    rates = {m.p for m in net.modules() if isinstance(m, nn.Dropout)}
    rates |= {m.rate for m in net.modules() if hasattr(m, "rate")}
    assert rates - {0.7} == {0.375}  # the auxiliary heads of GoogLeNet keep theirs
