"""Segmentation networks give a score for every pixel, whatever backbone and size."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from lab_cnn.model import build, build_fcn
from lab_cnn.models.classifier import Map
from lab_cnn.models.fcn import FCN, Upsampling, WithAuxScores, coarse_to_fine, fitted

BACKBONES = ["alexnet", "vgg11", "googlenet", "resnet18", "mobilenet_v2", "densenet121", "simple"]
SIZES = [(37, 45), (127, 225)]


def meta(variant: str, arch: str, size: tuple[int, int], **options) -> Any:
    with torch.device("meta"):
        return build_fcn(variant, arch, channels=3, size=size, classes=5, **options).eval()


@pytest.mark.parametrize("factor", [2, 4, 8, 16, 32])
def test_transposed_convolutions_start_as_bilinear_interpolation(factor) -> None:
    torch.manual_seed(0)
    x = torch.rand(2, 3, 6, 7)
    layer = Upsampling(3, factor)
    assert (layer.kernel_size[0], layer.padding[0]) == (2 * factor, factor // 2)
    out = layer(x)
    assert out.shape == (2, 3, 6 * factor, 7 * factor)
    expected = interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
    inside = (..., slice(factor // 2, -(factor // 2)), slice(factor // 2, -(factor // 2)))
    assert torch.allclose(out[inside], expected[inside], atol=1e-6)


def test_upsampling_by_one_changes_nothing() -> None:
    x = torch.rand(2, 3, 4, 5)
    assert torch.equal(Upsampling(3, 1)(x), x)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("variant", ["fcn32s", "fcn8s"])
@pytest.mark.parametrize("arch", BACKBONES)
def test_scores_have_exactly_the_size_of_the_image(arch, variant, size) -> None:
    net = meta(variant, arch, size)
    assert net(torch.zeros(2, 3, *size, device="meta")).shape == (2, 5, *size)


@pytest.mark.parametrize("arch", ["vgg11", "resnet18", "mobilenet_v1"])
def test_the_names_are_the_strides_at_the_full_stem(arch) -> None:
    for variant, stride in (("fcn32s", 32), ("fcn16s", 16), ("fcn8s", 8)):
        net = meta(variant, arch, (224, 224))
        assert net.last.stride == (stride, stride)
        assert all(layer.stride == (2, 2) for layer in net.upsamplings)
        assert len(net.upsamplings) == {32: 0, 16: 1, 8: 2}[stride]


def test_with_the_small_stem_upsampling_is_smaller() -> None:
    assert meta("fcn32s", "resnet18", (32, 32)).last.stride == (8, 8)
    assert meta("fcn8s", "resnet18", (32, 32)).last.stride == (2, 2)


def test_finer_maps_join_at_zero_and_learn() -> None:
    """The coarse net and the one with skips begin the same, and every weight but one gets on."""
    torch.manual_seed(0)
    net: Any = build_fcn("fcn8s", "resnet20", channels=1, size=(13, 15), classes=3)
    images = torch.rand(2, 1, 13, 15)
    assert not net(images).any()
    nn.init.normal_(net.scores[0].weight)
    coarse = net.scores[0](net.eval().backbone.feature_maps(images)[-1])
    by_hand = net.upsamplings[1](net.upsamplings[0](coarse)[:, :, :7, :8])[:, :, :13, :15]
    assert torch.allclose(net(images), by_hand, atol=1e-6)

    net.train()(images).square().sum().backward()
    without = {name for name, p in net.named_parameters() if p.grad is None}
    assert without == {"last.weight"}
    assert not net.last.weight.requires_grad


@pytest.mark.parametrize("arch", BACKBONES)
def test_the_backbone_keeps_nothing_that_only_classifies(arch) -> None:
    net = meta("fcn32s", arch, (64, 64))
    assert not [m for m in net.modules() if isinstance(m, nn.Linear)]
    with torch.device("meta"):
        classifier_state = build(arch, channels=3, size=(64, 64), classes=5).state_dict()
    assert set(net.backbone.state_dict()) < set(classifier_state)


def test_among_equal_strides_the_deepest_map_is_read() -> None:
    maps = [Map(1, 8), Map(1, 9), Map(2, 10), Map(4, 11), Map(4, 12)]
    assert coarse_to_fine(maps, 3) == [4, 2, 1]
    with pytest.raises(ValueError, match="reads 4 feature maps of different strides.* has 3"):
        coarse_to_fine(maps, 4)


def test_a_backbone_of_two_maps_has_no_fcn_8s() -> None:
    assert meta("fcn16s", "lenet5", (28, 28))(torch.zeros(1, 3, 28, 28, device="meta")).shape == (
        (1, 5, 28, 28)
    )
    with pytest.raises(ValueError, match="the backbone has 2"):
        meta("fcn8s", "lenet5", (28, 28))


def test_scores_are_cut_behind_or_stretched() -> None:
    x = torch.arange(12.0).reshape(1, 1, 3, 4)
    assert fitted(x, (2, 3)).tolist() == [[[[0, 1, 2], [4, 5, 6]]]]
    assert fitted(x, (3, 4)).equal(x)
    assert fitted(torch.ones(1, 1, 3, 4), (5, 4)).equal(torch.ones(1, 1, 5, 4))


def test_a_dilated_resnet_gives_two_predictions_in_training_only() -> None:
    net: Any = build_fcn("dilated", "resnet18", channels=1, size=(19, 22), classes=3, aux=True)
    images = torch.rand(2, 1, 19, 22)
    out = net.train()(images)
    assert isinstance(out, WithAuxScores)
    assert out.logits.shape == out.aux.shape == (2, 3, 19, 22)
    assert net.eval()(images).shape == (2, 3, 19, 22)
    dilations = [m.dilation[0] for m in net.backbone.layer4.modules() if hasattr(m, "dilation")]
    assert set(dilations) == {1, 2, 4}


def test_an_fcn_learns_where_a_square_lies() -> None:
    torch.manual_seed(0)
    net: Any = build_fcn("fcn8s", "resnet20", channels=1, size=(16, 16), classes=2, width=0.5)
    assert isinstance(net, FCN)
    images, labels = torch.rand(8, 1, 16, 16) * 0.1, torch.zeros(8, 16, 16, dtype=torch.long)
    for image, label, at in zip(images, labels, range(8), strict=True):
        image[:, at : at + 6, 2 : 8 + at] += 1
        label[at : at + 6, 2 : 8 + at] = 1
    optimizer = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=0.01)
    for _ in range(30):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
    assert (net(images).argmax(1) == labels).float().mean() > 0.95
