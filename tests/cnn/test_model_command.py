"""`lab model` shows any experiment's network without training it and without its memory."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

IMAGENET = ("--shape", "3,224,224", "--outputs", 1000)


@pytest.fixture
def show(cli):
    def call(*words: object) -> dict[str, Any]:
        result = cli("model", *words, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    return call


@pytest.mark.parametrize(
    ("arch", "parameters", "millions"),
    [
        ("mobilenet_v2", 3_504_872, 301),
        ("mobilenet_v1", 4_231_976, 569),
        ("alexnet", 61_100_840, 714),
        ("vgg16", 138_357_544, 15_470),
        ("vgg16_bn", 138_365_992, None),
        ("googlenet", 13_004_888, 1_498),
        ("resnet18", 11_689_512, 1_814),
        ("resnet50", 25_557_032, 4_089),
        ("densenet121", 7_978_856, 2_834),
    ],
)
def test_published_sizes_come_out(show, arch, parameters, millions) -> None:
    summary = show("cnn", "--arch", arch, *IMAGENET)
    assert summary["parameters"] == parameters
    assert summary["parameters"] == sum(row["parameters"] for row in summary["layers"])
    if millions is not None:
        assert round(summary["multiply_adds"] / 1e6) == millions


def test_auxiliary_heads_lenet_and_fcn(show) -> None:
    assert show("cnn", "--arch", "googlenet", "--aux", "off", *IMAGENET)["parameters"] == 6_624_904
    lenet = show("cnn", "--arch", "lenet5", "--shape", "1,28,28", "--outputs", 10)
    assert lenet["parameters"] == 61_706
    fcn = ("--arch", "resnet50", "--fcn", "dilated", "--task", "segment", "--data", "bars")
    sizes = ("--shape", "3,224,224", "--outputs", 21)
    assert show("cnn", *fcn, *sizes)["parameters"] == 32_957_013
    assert show("cnn", *fcn, "--aux", "on", *sizes)["parameters"] == 35_322_218


def test_without_sizes_they_come_from_the_data(show) -> None:
    summary = show("cnn", "--data", "bars", "--data-args", "side=12,channels=3", "--arch", "lenet5")
    assert summary["input_shape"] == [3, 12, 12]
    assert summary["outputs"] == 3
    assert summary["layers"][0] == {
        "name": "features.0",
        "type": "Conv2d",
        "output_shape": [6, 12, 12],
        "parameters": 3 * 6 * 25 + 6,
        "multiply_adds": 12 * 12 * 3 * 6 * 25,
    }
    overridden = show("cnn", "--data", "bars", "--arch", "lenet5", "--outputs", 7)
    assert overridden["layers"][-1]["output_shape"] == [7]


def test_sizes_without_data_are_those_of_no_preset(show) -> None:
    """A preset for digits would halve the width of a network that is given by size alone."""
    cifar = ("--shape", "3,32,32", "--outputs", 10)
    assert show("cnn", "--arch", "resnet20", *cifar)["parameters"] == 269_722
    tuned = show("cnn", "--arch", "resnet20", "--preset", "digits-resnet20", *cifar)
    assert tuned["parameters"] < 269_722 / 3
    of_digits = show("cnn", "--arch", "resnet20", "--data", "digits", "--shape", "3,32,32")
    assert of_digits["parameters"] == tuned["parameters"]


def test_perceptrons_are_shown_too(show) -> None:
    summary = show("mlp", "--hidden", "10,5", "--data", "rows")
    assert summary["parameters"] == 4 * 10 + 10 + 10 * 5 + 5 + 5 * 2 + 2
    assert summary["multiply_adds"] == 40 + 50 + 10


def test_a_table_for_people(cli) -> None:
    result = cli("model", "mlp", "--hidden", "10", "--data", "rows")
    assert result.exit_code == 0
    head, *rows = result.output.splitlines()
    assert head.split() == ["layer", "type", "output", "parameters", "multiply-adds"]
    assert rows[1].split() == ["1", "Linear", "10", "50", "40"]
    assert "multiply-adds  60" in result.output


PLUGIN = """
import torch
import lab


