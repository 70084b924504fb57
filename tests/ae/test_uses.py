"""Trained networks draw samples, predict codes and errors, and are exported."""

from __future__ import annotations

import re
from typing import Any, Literal

import pytest
import torch
from PIL import Image

import lab
from lab.capabilities import Predict, Sample
from lab_ae.config import Export


@pytest.mark.parametrize("kind", ["ae", "vae", "vq"])
def test_samples_are_pictures(train, kind) -> None:
    network = lab.load(train(kind=kind).dir)
    assert network.sample_command(Sample(n=9)).shape == (3 * 34 - 2, 3 * 34 - 2, 3)
    assert network.sample_command(Sample(n=16, interpolate=True)).shape == (
        2 * 34 - 2,
        8 * 34 - 2,
        3,
    )
    assert network.sample_command(Sample(traverse=True)).shape == (8 * 34 - 2, 8 * 34 - 2, 3)
    with pytest.raises(lab.UsageError, match="--kind vae --conditional"):
        network.sample_command(Sample(class_="3"))


def test_a_class_can_be_asked_of_a_conditional_network(train) -> None:
    """The pixels of a class's samples are like those of its examples, not like another's."""
    network = lab.load(train(kind="vae", conditional=True, lr=3e-3, budget=12_800).dir)
    train_split = network.data.train
    x, y = train_split.inputs.float().flatten(1) / 255, train_split.targets
    for label in (0, 1, 6):
        drawn = network.sampler.generate(50, label).flatten(1).mean(0)
        apart = torch.stack([(x[y == k].mean(0) - drawn).norm() for k in range(10)])
        assert int(apart.argmin()) == label
    assert network.sample_command(Sample(n=20)).shape == (2 * 34 - 2, 10 * 34 - 2, 3)
    with pytest.raises(lab.UsageError, match="no class 'x'"):
        network.sample_command(Sample(class_="x"))
    predicted = network.likeliest(x[:200].view(-1, 1, 8, 8))
    assert (predicted == y[:200]).float().mean() > 0.6


@pytest.mark.parametrize("options", [{}, {"kind": "vae", "conditional": True}, {"kind": "vq"}])
def test_predictions_are_codes_and_errors(train, tmp_path, options) -> None:
    network = lab.load(train(**options).dir)
    pixels = network.example(1)[0, 0].numpy()
    Image.fromarray(pixels).save(tmp_path / "one.png")
    (row,) = network.predict_command(Predict(inputs=(str(tmp_path / "one.png"),)))
    x = torch.from_numpy(pixels).float().view(1, 1, 8, 8) / 255
    classes = network.likeliest(x)
    with torch.no_grad():
        truth = (network.net.reconstruct(x, classes) - x).square().sum().item()
    assert row["reconstruction_error"] == pytest.approx(truth, rel=1e-4)
    assert row["code"] == pytest.approx(network.predict(network.example(1))[0].tolist(), abs=1e-5)
    assert ("class" in row) == ("conditional" in options)


def test_the_command_line_names_code_error_and_class(train, cli) -> None:
    train("it", data="wine", kind="vae", conditional=True, latent_dim=2)
    result = cli("predict", "it", ",".join(["1"] * 13))
    assert result.exit_code == 0, result.output
    head, row = result.output.splitlines()
    assert head.split() == ["input", "code", "reconstruction_error", "class"]
    number = r"-?[\d.e+-]+"
    assert re.fullmatch(rf"[1,]+ +{number}, {number} +{number} +class_\d *", row)


@pytest.mark.parametrize(
    "options", [{"tied": True}, {"kind": "vae"}, {"kind": "vq"}, {"arch": "cnn", "norm": True}]
)
@pytest.mark.parametrize("to", ["safetensors", "torchexport"])
def test_encoders_and_whole_networks_are_exported(train, tmp_path, options, to) -> None:
    network = lab.load(train(**options).dir)
    pixels = torch.randint(256, (5, 1, 8, 8), dtype=torch.uint8)
    x = pixels / 255
    with torch.no_grad():
        code, whole = network.net.encode(x), network.net.reconstruct(x)
    parts: tuple[tuple[Literal["encoder", "whole"], Any], ...]
    parts = (("encoder", code), ("whole", whole))
    for part, truth in parts:
        path = network.export_command(Export(to=to, part=part, out=tmp_path / f"{part}.{to}"))
        if to == "torchexport":
            answer = torch.export.load(path).module()(pixels)
            assert torch.allclose(answer, truth, atol=1e-5)
    assert (tmp_path / f"encoder.{to}").stat().st_size < (tmp_path / f"whole.{to}").stat().st_size
