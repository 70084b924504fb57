"""Batches that are too small or too large for the data are said, and data are found again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from lab.cli import main
from lab.data.record import DataRecord
from lab.engine.diagnosis import TOO_FEW


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> Result:
        return CliRunner().invoke(main, [str(word) for word in words], prog_name="lab")

    return call


def write_table(path: Path, rows: int = 60) -> Path:
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{b:.3f},{'yes' if a > b else 'no'}" for a, b in rng.normal(size=(rows, 2))]
    path.write_text("\n".join(["a,b,label", *lines]) + "\n")
    return path


def test_torch_says_so_of_one_example() -> None:
    with pytest.raises(ValueError, match=TOO_FEW):
        torch.nn.BatchNorm1d(3)(torch.zeros(1, 3))


@pytest.mark.parametrize(
    "sizes", [["--batch-size", 1], ["--batch-size", 3, "--grad-accum-steps", 2]]
)
def test_batch_norm_of_one_example_is_said_in_a_line(lab, sizes) -> None:
    arch = ("--arch", "mobilenet_v1", "--width", 0.25, "--no-media")
    result = lab("run", "cnn", *arch, *sizes, "--budget", 4, "--wandb", "disabled")
    assert result.exit_code == 1
    assert "each part of a batch needs two. Give a larger --batch-size" in result.stderr
    assert "Expected more than 1 value" not in result.stderr


def test_a_batch_beyond_the_data_is_cut_and_that_is_said_once(load_data, blobs) -> None:
    loaded = load_data(blobs, record=DataRecord(), batch_size=10_000)
    size = len(loaded.data.train)
    assert loaded.data.batches().size == size
    assert loaded.warned == [
        f"--batch-size 10,000 is more than stand-in has to train on: a batch is {size} examples, "
        "all of them."
    ]
    fitting = load_data(blobs, record=DataRecord(), batch_size=size)
    fitting.data.batches()
    assert fitting.warned == []


def test_a_run_of_a_relative_path_is_evaluated_from_anywhere(lab, tmp_path, monkeypatch) -> None:
    write_table(tmp_path / "table.csv")
    trained = lab(
        "run", "mlp", "--data", "csv:table.csv", "--budget", 100, "--name", "one", "--json",
        "--wandb", "disabled",
    )  # fmt: skip
    assert trained.exit_code == 0, trained.output
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for run in ("../runs/one", tmp_path / "runs" / "one"):
        evaluated = lab("eval", run, "--json")
        assert evaluated.exit_code == 0, evaluated.output
        metrics = json.loads(evaluated.stdout)["metrics"]
        assert metrics == json.loads(trained.stdout)["summary"]["test"]
