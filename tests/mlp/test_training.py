"""What training offers: values, averages, mixtures, weights, patience, pictures, exact resume."""

from __future__ import annotations

import copy
import random
import subprocess
import sys
import time

import helpers
import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows, summary

import lab
from lab.tracking.terminal import Silent

EVERYTHING = {
    "data": "spirals",
    "data_args": {"n": 600},
    "hidden": (16,),
    "batch_size": 48,
    "budget": 2_000,
    "eval_every": 500,
    "checkpoint_every": 130,
    "ema": 0.9,
    "grad_accum_steps": 3,
    "augment": {"noise": 0.1, "mixup": 0.2},
    "label_smoothing": 0.05,
    "class_weights": "balanced",
    "schedule": "one-cycle",
    "clip_norm": 1.0,
    "dropout": 0.1,
    "norm": True,
    "patience": 50,
    "layer_stats": True,
}


class Stopper(Silent):
    """A terminal that fails training when the clock gets to `at`."""

    def __init__(self, at: int) -> None:
        self.at = at

    def tick(self, clock: int) -> None:
        if clock >= self.at:
            raise RuntimeError("ended here")


def test_values_are_predicted_better_than_by_their_mean(train) -> None:
    result = train("diabetes", hidden=(32,), budget=12_000, lr=3e-3, weight_decay=0.01)
    metrics = result.summary["test"]
    assert metrics["test/r2"] > 0.3
    assert metrics["test/mse_low"] < metrics["test/mse"] < metrics["test/mse_high"]
    loaded = lab.load(result.dir)
    values = loaded.predict(loaded.example(20))
    assert 50 < values.mean() < 300  # in their own unit
    constant = loaded.supervision.data.test.targets.var(correction=0)
    assert metrics["test/mse"] < 0.75 * constant


def test_digits_are_read(train) -> None:
    result = train("digits", budget=15_000, lr=3e-3, schedule="one-cycle", batch_size=32)
    assert result.summary["test"]["test/accuracy"] > 0.93


def test_spirals_are_parted(train) -> None:
    result = train("spirals", hidden=(64, 64), lr=1e-2, budget=30_000, eval_every=10_000)
    assert result.summary["test"]["test/accuracy"] > 0.95


def test_the_averaged_weights_are_measured_and_kept(train) -> None:
    result = train(ema=0.95, budget=1_000, lr=1e-2, hidden=(8,), eval_every=1_000)
    state = last_state(result.dir)["experiment"]
    assert difference(state["model"], state["weights"]) is not None
    loaded = lab.load(result.dir, "last")
    assert difference(dict(loaded.net.state_dict()), state["model"]) is None
    again = lab.evaluate(result.dir, "last", split="eval")
    last = [row for row in rows(result.dir) if "eval/loss" in row][-1]
    assert again["eval/loss"] == pytest.approx(last["eval/loss"], rel=1e-6)


def test_figures_and_predictions_come_of_the_averaged_weights(train) -> None:
    """Again by hand, with the averages in a network that knows no others."""
    from lab_mlp.model import build

    result = train(ema=0.95, budget=1_000, lr=1e-2, hidden=(8,), eval_every=1_000)
    state = last_state(result.dir)["experiment"]
    experiment = lab.load(result.dir, "last")
    experiment.load_state_dict(state)  # what trains on is other weights
    supervision = experiment.supervision
    net = build(experiment.config, supervision.info).eval()
    net.load_state_dict(state["model"])
    part = supervision.data.eval
    with torch.no_grad():
        logits = net(supervision.info.prepare_inputs(part.inputs))
    probabilities = logits.softmax(1).numpy()
    np.testing.assert_allclose(experiment.predict(part.inputs), probabilities, atol=1e-6)
    loss = torch.nn.functional.cross_entropy(logits, part.targets)
    assert helpers.column(result.dir, "eval/loss")[-1] == pytest.approx(loss.item(), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [{"label_smoothing": 0.2}, {"augment": {"mixup": 0.4}}, {"class_weights": "balanced"},
     {"grad_accum_steps": 4, "batch_size": 30}],
)  # fmt: skip
def test_an_option_of_the_loss_trains_otherwise_and_well(train, options) -> None:
    common = {"hidden": (16,), "budget": 4_000, "lr": 1e-2, "data": "wine", "eval_every": 4_000}
    plain = train(**common, batch_size=options.get("batch_size", 64))
    changed = train(**common, **options)
    assert changed.summary["test"]["test/accuracy"] > 0.85
    a, b = (last_state(run.dir)["experiment"]["model"] for run in (plain, changed))
    if "grad_accum_steps" in options:  # the same, but for the order of sums
        assert all(torch.allclose(a[name], b[name], atol=1e-3) for name in a)
    elif "class_weights" not in options:  # wine's classes are uneven, so these differ too
        assert difference(a, b) is not None
    assert rows(changed.dir)[0]["eval/loss"] == pytest.approx(rows(plain.dir)[0]["eval/loss"])


