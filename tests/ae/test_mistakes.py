"""What cannot be learned, or fits no network, is refused by a line that names the cause."""

from __future__ import annotations

import numpy as np
import pytest

import lab


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": 10.0, "budget": 3_200}, "--lr 10 is too large"),
        ({"kind": "vae", "lr": 10.0, "budget": 3_200}, "--lr 10 is too large"),
        ({"data": "wine", "loss": "bce"}, "take --loss mse"),
        ({"data": "wine", "kind": "vae", "binarize": "drawn"}, "wine has none"),
        ({"data": "wine", "arch": "cnn"}, "--arch cnn is for images"),
        ({"data": "diabetes", "kind": "vae", "conditional": True}, "diabetes has none"),
        ({"kind": "vae", "learn_sigma": True}, "need gaussian outputs: --loss mse"),
        ({"data": "sentences"}, "of kind tokens; autoencoders learn from images"),
        ({"data": "moving-shapes", "data_args": {"n": 100}}, "moving-shapes is of kind video"),
        ({"data": "same"}, "training examples are the same"),
        ({"data": "broken"}, "column 1 is nan.*--skip-bad"),
        ({"data": "lone"}, "lone"),
    ],
)
def test_what_cannot_be_learned_says_why(train, odd_sources, options, message) -> None:
    with pytest.raises((lab.RunFailed, lab.UsageError), match=message):
        train(**options)


def test_pixels_that_never_vary_do_no_harm(train, odd_sources) -> None:
    for options in ({}, {"kind": "vae", "binarize": "drawn"}, {"kind": "vq"}, {"arch": "cnn"}):
        result = train(data="constant", **options)
        assert np.isfinite(result.summary["test"]["test/reconstruction"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hidden": (0,)}, "one unit or more"),
        ({"beta": 2.0}, "--kind ae has no --beta"),
        ({"kind": "vae", "tied": True}, "--kind vae has no --tied"),
        ({"kind": "vq", "noise": "masking"}, "--kind vq has no --noise"),
        ({"kind": "vae", "entries": 8}, "--kind vae has no --entries"),
        ({"arch": "cnn", "hidden": (8,)}, "--arch cnn has no --hidden"),
        ({"width": 8}, "--arch mlp has no --width"),
        ({"hidden": (), "activation": "tanh"}, "there is no --activation"),
        ({"norm": True, "batch_size": 1}, "two examples or more"),
        ({"noise_level": 0.5}, "without --noise there is no --noise-level"),
        ({"noise": "masking", "noise_level": 1.0}, "masks everything"),
        ({"sparsity_cost": 2.0}, "without --sparsity there is no"),
        ({"sparsity": 0.1}, "needs --code-activation sigmoid"),
        ({"contractive": 0.1, "norm": True}, "--norm mixes them"),
        ({"kind": "vae", "loss": "bce", "sigma": 0.1}, "--loss bce has no --sigma"),
        ({"kind": "vae", "learn_sigma": True, "sigma": 0.1}, "finds by itself the --sigma"),
        ({"kind": "vae", "binarize": "drawn", "loss": "mse"}, "which --loss bce is for"),
        ({"kind": "vq", "latent_dim": 7}, "cannot be divided into 4 --tokens"),
        ({"kind": "vq", "ema": 0.9}, "--ema averages"),
    ],
)
def test_options_that_do_not_fit_are_refused(train, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        train(**options)
