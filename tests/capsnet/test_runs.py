"""Runs: what is learned, drawn, sampled, predicted and exported; what the loss is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import lab

pytestmark = pytest.mark.xdist_group("capsnet")


def test_a_tiny_run_learns_and_draws(trained: Path) -> None:
    run = lab.Run(trained)
    assert run.summary["objective"]["best"] > 0.8
    assert run.summary["test"]["test/accuracy"] > 0.8
    rows = [row for row in run.metrics() if "eval/loss" in row]
    assert rows[-1]["eval/loss"] < 0.25 * rows[0]["eval/loss"]
    names = {path.stem.partition("-")[2] for path in (trained / "media").iterdir()}
    assert names == {
        "capsule_dimensions", "confusion", "learning_curve", "reconstructions", "routing",
    }  # fmt: skip
    for path in (trained / "media").iterdir():
        assert min(Image.open(path).size) >= 500, path.name


def test_the_training_loss_is_the_margin_and_the_weighted_error_of_pixels(trained: Path) -> None:
    loaded = lab.load(trained)
    batch = loaded.task.info.prepare(loaded.task.data.train.first(20))
    loss, logged = loaded.task.loss(loaded.net, batch)
    pixels = loaded.task.data.train.first(20)["inputs"].float() / 255
    true = torch.nn.functional.one_hot(batch["targets"], 10).float()
    again = loaded.net(batch["inputs"], true).reconstruction
    error = (again - pixels).square().sum((1, 2, 3)).mean()
    torch.testing.assert_close(logged["reconstruction"], error.detach())
    weight = loaded.config.reconstruction
    torch.testing.assert_close(loss, logged["margin_loss"] + weight * error)


def test_probabilities_are_lengths_over_their_sum(trained: Path) -> None:
    loaded = lab.load(trained)
    images = loaded.example(6)
    capsules, _ = loaded.net.capsules(loaded.task.info.prepare_inputs(images))
    lengths = capsules.detach().norm(dim=-1).numpy()
    expected = lengths / lengths.sum(1, keepdims=True)
    np.testing.assert_allclose(loaded.predict(images), expected, atol=1e-4)


def test_samples_are_of_a_class_and_of_all_in_turn(trained: Path) -> None:
    turns, threes = lab.sample(trained, n=20), lab.sample(trained, n=20, class_="3")
    assert turns.shape == threes.shape == (20, 1, 8, 8)
    assert threes.min() >= 0
    assert threes.max() <= 1
    train = lab.load(trained).task.data.train
    means = np.stack([train.inputs[train.targets == k].float().mean(0) / 255 for k in range(10)])
    nearest = [
        int(np.square(means - sample).sum((1, 2, 3)).argmin()) for sample in (*threes, *turns)
    ]
    assert np.mean(np.array(nearest[:20]) == 3) > 0.7
    assert np.mean(np.array(nearest[20:]) == np.arange(20) % 10) > 0.5


def test_samples_have_the_mean_and_covariance_of_the_capsules() -> None:
    from lab_capsnet.sampling import normal

    capsules = torch.randn(60, 4) @ torch.randn(4, 4) + torch.arange(4.0)
    drawn = normal(capsules, 200_000, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), capsules.mean(0), atol=0.05, rtol=0.05)
    torch.testing.assert_close(drawn.T.cov(), capsules.T.cov(), atol=0.1, rtol=0.05)


def test_perturbed_capsules_are_a_picture(trained: Path, cli) -> None:
    result = cli("sample", trained, "--class", "3", "--perturb", "--out", "changed.png")
    assert result.exit_code == 0, result.output
    assert min(Image.open("changed.png").size) >= 500


def test_perturbing_changes_the_dimension_that_is_named(trained: Path) -> None:
    """The middle column is the capsule as it is; the others are not."""
    from lab_capsnet import pictures

    loaded = lab.load(trained)
    with torch.no_grad():
        figure = pictures.perturbations(loaded.net, loaded.example(1), loaded.task.info)
        again = loaded.net.reconstruct(loaded.task.info.prepare_inputs(loaded.example(1)))
    tiles = [image.get_array()[..., 0] for image in figure.axes[0].images]
    columns = 1 + len(pictures.CHANGES)
    assert len(tiles) == 8 * columns
    middle = 1 + pictures.CHANGES.index(0.0)
    for row in range(8):
        np.testing.assert_allclose(tiles[row * columns + middle], again[0, 0], atol=1e-5)
        assert not np.allclose(tiles[row * columns + 1], again[0, 0], atol=1e-3)
    firsts = [tiles[row * columns + 1] for row in range(8)]
    assert not any(np.allclose(firsts[0], other, atol=1e-3) for other in firsts[1:])


@pytest.mark.parametrize(
    "options",
    [
        {"reconstruction": 0.0},
        {"detach_routing": True, "routings": 2},
        {"routings": 1},
        {"augment": {"mixup": 0.2}},
        {"layer_stats": True},
        {"grad_accum_steps": 2, "ema": 0.9},
    ],
    ids=str,
)
def test_options_train_and_resume(train, options) -> None:
    result = train(**options)
    longer = lab.resume(result.dir, budget=384)
    assert longer.summary["clock"]["value"] == 384


def test_without_a_decoder_nothing_is_reconstructed_or_sampled(train) -> None:
    result = train(reconstruction=0.0, media=True)
    assert "test/reconstruction" not in result.summary["test"]
    names = {path.stem.partition("-")[2] for path in (result.dir / "media").iterdir()}
    assert names == {"confusion", "learning_curve", "routing"}
    with pytest.raises(lab.UsageError, match="no decoder"):
        lab.sample(result.dir, n=2)


def test_weights_that_learn_nothing_are_told_once_and_what_to_do(train) -> None:
    result = train(init_scale=1e-6, lr=1e-12, budget=1_700, eval_every=1_700)
    lines = [
        line for line in (result.dir / "log.txt").read_text().splitlines() if "did not move" in line
    ]
    assert len(lines) == 1
    assert "--init-scale" in lines[0]


def test_usual_weights_are_not_warned_of(trained: Path) -> None:
    log = trained / "log.txt"
    assert not log.exists() or "did not move" not in log.read_text()


def test_the_warning_comes_once_where_a_run_is_cut_before_it(train) -> None:
    options = {"init_scale": 1e-6, "lr": 1e-12, "eval_every": 1_000}
    result = train(**options, budget=1_000)
    lab.resume(result.dir, budget=3_000)
    assert (result.dir / "log.txt").read_text().count("did not move") == 1
