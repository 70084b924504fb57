"""A loaded run predicts and samples in arrays, alike in every family."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

import lab

DIGITS, ROWS = (1, 8, 8), (4,)
SHORT = {"budget": 64, "eval_every": 64, "batch_size": 32, "preset": "none"}
RL = {"env": "CartPole-v1", "budget": 64, "eval_episodes": 1, "test_episodes": 1, "preset": "none"}
FAMILIES: dict[str, tuple[str, dict[str, Any], tuple[int, ...]]] = {
    # experiment, options, what an input becomes
    "mlp": ("mlp", {**SHORT, "data": "iris"}, (3,)),
    "mlp, values": ("mlp", {**SHORT, "data": "diabetes"}, (1,)),
    "cnn": ("cnn", {**SHORT, "data": "digits", "arch": "lenet5"}, (10,)),
    "ae": ("ae", {**SHORT, "data": "digits", "latent_dim": 5}, (5,)),
    "conditional vae": (
        "ae",
        {**SHORT, "data": "digits", "latent_dim": 5, "kind": "vae", "conditional": True},
        (5,),
    ),
    "gan": ("gan", {**SHORT, "data": "iris", "eval_samples": 10}, (1,)),
    "gan, classes": (
        "gan",
        {**SHORT, "data": "iris", "eval_samples": 10, "n_labeled_per_class": 3},
        (3,),
    ),
    "diffusion": ("diffusion", {**SHORT, "data": "iris", "eval_samples": 10, "steps": 3}, (1,)),
    "dbn": ("dbn", {**SHORT, "data": "digits", "layers": (6,)}, (6,)),
    "baseline": ("baseline", {"data": "iris", "algo": "logistic"}, (3,)),
    "dqn": ("dqn", RL, ()),
    "pqn": ("pqn", {**RL, "n_steps": 16}, ()),
    "pg": ("pg", {**RL, "n_steps": 16}, ()),
    "sb3": ("sb3", {**RL, "algo": "dqn"}, ()),
}  # fmt: skip
GENERATIVE = ("conditional vae", "gan", "diffusion", "dbn")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return the folder of a short run of a family, trained once."""
    folder, dirs = tmp_path_factory.mktemp("runs"), {}

    def run(family: str) -> Path:
        if family not in dirs:
            experiment, options, _ = FAMILIES[family]
            fixed = {"runs_dir": folder, "wandb": "disabled", "media": False, "threads": 1}
            dirs[family] = lab.run(experiment, **{**fixed, **options}).dir
        return dirs[family]

    return run


@pytest.mark.parametrize("family", FAMILIES)
def test_arrays_tensors_and_lists_are_predicted_alike(trained, family) -> None:
    loaded = lab.load(trained(family))
    inputs = np.asarray(loaded.example(4))
    answers = loaded.predict(inputs)
    assert isinstance(answers, np.ndarray)
    assert answers.shape == (4, *FAMILIES[family][2])
    for form in (torch.from_numpy(inputs), inputs.tolist(), list(inputs)):
        predicted = loaded.predict(form)
        assert isinstance(predicted, np.ndarray)
        np.testing.assert_allclose(predicted, answers, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_inputs_of_another_shape_are_refused_in_words(trained, family) -> None:
    loaded = lab.load(trained(family))
    inputs = np.asarray(loaded.example(2))
    if family == "sb3":  # whose own words these are
        with pytest.raises(ValueError, match="observation shape"):
            loaded.predict(inputs[:, :1])
        return
    for wrong in (inputs[..., :1], inputs[0]):
        with pytest.raises(lab.UsageError, match=r"\[B, "):
            loaded.predict(wrong)


@pytest.mark.parametrize("family", GENERATIVE)
def test_samples_are_an_array_and_those_of_a_seed_the_same(trained, family) -> None:
    run = trained(family)
    shape = ROWS if family in ("gan", "diffusion") else DIGITS
    drawn = lab.load(run).sample(n=3)
    assert isinstance(drawn, np.ndarray)
    assert drawn.shape == (3, *shape)
    first, again, another = (lab.sample(run, n=3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, another)
    np.testing.assert_array_equal(lab.sample(run, n=3), lab.sample(run, n=3))


def test_samples_of_a_class_are_asked_for_by_its_name(trained) -> None:
    run = trained("conditional vae")
    turns, nines = lab.sample(run, n=10), lab.sample(run, n=10, class_="9")
    np.testing.assert_allclose(turns[9], nines[9], atol=1e-6)  # all in turn: the last is a 9
    assert not np.allclose(turns[:9], nines[:9], atol=1e-6)
    with pytest.raises(lab.UsageError, match="no class 'x'"):
        lab.sample(run, class_="x")


def test_what_draws_no_samples_says_so(trained) -> None:
    with pytest.raises(lab.UsageError, match="mlp draws no samples"):
        lab.sample(trained("mlp"), n=3)


@pytest.mark.parametrize("family", ["mlp", "baseline", "gan, classes"])
def test_columns_of_a_table_are_taken_by_their_names(trained, family) -> None:
    loaded = lab.load(trained(family))
    rows = np.asarray(loaded.example(5))
    names = loaded.info.features if family != "mlp" else loaded.supervision.info.features
    assert len(names) == 4
    columns = dict(zip(names, rows.T, strict=True))
    turned = pd.DataFrame({"noise": rows[:, 0] * 9, **dict(reversed(columns.items()))})
    np.testing.assert_allclose(loaded.predict(turned), loaded.predict(rows), rtol=1e-5)
    with pytest.raises(lab.UsageError, match=f"lacks columns .*: {re.escape(names[1])}"):
        loaded.predict(pd.DataFrame({name: columns[name] for name in names if name != names[1]}))


def test_whole_numbers_in_images_are_bytes(trained) -> None:
    loaded = lab.load(trained("cnn"))
    images = loaded.example(2)
    assert images.dtype == torch.uint8
    np.testing.assert_allclose(loaded.predict(images.long()), loaded.predict(images), rtol=1e-5)
    with pytest.raises(lab.UsageError, match="from 0 to 255"):
        loaded.predict(images.long() + 250)


def test_what_is_no_number_is_refused(trained) -> None:
    loaded = lab.load(trained("mlp"))
    with pytest.raises(lab.UsageError, match="no finite number"):
        loaded.predict([[1.0, 2.0, 3.0, float("nan")]])
    with pytest.raises(lab.UsageError, match="no array of numbers"):
        loaded.predict([["a", "b", "c", "d"]])
