"""A network of one's own trains, is drawn, resumes, predicts and is exported like any other."""

from __future__ import annotations

import sys

import pytest
from PIL import Image
from torch import nn

import lab

NET = """
import torch
from torch import nn


class Own(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(channels, 8, 3, padding=1), nn.ReLU(inplace=True), nn.MaxPool2d(2)
        )
        self.head = nn.Linear(8 * (size[0] // 2) * (size[1] // 2), classes)

    def forward(self, images):
        return self.head(self.body(images).flatten(1))


class Plain(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.linear = nn.Linear(channels * size[0] * size[1], classes)

    def forward(self, images):
        return self.linear(images.flatten(1))


class Wrong(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.linear = nn.Linear(5, classes)

    def forward(self, images):
        return self.linear(images.flatten(1))


class Pixels(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.score = nn.Conv2d(channels, classes, 3, padding=1)

    def forward(self, images):
        return self.score(images)
"""


class Flat(nn.Sequential):
    def __init__(self, channels: int, size: tuple[int, int], classes: int) -> None:
        super().__init__(nn.Flatten(), nn.Linear(channels * size[0] * size[1], classes))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_file.py"
    path.write_text(NET)
    before = list(sys.path)
    yield path
    sys.modules.pop("my_file", None)
    sys.path[:] = before


@pytest.mark.parametrize(
    ("name", "drawn"),
    [("Own", {"filters", "kernels", "feature_maps", "grad_cam", "confusion"}),
     ("Plain", {"confusion"})],
)  # fmt: skip
def test_it_trains_and_is_drawn_as_far_as_it_goes(train, file, name, drawn) -> None:
    result = train(model=f"{file}:{name}", media=True, budget=1_000, eval_every=500, lr=0.01)
    assert result.objective > 0.8
    names = {p.stem.partition("-")[2] for p in (result.dir / "media").iterdir()}
    assert names == {*drawn, "learning_curve"}


@pytest.mark.parametrize("option", ["a file's", "a class"])
def test_the_run_and_its_group_carry_its_name(train, file, option) -> None:
    model = f"{file}:Plain" if option == "a file's" else Flat
    name = "Plain" if option == "a file's" else "Flat"
    result = train(model=model)
    assert result.dir.name.startswith(f"cnn-{name}-bars-s0-")
    assert result.summary["target"] == f"{name}-bars"
    assert result.summary["group"].startswith(f"cnn-{name}-bars-")


def test_it_segments(train, file) -> None:
    result = train(
        model=f"{file}:Pixels", task="segment", budget=1_000, eval_every=500, lr=0.01, media=True
    )
    assert result.objective > 0.3  # 0.17 without learning; 3 x 3 pixels do not tell more
    names = {p.stem.partition("-")[2] for p in (result.dir / "media").iterdir()}
    assert "segmentation" in names


def test_it_begins_with_weights_and_keeps_its_features(train, file) -> None:
    train("first", model=f"{file}:Own")
    second = train("second", model=f"{file}:Own", init_from="first", transfer="new-head")
    net = lab.load(second.dir).net
    assert [name for name, p in net.named_parameters() if p.requires_grad] == [
        "head.weight",
        "head.bias",
    ]


def test_it_is_listed_predicts_and_is_exported(train, file, cli, tmp_path) -> None:
    listed = cli("model", "cnn", "--model", f"{file}:Own", "--shape", "3,8,8", "--outputs", 4)
    assert listed.exit_code == 0, listed.output
    assert "parameters     740" in listed.output  # 3*8*9 + 8 + 128*4 + 4
    result = train(model=f"{file}:Own")
    Image.new("L", (8, 8)).save(tmp_path / "black.png")
    completed = cli("predict", result.dir, tmp_path / "black.png")
    assert completed.exit_code == 0, completed.output
    assert "bar" in completed.output
    assert cli("export", result.dir).exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model": "nowhere.py:Net"}, "There is no file"),
        ({"model": "my_file.py:Ow"}, "Did you mean 'Own'?"),
        ({"model": "my_file.py:Own", "width": 0.5}, "it has no --width"),
        ({"model": "my_file.py:Own", "aux": "on"}, "it has no --aux"),
    ],
)
def test_mistakes_are_plain_messages(train, file, monkeypatch, options, message) -> None:
    monkeypatch.chdir(file.parent)
    with pytest.raises(lab.UsageError) as error:
        train(**options)
    assert message in str(error.value)


def test_a_network_that_does_not_take_the_pictures_says_where(train, file, cli) -> None:
    with pytest.raises(lab.UsageError, match="my_file.py:Wrong fails at inputs .*multiplied"):
        train(model=f"{file}:Wrong")
    completed = cli("model", "cnn", "--model", f"{file}:Wrong", "--shape", "1,8,8", "--outputs", 3)
    assert completed.exit_code == 2
    assert "my_file.py:Wrong fails at inputs [2, 1, 8, 8]" in completed.output
