"""Features are the same for every run, kept once, and leave training alone."""

from __future__ import annotations

import multiprocessing
import os
import random
import time
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
import torch
from helpers import noting

import lab
from lab import generative
from lab.compute.device import Compute
from lab.engine.context import Context
from lab.generative import DISTRIBUTION_METRICS, FeatureMetrics, cached, feature_net
from lab.plugins import discover
from lab.testing.static import METRIC

ROWS = ("real", "memorizer", "mixture")


def context(folder: Path, seed: int = 0) -> Context:
    compute = Compute(torch.device("cpu"))
    sources = discover().sources()
    run = folder / f"run-{seed}"
    return Context(seed=seed, budget=1, dir=run, compute=compute, sources=sources)


def domain_of(folder: Path, seed: int = 0, **options) -> tuple[FeatureMetrics, lab.Data]:
    ctx = context(folder, seed)
    data = ctx.data(lab.DataOptions(**options))
    return FeatureMetrics(ctx, data), data


@pytest.fixture(scope="module")
def shared(tmp_path_factory) -> Path:
    """A runs folder that has seen the digits."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def digits(shared) -> tuple[FeatureMetrics, lab.Data]:
    return domain_of(shared, data="digits")


@pytest.fixture
def few_updates(monkeypatch) -> None:
    monkeypatch.setattr(feature_net, "UPDATES", 5)


# -- the metrics


def test_the_network_knows_digits(digits) -> None:
    domain, data = digits
    assert data.test.targets is not None
    right = domain.logits(data.test.inputs).argmax(1) == data.test.targets
    assert float(right.float().mean()) > 0.94


def test_features_have_mean_0_and_variance_1_whatever_form_samples_have(digits) -> None:
    domain, data = digits
    features = domain.features(data.train.inputs)
    assert features.mean(0).abs().max() < 1e-4
    assert float(features.var(0).mean()) == pytest.approx(1, rel=0.01)
    floats = data.train.inputs[:20] / 255
    assert domain.features(floats).numpy() == pytest.approx(features[:20].numpy(), abs=1e-5)
    loud = torch.where(floats > 0.5, 7.0, 0.0)
    assert torch.equal(domain.features(loud), domain.features(loud.clamp(0, 1)))
    with pytest.raises(ValueError, match=r"samples are \(64,\)"):
        domain.features(torch.zeros(3, 64))


def test_yardsticks_come_in_the_order_that_everybody_expects(digits) -> None:
    domain, data = digits
    shape = (400, *data.info.shape)
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(shape, generator=generator)
    chosen = torch.randint(len(data.train), shape, generator=generator)
    independent = data.train.inputs.flatten(1).gather(0, chosen.flatten(1)).reshape(shape)
    table = domain.table("test", {"independent pixels": independent, "noise": noise})
    metrics = {row[0]: dict(zip(table.columns[1:], row[1:], strict=True)) for row in table.rows}
    assert list(metrics) == [*ROWS, "independent pixels", "noise"]
    assert {row["n"] for row in metrics.values()} == {len(data.test) // 2}
    for row in ROWS:
        assert metrics[row]["fid"] < 0.5 * metrics["independent pixels"]["fid"]
        assert metrics[row]["coverage"] > 0.9
    assert metrics["independent pixels"]["fid"] < metrics["noise"]["fid"]
    assert metrics["noise"]["precision"] < 0.2
    assert abs(metrics["real"]["kid"]) < 0.1 < metrics["noise"]["kid"]


def test_measure_gives_what_is_declared(digits) -> None:
    domain, data = digits
    for split in ("eval", "test"):
        metrics = domain.measure(data.train.inputs[:300], split)
        names = {f"{split}/{name}" for name in metrics}
        assert names == {name for name in DISTRIBUTION_METRICS if name.startswith(split)}
        assert all(type(value) is float for value in metrics.values())
    assert metrics["n"] == len(data.test) // 2
    assert all(METRIC.fullmatch(name) for name in DISTRIBUTION_METRICS)
    assert domain.measure(data.train.inputs[:50], "test")["n"] == 50


def test_samples_that_are_no_numbers_measure_as_none(digits) -> None:
    domain, data = digits
    broken = torch.full((100, *data.info.shape), torch.nan)
    metrics = domain.measure(broken)
    assert np.isnan([metrics[name] for name in ("fid", "kid", "precision", "coverage")]).all()
    assert metrics["fid_real"] > 0


def test_a_memorizer_has_its_neighbors_at_0_and_fails(digits) -> None:
    domain, data = digits
    copies = data.train.take(torch.arange(50, 150))["inputs"]
    inputs, rows, distances = domain.nearest(copies, count=2)
    assert inputs.shape == (100, 2, *data.info.shape)
    assert torch.equal(inputs[:, 0], copies)
    assert torch.equal(rows[:, 0], torch.arange(50, 150))
    assert distances[:, 0].max() == 0
    assert domain.memorization(copies).copied
    assert not domain.memorization(data.test.inputs).copied
    picture = generative.neighbor_grid(copies[:4], inputs[:4])
    assert picture.dtype == np.uint8


def test_too_few_examples_are_said(digits) -> None:
    domain, data = digits
    with pytest.raises(lab.UsageError, match="too few"):
        domain.measure(data.train.inputs[:3])


# -- the same for every run


def test_other_runs_find_the_features_and_their_figures_compare(shared, digits) -> None:
    domain, data = digits
    samples = data.train.inputs[:200]
    expected = domain.measure(samples)
    before = {path: path.stat().st_mtime_ns for path in shared.rglob("*.pt")}
    torch.manual_seed(123)
    another, _ = domain_of(shared, seed=7, data="digits", batch_size=16)
    assert another.measure(samples) == expected
    assert {path: path.stat().st_mtime_ns for path in shared.rglob("*.pt")} == before
    assert all(path.is_relative_to(shared / ".cache") for path in before)


@pytest.mark.usefixtures("few_updates")
def test_the_network_depends_on_the_data_alone(tmp_path) -> None:
    first, data = domain_of(tmp_path / "one", data="iris")
    torch.manual_seed(9)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
            second, _ = domain_of(tmp_path / "two", seed=5, data="iris")
            theirs = second.features(data.test.inputs)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert first.digest == second.digest
    assert torch.equal(first.features(data.test.inputs), theirs)
    assert domain_of(tmp_path, data="iris", fold=1)[0].digest != first.digest
    assert domain_of(tmp_path, data="wine")[0].digest != first.digest


def test_a_run_with_few_labels_is_measured_like_the_others(tmp_path) -> None:
    everything, few = (domain_of(tmp_path, data="iris", labels_per_class=n)[0] for n in (None, 3))
    assert everything.digest == few.digest


@pytest.mark.usefixtures("few_updates")
def test_no_randomness_is_drawn_and_no_mode_is_changed(tmp_path) -> None:
    ctx = context(tmp_path)
    domain = FeatureMetrics(ctx, ctx.data(lab.DataOptions(data="wine")))
    before = ctx.randomness.state_dict(), random.getstate()
    with torch.no_grad():
        domain.measure(torch.zeros(40, 13))
        assert not torch.is_grad_enabled()
    assert helpers.difference(ctx.randomness.state_dict(), before[0]) is None
    assert random.getstate() == before[1]
    assert ctx.compute.modules == []


@pytest.mark.usefixtures("few_updates")
@pytest.mark.parametrize(
    "options",
    [
        {"data": "diabetes"},
        {"data": "ring", "data_args": {"n": 200}},
        {"data": "waves", "data_args": {"n": 200}},
        {"data": "shapes", "data_args": {"n": 90}},
        {"data": "shapes", "data_args": {"n": 90}, "task": "segment"},
    ],
    ids=lambda options: f"{options['data']}-{options.get('task', '')}",
)
def test_values_points_and_pictures_without_classes_have_features_too(options, tmp_path) -> None:
    domain, data = domain_of(tmp_path, **options)
    metrics = domain.measure(data.train.inputs[:40], "test")
    assert np.isfinite(list(metrics.values())).all()


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ({"data": "moving-shapes", "data_args": {"n": 40}}, "video"),
        ({"data": "sentences", "data_args": {"n": 40}}, "tokens"),
        ({"data": "text:lines.txt"}, "text"),
    ],
    ids=["clips", "tokens", "texts"],
)
def test_clips_and_words_have_none(options, kind, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("\n".join(map(str, range(40))))
    domain, data = domain_of(tmp_path, **options)
    with pytest.raises(lab.UsageError, match=f"no features of {kind}"):
        domain.digest  # noqa: B018
    with pytest.raises(lab.UsageError, match=f"no features of {kind}"):
        feature_net.make(data.info)


def test_sequences_are_measured_as_rows_of_all_their_steps(tmp_path) -> None:
    domain, data = domain_of(tmp_path, data="waves")
    metrics = domain.measure(data.train.inputs, "test")
    assert metrics["fid"] < 1.5 * metrics["fid_real"]
    still = torch.zeros(200, *data.info.shape)
    for poor in (still, torch.randn_like(still)):
        assert domain.measure(poor, "test")["fid"] > 4 * metrics["fid_mixture"]
    assert data.test.targets is not None
    right = domain.logits(data.test.inputs).argmax(1) == data.test.targets
    assert float(right.float().mean()) > 0.7
    neighbors, rows, distances = domain.nearest(data.train.inputs[:5], 2)
    assert neighbors.shape == (5, 2, *data.info.shape)
    assert rows[:, 0].tolist() == list(range(5))
    flat = data.info.prepare_inputs(data.train.inputs).flatten(1).double()
    truth = torch.cdist(flat[:5], flat).topk(2, largest=False).values
    torch.testing.assert_close(distances, truth, atol=1e-4, rtol=1e-4)
    assert domain.memorization(data.train.inputs[:100]).copied
    assert not domain.memorization(data.test.inputs).copied
    with pytest.raises(ValueError, match=r"samples are \(32,\), examples of waves \(32, 1\)"):
        domain.features(torch.zeros(3, 32))


@pytest.mark.usefixtures("few_updates")
@pytest.mark.parametrize("shape", [(1, 2, 2), (3, 7, 100), (1, 28, 28), (1, 4, 64)])
def test_images_of_any_size_have_features(shape) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, *shape), dtype=np.uint8)
    dataset = lab.Dataset(images, rng.integers(0, 2, 40), ("a", "b"))
    info = lab.DatasetInfo.of("noise", dataset, np.arange(40))
    training_set = feature_net.TrainingSet(
        info, torch.from_numpy(images), torch.from_numpy(dataset.targets)
    )
    net = feature_net.load(info, feature_net.train(training_set), torch.device("cpu"))
    features = net.features(info.prepare_inputs(training_set.inputs))
    assert features.shape == (40, 64)
    assert features.isfinite().all()


# -- the cache


def test_the_cache_lies_beside_the_runs_or_where_one_says(tmp_path, monkeypatch) -> None:
    ctx = context(tmp_path)
    assert ctx.cache("features/12ab.pt") == tmp_path / ".cache" / "features" / "12ab.pt"
    assert not (tmp_path / ".cache").exists()
    monkeypatch.setenv("LAB_CACHE", str(tmp_path / "elsewhere"))
    assert ctx.cache("a.pt") == tmp_path / "elsewhere" / "a.pt"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../b", "a//b", "a b", ".hidden"])
def test_a_key_that_leads_elsewhere_is_refused(key, ctx) -> None:
    with pytest.raises(ValueError, match="no plain relative path"):
        ctx.cache(key)


def test_runs_are_listed_without_the_cache(shared, digits) -> None:
    domain, _ = digits
    domain.reference_scores("test", 50)
    assert list(lab.runs(shared)) == []


def test_what_is_kept_is_computed_once(tmp_path) -> None:
    calls = []
    path = tmp_path / "deep" / "kept.pt"
    for _ in range(2):
        compute = lambda: {"x": torch.arange(3), "why": [0.1]}  # noqa: E731
        state = cached(path, noting(compute, lambda: calls.append(1)))
        assert state["x"].tolist() == [0, 1, 2]
        assert state["why"] == [0.1]
    assert calls == [1]
    torch.load(path, weights_only=True)


@pytest.mark.parametrize("damage", ["torn", "empty", "flipped", "no file of ours"])
def test_a_damaged_file_is_computed_anew(damage, tmp_path) -> None:
    path = tmp_path / "kept.pt"
    cached(path, lambda: {"x": torch.arange(1_000)})
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "torn": content[:middle],
            "empty": b"",
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "no file of ours": b"hello" * 100,
        }[damage]
    )
    assert torch.equal(cached(path, lambda: {"x": torch.arange(1_000)})["x"], torch.arange(1_000))
    assert path.read_bytes() == content


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path) -> None:
    (tmp_path / "file").write_text("in the way")
    assert cached(tmp_path / "file" / "kept.pt", lambda: {"x": 1}) == {"x": 1}


def test_an_error_of_the_computation_is_told_and_leaves_nothing(tmp_path) -> None:
    def fail() -> dict[str, Any]:
        raise lab.UsageError("no")

    with pytest.raises(lab.UsageError, match="no"):
        cached(tmp_path / "kept.pt", fail)
    assert cached(tmp_path / "kept.pt", lambda: {"x": 1}) == {"x": 1}


def compute_slowly(path: Path, log: Path) -> None:
    def compute() -> dict[str, Any]:
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        time.sleep(0.3)
        return {"x": torch.arange(100)}

    assert torch.equal(cached(path, compute)["x"], torch.arange(100))


def test_processes_that_come_at_once_compute_once(tmp_path) -> None:
    fork = multiprocessing.get_context("fork")
    args = (tmp_path / "kept.pt", tmp_path / "log")
    children = [fork.Process(target=compute_slowly, args=args) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 4
    assert len((tmp_path / "log").read_text().splitlines()) == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.pt", "kept.pt.lock", "log"]