def test_balanced_weights_find_a_rare_class(tmp_path, train) -> None:
    """Of 300 points ten are rare, and the two classes overlap: unweighted, none is worth it."""
    rng = np.random.default_rng(0)
    lines = ["x,kind"]
    lines += [f"{rng.normal()},common" for _ in range(380)]
    lines += [f"{rng.normal(1.0)},rare" for _ in range(20)]
    (tmp_path / "uneven.csv").write_text("\n".join(lines))
    pytest.importorskip("pyarrow")
    probabilities = {}
    for weights in ("none", "balanced"):
        result = train(
            f"csv:{tmp_path / 'uneven.csv'}", hidden=(), budget=6_000, lr=0.05,
            class_weights=weights, eval_every=6_000, name=weights,
        )  # fmt: skip
        loaded = lab.load(result.dir, "last")
        probabilities[weights] = loaded.predict(torch.tensor([[1.5]]))[0, 1]
    assert probabilities["none"] < 0.3 < probabilities["balanced"]


def test_patience_ends_a_run_as_complete(train) -> None:
    result = train(patience=2, budget=50_000, lr=0.05, hidden=(16,), eval_every=50_000)
    assert result.state == "finished"
    assert result.summary["ended"] == "complete"
    assert result.summary["clock"]["value"] < 50_000
    with pytest.raises(lab.UsageError, match="is finished"):
        lab.resume(result.dir)


def test_what_patience_ended_stays_ended_in_its_checkpoint(train) -> None:
    result = train(patience=2, budget=50_000, lr=0.05, hidden=(16,), eval_every=50_000)
    experiment = lab.load(result.dir, "last")
    experiment.load_state_dict(last_state(result.dir)["experiment"])
    assert experiment.step() == 0


def test_without_a_gain_patience_counts_epochs(train) -> None:
    """A rate so small that nothing is ever gained: the first epoch, and `patience` more."""
    result = train(patience=3, budget=50_000, lr=1e-12, batch_size=21, eval_every=50_000)
    size = len(lab.load(result.dir).supervision.data.train)
    assert result.summary["clock"]["value"] == pytest.approx(4 * size, abs=21)


def test_a_boundary_is_drawn_and_animated(train) -> None:
    from PIL import Image
    from PIL.GifImagePlugin import GifImageFile

    options = {**EVERYTHING, "media": True}
    result = train(**options)
    media = result.dir / "media"
    assert len(list(media.glob("*-boundary.png"))) == 5  # at each evaluation
    (film,) = media.glob("*-boundary_in_training.gif")
    with Image.open(film) as image:
        assert image.size == (720, 756)  # six times as wide, under a title
        assert isinstance(image, GifImageFile)
        assert image.n_frames > 20
    assert train(**{**options, "boundary": False}).state == "finished"


def test_a_picture_needs_two_columns_and_classes(train) -> None:
    for data, options in (("iris", {}), ("diabetes", {}), ("spirals", {"max_resident_mb": 0})):
        result = train(data, budget=64, hidden=(4,), media=True, **options)
        drawn = list((result.dir / "media").glob("*boundary.png"))
        assert bool(drawn) == (data == "spirals")


