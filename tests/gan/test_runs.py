"""Runs improve, go on exactly from anywhere, and give what a person asks them for."""

from __future__ import annotations

import json
from typing import Any

import helpers
import numpy as np
import pytest
from helpers import noting

import lab
from lab.capabilities import Predict, Sample
from lab.engine import checkpoint

DIGITS = {"data": "digits", "arch": "mlp"}
IMAGES = {"data": "digits", "width": 4}
VARIANTS: dict[str, dict[str, Any]] = {
    "non-saturating": {},
    "minimax, by sgd": {"loss": "minimax", "optimizer": "sgd", "momentum": 0.5},
    "least squares, packed": {"loss": "lsgan", "packing": 2},
    "clipped critic": {"loss": "wgan", "optimizer": "rmsprop", "budget": 1_280},
    "gradient penalty": {"loss": "wgan-gp", "budget": 1_280},
    "hinge, by class": {"loss": "hinge", "conditional": "projection"},
    "lazy penalties": {"loss": "relativistic", "reg_interval": 3},
    "classes joined": {"conditional": "concat", "d_lr": 1e-3, "schedule": "cosine"},
    "auxiliary classes": {"conditional": "auxiliary", "grad_accum_steps": 2},
    "few labels": {"n_labeled_per_class": 5},
    "codes": {"info_categorical": 4, "info_continuous": 1, "clip_norm": 1.0},
    "convolutions": {**IMAGES, "norm": "batch", "diffaug": ("color", "translation", "cutout")},
    "waves": {"data": "waves", "data_args": {"n": 300, "steps": 12}, "width": 8, "r1": 0.1},
    "sentences": {"data": "sentences", "data_args": {"n": 300}, "width": 8},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_run_goes_on_exactly(train, variant) -> None:
    uninterrupted = train("whole", **variant)
    state = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    with pytest.raises(lab.RunFailed):
        train("cut", checkpoint_every=160, terminal=helpers.stopping_at(400), **variant)
    resumed = lab.resume(uninterrupted.dir.parent / "cut")
    resumed_state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
    assert helpers.difference(state, resumed_state) is None
    assert helpers.rows(uninterrupted.dir) == helpers.rows(resumed.dir)


def test_points_find_the_ring(train) -> None:
    result = train(preset="tiny", data_args={"n": 2_000}, hidden=(64, 64), latent_dim=2, lr=2e-3,
                   batch_size=128, budget=96_000, ema=0.99, eval_every=48_000,
                   eval_samples=500)  # fmt: skip
    test = result.summary["test"]
    assert test["test/modes"] >= 7
    assert test["test/high_quality"] > 0.2  # uniform noise in the square: 0.01
    assert test["test/healthy"] == 1
    assert result.summary["objective"]["metric"] == "eval/distance"
    assert helpers.column(result.dir, "eval/distance")[-1] < 0.8


def test_metrics_are_what_the_spec_declares(train) -> None:
    from lab.plugins import discover

    spec = discover().experiment("gan")
    for options in ({}, {"n_labeled_per_class": 5}, {"info_categorical": 4}, VARIANTS["sentences"]):
        for row in helpers.rows(train(**options).dir):
            assert [n for n in row if "/" in n and not spec.declares(n) and "perf" not in n] == []


def test_the_discriminators_outputs_are_logged(train) -> None:
    result = train(log_every=64)
    for name in ("d_real", "d_fake", "d_accuracy"):
        values = helpers.column(result.dir, f"train/{name}")
        assert values
        assert all(0 <= value <= 1 for value in values)
    assert helpers.column(result.dir, "train/penalty") == []
    assert helpers.column(train(r1=1.0).dir, "train/penalty")
    assert helpers.column(train(loss="wgan", budget=1_280).dir, "train/d_accuracy") == []


def test_it_stops_where_it_can_no_longer_be_told_apart(train) -> None:
    """What a discriminator with four units can tell is soon learned."""
    result = train(
        data_args={"n": 6_000}, hidden=(4,), lr=1e-2, batch_size=64, budget=200_000, ema=None,
        eval_every=6_400, stop_at="indistinguishable", eval_samples=100,
    )  # fmt: skip
    assert result.summary["ended"] == "eval/indistinguishable>=1"


# -- what a trained network offers


def test_samples_of_images_are_pictures(train) -> None:
    gan = lab.load(train(**DIGITS, conditional="concat").dir)
    side = 4 * 8  # of a digit on the screen
    assert gan.sample_command(Sample(n=20)).shape == (2 * (side + 2) - 2, 10 * (side + 2) - 2, 3)
    assert gan.sample_command(Sample(n=4, class_="3")).dtype == np.uint8
    for way in ("interpolate", "traverse"):
        options: dict[str, Any] = {"n": 24, way: True}
        lines = gan.sample_command(Sample(**options))
        assert lines.shape == (3 * (side + 2) - 2, 8 * (side + 2) - 2, 3)
    with pytest.raises(lab.UsageError, match="no class 'x'; there is: 0, 1"):
        gan.sample_command(Sample(class_="x"))


def test_an_interpolation_begins_and_ends_at_samples_of_one_class(train) -> None:
    import torch

    gan = lab.load(train(**DIGITS, conditional="concat").dir)
    seen: list[Any] = []
    gan.players.generate = noting(gan.players.generate, seen.append)
    gan.sample_command(Sample(n=16, interpolate=True))
    rows = seen[0].view(2, 8, -1)
    classes = rows[:, :, gan.players.codes.noise :]
    assert torch.equal(classes, classes[:, :1].expand_as(classes))
    noise = rows[:, :, : gan.players.codes.noise]
    assert not torch.equal(noise[:, 0], noise[:, -1])
    lengths = noise.norm(dim=2)
    between = torch.minimum(lengths[:, 0], lengths[:, -1])
    assert (
        lengths[:, 3:5] > 0.9 * between[:, None]
    ).all()  # a straight way goes through the middle


def test_classes_that_were_not_told_cannot_be_asked_for(train) -> None:
    with pytest.raises(lab.UsageError, match="--conditional"):
        lab.load(train().dir).sample_command(Sample(class_="3"))


def test_samples_of_points_are_rows_and_of_sentences_words(train) -> None:
    table = lab.load(train().dir).sample_command(Sample(n=5))
    assert (len(table.rows), len(table.columns)) == (5, 2)
    text = lab.load(train(**VARIANTS["sentences"]).dir).sample_command(Sample(n=5))
    assert text.count("\n") == 4  # a sentence may be empty
    with pytest.raises(lab.UsageError, match="draw images; ring has none"):
        lab.load(train().dir).sample_command(Sample(interpolate=True))


def test_the_command_draws_what_the_run_learned(train, cli) -> None:
    result = train(**DIGITS, conditional="concat")
    drawn = cli("sample", result.dir, "-n", 20, "--class", "3", "--out", result.dir / "three.png")
    assert drawn.exit_code == 0, drawn.stderr
    assert (result.dir / "three.png").is_file()
    file = result.dir / "summary.json"
    for below in (file / "three.png", file / "samples" / "three.png"):
        wrong = cli("sample", result.dir, "--out", below)
        assert wrong.exit_code == 2
        assert f"--out {below}: {file} is a file, not a folder" in wrong.stderr
    wrong = cli("sample", result.dir, "--traverse", "--interpolate")
    assert "exclude each other" in wrong.stderr


def test_few_labels_teach_to_name_classes(train) -> None:
    result = train(
        **DIGITS, n_labeled_per_class=10, hidden=(64,), lr=1e-3, budget=32_000, eval_every=32_000
    )
    assert result.summary["objective"]["metric"] == "eval/accuracy"
    assert result.summary["test"]["test/accuracy"] > 0.6  # by chance 0.1
    gan = lab.load(result.dir)
    probabilities = gan.predict(gan.example(3))
    assert probabilities.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_lab_predict_names_classes_of_files_as_predict_does(train, cli, tmp_path) -> None:
    rows = [f"{x},{'ab'[x % 2]},{'no' if x < 150 else 'yes'}" for x in range(300)]
    rows[7] = ",b,no"  # a number is missing
    (tmp_path / "few.csv").write_text("\n".join(["x,kind,target", *rows]))
    options = {"data": f"csv:{tmp_path / 'few.csv'}", "data_args": {}, "n_labeled_per_class": 10}
    result = train("it", **options, batch_size=16, budget=320)
    said = cli("predict", result.dir, "3,a", "x=,kind=c", tmp_path / "few.csv", "--json")
    assert said.exit_code == 0, said.output
    answers = json.loads(said.stdout)
    assert [row["input"] for row in answers][:3] == ["3,a", "x=,kind=c", f"{tmp_path}/few.csv:0"]
    inputs = np.array([[3, 0], [np.nan, -1], *([x, x % 2] for x in range(300))])
    inputs[2 + 7, 0] = np.nan
    gan = lab.load(result.dir)
    found = [[row["classes"][name] for name in gan.info.classes] for row in answers]
    np.testing.assert_allclose(found, gan.predict(inputs), atol=1e-5)


def test_a_family_without_an_export_says_what_it_can(train, cli) -> None:
    refused = cli("export", train("it").dir)
    assert refused.exit_code == 2
    assert "gan" in refused.stderr
    assert "export" in refused.stderr


def test_a_discriminator_that_names_no_class_says_so(train) -> None:
    gan = lab.load(train().dir)
    assert gan.predict(gan.example(3)).shape == (3, 1)
    with pytest.raises(lab.UsageError, match="--n-labeled-per-class"):
        gan.predict_command(Predict(inputs=("1,2",)))


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"samples"}),
        (DIGITS, {"samples", "samples_and_nearest"}),
        (VARIANTS["waves"], {"samples"}),
        (VARIANTS["sentences"], {"samples"}),
    ],
)
def test_samples_are_shown(train, options, names) -> None:
    result = train(media=True, **options)
    drawn = {path.stem.partition("-")[2] for path in (result.dir / "media").iterdir()}
    assert drawn == {*names, "learning_curve"}


def test_pictures_begin_at_the_same_noise(train) -> None:
    """Two evaluations of one generator draw the same samples."""
    gan = lab.load(train().dir)
    from lab.engine.evaluation import evaluate

    seen: list[Any] = []
    gan.players.generate = noting(gan.players.generate, seen.append)
    evaluate(gan, gan.ctx, "eval", "eval")
    first = seen[0]
    seen.clear()
    evaluate(gan, gan.ctx, "eval", "eval")
    assert (first == seen[0]).all()


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 10.0, "budget": 6_400}, "a rate of 10 is too large|train/[dg]_loss"),
        ({"lr": 1e-3, "d_lr": 1e4, "loss": "wgan-gp", "budget": 6_400}, "rate of 10000|_loss"),
    ],
)
def test_what_diverges_ends_with_its_cause(train, options, message) -> None:
    with pytest.raises(lab.RunFailed, match=message):
        train(**options)


def test_examples_that_are_all_the_same_are_refused(train, same_everywhere) -> None:
    with pytest.raises(lab.RunFailed, match="all 28 training examples are the same"):
        train(data="same", arch="mlp")
