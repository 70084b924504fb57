"""Networks are built by name, a wrong name is a plain message, and layers have names."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import torch
from torch import nn

from lab_cnn import models
from lab_cnn.model import build, head_name, last_convolution, last_stages, names, stages
from lab_cnn.models.names import able_to, check_fcn, families, family_of, resolve

ASK: dict[str, Any] = {"channels": 3, "size": (224, 224), "classes": 10}


def meta(arch: str, **options) -> nn.Module:
    with torch.device("meta"):
        return build(arch, **{**ASK, **options})


def test_names_are_unique() -> None:
    assert len(names()) == len(set(names())) == 39


def test_a_file_is_all_that_an_architecture_takes(tmp_path, monkeypatch) -> None:
    (tmp_path / "linear.py").write_text(
        "from torch import nn\n"
        "from lab_cnn.models.classifier import Chain, Map\n"
        "from lab_cnn.models.names import Family\n"
        "def build(spec):\n"
        "    features = nn.Sequential(nn.Conv2d(spec.channels, 2, 1))\n"
        "    return Chain(features, {0: Map(1, 2)}, (1, 1), nn.Linear(2, spec.classes))\n"
        "FAMILY = Family(('linear',), build, ())\n"
    )
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    families.cache_clear()
    try:
        assert "linear" in names()
        assert meta("linear")(torch.zeros(2, 3, 8, 8, device="meta")).shape == (2, 10)
    finally:
        families.cache_clear()
        sys.modules.pop("lab_cnn.models.linear")


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(
        ValueError, match="No architecture is called 'resnet51'; did you mean 'resn"
    ):
        build("resnet51", **ASK)
    with pytest.raises(ValueError, match="there are alexnet, capsnet_baseline, resnet8"):
        family_of("?")


@pytest.mark.parametrize(
    ("arch", "option", "able"),
    [
        ("resnet18", {"width": 0.5}, "resnet20, resnet32"),
        ("mobilenet_v2", {"pool": "max"}, "lenet5, resnet18"),
        ("resnet20", {"stem": "small"}, "resnet18"),
        ("lenet5", {"dropout": 0.1}, "alexnet"),
        ("vgg16", {"aux": False}, "googlenet have"),
    ],
)
def test_an_option_without_a_use_is_refused_and_says_who_has_one(arch, option, able) -> None:
    (name,) = option
    with pytest.raises(ValueError, match=f"{arch} has no option {name}; .*{able}"):
        resolve(arch, **ASK, **option)
    assert arch not in able_to(name)


def test_pooling_without_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="resnet18 uses pool in its full stem only"):
        resolve("resnet18", channels=3, size=(32, 32), classes=10, pool="average")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": 0}, "count from 1; got 0 and 10"),
        ({"pool": "mean"}, "No pooling is called 'mean'; there are max, average, sum, strided"),
        ({"stem": "big"}, "No stem is called 'big'; there are auto, full, small"),
        ({"dropout": 1.0}, "from 0 to below 1, not 1.0"),
        ({"size": (7, 9)}, "at least 8 x 8 pixels; these have 7 x 9"),
    ],
)
def test_values_are_checked(options, message) -> None:
    with pytest.raises(ValueError, match=message):
        resolve("vgg16", **{**ASK, **options})


def test_a_width_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0, not -1"):
        resolve("simple", **ASK, width=-1)


@pytest.mark.parametrize(
    ("variant", "arch", "aux", "message"),
    [
        ("fcn4s", "vgg16", False, "there are fcn32s, fcn16s, fcn8s, dilated"),
        ("dilated", "vgg16", False, "Only resnet18, .* can be dilated, not vgg16"),
        ("fcn8s", "resnet18", True, "only dilated has"),
    ],
)
def test_fcns_are_checked_too(variant, arch, aux, message) -> None:
    with pytest.raises(ValueError, match=message):
        check_fcn(variant, arch, aux)


@pytest.mark.parametrize(
    ("arch", "head", "convolution"),
    [
        ("lenet5", "classifier.4", "features.3"),
        ("alexnet", "classifier.6", "features.10"),
        ("vgg16", "classifier.6", "features.28"),
        ("googlenet", "fc", "inception5b"),
        ("resnet50", "fc", "layer4.2"),
        ("resnet20", "fc", "layer3.2"),
        ("mobilenet_v1", "classifier.1", "features.13"),
        ("mobilenet_v2", "classifier.1", "features.18"),
        ("densenet121", "classifier", "features.denseblock4.denselayer16"),
        ("separable", "classifier.1", "features.8"),
    ],
)
def test_the_head_and_the_last_convolution_are_named(arch, head, convolution) -> None:
    net = meta(arch)
    assert head_name(net) == head
    assert net.get_submodule(head).out_features == 10
    assert last_convolution(net) == convolution
    assert stages(net)[-1] == (head, net.get_submodule(head))


@pytest.mark.parametrize(
    "arch",
    ["lenet5", "vgg16_bn", "googlenet", "resnet50", "plain20", "mobilenet_v2", "densenet121"],
)
def test_stages_hold_every_parameter_once(arch) -> None:
    net = meta(arch)
    held = [p for name, _ in stages(net) for p in net.get_submodule(name).parameters()]
    auxiliary = [p for name, p in net.named_parameters() if name.startswith("aux")]
    assert len(held) == len({id(p) for p in held})
    assert {id(p) for p in held} == {id(p) for p in net.parameters()} - {id(p) for p in auxiliary}


def test_stages_go_from_input_to_output() -> None:
    assert [name for name, _ in stages(meta("resnet18"))] == [
        "conv1", "bn1", "layer1.0", "layer1.1", "layer2.0", "layer2.1", "layer3.0", "layer3.1",
        "layer4.0", "layer4.1", "fc",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "arch", ["vgg11_bn", "googlenet", "resnet18", "mobilenet_v2", "densenet121", "spatial"]
)
def test_stages_run_in_the_order_in_which_they_are_listed(arch) -> None:
    net = meta(arch).eval()
    ran: list[str] = []
    for name, stage in stages(net):
        stage.register_forward_hook(lambda *_, name=name: ran.append(name))
    net(torch.zeros(1, 3, 224, 224, device="meta"))
    assert ran == [name for name, _ in stages(net)]


def test_the_last_stages_do_not_count_norms() -> None:
    net = meta("vgg11_bn")
    assert [name for name, _ in last_stages(net, 4)] == [
        "features.25", "features.26", "classifier.0", "classifier.3", "classifier.6",
    ]  # fmt: skip
    assert last_stages(net, 0) == []
    with pytest.raises(ValueError, match="has 11 stages; the last 12 were asked for"):
        last_stages(net, 12)


def test_grad_cam_needs_nothing_but_the_last_map() -> None:
    """The gradient of a logit by the last feature map, whatever the architecture."""
    for arch in ("lenet5", "googlenet", "resnet20", "simple"):
        net = build(arch, channels=1, size=(16, 16), classes=3).eval()
        images = torch.rand(2, 1, 16, 16)
        last = net.feature_maps(images)[-1]
        logits = net.classify(last)
        assert torch.equal(logits, net(images))
        (gradient,) = torch.autograd.grad(logits[:, 1].sum(), last)
        assert gradient.shape == last.shape
        assert gradient.any()


def test_a_network_without_linear_layers_has_no_head() -> None:
    with pytest.raises(ValueError, match="Sequential has no linear layer"):
        head_name(nn.Sequential(nn.ReLU()))