def test_the_picture_shows_the_answer_of_each_place() -> None:
    """Left of 0 is class 0 and right of it class 1; above and below are the same."""
    from lab_mlp.boundary import SIDE, draw

    info = lab.DatasetInfo("p", "table", "classify", (2,), ("a", "b"), 2, (0.0, 0.0), (1.0, 1.0))
    points = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    picture = draw(
        lambda x: torch.stack([(x[:, 0] <= 0).float(), (x[:, 0] > 0).float()], 1),
        info, points, torch.tensor([0, 1]),
    )  # fmt: skip
    assert picture.shape == (SIDE, SIDE, 3)
    middle = picture[SIDE // 2]
    assert middle[10, 2] > middle[10, 0]  # blue
    assert middle[-10, 0] > middle[-10, 2]  # vermilion
    lower, upper = picture[SIDE * 3 // 4 :, : SIDE // 2], picture[: SIDE // 4, SIDE // 2 :]
    assert lower.min() < 130  # the first point is low and left, the second high and right
    assert upper.min() < 130
    assert picture[: SIDE // 4, : SIDE // 2].min() > 100


# -- resume


@pytest.mark.parametrize("at", [400, 1_100, 1_990])
def test_interrupted_in_an_epoch_and_resumed_it_is_the_same(train, tmp_path, at) -> None:
    """Weights, averages, order, augmentation, patience, frames: to the bit."""
    uninterrupted = train(name="whole", **EVERYTHING)
    with pytest.raises(lab.RunFailed):
        train(name="cut", terminal=Stopper(at), **EVERYTHING)
    resumed = lab.resume(tmp_path / "runs" / "cut")
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None
    assert summary(resumed.dir)["test"] == summary(uninterrupted.dir)["test"]
    state = last_state(uninterrupted.dir)["experiment"]
    assert len(state["frames"]) == 30
    assert {"weights", "averaged", "early", "batches"} <= set(state)


def test_the_perceptron_resumes_too(train, tmp_path) -> None:
    options = {"data": "spirals", "arch": "perceptron", "budget": 900, "checkpoint_every": 130}
    uninterrupted = train(name="whole", **options)
    with pytest.raises(lab.RunFailed):
        train(name="cut", terminal=Stopper(500), **options)
    resumed = lab.resume(tmp_path / "runs" / "cut")
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None


def test_a_model_alone_leaves_the_frames(train) -> None:
    """The test loads the selected weights, and then draws the full animation."""
    loaded = lab.load(train(**EVERYTHING).dir)
    loaded.frames = [np.zeros((2, 2, 3), np.uint8)]
    loaded.load_state_dict({"model": copy.deepcopy(loaded.state_dict()["model"])})
    assert len(loaded.frames) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_and_resumed_it_is_the_same(train, tmp_path, seed) -> None:
    options = {**EVERYTHING, "budget": 12_000, "eval_every": 3_000}
    uninterrupted = train(name="whole", **options)
    words = ["--name", "killed", "--wandb", "disabled", "--no-media", "--quiet"]
    for name, value in options.items():
        option = f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        elif isinstance(value, dict):
            words += [option, ",".join(f"{k}={v}" for k, v in value.items())]
        elif isinstance(value, tuple):
            words += [option, ",".join(map(str, value))]
        else:
            words += [option, str(value)]
    folder = tmp_path / "runs" / "killed"
    child = subprocess.Popen(
        [sys.executable, "-m", "lab", "run", "mlp", *words],
        cwd=tmp_path, env=helpers.child_environment(), stderr=subprocess.DEVNULL,
    )  # fmt: skip
    end = time.monotonic() + helpers.LONG
    while len(list((folder / "checkpoints").glob("[0-9]*.pt"))) < 2:
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(0.005)
    time.sleep(random.Random(seed).uniform(0, 1))
    child.kill()
    child.wait()
    resumed = lab.resume(folder)
    assert rows(resumed.dir) == rows(uninterrupted.dir)
    assert difference(last_state(resumed.dir), last_state(uninterrupted.dir)) is None
