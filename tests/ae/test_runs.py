"""Runs improve, go on exactly from anywhere, and measure what they say."""

from __future__ import annotations

import sys

import helpers
import numpy as np
import pytest
import torch
from PIL import Image

import lab
from lab.capabilities import Sample
from lab.engine import checkpoint

VARIANTS = {
    "denoising": {"noise": "masking", "tied": True},
    "contractive": {"contractive": 0.1, "activation": "tanh"},
    "sparse": {"code_activation": "sigmoid", "sparsity": 0.1, "l1": 0.01, "ema": 0.9},
    "convolutions": {"arch": "cnn", "norm": True},
    "variational": {"kind": "vae", "binarize": "drawn", "kl_warmup_fraction": 0.5},
    "gaussian": {"kind": "vae", "loss": "mse", "learn_sigma": True, "ema": 0.9},
    "conditional": {"kind": "vae", "conditional": True},
    "running means": {"kind": "vq", "entries": 16},
    "gradient codebook": {"kind": "vq", "entries": 16, "codebook": "gradient"},
    "in parts": {"kind": "vq", "grad_accum_steps": 3},
}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_a_run_goes_on_exactly(train, variant) -> None:
    uninterrupted = train("whole", **variant)
    state = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    with pytest.raises(lab.RunFailed):
        train("cut", checkpoint_every=64, terminal=helpers.stopping_at(224), **variant)
    resumed = lab.resume(uninterrupted.dir.parent / "cut")
    resumed_state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
    assert helpers.difference(state, resumed_state) is None
    assert helpers.rows(uninterrupted.dir) == helpers.rows(resumed.dir)


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
def test_every_kind_learns(train, variant) -> None:
    """By the error of reconstructions that no corruption, chance or penalty is part of."""
    result = train(**variant, lr=5e-3, budget=3_200, eval_every=3_200)
    before, after = helpers.column(result.dir, "eval/reconstruction")
    assert after < 0.9 * before
    assert all(np.isfinite(v) for row in helpers.rows(result.dir) for v in row.values())


@pytest.mark.parametrize("kind", ["ae", "vae", "vq"])
def test_half_precision_learns_the_same(train, kind) -> None:
    options = {"kind": kind, "lr": 3e-3, "budget": 1_600, "eval_every": 1_600}
    full, half = (
        helpers.column(train(precision=precision, **options).dir, "eval/reconstruction")[-1]
        for precision in ("fp32", "bf16")
    )
    assert half == pytest.approx(full, rel=0.05)


@pytest.mark.parametrize(
    ("options", "objective"),
    [
        ({}, "eval/reconstruction"),
        ({"kind": "vae"}, "eval/elbo"),
        ({"kind": "vq"}, "eval/reconstruction"),
    ],
)
def test_every_kind_selects_by_its_objective(train, options, objective) -> None:
    result = train(**options)
    assert result.summary["objective"]["metric"] == objective
    assert helpers.column(result.dir, objective)


def test_the_bound_is_unweighted_whatever_the_weight_in_training(train) -> None:
    """What is reported, again by hand: with beta of 50 and a warm-up, it counts the divergence
    once."""
    result = train(kind="vae", beta=50.0, kl_warmup_fraction=1.0, iwae=512, lr=1e-2, hidden=())
    network = lab.load(result.dir, checkpoint="last")
    x = torch.cat([network.examples.inputs(b) for b in network.examples.batches("test")])
    with torch.no_grad():
        mean, logvar = network.net.posterior(x)
        kl = 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(1).mean().item()
        likely = []
        for _ in range(200):
            p = network.net.decode(mean + torch.randn_like(mean) * (0.5 * logvar).exp()).sigmoid()
            likely.append((x * p.log() + (1 - x) * (1 - p).log()).flatten(1).sum(1).mean().item())
    test = result.summary["test"]
    assert test["test/kl"] == pytest.approx(kl, rel=1e-4)
    assert test["test/elbo"] == pytest.approx(np.mean(likely) - kl, abs=0.02)
    assert test["test/iwae"] > test["test/elbo"]


