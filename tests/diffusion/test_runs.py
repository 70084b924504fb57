"""Runs improve, go on exactly from anywhere, and give what a person asks them for."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import helpers
import numpy as np
import pytest
import torch

import lab
from lab.engine import checkpoint
from lab_diffusion import checks
from lab_diffusion.config import Sample

BY_CLASS = {"conditional": True, "guidance": 2.0}
VARIANTS: dict[str, dict[str, Any]] = {
    "v": {},
    "linear, by chance": {"prediction": "epsilon", "noise_schedule": "linear", "eta": 1.0},
    "few steps of noise": {"timesteps": 5, "steps": 5, "grad_accum_steps": 2},
    "flow": {"method": "flow", "ema": None, "schedule": "cosine"},
    "flow by class": {"method": "flow", "solver": "heun", "steps": 2, **BY_CLASS},
    "digits by class": {"data": "digits", **BY_CLASS, "budget": 96, "eval_every": 64},
    "digits, mlp": {"data": "digits", "arch": "mlp", "clip_norm": 1.0},
    "waves": {"data": "waves", "method": "flow"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_run_goes_on_exactly(train, variant) -> None:
    uninterrupted = train("whole", **variant)
    state = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    cut = helpers.stopping_at(variant.get("budget", 320) * 2 // 3)
    with pytest.raises(lab.RunFailed):
        train("cut", checkpoint_every=64, terminal=cut, **variant)
    resumed = lab.resume(uninterrupted.dir.parent / "cut")
    resumed_state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
    assert helpers.difference(state, resumed_state) is None
    assert helpers.rows(uninterrupted.dir) == helpers.rows(resumed.dir)


@pytest.mark.parametrize("method", ["ddpm", "flow"])
def test_points_find_the_ring(train, method) -> None:
    result = train(
        method=method, hidden=(64, 64), lr=4e-3,
        batch_size=128, schedule="cosine", budget=64_000, eval_every=64_000, ema=0.99, steps=20,
        eval_samples=500,
    )  # fmt: skip
    test = result.summary["test"]
    assert test["test/modes"] == 8
    assert test["test/high_quality"] > 0.5  # uniform noise in the square: 0.14
    assert result.summary["objective"]["metric"] == "eval/distance"
    assert helpers.column(result.dir, "eval/distance")[-1] < 0.8


def test_metrics_are_what_the_spec_declares(train) -> None:
    from lab.plugins import discover

    spec = discover().experiment("diffusion")
    for options in ({}, BY_CLASS, {"data": "waves"}):
        for row in helpers.rows(train(**options).dir):
            assert [n for n in row if "/" in n and not spec.declares(n) and "perf" not in n] == []


# -- samples


def test_averaged_weights_are_those_that_sample(train) -> None:
    result = train(lr=1e-2, ema=0.9, budget=3_200, eval_every=3_200)
    state = checkpoint.load(result.dir / "checkpoints" / "last.pt")["experiment"]
    averages = state["model"]
    assert any(not torch.equal(averages[name], own) for name, own in state["weights"].items())
    run = lab.load(result.dir, checkpoint="last")
    drawn = _drawn(run)
    run.load_state_dict({"model": averages})
    assert np.array_equal(_drawn(run), drawn)
    run.load_state_dict({"model": state["weights"]})
    assert not np.array_equal(_drawn(run), drawn)


def _drawn(run) -> Any:
    run.ctx.generator.manual_seed(0)
    return run.sample(5)


def test_samples_are_in_the_units_of_the_source(train) -> None:
    images = lab.load(train(data="digits").dir).sample(3)
    assert images.shape == (3, 1, 8, 8)
    assert images.min() >= 0
    assert images.max() <= 1
    assert lab.load(train(data="waves").dir).sample(3).shape == (3, 12, 1)
    points = lab.load(train().dir)
    assert np.abs(points.sample(50)).max() <= 2.6  # the ring has radius 2
    assert points.sampler.bound() == pytest.approx(
        float(points.info.prepare_inputs(points.data.train.inputs).abs().max())
    )


def test_a_guided_sample_is_of_the_class_that_is_asked_for(train) -> None:
    result = train(
            hidden=(64, 64), lr=3e-3, batch_size=128, budget=48_000,
            eval_every=48_000, ema=0.99, steps=20, conditional=True, eval_samples=200,
        )  # fmt: skip
    run = lab.load(result.dir)
    assert lab.evaluate(result.dir)["test/agreement"] > 0.8
    name, other = run.info.classes[0], run.info.classes[4]
    places = [run.sample(40, class_=n, guidance=2.0).mean(0) for n in (name, other)]
    assert np.linalg.norm(places[0] - places[1]) > 3.2  # opposite modes are 4 apart
    spread = [run.sample(200, class_=name, guidance=g).std(0).max() for g in (0.0, 1.0)]
    assert spread[0] > 2 * spread[1]  # asked for no class, all come


def test_classes_are_withheld_in_training_alone(train) -> None:
    run = lab.load(train(conditional=True, label_dropout=0.5).dir)
    batch = run.data.train.first(200)
    assert torch.equal(run.noised(batch)["classes"], batch["targets"].long())
    withheld = run.noised(batch, run.config.label_dropout)["classes"] == 8
    assert 60 < int(withheld.sum()) < 140


def test_the_command_draws_what_the_run_learned(train, cli) -> None:
    result = train(data="digits", conditional=True)
    drawings: list[list[Any]] = [
        ["-n", 20], ["-n", 4, "--class", "3", "--guidance", 3, "--steps", 2, "--eta", 0.5],
        ["-n", 16, "--interpolate"], ["-n", 2, "--denoising"],
    ]  # fmt: skip
    for number, words in enumerate(drawings):
        file = result.dir / f"{number}.png"
        drawn = cli("sample", result.dir, *words, "--out", file)
        assert drawn.exit_code == 0, drawn.stderr
        assert file.is_file()
    for options, message in (
        (["--solver", "heun"], "--solver is not for a run of --method ddpm"),
        (["--steps", 2_000], "--steps 2000 are more than the 1000 --timesteps"),
        (["--class", "ten"], "no class 'ten'; there is: 0, 1"),
        (["--interpolate", "--denoising"], "exclude each other"),
        (["--interpolate", "--eta", 1], "--eta 0"),
    ):
        wrong = cli("sample", result.dir, *options)
        assert wrong.exit_code == 2
        assert message in wrong.stderr


def test_examples_that_are_all_alike_have_no_diversity(tmp_path) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 3))
    rows[60:80], rows[80:] = 0.0, 1.0
    place = np.arange(100) // 20
    result = lab.run(
        "diffusion",
        data=lab.Dataset(rows, eval=place == 3, test=place == 4),
        preset="none",
        budget=100,
        eval_samples=20,
        steps=2,
        hidden=(8,),
        runs_dir=tmp_path,
        wandb="disabled",
        media=False,
    )
    assert result.state == "finished"
    assert "test/diversity" not in result.summary["test"]


def test_what_was_not_learned_cannot_be_asked_for(train) -> None:
    points = lab.load(train(method="flow").dir)
    for options, message in (
        ({"class_": "3"}, "--conditional"), ({"guidance": 2.0}, "--conditional"),
        ({"eta": 1.0}, "--eta is not for a run of --method flow"),
    ):  # fmt: skip
        with pytest.raises(lab.UsageError, match=message):
            points.sample(2, **options)
    with pytest.raises(lab.UsageError, match="draws images; ring has none"):
        points.sample_command(Sample(interpolate=True))
    table = points.sample_command(Sample(n=5))
    assert (len(table.rows), len(table.columns)) == (5, 2)
    always = lab.load(train(conditional=True, label_dropout=0.0).dir)
    with pytest.raises(lab.UsageError, match="--label-dropout above 0"):
        always.sample(2, guidance=2.0)


def test_an_interpolation_begins_and_ends_at_samples(train) -> None:
    run = lab.load(train(data="digits").dir)
    seen: list[Any] = []
    decode = run.sampler.from_noise

    def noting(noise, classes, how):
        seen.append((noise, decode(noise, classes, how)))
        return seen[-1][1]

    run.sampler.from_noise = noting
    run.sample_command(Sample(n=16, interpolate=True))
    noise, drawn = seen[0]
    assert noise.shape == (16, 1, 8, 8)
    alone = decode(noise[[0, 7]], None, run.sampler.how())
    assert torch.allclose(alone, drawn[[0, 7]], atol=1e-5)
    lengths = noise.flatten(1).norm(dim=1).view(2, 8)  # a straight way goes through the middle
    assert (lengths[:, 3:5] > 0.9 * torch.minimum(lengths[:, 0], lengths[:, 7])[:, None]).all()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"samples", "denoising", "loss_by_time"}),
        ({"data": "digits"}, {"samples", "samples_and_nearest", "denoising", "loss_by_time"}),
        ({"data": "waves"}, {"samples", "denoising", "loss_by_time"}),
    ],
)
def test_samples_and_their_ways_are_shown(train, options, names) -> None:
    result = train(media=True, **options)
    drawn = {path.stem.partition("-")[2] for path in (result.dir / "media").iterdir()}
    assert drawn == {*names, "learning_curve"}


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "heun"}, "--solver is for --method flow"),
        ({"method": "flow", "prediction": "epsilon"}, "--prediction is for --method ddpm"),
        ({"guidance": 2.0}, "--guidance is for classes: --conditional"),
        ({"conditional": True, "guidance": 2.0, "label_dropout": 0.0}, "--label-dropout above 0"),
        ({"steps": 20, "timesteps": 10}, "--steps 20 are more than the 10"),
        ({"hidden": ()}, "--hidden: one layer or more"),
        ({"arch": "unet"}, "--arch unet cannot make ring; leave it to mlp"),
        ({"data": "digits", "patch": 9}, "--patch 9 is larger than digits: 8 x 8"),
        ({"width": 8}, "--width does nothing for ring, which mlp makes"),
        ({"data": "waves", "heads": 3}, "--heads 3 do not divide --width 8"),
    ],
)
def test_options_that_do_not_fit_are_refused(train, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        train(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "sentences"}, "sentences is tokens data; noise is added to numbers"),
        ({"data": "diabetes", "conditional": True}, "needs a class for each example; diabetes"),
    ],
)
def test_data_that_do_not_fit_are_refused(tmp_path, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        lab.run("diffusion", runs_dir=tmp_path, wandb="disabled", budget=32, **options)


def test_too_few_examples_are_refused_before_anything_is_learned(tmp_path) -> None:
    rows, place = np.random.default_rng(0).normal(size=(60, 3)), np.arange(60)
    data = lab.Dataset(rows, eval=(place >= 30) & (place < 50), test=place >= 50)
    with pytest.raises(lab.RunFailed, match="10 examples to test are too few: 6 and 12"):
        lab.run("diffusion", data=data, preset="none", runs_dir=tmp_path, wandb="disabled")
    (folder,) = (path for path in tmp_path.iterdir() if path.is_dir() and path.name != ".cache")
    assert helpers.rows(folder) == []


def test_sequences_of_different_lengths_are_refused(train, tmp_path) -> None:
    """What comes from a wheel that may not be there is put in its place."""
    data = lab.load(train(data="waves").dir).data
    checks.examples(data, 40)
    ragged = torch.ones(len(data.train), 12, dtype=torch.bool)
    uneven: Any = copy.copy(data)
    uneven.train = replace(data.train, mask=ragged)
    with pytest.raises(lab.UsageError, match="its sequences differ in length"):
        checks.examples(uneven, 40)


def test_what_diverges_ends_with_its_cause(train) -> None:
    with pytest.raises(lab.RunFailed, match="--lr 50 is too large|train/loss"):
        train(lr=50.0, budget=3_200, eval_every=1_600)


def test_a_source_picks_its_preset_and_another_network_none() -> None:
    from lab.plugins import discover
    from lab.resolve import resolve

    spec = discover().experiment("diffusion")
    chosen: Any = resolve(spec, {"data": "digits", "method": "flow"}).config
    assert (chosen.width, chosen.blocks, chosen.steps) == (16, 1, 50)
    other: Any = resolve(spec, {"data": "digits", "arch": "mlp"}).config
    assert other.width == 32
