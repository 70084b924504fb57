"""Runs pass through their phases, improve, and go on exactly from anywhere."""

from __future__ import annotations

import sys

import helpers
import numpy as np
import pytest
import torch

import lab
from lab.engine import checkpoint

VARIANTS = {
    "an RBM": {"layers": (16,), "cd_k": 2},
    "persistent chains": {"persistent": True, "sparsity": 0.1, "sample_inputs": True},
    "label units": {"label_units": True},
    "gaussian units": {"visible": "gaussian"},
    "up-down": {"layers": (16, 12, 8), "finetune": "up-down", "label_units": True},
    "classify": {"finetune": "classify"},
    "autoencode": {"finetune": "autoencode"},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_run_goes_on_exactly_from_every_phase(train, variant) -> None:
    uninterrupted = train("whole", **variant)
    state = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    for at in (160, 480, 800):
        with pytest.raises(lab.RunFailed):
            train(f"cut{at}", checkpoint_every=64, terminal=helpers.stopping_at(at), **variant)
        resumed = lab.resume(uninterrupted.dir.parent / f"cut{at}")
        resumed_state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
        assert helpers.difference(state, resumed_state) is None
        assert helpers.rows(uninterrupted.dir) == helpers.rows(resumed.dir)


def test_phases_follow_each_other_by_their_shares(train) -> None:
    result = train(
        layers=(16, 12), finetune="classify", phase_fractions=(1, 2, 3), budget=960, log_every=32
    )
    assert helpers.column(result.dir, "train/phase") == [1.0] * 5 + [2.0] * 10 + [3.0] * 15


def test_a_linear_schedule_falls_to_zero_within_each_phase(train) -> None:
    result = train(lr=0.1, lr_schedule="linear", log_every=32)  # two phases of 15 steps each
    expected = [0.1 * (1 - step / 15) for step in range(15)] * 2
    assert helpers.column(result.dir, "train/lr") == pytest.approx(expected)


def test_nothing_is_best_before_the_last_phase(train) -> None:
    result = train(finetune="classify", budget=960, eval_every=96)
    clocks = [r["clock"] for r in helpers.rows(result.dir) if "eval/accuracy" in r]
    assert min(clocks) > 480
    assert result.summary["objective"]["best_clock"] > 480


@pytest.mark.parametrize(
    ("options", "objective"),
    [
        ({"finetune": "none"}, "eval/log_likelihood"),
        ({"finetune": "none", "ais_temperatures": 0}, "eval/reconstruction"),
        ({"finetune": "up-down"}, "eval/log_likelihood"),
        ({"finetune": "autoencode"}, "eval/reconstruction"),
        ({"finetune": "classify"}, "eval/accuracy"),
    ],
)
def test_every_kind_of_training_selects_by_what_was_asked(train, options, objective) -> None:
    result = train(**options)
    assert result.summary["objective"]["metric"] == objective
    assert helpers.column(result.dir, objective)


def test_a_larger_budget_does_not_repeat_a_phase(train) -> None:
    result = train("longer", finetune="classify", log_every=32)
    longer = lab.resume(result.dir, budget=1_920)
    assert helpers.column(longer.dir, "train/phase")[-10:] == [3.0] * 10


def test_an_rbm_gets_likelier_and_its_figures_agree(train) -> None:
    result = train(
        layers=(10,), lr=0.2, budget=19_200, eval_every=9_600, ais_temperatures=500, ais_chains=200
    )
    likely = helpers.column(result.dir, "eval/log_likelihood")
    assert likely[-1] > likely[0] + 5
    exact = helpers.column(result.dir, "eval/log_likelihood_exact")
    assert likely == pytest.approx(exact, abs=0.6)  # other bits are drawn, other chains
    assert helpers.column(result.dir, "eval/layer_reconstruction") == helpers.column(
        result.dir, "eval/reconstruction"
    )
    test = result.summary["test"]
    low, high = test["test/log_likelihood_low"], test["test/log_likelihood_high"]
    assert low < test["test/log_likelihood"] < high


def test_the_same_net_without_pretraining_has_one_phase(train) -> None:
    result = train(finetune="autoencode", pretrain=False)
    assert set(helpers.column(result.dir, "train/phase")) == {3.0}


def test_a_classifier_begins_at_the_label_units_answers(train) -> None:
    """p(y | h) of the joint RBM is the softmax that backpropagation starts from."""
    result = train(finetune="classify", label_units=True, budget=640)
    net = lab.load(result.dir, checkpoint="last").net
    net.unroll()
    top, hidden = net.top, torch.rand(5, 12)
    labels = top.visible_mean(hidden)[:, top.units :]
    assert torch.allclose(net.unrolled.output(hidden).softmax(1), labels, atol=1e-6)


# -- what a trained network offers


def test_samples_are_a_picture_and_a_class_needs_label_units(train) -> None:
    from lab_dbn.config import Sample

    plain = lab.load(train("plain").dir)
    picture = plain.sample_command(Sample(n=9, steps=3))
    assert picture.dtype == np.uint8
    with pytest.raises(lab.UsageError, match="--label-units"):
        plain.sample_command(Sample(class_="3"))
    joint = lab.load(train("joint", label_units=True).dir)
    assert joint.sample_command(Sample(n=4, steps=3, class_="3")).shape[2] == 3
    with pytest.raises(lab.UsageError, match="no class 'x'"):
        joint.sample_command(Sample(class_="x"))


def test_predictions_are_classes_or_features(train) -> None:
    features = lab.load(train("features").dir)
    assert features.predict(features.example(3)).shape == (3, 12)
    codes = lab.load(train("codes", finetune="autoencode").dir)
    assert codes.predict(codes.example(3)).shape == (3, 12)
    classes = lab.load(train("classes", label_units=True).dir)
    probabilities = classes.predict(classes.example(3))
    assert probabilities.shape == (3, 10)
    assert probabilities.sum(1).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_tables_are_learned_with_gaussian_units(train) -> None:
    from lab_dbn.config import Sample

    result = train(data="wine", layers=(8,), budget=12_000, gaussian_lr=0.03)
    assert "eval/pseudo_likelihood" not in helpers.rows(result.dir)[-2]
    likely = helpers.column(result.dir, "eval/log_likelihood_exact")
    assert likely[-1] > likely[0]
    table = lab.load(result.dir).sample_command(Sample(n=5, steps=3))
    assert len(table.rows) == 5
    assert len(table.columns) == 13


def test_pictures_are_drawn(train) -> None:
    result = train(media=True)
    names = {path.stem.partition("-")[2] for path in (result.dir / "media").iterdir()}
    assert names == {"filters", "learning_curve", "reconstructions", "samples_and_nearest"}


# -- mistakes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 10.0, "budget": 9_600, "eval_every": 3_200}, "every example: --lr 10 is too"),
        (
            {"visible": "gaussian", "gaussian_lr": 10.0, "budget": 9_600},
            "--gaussian-lr 10 is too large",
        ),
        ({"data": "wine", "visible": "bernoulli"}, "--visible gaussian"),
        ({"data": "diabetes", "label_units": True}, "--label-units needs classes"),
        ({"data": "diabetes", "finetune": "classify"}, "--finetune classify needs classes"),
    ],
)
def test_what_cannot_be_learned_says_why(train, options, message) -> None:
    with pytest.raises((lab.RunFailed, lab.UsageError), match=message):
        train(**options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ()}, "one layer or more"),
        ({"layers": (0,)}, "one layer or more"),
        ({"phase_fractions": (1.0,)}, "1 given, for 2 phases"),
        ({"phase_fractions": (1.0, 0.0)}, "more than 0"),
        ({"layers": (8,), "finetune": "up-down"}, "needs two layers"),
        ({"pretrain": False}, "nothing to do"),
    ],
)
def test_options_that_do_not_fit_are_refused(train, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        train(**options)


def test_data_that_never_vary_are_refused(train, same_everywhere) -> None:
    with pytest.raises((lab.RunFailed, lab.UsageError), match="training examples are the same"):
        train(data="same")


def test_pixels_that_never_vary_do_no_harm(train) -> None:
    """Digits have such pixels: the biases of their units must stay finite."""
    net = lab.load(train().dir).net
    assert all(parameter.isfinite().all() for parameter in net.parameters())


@pytest.mark.slow
def test_killed_in_every_phase_it_ends_as_if_nothing_had_happened(train, tmp_path) -> None:
    options = {"finetune": "up-down", "layers": (32, 24, 16), "persistent": True, "budget": 9_600}
    uninterrupted = train("whole", checkpoint_every=320, **options)
    expected = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    for at in (1_000, 2_500, 4_000, 7_000):
        code = (
            "import lab, os, signal\n"
            "from lab.tracking.terminal import Silent\n"
            "class Killer(Silent):\n"
            "    def tick(self, clock):\n"
            f"        if clock >= {at}: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"lab.run('dbn', preset='none', data='digits', batch=32, eval_every=320, ais=20,\n"
            f"        gibbs=5, wandb='disabled', media=False, checkpoint_every=320,\n"
            f"        runs_dir={str(tmp_path / 'runs')!r}, name='killed{at}',\n"
            f"        terminal=Killer(), **{options!r})\n"
        )
        command, env = [sys.executable, "-c", code], helpers.child_environment()
        done = helpers.run_child(command, tmp_path, env, warm=True)
        assert done.returncode == -9, done.stderr[-500:]
        resumed = lab.resume(tmp_path / "runs" / f"killed{at}")
        state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
        assert helpers.difference(expected, state) is None
        assert helpers.rows(uninterrupted.dir) == helpers.rows(resumed.dir)


def test_a_layer_that_has_hardly_begun_to_learn_is_not_called_saturated(train) -> None:
    """Features of a young layer vary little, and the next one's even less."""
    result = train(layers=(16, 12, 8, 8), lr=1e-4, budget=640, eval_every=160)
    assert result.state == "finished"
