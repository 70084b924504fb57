"""Supervised networks are handed any source's examples as they can take them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional
from torch.nn.functional import cross_entropy, huber_loss

import lab
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.nn import Huber
from lab.plugins import discover
from lab.supervised.config import SupervisedConfig
from lab.supervised.task import SupervisedTask


def supervision(folder: Path, **options: Any) -> SupervisedTask:
    compute, sources = Compute(torch.device("cpu")), discover().sources()
    ctx = Context(seed=0, budget=1, dir=folder / "run", compute=compute, sources=sources)
    return SupervisedTask(SupervisedConfig(**options), ctx)


def test_tokens_come_as_whole_numbers_with_their_classes(tmp_path) -> None:
    task = supervision(tmp_path, data="sentences", data_args={"n": 500}, batch_size=32)
    batch = task.next()
    assert (batch["inputs"].dtype, batch["inputs"].shape) == (torch.int64, (32, 8))
    assert batch["inputs"].max() < len(task.info.vocabulary) == 27
    plurals = [task.info.vocabulary.index(w) for w in ("dogs", "cats", "children", "mice")]
    nouns = [task.info.vocabulary.index(w) for w in ("dog", "cat", "child", "mouse")]
    for row, target in zip(batch["inputs"].tolist(), batch["targets"].tolist(), strict=True):
        subject = next(token for token in row if token in nouns + plurals)
        assert target == (subject in plurals)


def test_sequences_come_standardized(tmp_path) -> None:
    task = supervision(tmp_path, data="waves", batch_size=1_400, augment={"noise": 0.0})
    inputs = task.next()["inputs"]
    assert (inputs.dtype, inputs.shape) == (torch.float32, (1_400, 32, 1))
    assert float(inputs.mean()) == pytest.approx(0, abs=1e-4)
    assert float(inputs.std()) == pytest.approx(1, abs=1e-4)


def test_labels_of_frames_are_learned_and_measured_as_those_of_examples(tmp_path) -> None:
    """Whatever the mixture: logits [B, K, T] and classes [B, T]."""
    task = supervision(
        tmp_path, data="moving-shapes", data_args={"n": 60, "frames": 3}, augment={"mixup": 0.2}
    )
    classes = task.info.outputs
    net = torch.nn.Sequential(torch.nn.Flatten(2), torch.nn.Linear(3 * 32 * 32, classes))

    def model(clips: torch.Tensor) -> torch.Tensor:
        return net(clips).mT

    batch = task.next()
    loss, accuracy = task.loss(model, batch)
    loss.backward()
    assert 0 <= float(accuracy) <= 1
    metrics = task.measure(model, "test")  # type: ignore[arg-type]
    right = []
    for measured in task.data.test.batches(5):
        with torch.no_grad():
            answers = model(task.info.prepare(measured)["inputs"]).argmax(1)
        right.append(answers == measured["targets"])
    assert metrics["accuracy"] == pytest.approx(float(torch.cat(right).float().mean()))
    assert metrics["n"] == len(task.data.test)


@pytest.mark.parametrize(
    ("name", "function"), [("mse", functional.mse_loss), ("huber", functional.huber_loss)]
)
def test_the_loss_of_values_is_an_option(tmp_path, name, function) -> None:
    task = supervision(tmp_path, data="diabetes", loss=name)
    batch, net = task.next(), torch.nn.Linear(10, 1)
    loss, accuracy = task.loss(net, batch)
    assert torch.equal(loss, function(net(batch["inputs"]), batch["targets"]))
    assert accuracy is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data": "sentences", "augment": {"noise": 0.1}}, "sentences holds words"),
        ({"data": "sentences", "augment": {"mixup": 0.1}}, "sentences holds words"),
        ({"data": "waves", "augment": {"shift": 1}}, "shift needs images; waves has none"),
        ({"data": "iris", "loss": "huber"}, "--loss huber is for values; iris has classes"),
    ],
)
def test_what_varies_numbers_or_images_is_not_for_words_or_sequences(
    tmp_path, options, message
) -> None:
    with pytest.raises(lab.UsageError, match=re.escape(message)):
        supervision(tmp_path, **options)


def test_texts_give_no_batches(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("\n".join(map(str, range(40))))
    with pytest.raises(lab.UsageError, match="gives texts"):
        supervision(tmp_path, data="text:lines.txt").next()


def test_only_training_examples_are_learned_from(tmp_path) -> None:
    task = supervision(tmp_path, data="iris", batch_size=16)
    train, rest = (
        {tuple(row) for part in parts for row in task.data.part(part).inputs.tolist()}
        for parts in (("train",), ("eval", "test"))
    )
    seen = {tuple(row) for _ in range(20) for row in task.batches.next()["inputs"].tolist()}
    assert seen == train
    assert not seen & rest


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_a_split_is_measured_by_its_own_examples_as_they_are(tmp_path, split) -> None:
    """Unvaried, unsmoothed, unweighted: torch's cross-entropy of that split."""
    task = supervision(
        tmp_path, data="wine", augment={"noise": 9.0}, label_smoothing=0.3, class_weights="balanced"
    )
    net, part = torch.nn.Linear(13, 3), task.data.part(split)
    with torch.no_grad():
        logits = net(task.info.prepare_inputs(part.inputs))
        metrics = task.measure(net, split)
    assert part.targets is not None
    assert metrics["loss"] == pytest.approx(cross_entropy(logits, part.targets).item(), rel=1e-5)
    accuracy = (logits.argmax(1) == part.targets).float().mean().item()
    assert metrics["accuracy"] == pytest.approx(accuracy)


def test_the_training_loss_is_torchs_with_smoothing_and_balanced_weights(tmp_path) -> None:
    task = supervision(tmp_path, data="wine", label_smoothing=0.2, class_weights="balanced")
    assert task.data.train.targets is not None
    counts = task.data.train.targets.bincount()
    weights = counts.sum() / (3 * counts)
    net, batch = torch.nn.Linear(13, 3), task.next()
    expected = cross_entropy(net(batch["inputs"]), batch["targets"], weights, label_smoothing=0.2)
    loss, _ = task.loss(net, batch)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_loss_and_metrics_of_ones_own_take_the_place_of_the_tasks(tmp_path) -> None:
    """Huber's loss, and the largest error: of values in their own unit."""

    class Largest:
        worst = 0.0

        def add(self, outputs: torch.Tensor, targets: torch.Tensor) -> None:
            self.worst = max(self.worst, float((outputs - targets).abs().max()))

        def compute(self, split: str) -> dict[str, float]:
            return {"worst": self.worst}

    plain = supervision(tmp_path, data="diabetes", batch_size=8)
    own = SupervisedTask(plain.config, plain.ctx, loss=Huber(), metrics=Largest)
    net, batch = torch.nn.Linear(10, 1), own.next()
    with torch.no_grad():
        loss, _ = own.loss(net, batch)
        assert loss.item() == pytest.approx(
            huber_loss(net(batch["inputs"]), batch["targets"]).item()
        )
        part = own.data.eval
        values = own.info.restore_targets(net(own.info.prepare_inputs(part.inputs)))
        assert part.targets is not None
        expected = float((values - part.targets).abs().max())
        assert own.measure(net, "eval") == {"worst": pytest.approx(expected, rel=1e-5)}
        assert set(plain.measure(net, "eval")) > {"r2", "mae"}