@lab.hookimpl
def lab_experiments():
    yield lab.ExperimentSpec(
        name="theirs", summary="s", config="theirs:Config", experiment="theirs:Theirs"
    )
    yield lab.ExperimentSpec(
        name="mute", summary="s", config="theirs:Config", experiment="theirs:Mute"
    )
    yield lab.ExperimentSpec(
        name="steps", summary="s", config="theirs:Learning", experiment="theirs:Steps"
    )


class Config(lab.Config):
    units: int = 3

    objective = property(lambda self: ("eval/error", "min"))
    target = property(lambda self: "line")
    budget = property(lambda self: 20)


class Learning(lab.DataOptions, Config):
    target = lab.DataOptions.target


class Theirs:
    @staticmethod
    def network(config, info):
        return torch.nn.Linear(info.shape[0], config.units * info.outputs)


class Steps:
    @staticmethod
    def network(config, info):
        if info.kind == "tokens":
            return torch.nn.Embedding(len(info.vocabulary), config.units)
        return torch.nn.GRU(info.shape[1], config.units, batch_first=True)


class Mute:
    pass
"""


def test_a_strangers_experiment_takes_part(cli, show, tmp_path) -> None:
    file = tmp_path / "theirs.py"
    file.write_text(PLUGIN)
    before = list(sys.path)
    try:
        summary = show(f"{file}:theirs", "--units", 2, "--shape", 5, "--outputs", 4)
        assert summary["parameters"] == 5 * 8 + 8
        refused = cli("model", f"{file}:mute")
        assert refused.exit_code == 2
        assert "mute does not say what its network is" in refused.output
        words = show(f"{file}:steps", "--units", 2, "--data", "sentences")
        assert (words["input_shape"], words["parameters"]) == ([8], 27 * 2)
        waves = show(f"{file}:steps", "--units", 2, "--data", "waves")
        sizes = show(f"{file}:steps", "--units", 2, "--shape", "32,1", "--outputs", 4)
        assert waves["layers"] == sizes["layers"]
        assert waves["parameters"] == 3 * (2 * 1 + 2 * 2 + 2 + 2)
        refused = cli("model", f"{file}:theirs", "--shape", 5)
        assert "theirs has no --data to tell sizes: give --shape and --outputs" in refused.output
    finally:
        sys.path[:] = before
        sys.modules.pop("theirs", None)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dqn"], "dqn does not say what its network is"),
        (["cnnn"], "There is no experiment 'cnnn'. Did you mean 'cnn'?"),
        (["cnn", "--arch", "lenet6"], "did you mean 'lenet5'?"),
        (["cnn", "--arhc", "lenet5"], "There is no option --arhc. Did you mean '--arch'?"),
        (["cnn", "--data", "bras"], "There is no source 'bras'. Did you mean 'bars'?"),
        (["cnn", "--data", "rows"], "rows is table data to classify"),
        (["cnn", "--data", "waves"], "waves is sequence data to classify"),
        (["cnn", "--data", "sentences"], "sentences is tokens data to classify"),
        (["mlp", "--data", "waves"], "waves is sequence data to classify"),
        (["mlp", "--data", "copy-memory"], "copy-memory is tokens data to classify"),
        (["mlp", "--data", "copy-memory", "--outputs", "9"], "is tokens data to classify"),
        (["mlp", "--shape", "3,4", "--outputs", "9"], "is sequence data to classify"),
        (["cnn", "--data", "bars", "--shape", "3,x"], "write columns, steps,features, or channels"),
        (["cnn", "--data", "bars", "--shape", "1,1,1,1,1"], "write columns, steps,features, or"),
        (["cnn", "--data", "bars", "--shape", "3,0,4"], "write columns, steps,features, or"),
        (["cnn", "--data", "bars", "--outputs", "0"], "0 is not in the range x>=1"),
        (
            ["cnn", "--data", "bars", "--shape", "3,4,4", "--outputs", "2"],
            "lenet5 needs pictures of at least 8 x 8 pixels; these have 4 x 4",
        ),
        (["cnn", "--width", "2", "--data", "bars"], "lenet5 has no --width"),
    ],
)
def test_mistakes_are_plain_lines(cli, words, message) -> None:
    result = cli("model", *words)
    assert result.exit_code == 2
    assert message in " ".join(result.output.split())
    assert "Traceback" not in result.output
