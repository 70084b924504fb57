"""Steps that only fill shorter examples up are not measured, learned or scored."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from lab.compute.device import Compute
from lab.data.batches import IGNORED
from lab.data.dataset import Dataset, checked
from lab.data.dataset_info import DatasetInfo
from lab.engine.context import Context
from lab.errors import UsageError
from lab.metrics import Classification
from lab.optim import OptimizerOptions, Updater
from lab.spec import SourceSpec
from lab.supervised.config import SupervisedConfig
from lab.supervised.task import SupervisedTask

STEPS = 5


def padded() -> Dataset:
    """60 sequences of 1 to 5 steps of 2 features; the padding is far from all values."""
    rng = np.random.default_rng(0)
    lengths = np.resize(np.arange(1, STEPS + 1), 60)
    mask = np.arange(STEPS) < lengths[:, None]
    steps = rng.normal(size=(60, STEPS, 2)).astype(np.float32)
    classes = (steps[..., 0] > 0).astype(np.int64)
    steps[~mask], classes[~mask] = 1e3, 7  # no class of these
    return Dataset(steps, classes, ("low", "high"), mask=mask)


@pytest.fixture
def make_task(tmp_path, monkeypatch):
    monkeypatch.setattr("lab_sources.examples.padded", padded, raising=False)
    spec = SourceSpec("padded", "Sequences", load="lab_sources.examples:padded")

    def make(**options) -> SupervisedTask:
        ctx = Context(
            seed=0, budget=1, dir=tmp_path, compute=Compute(torch.device("cpu")),
            sources={"padded": spec},
        )  # fmt: skip
        return SupervisedTask(SupervisedConfig(data="padded", batch_size=16, **options), ctx)

    return make


class Steps(torch.nn.Module):
    """Logits [B, K, T] of sequences [B, T, F]."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)

    def forward(self, inputs: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        assert mask is None or mask.shape == inputs.shape[:2]
        return self.layer(inputs).mT


def test_means_and_classes_are_those_of_the_steps_that_there_are() -> None:
    dataset, _ = checked(padded(), "padded")
    rows = np.arange(60)
    info = DatasetInfo.of("padded", dataset, rows)
    there = dataset.inputs[dataset.mask]
    np.testing.assert_allclose(info.mean, there.mean(0), atol=1e-5)
    np.testing.assert_allclose(info.std, there.std(0), atol=1e-5)
    assert set(dataset.labels(rows)) == {0, 1}


def test_a_batch_has_its_mask_and_nothing_where_it_fills(make_task) -> None:
    batch = make_task().next()
    mask = batch["mask"]
    assert mask.shape == (16, STEPS)
    assert (batch["inputs"][~mask] == 0).all()
    assert batch["inputs"][mask].abs().max() < 10
    assert (batch["targets"][~mask] == IGNORED).all()
    assert set(batch["targets"][mask].tolist()) == {0, 1}


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1, "class_weights": "balanced"}])
def test_the_loss_is_that_of_the_steps_that_there_are(make_task, options) -> None:
    task, net = make_task(**options), Steps()
    batch = task.next()
    loss, accuracy = task.loss(net, batch)
    logits, classes = net(batch["inputs"]).mT[batch["mask"]], batch["targets"][batch["mask"]]
    weights = None
    if options:
        counts = np.bincount(task.data.dataset.labels(task.data.parts["train"]))
        weights = torch.tensor(counts.sum() / (2 * counts), dtype=torch.float32)
    smoothing = options.get("label_smoothing", 0.0)
    expected = cross_entropy(logits, classes, weights, label_smoothing=smoothing)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    right = (logits.argmax(1) == classes).float().mean().item()
    assert accuracy.item() == pytest.approx(right)


@pytest.mark.parametrize("parts", [2, 5])
def test_parts_of_a_batch_count_by_their_steps(make_task, parts) -> None:
    task = make_task()
    batch, weights = task.next(), []
    for accumulate in (1, parts):
        torch.manual_seed(0)
        net = Steps()
        options = OptimizerOptions(
            optimizer="sgd", lr=1.0, momentum=0.0, grad_accum_steps=accumulate
        )
        Updater(task.ctx, task.ctx.wrap(net), options, task.loss, weight=task.weight)(batch)
        weights.append(net.layer.weight.detach().clone())
    torch.testing.assert_close(*weights, rtol=0, atol=1e-6)


def test_what_fills_is_never_scored(make_task) -> None:
    task, net = make_task(), Steps().eval()
    with torch.no_grad():
        metrics = task.measure(net, "test")
        batch = task.info.prepare(task.data.test.first(60))
        logits, classes = net(batch["inputs"]).mT[batch["mask"]], batch["targets"][batch["mask"]]
    assert metrics["accuracy"] == pytest.approx((logits.argmax(1) == classes).float().mean().item())
    assert metrics["loss"] == pytest.approx(cross_entropy(logits, classes).item(), rel=1e-5)
    assert metrics["n"] == len(task.data.test)


def test_figures_count_by_a_mask() -> None:
    logits, classes = torch.randn(4, 3, 6), torch.randint(3, (4, 6))
    mask = torch.rand(4, 6) > 0.4
    masked, flat = Classification(3), Classification(3)
    masked.add(logits, classes.where(mask, 99), mask=mask)
    flat.add(logits.mT[mask], classes[mask])
    assert masked.compute() == pytest.approx(flat.compute())
    assert "accuracy_low" not in masked.compute("test")  # steps are no independent trials


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mask": np.ones((60, 4), bool)}, "a mask is bool [N, 5], not bool (60, 4)"),
        ({"mask": np.ones((60, STEPS), int)}, "a mask is bool [N, 5], not int64"),
        ({"mask": np.ones((59, STEPS), bool)}, "60 inputs, but 59 mask"),
        ({"mask": np.zeros((60, STEPS), bool)}, "example 0 has no step that counts"),
        ({"inputs": np.zeros((60, STEPS), np.float32)}, "a mask says which steps there are"),
        ({"mask": None}, "class numbers run from 0 to 7"),
    ],
)
def test_masks_that_cannot_be_are_refused(changes, message) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        checked(replace(padded(), **changes), "padded")


def test_mixtures_with_what_only_fills_are_refused(make_task) -> None:
    with pytest.raises(UsageError, match="--augment mixup would mix steps"):
        make_task(augment={"mixup": 0.2}).next()
