"""Data that are not what a run has read are refused, named, and taken only when one says so."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

import lab
from lab.cli import main
from lab.data.dataset import Dataset
from lab.data.record import DataRecord

RUN: dict[str, Any] = {"wandb": "disabled", "media": False, "runs_dir": "runs"}
SMALL: dict[str, Any] = {**RUN, "hidden": (8,), "budget": 400}


def key() -> str:
    """What the table of this folder is known by in a run."""
    return f"data csv:{Path('table.csv').resolve()}"


CHANGED = "csv:table.csv has changed since this run read it: "


def cli(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], prog_name="lab")


def write_table(
    rows: int = 120, flipped: float = 0.0, names: str = "no yes", seed: int = 0
) -> None:
    """Write table.csv: the class is the sign of the first column, but for a fraction of rows."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 3)).round(4)
    classes = (values[:, 0] > 0) ^ (np.arange(rows) < flipped * rows)
    words = np.array(names.split())[classes.astype(int)]
    lines = [",".join(map(str, row)) + f",{word}" for row, word in zip(values, words, strict=True)]
    Path("table.csv").write_text("\n".join(["a,b,c,y", *lines]) + "\n")


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_table()


@pytest.fixture
def trained(table: None) -> Path:
    return lab.run("mlp", data="csv:table.csv", name="one", **SMALL).dir


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# -- what is recorded


def test_what_a_run_read_stands_in_its_folder_and_is_shown(trained) -> None:
    (entry,) = json.loads((trained / "data.json").read_text()).values()
    assert (entry["name"], entry["examples"], entry["classes"]) == ("csv:table.csv", 120, 2)
    assert entry["train"] + entry["eval"] + entry["test"] == 120
    shown = cli("show", "one")
    assert f"fingerprint {entry['fingerprint']}" in shown.stdout
    assert json.loads(cli("show", "one", "--json").stdout)["data"][key()] == entry


def test_each_way_of_reading_has_an_entry_of_its_own(load_data, blobs, tmp_path) -> None:
    record = DataRecord(tmp_path)
    for request in ({}, {"fold": 1}, {"classes": ("a", "b")}, {"fold": 1}):
        load_data(blobs, record=record, **request).data.parts  # noqa: B018
    entries = json.loads((tmp_path / "data.json").read_text())
    assert len({entry["fingerprint"] for entry in entries.values()}) == len(entries) == 3


# -- what is refused


def test_a_run_killed_on_a_table_that_is_then_relabeled_does_not_go_on(table, tmp_path) -> None:
    """Killed by the system, at any moment after it has read them."""
    words = ["run", "mlp", "--data", "csv:table.csv", "--budget", 400_000, "--name", "one"]
    command = helpers.lab_command(*words, "--wandb", "disabled", "--checkpoint-every", 2_000)
    child = helpers.start_warm(command, env=helpers.child_environment(), stderr=subprocess.DEVNULL)
    folder = Path("runs/one")
    try:
        end = time.monotonic() + 120
        while not (folder / "checkpoints" / "2000.pt").exists():
            assert child.poll() is None
            assert time.monotonic() < end
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    write_table(flipped=1 / 3)
    before = contents(folder)
    result = cli("resume", "one", "--wandb", "disabled")
    assert result.exit_code == 2
    assert result.stderr == f"Error: {CHANGED}other targets. --data-changed goes on with it as " \
        "it is now.\n"  # fmt: skip
    assert contents(folder) == before  # not even a failure is written
    assert lab.Run(folder).state == "crashed"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"flipped": 1 / 3}, "other targets"),
        ({"rows": 121}, "121 examples, not 120"),
        ({"seed": 1}, "other inputs, other targets"),
    ],
)
def test_what_has_changed_is_named_wherever_data_are_read_again(trained, change, expected) -> None:
    write_table(**change)
    before = contents(trained)
    with pytest.raises(lab.UsageError) as resumed:
        lab.resume(trained, budget=600)
    with pytest.raises(lab.UsageError) as evaluated:
        lab.evaluate(trained)
    with pytest.raises(lab.UsageError) as loaded:
        lab.load(trained).supervision.example(3)
    for error in (resumed, evaluated, loaded):
        assert str(error.value).startswith(CHANGED + expected + ".")
    assert cli("eval", "one").stderr.count("\n") == 1
    assert contents(trained) == before
    write_table()
    assert lab.evaluate(trained) == lab.Run(trained).summary["test"]
    assert lab.resume(trained, budget=600).state == "finished"


