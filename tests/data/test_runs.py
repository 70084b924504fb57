"""Data keep the runner's promises inside a real run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helpers
import pytest

import lab

LINE = '''
"""A linear classifier of whatever source."""

from functools import cached_property

import torch

import lab


@lab.hookimpl
def lab_experiments():
    yield lab.ExperimentSpec(name="linear", summary="One layer", config="linear_stand_in:Config",
                             experiment="linear_stand_in:Linear")


@lab.hookimpl
def lab_sources():
    yield lab.SourceSpec("odd-lines", "Texts", load="linear_stand_in:lines", task="lm")


def lines():
    return lab.Dataset([f"line {i}" for i in range(100)])


class Config(lab.DataOptions, lab.AugmentOptions, lab.Config):
    objective = property(lambda self: ("eval/loss", "min"))
    budget = property(lambda self: 3_000)


class Linear:
    def __init__(self, config, ctx):
        self.config, self.ctx = config, ctx
        self.data = ctx.data(config)
        self.info = self.data.info
        size = torch.Size(self.info.shape).numel()
        self.net = ctx.wrap(torch.nn.Linear(size, self.info.outputs))
        self.optimizer = torch.optim.SGD(self.net.parameters(), 0.05)

    @cached_property
    def batches(self):
        return self.data.batches()

    @cached_property
    def augment(self):
        return lab.Augment(self.config.augment, self.info, self.ctx.generator)

    def loss(self, batch):
        outputs = self.net(batch["inputs"].flatten(1))
        return torch.nn.functional.cross_entropy(outputs, batch["targets"])

    def step(self):
        batch = self.augment(self.info.prepare(self.batches.next()))
        loss = self.loss(batch)
        self.ctx.optimize(self.optimizer, loss)
        self.ctx.log("loss", loss)
        self.ctx.log("rows", batch["rows"].float().sum())
        return len(batch["rows"])

    def evaluate(self, split):
        total = 0.0
        part = self.data.part(split)
        for batch in part.batches(256):
            total += float(self.loss(self.info.prepare(batch))) * len(batch["rows"])
        return {"loss": total / len(part)}

    def state_dict(self):
        return {"model": self.net.state_dict(), "optimizer": self.optimizer.state_dict(),
                "batches": self.batches.state_dict()}

    def load_state_dict(self, state):
        self.net.load_state_dict(state["model"])
        if "optimizer" in state:
            self.optimizer.load_state_dict(state["optimizer"])
            self.batches.load_state_dict(state["batches"])

    def predict(self, inputs):
        return self.net(self.info.prepare_inputs(torch.as_tensor(inputs)).flatten(1)).argmax(1)
'''


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    (tmp_path / "linear_stand_in.py").write_text(LINE)
    helpers.distribution(tmp_path, "linear-stand-in", {"linear": "linear_stand_in"})
    monkeypatch.syspath_prepend(tmp_path)

    def run(name: str, **options: Any) -> Any:
        fixed = {"runs_dir": tmp_path / "runs", "wandb": "disabled", "name": name}
        return lab.run("linear", **{**fixed, **options})

    yield run
    sys.modules.pop("linear_stand_in", None)


def weights(result: Any) -> dict[str, Any]:
    state = helpers.last_state(result.dir)
    return {name: state["experiment"][name] for name in ("model", "optimizer", "batches")}


MANY = {"augment": {"shift": 1.0, "noise": 0.1, "mixup": 0.2}}


@pytest.mark.parametrize(
    "options", [{}, MANY, {"max_resident_mb": 0}], ids=["plain", "varied", "streamed"]
)
def test_a_run_resumed_in_the_middle_of_an_epoch_equals_the_uninterrupted_one(
    train, options
) -> None:
    uninterrupted = train("whole", **options)
    assert weights(uninterrupted)["batches"]["seen"] == 3_008  # two epochs of 1,257 and some
    cut = train("cut", budget=1_600, **options)
    resumed = lab.resume(cut.dir, budget=3_000)
    assert helpers.difference(weights(resumed), weights(uninterrupted)) is None
    kept = [
        {k: v for k, v in row.items() if k != "train/loss"}
        for row in helpers.rows(uninterrupted.dir)
    ]
    assert kept[-1]["test/loss"] == helpers.rows(resumed.dir)[-1]["test/loss"]


def test_the_cadence_of_looking_changes_nothing(train) -> None:
    often = train("often", eval_every=100, log_every=50, checkpoint_every=300, **MANY)
    seldom = train("seldom", eval_every=3_000, log_every=1_500, **MANY)
    assert helpers.difference(weights(often), weights(seldom)) is None


def test_streamed_and_resident_data_train_the_same_network(train) -> None:
    streamed, resident = train("streamed", max_resident_mb=0), train("resident")
    assert helpers.difference(weights(streamed), weights(resident)) is None


def test_runs_of_other_seeds_share_the_split_and_differ_in_order(train, monkeypatch) -> None:
    recorded = follow(monkeypatch)
    first, second = train("one", seed=1), train("other", seed=2)
    assert recorded["one"] == recorded["other"]
    sums = [[row.get("train/rows") for row in helpers.rows(run.dir)] for run in (first, second)]
    assert sums[0] != sums[1]


def follow(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[Any]]:
    """Collect what each run records of its sources."""
    from lab.engine.recorder import Recorder

    recorded: dict[str, list[Any]] = {}
    source = Recorder.source

    def tell(self: Recorder, name: str, description: Any) -> None:
        recorded.setdefault(self.info.name, []).append((name, dict(description)))
        source(self, name, description)

    monkeypatch.setattr(Recorder, "source", tell)
    return recorded


def test_what_a_run_read_is_recorded_and_said_again_on_resume(train, monkeypatch) -> None:
    recorded = follow(monkeypatch)
    result = train("one", budget=500, fold=1)
    (first,) = recorded["one"]
    name, description = first
    assert name == "digits"
    assert (description["fold"], description["train"], description["shape"]) == (
        1,
        1_257,
        [1, 8, 8],
    )
    lab.resume(result.dir, budget=1_000)
    assert recorded["one"] == [first, first]


def test_a_trained_run_predicts_where_its_data_are_gone(train, monkeypatch) -> None:
    import numpy as np

    from lab.data import sources

    result = train("one")
    images = np.zeros((3, 1, 8, 8), np.uint8)

    def gone(*args: Any) -> None:
        raise AssertionError("read")

    monkeypatch.setattr(sources, "load", gone)
    assert lab.load(result.dir).predict(images).shape == (3,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "digit"}, "no source 'digit'. Did you mean 'digits'?"),
        ({"data": "digits:8"}, "takes no argument, so '8' is one too many"),
        ({"data": "csv"}, "write csv:PATH"),
        ({"data": "odd-lines"}, "gives texts"),
        ({"data": "shapes", "data_args": {"difficult": 1}}, "Did you mean 'difficulty'?"),
        ({"data": "shapes", "data_args": {"n": 0}}, "shapes: --data-args n=0: should be greater"),
        ({"task": "regress"}, "--task regress: digits is to classify"),
        ({"classes": ("eight",)}, "digits has no class 'eight'"),
        ({"data": "iris", "augment": {"flip": 0.5}}, "flip needs images; iris has none"),
        ({"fold": 5}, "--fold 5: should be less than 5"),
    ],
)
def test_a_users_mistake_is_a_plain_line(train, options, message) -> None:
    with pytest.raises(lab.LabError) as error:
        train("astray", **options)
    assert message in str(error.value)
