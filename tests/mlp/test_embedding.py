"""Learned vectors of categories: what torch's own Embedding gives, in training and everywhere
after it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import last_state
from torch import nn

import lab
from lab.data.encoding import TableColumn, TableEncoding
from lab_mlp.embedding import CategoryEmbedding

CITIES = ("Bern", "Oslo", "Roma", "Wien", "York")
COLUMNS = (
    TableColumn("age"),
    TableColumn("city", "category", CITIES),
    TableColumn("member", "boolean"),
    TableColumn("grade", "category", ("a", "b")),
)
ENCODING = TableEncoding(COLUMNS, (40.0, 2.0, 1.0, 0.0), indicators=(0,))
SHORT = {"data": "csv:people.csv", "hidden": (8,), "embedding_dim": 2, "budget": 640}


@pytest.fixture(autouse=True)
def people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    lines = ["age,city,member,grade,target"]
    for number in range(200):
        city, grade = CITIES[rng.integers(5)], "ab"[rng.integers(2)]
        age = "" if number % 9 == 0 else rng.integers(18, 80)
        says = city in ("Bern", "Roma") or grade == "a"
        lines.append(f"{age},{city},{str(rng.random() < 0.5).lower()},{grade},{'yn'[says]}")
    Path("people.csv").write_text("\n".join(lines))


def test_each_column_has_the_rows_of_torchs_embedding() -> None:
    torch.manual_seed(0)
    embed = CategoryEmbedding(ENCODING, most=2)
    rows = torch.tensor(
        [[30.0, 3, 1, 0], [torch.nan, 0, 0, 1], [50.0, 4, 1, 1]], dtype=torch.double
    )
    answers = embed(ENCODING.encode(rows).float())
    city, grade = nn.Embedding(6, 2), nn.Embedding(3, 1)
    city.load_state_dict(embed.tables[0].state_dict())
    grade.load_state_dict(embed.tables[1].state_dict())
    numbers = torch.tensor(
        [[30.0, 1, 0], [40.0, 0, 1], [50.0, 1, 0]]
    )  # age, member, age is missing
    vectors = city(torch.tensor([3, 0, 4])), grade(torch.tensor([0, 1, 1]))
    assert torch.equal(answers, torch.cat([numbers, *vectors], dim=1))
    assert answers.shape[1] == embed.width


def test_a_category_that_training_never_saw_is_zero_and_is_not_learned() -> None:
    embed = CategoryEmbedding(ENCODING, most=4)
    rows = torch.tensor([[30.0, -1, 1, 0]], dtype=torch.double)
    vectors = embed(ENCODING.encode(rows).float())
    assert torch.equal(vectors[0, 3:6], torch.zeros(3))  # (5 + 1) // 2 dimensions
    unseen, seen = torch.autograd.grad(vectors.sum(), list(embed.tables.parameters()))
    assert not unseen.any()
    assert seen.any()


def test_it_learns_and_answers_like_the_model_that_is_written(train, cli) -> None:
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    result = train(**{**SHORT, "budget": 8_000, "lr": 1e-2}, name="it")
    assert result.summary["test"]["test/accuracy"] > 0.9
    loaded = lab.load(result.dir)
    rows = np.array([[30, 0, 1, 0], [np.nan, -1, 0, 1], [44, 3, 1, 1]])
    expected = loaded.predict(rows)
    done = cli("export", "it", "--out", "net.onnx")
    assert done.exit_code == 0, done.output
    session = runtime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"inputs": rows})
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    said = cli("predict", "it", "age=,city=Rome,member=false,grade=b", "--json", "--top", "2")
    assert said.exit_code == 0, said.output
    assert "1 of 1 values of city are none that training saw" in said.stderr
    chances = json.loads(said.stdout)[0]["classes"]
    names = loaded.supervision.info.classes
    np.testing.assert_allclose([chances[name] for name in names], expected[1], atol=1e-6)


def test_a_resumed_run_ends_with_the_same_vectors(train) -> None:
    constant = {**SHORT, "schedule": "constant"}
    whole = train(**constant, name="whole")
    half = train(**{**constant, "budget": 320}, name="half")
    resumed = lab.resume(half.dir, budget=640)
    a, b = (last_state(run.dir)["experiment"]["model"] for run in (whole, resumed))
    assert a.keys() == b.keys()
    assert any("tables" in name for name in a)
    for name, value in a.items():
        assert torch.equal(value, b[name]), name


def test_lab_model_lists_the_vectors(cli) -> None:
    done = cli("model", "mlp", "--data", "csv:people.csv", "--embedding-dim", "4")
    assert done.exit_code == 0, done.output
    lines = [line.split() for line in done.stdout.splitlines() if "Embedding" in line]
    # 5 categories and the unknown one, 3 numbers each; 2 and the unknown one, 1 each
    assert [line[-2] for line in lines] == ["18", "3"]


MISTAKES = {
    "no categories": (["--data", "iris"], "iris has no column of categories"),
    "no dimension": (["--embedding-dim", "0"], "--embedding-dim"),
    "mixtures": (["--augment", "mixup=0.2"], "which --augment mixup mixes"),
    "a perceptron": (["--arch", "perceptron"], "has no --embedding-dim"),
    "a network of one's own": (["--model", "net.py:Net"], "without --embedding-dim"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_a_plain_line(cli, case) -> None:
    words, expected = MISTAKES[case]
    common = ["--data", "csv:people.csv", "--embedding-dim", "2", "--wandb", "disabled"]
    done = cli("run", "mlp", *common, *words)
    assert done.exit_code == 2, done.output
    assert expected in done.stderr
    assert not Path("runs").exists()