def test_errors_and_codes_are_measured_beside_principal_components(train) -> None:
    from sklearn.decomposition import PCA

    result = train(probes=True, latent_dim=6)
    network = lab.load(result.dir, checkpoint="last")
    seen, held_out = (
        torch.cat([network.examples.inputs(b).flatten(1) for b in network.examples.batches(split)])
        for split in ("train", "test")
    )
    pca = PCA(6).fit(seen.numpy())
    again = pca.inverse_transform(pca.transform(held_out.numpy()))
    truth = ((again - held_out.numpy()) ** 2).sum(1).mean()
    test = result.summary["test"]
    assert test["test/pca_reconstruction"] == pytest.approx(truth, rel=1e-4)
    with torch.no_grad():
        missed = network.net(held_out.view(-1, 1, 8, 8)).outputs.flatten(1) - held_out
    truth = missed.square().sum(1).mean().item()
    assert test["test/reconstruction"] == pytest.approx(truth, rel=1e-4)
    assert test["test/reconstruction_low"] < test["test/reconstruction"]
    assert test["test/n"] == len(held_out)
    assert test["test/pca_knn_accuracy"] > 0.8
    assert test["test/knn_accuracy"] > 0.3
    assert "test/linear_accuracy" in test


def test_samples_can_be_measured_by_their_features(train) -> None:
    result = train(kind="vae", fid=100, eval_every=640)
    assert (
        helpers.column(result.dir, "eval/fid")[-1] > helpers.column(result.dir, "eval/fid_real")[-1]
    )


def test_tables_are_learned_and_sampled(train) -> None:
    for kind in ("ae", "vae", "vq"):
        result = train(data="wine", kind=kind, latent_dim=4, budget=2_000, eval_every=1_000)
        table = lab.load(result.dir).sample_command(Sample(n=5))
        assert len(table.rows) == 5
        assert len(table.columns) == 13
    with pytest.raises(lab.UsageError, match="wine is a table"):
        lab.load(result.dir).sample_command(Sample(traverse=True))


def test_targets_that_are_values_are_probed(train) -> None:
    result = train(data="diabetes", probes=True)
    assert "test/linear_r2" in result.summary["test"]
    assert "test/pca_knn_r2" in result.summary["test"]


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({}, {"reconstructions", "codes", "filters"}),
        ({"arch": "cnn"}, {"reconstructions", "codes"}),
        (
            {"kind": "vae", "conditional": True},
            {"reconstructions", "codes", "filters", "samples", "samples_and_nearest"},
        ),
        ({"data": "wine"}, {"codes"}),
    ],
)
def test_pictures_are_drawn(train, options, names) -> None:
    result = train(media=True, **options)
    drawn = {path.stem.partition("-")[2] for path in (result.dir / "media").iterdir()}
    assert drawn == {*names, "learning_curve"}


def test_samples_over_time_are_of_the_same_codes(train) -> None:
    """At rate 0 the network stays, so that the pictures must."""
    result = train(kind="vae", media=True, lr=1e-12)
    paths = sorted((result.dir / "media").glob("*samples.*"))
    assert len(paths) == 3  # at 0, 320 and 640
    first, *later = (np.asarray(Image.open(path))[40:] for path in paths)  # below the title
    assert all(np.abs(first.astype(int) - image).max() <= 1 for image in later)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["vae", "vq"])
def test_killed_at_any_moment_it_ends_as_if_nothing_had_happened(train, tmp_path, kind) -> None:
    options = {"kind": kind, "iwae": 4} if kind == "vae" else {"kind": kind}
    uninterrupted = train("whole", checkpoint_every=320, budget=3_200, **options)
    expected = checkpoint.load(uninterrupted.dir / "checkpoints" / "last.pt")["experiment"]
    for at in (500, 1_700, 2_900):
        code = (
            "import lab, os, signal\n"
            "from lab.tracking.terminal import Silent\n"
            "class Killer(Silent):\n"
            "    def tick(self, clock):\n"
            f"        if clock >= {at}: os.kill(os.getpid(), signal.SIGKILL)\n"
            "lab.run('ae', preset='none', data='digits', batch=32, budget=3_200, hidden=(24,),\n"
            "        eval_every=320, probes=False, wandb='disabled', media=False,\n"
            f"        checkpoint_every=320, runs_dir={str(tmp_path / 'runs')!r},\n"
            f"        name='killed{at}', terminal=Killer(), **{options!r})\n"
        )
        command, env = [sys.executable, "-c", code], helpers.child_environment()
        done = helpers.run_child(command, tmp_path, env, warm=True)
        assert done.returncode == -9, done.stderr[-500:]
        resumed = lab.resume(tmp_path / "runs" / f"killed{at}")
        state = checkpoint.load(resumed.dir / "checkpoints" / "last.pt")["experiment"]
        assert helpers.difference(expected, state) is None