def test_classes_that_a_network_does_not_know_are_refused_whatever_is_said(trained) -> None:
    write_table(names="no perhaps")
    for use in (lab.evaluate, lambda run, **options: lab.resume(run, budget=600, **options)):
        with pytest.raises(lab.UsageError, match="other classes.* start a new run"):
            use(trained, data_changed=True)


def test_prediction_needs_no_data_and_compares_none(trained) -> None:
    Path("table.csv").unlink()
    assert cli("predict", "one", "1,2,3").exit_code == 0


# -- what one says yes to


def test_an_evaluation_on_changed_data_is_of_them_and_leaves_the_runs_own(trained) -> None:
    own = json.loads((trained / "data.json").read_text())[key()]
    write_table(flipped=1.0)
    result = cli("eval", "one", "--data-changed", "--json")
    assert result.exit_code == 0, result.output
    assert f"Warning: {CHANGED}other targets." in result.stderr
    entry = json.loads((trained / "data.json").read_text())[key()]
    (accepted,) = entry.pop("accepted")
    assert entry == own
    assert (accepted["to"], accepted["changes"]) == ("evaluate", ["other targets"])
    assert accepted["old"]["fingerprint"] == own["fingerprint"] != accepted["new"]["fingerprint"]
    time.strptime(accepted["time"], "%Y-%m-%dT%H:%M:%SZ")
    with pytest.raises(lab.UsageError, match="has changed"):  # the run has not read them
        lab.evaluate(trained)
    loaded = lab.load(trained, data_changed=True)
    test = loaded.supervision.data.test
    batch = test.take(torch.arange(len(test)))
    signs = batch["inputs"][:, 0] <= 0  # what the table says now, by its own rule
    assert torch.equal(batch["targets"].bool(), signs)
    right = loaded.predict(batch["inputs"]).argmax(1) == batch["targets"].numpy()
    accuracy = json.loads(result.stdout)["metrics"]["test/accuracy"]
    assert accuracy == pytest.approx(right.mean())


def test_a_run_that_goes_on_with_changed_data_takes_them_for_its_own(trained) -> None:
    own = json.loads((trained / "data.json").read_text())[key()]
    write_table(flipped=1 / 3)
    words = ("resume", "one", "--budget", 600, "--wandb", "disabled", "--data-changed")
    result = cli(*words)
    assert result.exit_code == 0, result.output
    assert f"Warning: {CHANGED}other targets." in result.stderr
    assert f"Warning: {CHANGED}other targets." in (trained / "log.txt").read_text()
    entry = json.loads((trained / "data.json").read_text())[key()]
    (accepted,) = entry["accepted"]
    assert accepted["to"] == "train"
    assert accepted["old"]["fingerprint"] == own["fingerprint"]
    assert accepted["new"]["fingerprint"] == entry["fingerprint"] != own["fingerprint"]
    assert lab.Run(trained).record["resumes"][-1]["data_changed"] is True
    assert "changed: other targets (train" in cli("show", "one").stdout
    assert lab.evaluate(trained) == lab.Run(trained).summary["test"]
    assert lab.resume(trained, budget=800).state == "finished"


def test_two_who_say_yes_at_once_are_both_recorded(load_data, blobs, tmp_path) -> None:
    load_data(blobs, record=DataRecord(tmp_path)).data.parts  # noqa: B018
    changed = replace(blobs, inputs=blobs.inputs + 1)
    records = [DataRecord(tmp_path, trains=False, accept=True) for _ in range(2)]
    for record in records:
        load_data(changed, record=record).data.parts  # noqa: B018
    (entry,) = json.loads((tmp_path / "data.json").read_text()).values()
    assert len(entry["accepted"]) == 2


@pytest.mark.parametrize("family", ["baseline", "ae"])
def test_other_families_compare_their_data(table, family) -> None:
    options: dict[str, Any] = {"baseline": {"algo": "knn"}, "ae": {"budget": 128}}
    folder = lab.run(family, data="csv:table.csv", name="one", **RUN, **options[family]).dir
    write_table(seed=1)
    with pytest.raises(lab.UsageError, match="other inputs"):
        lab.evaluate(folder)


