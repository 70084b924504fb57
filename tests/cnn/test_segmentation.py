"""A network classifies each pixel: training, resuming, and options that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows
from PIL import Image

import lab
from lab.nn import class_weights
from lab_cnn.model import build

SEGMENT = {"task": "segment", "data_args": {"side": 16, "channels": 3}}


@pytest.fixture
def segment(train):
    def run(name: str | None = None, **options) -> lab.RunResult:
        return train(name, **{**SEGMENT, **options})

    return run


def test_it_learns_what_each_pixel_shows(segment) -> None:
    result = segment(budget=2_000, eval_every=500, lr=1e-2)
    test = result.summary["test"]
    assert test["test/miou"] > 0.8
    assert test["test/pixel_accuracy"] > 0.9
    assert result.objective > 0.8
    assert test["test/n"] == 24


@pytest.mark.parametrize(
    ("fcn", "arch", "aux"),
    [
        ("fcn32s", "simple", "auto"),
        ("fcn16s", "simple", "auto"),
        ("fcn8s", "simple", "auto"),
        ("fcn16s", "lenet5", "auto"),
        ("fcn8s", "resnet20", "auto"),
        ("dilated", "resnet18", "auto"),
        ("dilated", "resnet18", "on"),
    ],
)
def test_every_variant_trains(segment, fcn, arch, aux) -> None:
    result = segment(fcn=fcn, arch=arch, aux=aux, budget=16, eval_every=16)
    assert 0 <= result.summary["test"]["test/miou"] <= 1


def test_what_was_stopped_ends_as_if_it_had_not_been(segment) -> None:
    """With 84 examples for training, 160 is within the second epoch."""
    options = {"eval_every": 80, "class_weights": "balanced", "clip_norm": 1.0}
    uninterrupted = segment("whole", budget=320, **options)
    part = segment("part", budget=160, **options)
    resumed = lab.resume(part.dir, budget=320)
    ours, theirs = (last_state(run.dir)["experiment"] for run in (resumed, uninterrupted))
    assert difference(ours, theirs) is None
    assert rows(resumed.dir)[-1] == rows(uninterrupted.dir)[-1]


def test_masks_are_drawn_over_the_pictures_in_their_colors(segment) -> None:
    result = segment(media=True, budget=16)
    names = {path.name.partition("-")[2] for path in (result.dir / "media").iterdir()}
    drawn = {"segmentation.png", "filters.png", "feature_maps.png", "kernels.png"}
    assert names == {*drawn, "learning_curve.png"}
    picture = np.asarray(Image.open(next((result.dir / "media").glob("*segmentation*"))))
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 50


def test_pixels_that_a_shift_uncovers_count_for_nothing(segment) -> None:
    """A loss and an accuracy that are those of the pixels that are left, computed by hand."""
    run = segment(augment={"shift": 4}, budget=16)
    made = lab.load(run.dir)
    supervision, network = made.supervision, made.net.eval()
    batch = supervision.next()
    counted = batch["targets"] >= 0
    assert not counted.all()
    with torch.no_grad():
        loss, accuracy = supervision.loss(network, batch)
        logits = network(batch["inputs"]).movedim(1, -1)[counted]
    targets = batch["targets"][counted]
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, targets))
    torch.testing.assert_close(accuracy, (logits.argmax(1) == targets).float().mean())


def test_balanced_weights_give_each_class_of_pixels_the_same_say(segment) -> None:
    result = segment(class_weights="balanced", budget=16)
    supervision = lab.load(result.dir).supervision
    targets = supervision.data.train.targets.long()
    weights = supervision.criterion.class_weights
    assert torch.equal(weights, class_weights(targets, 4))
    totals = weights * torch.bincount(targets.flatten(), minlength=4)
    assert torch.allclose(totals, totals[0].expand(4))
    assert weights.max() > 1.5 * weights.min()


def test_the_probabilities_of_each_pixel_sum_to_one(segment) -> None:
    experiment = lab.load(segment(budget=16).dir)
    probabilities = experiment.predict(experiment.example(2))
    assert probabilities.shape == (2, 4, 16, 16)
    assert probabilities.sum(1) == pytest.approx(1, abs=1e-5)


def test_the_auxiliary_head_of_a_dilated_resnet_counts_by_half(segment) -> None:
    result = segment(fcn="dilated", arch="resnet18", aux="on", budget=16)
    experiment = lab.load(result.dir)
    images, masks = torch.rand(4, 3, 16, 16), torch.randint(4, (4, 16, 16))
    experiment.net.train()
    torch.manual_seed(0)
    value, _ = experiment.loss(experiment.net, {"inputs": images, "targets": masks})
    torch.manual_seed(0)
    main, aux = (torch.nn.functional.cross_entropy(out, masks) for out in experiment.net(images))
    assert torch.allclose(value, main + 0.5 * aux)


def test_the_bilinear_layer_never_learns(segment) -> None:
    result = segment(budget=64, lr=0.1)
    net = lab.load(result.dir, "last").net
    assert torch.equal(net.last.weight, type(net.last)(4, 2).weight)
    assert net.scores[0].weight.any()


# -- somebody's weights


def test_it_begins_with_the_features_of_a_classifier(segment, train) -> None:
    classifier = train("classifier", data_args={"side": 16, "channels": 3}, width=0.25)
    result = segment(init_from="classifier", transfer="new-head", budget=64, lr=0.1)
    net, origin = lab.load(result.dir, "last").net, lab.load(classifier.dir).net
    backbone = net.backbone.state_dict()
    assert all(torch.equal(backbone[name], origin.state_dict()[name]) for name in backbone)
    assert net.scores[0].weight.any()
    assert not net.last.weight.requires_grad


def test_it_begins_with_another_segmentation(segment, tmp_path) -> None:
    first = segment("first", budget=64, lr=0.01)
    again = segment("again", init_from="first", lr=1e-12, budget=16)
    for name, value in lab.load(first.dir).net.named_parameters():
        assert torch.allclose(lab.load(again.dir).net.get_parameter(name), value, atol=1e-9)
    data_args = {"side": 16, "channels": 3, "kinds": 2}
    fewer = segment("fewer", init_from="first", data_args=data_args, lr=1e-12, budget=16)
    assert lab.load(fewer.dir).net.scores[0].out_channels == 3


def test_published_names_of_a_dilated_network_load_without_its_auxiliary_head(
    segment, tmp_path
) -> None:
    from lab_cnn.model import build_fcn

    net = build_fcn("dilated", "resnet18", channels=3, size=(16, 16), classes=21, aux=True)
    torch.save(net.state_dict(), tmp_path / "fcn.pth")
    backbone = build("resnet18", channels=3, size=(16, 16), classes=1000)
    torch.save(backbone.state_dict(), tmp_path / "backbone.pth")
    for file in ("fcn.pth", "backbone.pth"):
        result = segment(
            fcn="dilated",
            arch="resnet18",
            init_from=str(tmp_path / file),
            transfer="new-head",
            budget=16,
        )
        own = torch.load(tmp_path / file, weights_only=True)
        prefix = "backbone." if file == "fcn.pth" else ""
        for name, value in lab.load(result.dir).net.backbone.state_dict().items():
            assert torch.equal(value, own[prefix + name])


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "flat", "data_args": {}}, "--task segment: flat is to classify"),
        ({"arch": "lenet5"}, "reads 3 feature maps of different strides; the backbone has 2"),
        ({"fcn": "dilated"}, "can be dilated, not simple"),
        ({"fcn": "dilated", "arch": "resnet20"}, "can be dilated, not resnet20"),
        ({"arch": "resnet18", "aux": "on"}, "has no --aux"),
        ({"arch": "googlenet", "aux": "on"}, "fcn8s has no auxiliary head; only dilated has"),
        ({"dropout": 0.5}, "--dropout is for classifiers"),
        ({"augment": {"mixup": 0.5}}, "mixes classes"),
    ],
)
def test_what_cannot_be_segmented_is_a_plain_message(segment, options, message) -> None:
    with pytest.raises(lab.LabError) as error:
        segment(**options)
    assert message in str(error.value)
    assert len(str(error.value).splitlines()) <= 2


def test_a_source_without_masks_by_default_says_so(train) -> None:
    with pytest.raises(lab.UsageError, match="rows is table data to classify"):
        train(data="rows")


def test_transfers_for_classifiers_and_predictions_are_refused(segment, cli, tmp_path) -> None:
    first = segment("first", budget=16)
    for transfer in ("last-2", "append-head"):
        with pytest.raises(lab.UsageError, match="a segmentation has all and new-head"):
            segment(init_from="first", transfer=transfer)
    Image.new("RGB", (16, 16)).save(tmp_path / "black.png")
    result = cli("predict", first.dir, tmp_path / "black.png")
    assert result.exit_code == 2
    assert "A segmentation answers with a picture" in result.output
