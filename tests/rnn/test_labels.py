"""Labels of sequences: what is learned and predicted, and that padding is nothing."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from helpers import last_state
from rnn.made import ramps, steps

import lab


@pytest.fixture(scope="module")
def ramps_run(tmp_path_factory):
    """A run that tells rising sequences from falling ones, and its data."""
    folder = tmp_path_factory.mktemp("ramps")
    data = ramps()
    result = lab.run(
        "rnn", data=data, preset="none", cell="lstm", hidden_size=8,
        batch_size=16, lr=1e-2, budget=3_000, eval_every=3_000, wandb="disabled",
        runs_dir=folder / "runs", name="ramps",
    )  # fmt: skip
    return result, data


def test_rising_is_told_from_falling(ramps_run) -> None:
    result, _ = ramps_run
    assert result.summary["test"]["test/accuracy"] == 1
    media = {path.name for path in (result.dir / "media").iterdir()}
    for name in ("gradient_through_time", "hidden_units"):
        assert {f"000000000-{name}.png", f"000003000-{name}.png"} <= media


def test_a_sequence_is_answered_alike_alone_and_among_longer_ones(ramps_run) -> None:
    result, data = ramps_run
    loaded = lab.load(result.dir, data=data)
    lengths = data.mask.sum(1)[:20]
    rows = [row[:length] for row, length in zip(data.inputs[:20], lengths, strict=True)]
    together = loaded.predict(rows)
    assert together.shape == (20, 2)
    alone = np.concatenate([loaded.predict(row[None]) for row in rows])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    filled = np.where(data.mask[:20, :, None], data.inputs[:20], np.nan)
    np.testing.assert_allclose(loaded.predict(filled), together, atol=1e-6)
    shown = loaded.example(5)
    assert torch.isnan(shown).any()
    assert loaded.predict(shown).shape == (5, 2)


def test_exported_it_answers_the_same(ramps_run, cli, monkeypatch, tmp_path) -> None:
    result, data = ramps_run
    loaded = lab.load(result.dir, data=data)
    done = cli("export", result.dir, "--to", "torchexport", "--out", tmp_path / "net.pt2")
    assert done.exit_code == 0, done.output
    program = torch.export.load(tmp_path / "net.pt2").module()
    inputs = loaded.example(7)
    expected = torch.from_numpy(loaded.predict(inputs))
    for size in (1, 7):
        assert torch.allclose(program(inputs[:size]), expected[:size], atol=1e-5)


def test_onnx_answers_the_same(ramps_run, cli, tmp_path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    result, data = ramps_run
    loaded = lab.load(result.dir, data=data)
    done = cli("export", result.dir, "--out", tmp_path / "net.onnx")
    assert done.exit_code == 0, done.output
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    inputs = loaded.example(7)
    (outputs,) = session.run(None, {"inputs": inputs.numpy()})
    np.testing.assert_allclose(outputs, loaded.predict(inputs), atol=1e-5)


def test_sequences_are_predicted_from_numbers_and_files(ramps_run, cli, tmp_path) -> None:
    result, _ = ramps_run
    np.save(
        tmp_path / "two.npy", np.stack([np.linspace(1, -1, 6), np.linspace(-1, 1, 6)])[..., None]
    )
    done = cli("predict", result.dir, "-1,-0.7,-0.4", tmp_path / "two.npy", "--json", "--top", 1)
    assert done.exit_code == 0, done.output
    classes = [next(iter(row["classes"])) for row in json.loads(done.stdout)]
    assert classes == ["rising", "falling", "rising"]


def test_each_step_has_a_class(train, cli) -> None:
    result = train(steps(), lr=1e-2, budget=2_000, eval_every=2_000, name="steps")
    assert result.summary["test"]["test/accuracy"] > 0.9
    loaded = lab.load(result.dir)
    chances = loaded.predict([np.array([[0.9]]), np.array([[0.9], [-0.9], [-0.9]])])
    assert chances.shape == (2, 2, 3)
    done = cli("predict", "steps", "0.9", "0.9,-0.9,-0.9", "--json")
    assert [row["steps"] for row in json.loads(done.stdout)] == [
        ["above"], ["above", "below", "below"],
    ]  # fmt: skip


def test_values_come_in_their_own_unit(train) -> None:
    data = ramps()
    assert data.mask is not None
    sums = np.where(data.mask, data.inputs[..., 0], 0).sum(1, keepdims=True) * 10 + 500
    values = lab.Dataset(data.inputs, sums.astype(np.float32), mask=data.mask)
    result = train(values, lr=1e-2, budget=4_000, eval_every=4_000)
    assert result.summary["test"]["test/r2"] > 0.7
    loaded = lab.load(result.dir, data=values)
    assert abs(loaded.predict(loaded.example(20)).mean() - 500) < 50


def test_kernels_and_the_loop_train_alike(train) -> None:
    """But for the order of sums, which a few steps do not let grow."""
    options = {"budget": 160, "eval_every": 160, "dropout": 0.0, "cell": "lstm"}
    a, b = (train(ramps(), name=str(fused), fused=fused, **options) for fused in (True, False))
    first, second = (last_state(run.dir)["experiment"]["model"] for run in (a, b))
    for name in first:
        assert torch.allclose(first[name], second[name], atol=1e-4), name


def test_pictures_are_read_by_rows_or_pixels(train) -> None:
    for scan, inputs in (("rows", 8), ("pixels", 1)):
        result = train("digits", scan=scan, budget=64, eval_every=64)
        assert lab.load(result.dir).net.reader.layers.input_size == inputs


def test_words_are_read(train, cli) -> None:
    result = train("sentences", budget=640, eval_every=640, name="words", data_args={"n": 400})
    loaded = lab.load(result.dir)
    words = loaded.task.info.vocabulary
    tokens = loaded.example(2)
    texts = [" ".join(words[t] for t in row if t) for row in tokens.tolist()]
    done = cli("predict", "words", *texts, "--json", "--top", 2)
    assert done.exit_code == 0, done.output
    said = [row["classes"] for row in json.loads(done.stdout)]
    expected = loaded.predict(tokens)
    names = loaded.task.info.classes
    for row, chances in zip(said, expected, strict=True):
        assert row == pytest.approx(
            {names[n]: float(chances[n]) for n in range(len(names))}, abs=1e-5
        )