def test_samples_that_need_the_data_are_drawn_from_those_that_the_run_read(table) -> None:
    """An autoencoder without a prior fits one to the codes of its training examples."""
    lab.run("ae", data="csv:table.csv", name="one", budget=128, **RUN)
    assert cli("sample", "one").exit_code == 0
    write_table(seed=1)
    refused = cli("sample", "one")
    assert refused.exit_code == 2
    assert refused.stderr.startswith(f"Error: {CHANGED}other inputs")
    result = cli("sample", "one", "--data-changed")
    assert result.exit_code == 0, result.output
    assert f"Warning: {CHANGED}other inputs" in result.stderr


# -- digests


def test_every_part_of_the_data_is_named_where_it_changes(load_data, blobs, tmp_path) -> None:
    factors = {"tilt": np.arange(200.0)}
    dataset = replace(blobs, factors=factors)
    inputs, targets = blobs.inputs.copy(), blobs.targets.copy()
    inputs[-1, -1] += 1e-6
    targets[[0, -1]] = targets[[-1, 0]]
    cases = [
        (replace(dataset, inputs=inputs), "other inputs"),
        (replace(dataset, inputs=blobs.inputs.astype(np.float32)), "other inputs"),
        (replace(dataset, targets=targets), "other targets"),
        (replace(dataset, factors={"tilt": np.arange(200.0)[::-1]}), "other factors"),
        (replace(dataset, factors={}), "other factors"),
        (replace(dataset, groups=np.arange(200) // 2), "another split"),
        (dataset.take(np.arange(1, 200)), "199 examples, not 200"),
        (replace(dataset, classes=("a", "b", "d")), "other classes"),
        (replace(dataset, inputs=inputs[:, :3], features=()), "shape 3, not 4, other inputs"),
        (replace(dataset, targets=None, classes=()), "task none, not classify"),
    ]
    for number, (changed, expected) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        load_data(dataset, record=DataRecord(folder)).data.parts  # noqa: B018
        load_data(dataset, record=DataRecord(folder)).data.parts  # noqa: B018
        with pytest.raises(lab.UsageError) as error:
            load_data(changed, record=DataRecord(folder)).data.parts  # noqa: B018
        assert f"read it: {expected}" in str(error.value)


def test_words_and_texts_are_compared_too(load_data, tmp_path) -> None:
    tokens, words = 1 + np.arange(60).reshape(30, 2), ("", *map(str, range(60)))
    lines = [f"line {i}" for i in range(30)]
    cases = [
        (Dataset(tokens, vocabulary=words), Dataset(tokens, vocabulary=(*words, "more")),
         "62 words, not 61"),
        (Dataset(tokens, vocabulary=words), Dataset(tokens, vocabulary=("", *words[:0:-1])),
         "other words"),
        (Dataset(lines), Dataset([*lines[:-1], "another"]), "other inputs"),
        (Dataset(["a", "b\nc", *lines]), Dataset(["a\nb", "c", *lines]), "other inputs"),
    ]  # fmt: skip
    for number, (first, changed, expected) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        load_data(first, record=DataRecord(folder)).data.parts  # noqa: B018
        with pytest.raises(lab.UsageError, match=expected):
            load_data(changed, record=DataRecord(folder)).data.parts  # noqa: B018


def test_of_data_read_by_batch_a_sample_is_compared_and_all_targets(
    load_data, lazy, tmp_path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5_000, 1, 2, 2), dtype=np.uint8)
    targets = np.arange(5_000) % 2
    column = lazy(images)

    def read(values: Any, classes: Any) -> None:
        loaded = load_data(
            Dataset(values, classes, ("a", "b")), record=DataRecord(tmp_path), max_resident_mb=0
        )
        loaded.data.parts  # noqa: B018

    read(column, targets)
    read(column, targets)
    assert column.read <= 3 * 1_000  # twice at first: a source may give other data each time
    swapped = targets.copy()
    swapped[[7, 8]] = swapped[[8, 7]]
    with pytest.raises(lab.UsageError, match="read it: other targets"):
        read(column, swapped)
    with pytest.raises(lab.UsageError, match="read it: other inputs"):
        read(lazy(255 - images), targets)
    with pytest.raises(lab.UsageError, match="4,999 examples, not 5,000"):
        read(lazy(images[1:]), targets[1:])


def test_arrays_that_do_not_lie_in_one_piece_are_compared_by_value(load_data, tmp_path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (60, 3, 4, 5), dtype=np.uint8)
    strided = np.ascontiguousarray(images.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    for column in (images, strided):
        load_data(Dataset(column), record=DataRecord(tmp_path)).data.parts  # noqa: B018


def test_a_record_that_cannot_be_read_is_said_and_not_passed_over(trained) -> None:
    (trained / "data.json").write_text('{"data csv')
    with pytest.raises(lab.LabError, match=r"data\.json cannot be read"):
        lab.evaluate(trained)
    assert cli("show", "one").exit_code == 0


# -- sources that give other data each time

UNSTEADY = '''
"""Sources that draw."""

import numpy as np

import lab

COUNT = [0]


@lab.hookimpl
def lab_sources():
    for name in ("unseeded", "global", "labels", "counted", "seeded", "streamed"):
        yield lab.SourceSpec(name, "Drawn", load=f"unsteady_stand_in:{name}_")
    yield lab.SourceSpec("file", "Drawn", load="unsteady_stand_in:file_", argument="PATH")


def drawn(normal, flips=None):
    inputs = normal(size=(60, 3)).astype(np.float32)
    targets = np.arange(60) % 2 if flips is None else flips
    return lab.Dataset(inputs, targets, ("a", "b"))


def unseeded_():
    return drawn(np.random.default_rng().normal)


def global_():
    return drawn(np.random.normal)


def labels_():
    flips = np.random.default_rng().permutation(60) % 2
    return drawn(np.random.default_rng(0).normal, flips)


def counted_():
    COUNT[0] += 1
    return drawn(np.random.default_rng(COUNT[0]).normal)


def seeded_():
    return drawn(np.random.default_rng(0).normal)


def file_(path):
    return drawn(np.random.default_rng().normal)


class Column:
    shape, dtype = (60, 3), np.dtype(np.float32)

    def __len__(self):
        return 60

    def __getitem__(self, index):
        return drawn(np.random.default_rng().normal).inputs[index]


def streamed_():
    return lab.Dataset(Column(), np.arange(60) % 2, ("a", "b"))
'''


@pytest.fixture
def unsteady(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "unsteady_stand_in.py").write_text(UNSTEADY)
    helpers.distribution(tmp_path, "unsteady-stand-in", {"unsteady": "unsteady_stand_in"})
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("unsteady_stand_in", None)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("unseeded", "other inputs"), ("global", "other inputs"), ("labels", "other targets"),
        ("counted", "other inputs"), ("streamed", "other inputs"),
    ],
)  # fmt: skip
def test_a_source_that_gives_other_data_each_time_is_named_at_once(
    unsteady, source, expected
) -> None:
    with pytest.raises(lab.UsageError) as error:
        lab.run("mlp", data=source, **SMALL)
    assert f"The source {source} gives other data each time that it is read: {expected}. Seed" in (
        str(error.value)
    )
    assert not Path("runs").exists()
    completed = cli("data", "show", source)
    assert completed.exit_code == 2
    assert f"The source {source} gives other data each time" in completed.stderr


def test_a_seeded_source_is_read_twice_at_first_and_then_once(unsteady, monkeypatch) -> None:
    from lab.data import sources

    calls: list[str] = []
    load: Callable[..., Dataset] = sources.load

    def counted(spec: Any, *rest: Any) -> Dataset:
        calls.append(spec.name)
        return load(spec, *rest)

    monkeypatch.setattr(sources, "load", counted)
    result = lab.run("mlp", data="seeded", **SMALL)
    assert calls == ["seeded"] * 2
    lab.evaluate(result.dir)
    lab.resume(result.dir, budget=600)
    assert calls == ["seeded"] * 4


def test_files_are_read_once_and_compared_when_they_are_read_again(unsteady) -> None:
    result = lab.run("mlp", data="file:x", **SMALL)
    with pytest.raises(lab.UsageError, match="file:x has changed since this run read it"):
        lab.evaluate(result.dir)
