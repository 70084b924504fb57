"""What a script or a notebook holds is learned from as files and sources are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_diabetes, load_digits, load_iris
from torch import nn

import lab
from lab import memory
from lab.cli import main
from lab.data import given, objects

X, Y = load_iris(return_X_y=True)
NAMES = load_iris().target_names
SHORT = {"budget": 64, "eval_every": 64, "batch_size": 32, "preset": "none"}
RL = {"budget": 64, "eval_every": 64, "eval_episodes": 1, "test_episodes": 1, "preset": "none"}


@pytest.fixture
def train(tmp_path):
    """Return `lab.run` with what all runs here have in common."""

    def run(experiment: str, **options: Any) -> Any:
        fixed = {"runs_dir": tmp_path, "wandb": "disabled", "media": False, "threads": 1}
        short = RL if experiment == "dqn" else SHORT
        return lab.run(experiment, **{**fixed, **short, **options})

    return run


def entry(result: lab.RunResult) -> dict[str, Any]:
    """Return what a run recorded of the one source that it read."""
    (only,) = json.loads((result.dir / "data.json").read_text()).values()
    return only


def config(result: lab.RunResult) -> dict[str, Any]:
    return lab.Run(result.dir).config


def as_dataset(data: Any, **options: Any) -> lab.Dataset:
    return objects.dataset(given.read(data), "memory:it", **options)


class Linear(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layer = nn.Linear(inputs, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.flatten(1))


class Items(torch.utils.data.Dataset[Any]):
    """A map-style data set; it has no end but its length, as the protocol allows."""

    def __init__(self, pairs: list[Any]) -> None:
        self.pairs = pairs

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, index: int) -> Any:
        return self.pairs[index % len(self.pairs)]


class Countdown(gym.Env):
    """Ten steps; the reward is the action."""

    observation_space = gym.spaces.Box(0, 1, (2,))
    action_space = gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.left = 10
        return self.shown(), {}

    def step(self, action):
        self.left -= 1
        return self.shown(), float(action), self.left == 0, False, {}

    def shown(self):
        return np.full(2, self.left / 10, np.float32)


# -- what is learned from


def test_arrays_are_learned_from_as_the_source_that_holds_the_same(train) -> None:
    bundled, given_here = train("mlp", data="iris"), train("mlp", data=(X, Y.astype("int32")))
    losses = [result.summary["test"]["test/loss"] for result in (given_here, bundled)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)
    for part in ("targets", "split"):  # the inputs of the source are float32
        assert entry(given_here)["digests"][part] == entry(bundled)["digests"][part]


@pytest.mark.parametrize(
    "data",
    [
        (torch.from_numpy(X), torch.from_numpy(Y)),
        (X.tolist(), Y.tolist()),
        (list(X), Y),
        (X, Y[:, None]),
        torch.utils.data.TensorDataset(torch.from_numpy(X), torch.from_numpy(Y)),
        Items([(torch.from_numpy(x), int(y)) for x, y in zip(X, Y, strict=True)]),
        Items([(x, y) for x, y in zip(X, Y, strict=True)]),
    ],
    ids=["tensors", "lists", "rows", "column", "TensorDataset", "items", "arrays"],
)  # fmt: skip
def test_every_form_of_a_table_is_the_same_table(data) -> None:
    dataset = as_dataset(data)
    np.testing.assert_array_equal(dataset.inputs, X)
    np.testing.assert_array_equal(dataset.targets, Y)
    assert (dataset.kind, dataset.task, dataset.classes) == ("table", "classify", ("0", "1", "2"))


@pytest.mark.parametrize(
    ("labels", "task", "classes"),
    [
        (NAMES[Y], "classify", tuple(NAMES)),
        (list(NAMES[Y]), "classify", tuple(NAMES)),
        (pd.Series(NAMES[Y]).astype("category"), "classify", tuple(NAMES)),
        (Y > 0, "classify", ("False", "True")),
        (Y.astype(float), "regress", ()),
        (np.arange(150), "regress", ()),  # of many whole numbers each is a value
        (None, "none", ()),
    ],
)
def test_the_labels_tell_what_is_learned(labels, task, classes) -> None:
    dataset = as_dataset(X if labels is None else (X, labels))
    assert (dataset.task, dataset.classes) == (task, classes)


def test_task_overrides_what_the_labels_tell(train) -> None:
    values = as_dataset((X, Y), task="regress").targets
    assert values is not None
    assert values.tolist() == Y[:, None].tolist()
    result = train("mlp", data=(X, Y), task="regress")
    assert entry(result)["task"] == "regress"


DIGITS = load_digits().images[:20].astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (DIGITS, DIGITS[:, None]),
        (DIGITS[:, None].astype(np.int64), DIGITS[:, None]),
        (DIGITS[..., None] / 16, (DIGITS[:, None] / 16).astype(np.float32)),
        (np.stack([DIGITS] * 3, -1), np.stack([DIGITS] * 3, 1)),
        (torch.from_numpy(DIGITS)[:, None].bool(), (DIGITS[:, None] > 0).astype(np.uint8) * 255),
    ],
    ids=["NHW", "whole", "NHWC of floats", "NHWC", "bool"],
)
def test_images_are_brought_to_channels_first(images, expected) -> None:
    dataset = as_dataset(images)
    assert dataset.kind == "image"
    assert dataset.inputs.dtype == expected.dtype
    np.testing.assert_array_equal(dataset.inputs, expected)


def test_pictures_in_a_data_set_are_images() -> None:
    pictures = [Image.fromarray(np.stack([image] * 3, -1)) for image in DIGITS]
    dataset = as_dataset(Items([(picture, "digit") for picture in pictures]))
    np.testing.assert_array_equal(dataset.inputs, np.stack([DIGITS] * 3, 1))
    assert dataset.classes == ("digit",)


def test_masks_sequences_and_texts_have_their_kinds() -> None:
    masks = as_dataset((DIGITS, DIGITS // 8))
    assert masks.targets is not None
    assert (masks.task, masks.classes, masks.targets.dtype.type) == (
        "segment",
        ("0", "1", "2"),
        np.uint8,
    )
    sequences = as_dataset((np.zeros((6, 5, 2)), np.arange(30).reshape(6, 5) % 3))
    assert (sequences.kind, sequences.task, sequences.shape) == ("sequence", "classify", (5, 2))
    texts = as_dataset((["one", "two", "three"], ["odd", "even", "odd"]))
    assert texts.targets is not None
    assert (texts.kind, texts.classes, texts.targets.tolist()) == (
        "text",
        ("even", "odd"),
        [1, 0, 1],
    )
    assert as_dataset(["one", "two"]).task == "lm"


def test_missing_values_of_an_array_are_filled(train) -> None:
    holes = np.where(X > 5, np.nan, X)
    assert np.isfinite(train("mlp", data=(holes, Y)).objective)


def frame() -> pd.DataFrame:
    return pd.DataFrame(X, columns=list("abcd")).assign(species=NAMES[Y], site="here")


def test_a_table_is_read_as_its_csv_file_is(train, tmp_path) -> None:
    frame().to_csv(tmp_path / "irises.csv", index=False)
    options = {"target": "species", "drop": "site"}
    from_file = train("mlp", data=f"csv:{tmp_path / 'irises.csv'}", data_args=options)
    here = train("mlp", data=frame(), target="species", data_args={"drop": "site"})
    assert here.summary["test"] == from_file.summary["test"]
    assert entry(here)["digests"] == entry(from_file)["digests"]
    assert lab.evaluate(here.dir, data=frame()) == here.summary["test"]  # it knows its target


def test_a_table_of_another_library_and_labels_beside_it() -> None:
    class Polars:
        """What the lab uses of a polars DataFrame."""

        columns, dtypes = ["a", "b"], ["f64", "str"]

        def __getitem__(self, name: str) -> np.ndarray:
            return np.array([1.5, 2.5, 3.5]) if name == "a" else np.array(["x", "y", "x"])

    assert as_dataset(Polars(), target="b").classes == ("x", "y")
    beside = as_dataset((frame(), Y))
    assert (beside.target, beside.classes) == (("target",), ("0", "1", "2"))
    assert beside.features == ("a", "b", "c", "d", "species", "site")


def test_a_lab_dataset_is_taken_as_it_is(train) -> None:
    whole = lab.Dataset(X, Y, ("se", "ve", "vi"), features=tuple("abcd"))
    result = train("mlp", data=whole)
    assert lab.load(result.dir).supervision.info.classes == ("se", "ve", "vi")


# -- what is refused


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (5, "is a int; pass a pair"),
        ((X, Y, Y), "tuple of 3"),
        (X[:, 0], r"X\[:, None\]"),
        ((X, 1), "y is one int"),
        (([[1], [2, 3]], [0, 1]), "inputs of type list are no array"),
        (np.array([["a", "b"]]), "are no numbers"),
        ((["one", None, "two"], ["a", "b", "a"]), "text 1 is None, no text"),
        ((["one", float("nan")], ["a", "b"]), "text 1 is nan, no text"),
        ((X, [None, *NAMES[Y][1:]]), "row 0 lacks a label"),
        ((X, np.zeros((150, 2), int)), "labels of type int64 and shape"),
        (Items([]), "Items is empty"),
        (Items([{"x": 1}]), "no pairs"),
        (Items([(X[0], 0), (X[0, :2], 1)]), r"item 1 of Items has shape \[2\], item 0 \[4\]"),
        (Items([None]), "are no"),
        (lab.Dataset(X, Y.tolist()), "targets of a lab.Dataset is a list, not a numpy array"),
        (lab.Dataset(torch.from_numpy(X)), "inputs of a lab.Dataset are a Tensor"),
    ],
)
def test_what_holds_no_examples_is_refused_in_words(data, match) -> None:
    with pytest.raises(lab.UsageError, match=match) as error:
        as_dataset(data)
    assert len(str(error.value).splitlines()) == 1


def test_mistakes_beside_the_data_are_refused_in_words(train) -> None:
    with pytest.raises(lab.UsageError, match="names a column of a DataFrame"):
        train("mlp", data=(X, Y), target="species")
    with pytest.raises(lab.UsageError, match="no column 'specie'. Did you mean 'species'"):
        train("mlp", data=frame(), target="specie")
    with pytest.raises(lab.UsageError, match="150 inputs, but 9 targets"):
        train("mlp", data=(X, Y[:9]))
    with pytest.raises(lab.UsageError, match="unknown option 'target'"):
        train("mlp", data="iris", target="species")


def test_a_message_never_holds_an_object(train) -> None:
    with pytest.raises(lab.UsageError) as error:
        train("mlp", data=(X, Y), lr=X)
    assert str(error.value) == "--lr (a ndarray): should be a number"


def test_other_processes_are_refused_and_seeds_of_this_one_are_not(train) -> None:
    with pytest.raises(lab.UsageError, match="--jobs trains in, do not have this object"):
        train("mlp", data=(X, Y), seeds=2, jobs=2)
    results = train("mlp", data=(X, Y), seeds=2)
    assert [result.state for result in results] == ["finished", "finished"]
    (group,) = lab.compare(results).groups
    assert group.n == 2


def test_runs_on_other_data_are_no_group(train) -> None:
    groups = lab.compare([train("mlp", data=(X, Y)), train("mlp", data=(X * 2, Y))]).groups
    assert [group.n for group in groups] == [1, 1]


# -- using the run


def test_the_run_folder_is_plain_data_and_asks_for_the_object(train) -> None:
    result = train("mlp", data=(X, Y))
    assert config(result)["data"].startswith("memory:arrays-")
    with pytest.raises(lab.UsageError, match=r"pass it again there, as data=\.\.\."):
        lab.evaluate(result.dir)
    with pytest.raises(lab.UsageError, match=r"pass it again there, as data=\.\.\."):
        lab.resume(result.dir, budget=128)
    with pytest.raises(lab.UsageError, match="has changed since this run read it: other inputs"):
        lab.evaluate(result.dir, data=(X + 1, Y))
    assert lab.evaluate(result.dir, data=(X, Y)) == result.summary["test"]
    resumed = lab.resume(result.dir, budget=128, data=(X, Y))
    assert (resumed.state, resumed.summary["clock"]["value"]) == ("finished", 128)


def test_a_loaded_run_predicts_without_its_data_and_reads_them_later(train) -> None:
    result = train("mlp", data=(X, Y))
    assert lab.load(result.dir).predict(X[:2]).shape == (2, 3)
    with pytest.raises(lab.UsageError, match="pass it again"):
        lab.load(result.dir).example(2)
    assert len(lab.load(result.dir, data=(X, Y)).example(2)) == 2


def test_the_command_line_says_that_python_has_the_object(train) -> None:
    result = train("mlp", data=(X, Y))
    for words in (
        ["resume", str(result.dir), "--budget", "128"],
        ["eval", str(result.dir)],
        ["run", "mlp", "--data", config(result)["data"]],
    ):
        answer = CliRunner().invoke(main, words)
        assert answer.exit_code == 2
        assert "was given in Python: pass it again there, as data=" in answer.output
    assert lab.Run(result.dir).state == "finished"


def test_what_a_run_was_not_given_cannot_be_given_later(train) -> None:
    result = train("mlp", data="iris")
    with pytest.raises(lab.UsageError, match="has data='iris', which data=... cannot change"):
        lab.evaluate(result.dir, data=(X, Y))
    with pytest.raises(lab.UsageError, match="has no env"):
        lab.resume(result.dir, env=Countdown)


def test_nothing_is_held_after_a_run(train) -> None:
    train("mlp", data=(X, Y))
    assert dict(memory.held()) == {}


# -- networks and environments


def test_a_class_a_function_and_a_module_are_networks(train) -> None:
    module = Linear(4, 3)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    for network in (Linear, lambda inputs, outputs: Linear(inputs, outputs), module):
        result = train("mlp", data=(X, Y), model=network)
        with pytest.raises(lab.UsageError, match="as model="):
            lab.load(result.dir)
        loaded = lab.load(result.dir, model=network)
        assert isinstance(loaded.net, Linear)
        assert loaded.predict(X[:2]).shape == (2, 3)
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())


def test_each_run_begins_with_the_weights_of_the_module(train, tmp_path) -> None:
    module = Linear(4, 3)
    train("mlp", data=(X, Y), model=module, lr=1e-12, name="still")
    learned = lab.load(tmp_path / "still", model=module).net.layer.weight
    torch.testing.assert_close(learned.cpu(), module.layer.weight, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (lambda: Linear(4, 3), "unexpected keyword argument"),
        (lambda inputs, outputs: 1 / 0, "cannot be built: ZeroDivisionError"),
        (lambda inputs, outputs: 3, "gives a int, not a torch.nn.Module"),
        (3, "model=... is a int"),
    ],
)
def test_what_makes_no_network_is_refused_in_words(train, network, match) -> None:
    with pytest.raises(lab.UsageError, match=match):
        train("mlp", data=(X, Y), model=network)


def test_an_environment_is_a_class_or_a_function(train) -> None:
    for env in (Countdown, lambda **arguments: Countdown(**arguments)):
        result = train("dqn", env=env)
        assert 0 <= result.summary["test"]["test/return"] <= 10  # a reward of 1 in each of ten
        assert config(result)["env"].startswith("memory/")
    with pytest.raises(lab.UsageError, match="env=... is a Countdown; pass a class"):
        train("dqn", env=Countdown())


def test_a_run_asks_for_its_environment(train) -> None:
    result = train("dqn", env=Countdown)
    with pytest.raises(lab.UsageError, match="as env="):
        lab.resume(result.dir, budget=128)
    assert lab.Run(result.dir).state == "finished"
    assert lab.evaluate(result.dir, env=Countdown) == result.summary["test"]
    assert lab.resume(result.dir, budget=128, env=Countdown).summary["clock"]["value"] == 128


def test_of_two_environments_of_one_name_each_run_has_its_own(train) -> None:
    class Other(Countdown):
        def step(self, action):
            obs, _, *rest = super().step(action)
            return (obs, 100.0, *rest)

    Other.__name__ = "Countdown"
    first = train("dqn", env=Countdown)
    loaded = lab.load(first.dir, env=Countdown)
    train("dqn", env=Other)
    step = loaded.ctx.make_env("memory/Countdown")
    step.reset(seed=0)
    assert step.step(1)[1] == 1.0


def test_a_range_test_takes_objects(tmp_path: Path) -> None:
    found = lab.range_test("mlp", data=(X, Y), steps=40, preset="none", threads=1, wandb="disabled")
    assert found.suggestion > 0


def test_the_values_of_a_table_with_values_are_its_own(train) -> None:
    """A network that has hardly learned predicts about the mean, in the unit of the values."""
    inputs, values = load_diabetes(return_X_y=True)
    result = train("mlp", data=(inputs, values), lr=1e-12)
    assert entry(result)["task"] == "regress"
    predicted = lab.load(result.dir).predict(inputs)
    assert abs(float(predicted.mean()) - values.mean()) < values.std()
