"""An exported ONNX file answers as `lab predict` does, where neither the lab nor torch can be
imported, from the same csv files and pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import lab
from lab.nn import serve as serve_script

onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

ALONE = (  # python as it is where only onnxruntime, numpy and Pillow are
    "import runpy, sys; sys.modules |= dict.fromkeys(('lab', 'torch', 'pandas', 'sklearn')); "
    "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
QUIET: dict[str, Any] = {"runs_dir": "runs", "wandb": "disabled", "media": False}
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "iris": ("mlp", {"data": "iris", "budget": 640}),
    "diabetes": ("mlp", {"data": "diabetes", "budget": 640}),
    "points without names": ("mlp", {"data": "spirals", "budget": 640}),
    "csv": (
        "mlp",
        {
            "data": "csv:messy.csv",
            "data_args": {"na": "?+unknown"},
            "budget": 640,
            "missing": "indicator",
        },
    ),
    "digits": ("cnn", {"data": "digits", "budget": 256, "ema": 0.9}),
    "wine": ("mlp", {"data": "wine", "budget": 640}),
    "digits, flattened": ("mlp", {"data": "digits", "budget": 256}),
    "shapes": ("cnn", {"data": "shapes", "data_args": {"n": 200}, "budget": 64}),
    "texts in a csv": ("mlp", {"data": "csv-text:texts.csv", "budget": 320}),
    "texts by character": (
        "rnn",
        {"data": "csv-text:texts.csv", "tokenizer": "char", "max_length": 20, "budget": 64},
    ),
    "texts by bytes": (
        "mlp",
        {"data": "csv-text:texts.csv", "tokenizer": "byte", "budget": 64},
    ),
}


def call_serve(model: Path, *inputs: Path | str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", ALONE, model.with_name("serve.py"), model, *inputs]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(words, capture_output=True, text=True, env=env, check=False)


def serve(model: Path, *inputs: Path | str) -> list[dict[str, Any]]:
    """Return what serve.py says of inputs."""
    done = call_serve(model, *inputs)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def write_messy() -> None:
    generator = np.random.default_rng(0)
    with Path("messy.csv").open("w") as file:
        file.write('# members; of the club\nage;city;"income, net";member;since;grade\n')
        for number in range(120):
            age, year = generator.integers(18, 80), generator.integers(1960, 2024)
            city = ("Paris", "Köln", '"St; Ives"')[number % 3]
            income, member = generator.normal(3e4, 5e3), number % 2 == 0
            cells = [
                age,
                city,
                f"{income:.2f}".replace(".", ","),
                str(member).lower(),
                f"9.{number % 12 + 1}.{year}",
            ]
            cells[number % 5] = ("", "?", "unknown", cells[number % 5])[number % 4]
            file.write(";".join([*map(str, cells), "ab"[int(age > 50)]]) + "\n")


def write_texts() -> None:
    rows = (f'"{("Très bon", "Assez mal")[n % 2]}, {n} fois";{n % 2}' for n in range(80))
    Path("texts.csv").write_text("\n".join(["review;label", *rows]))


def write_inputs(experiment, case: str) -> list[str]:
    """Write examples as files; of the csv the file itself is the example."""
    if case == "csv":
        lines = Path("messy.csv").read_text().splitlines()
        lines[2] = "33;Rome;30000,5;true;2001-05-06T12:00:00;a"  # a city that training never saw
        lines[3:] = [line for line in lines[3:] if "?" in line]  # dates are all in one form
        Path("new.csv").write_text("\n".join(lines))
        return ["new.csv"]
    if case.startswith("texts"):
        Path("note.md").write_text("Pas mal du tout, trop long pour vingt signes\n")
        return ["texts.csv", "note.md", "Très MAL, inconnu"]
    examples = experiment.example(3).numpy()
    if examples.ndim == 2:
        head = experiment.supervision.info.features or ("u", "v")
        rows = [",".join(map(repr, row)) for row in examples.tolist()]
        Path("new.csv").write_text("\n".join([",".join(f'"{name}"' for name in head), *rows]))
        return ["new.csv"]
    for number, pixels in enumerate(examples.transpose(0, 2, 3, 1).squeeze()):
        Image.fromarray(pixels).resize((50, 40)).save(f"{number}.png")
    return [f"{number}.png" for number in range(len(examples))]


@pytest.mark.parametrize("case", RUNS)
def test_it_answers_as_the_lab_does(case, cli, tmp_path) -> None:
    write_messy()
    write_texts()
    family, options = RUNS[case]
    result = lab.run(family, name="it", runs_dir="runs", wandb="disabled", media=False, **options)
    exported = cli("export", "it", "--out", tmp_path / "net.onnx")
    assert exported.exit_code == 0, exported.output
    assert exported.stdout.splitlines() == [str(tmp_path / "net.onnx")]
    words = write_inputs(lab.load(result.dir), case)
    expected = json.loads(cli("predict", "it", *words, "--json").stdout)
    answers = serve(tmp_path / "net.onnx", *words)
    assert len(answers) == len(expected)
    for answer, truth in zip(answers, expected, strict=True):
        (name,) = answer.keys() - {"input"}
        assert answer[name] == pytest.approx(truth[name], rel=1e-5, abs=1e-5)
    example = next(tmp_path.glob("net.example.*"))
    assert len(serve(tmp_path / "net.onnx", example)) == 1
    assert cli("predict", "it", example).exit_code == 0


def test_it_says_what_it_cannot_read(cli, tmp_path) -> None:
    quiet: dict[str, Any] = {"wandb": "disabled", "media": False}
    lab.run("mlp", name="it", data="iris", runs_dir="runs", budget=64, **quiet)
    assert cli("export", "it", "--out", tmp_path / "net.onnx").exit_code == 0
    head = Path("net.example.csv").read_text().splitlines()[0]
    for text, message in (
        ("a,b\n1,2", "lacks the columns sepal length (cm), "),
        (f"{head}\n1,2,3,4\n1,2,3", "row 1: 3 fields under 4 column names"),
        (f"{head}\n1,2,x,4", "row 0: petal length (cm) is no number: 'x'"),
        (f"{head}\n1,2,,4", "row 0: a value is missing"),
    ):
        Path("new.csv").write_text(text)
        done = call_serve(tmp_path / "net.onnx", "new.csv")
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stderr
    done = call_serve(tmp_path / "net.onnx", "nowhere.csv")
    assert (done.returncode, done.stderr.strip()) == (1, "There is no file nowhere.csv")


def test_the_script_knows_what_pandas_takes_for_missing() -> None:
    from pandas._libs.parsers import STR_NA_VALUES

    assert serve_script.MISSING == STR_NA_VALUES


def test_a_file_in_the_runs_own_encoding_is_read(cli, tmp_path) -> None:
    rows = "".join(f"{number};{('thé', 'café')[number % 2]};{number % 2}\n" for number in range(40))
    Path("old.csv").write_text(f"x;drink;y\n{rows}", encoding="latin-1")
    options: dict[str, Any] = {
        "runs_dir": "runs",
        "wandb": "disabled",
        "media": False,
        "budget": 64,
    }
    lab.run("mlp", name="it", data="csv:old.csv", data_args={"encoding": "latin-1"}, **options)
    assert cli("export", "it", "--out", tmp_path / "net.onnx").exit_code == 0
    answers = serve(tmp_path / "net.onnx", "old.csv")
    expected = json.loads(cli("predict", "it", "old.csv", "--json").stdout)
    for answer, truth in zip(answers, expected, strict=True):
        assert answer["classes"] == pytest.approx(truth["classes"], abs=1e-5)


def test_images_that_are_no_bytes_are_floats_and_files_of_bytes_are_refused(cli, tmp_path) -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(3, 2, (80, 1, 8, 8)).astype(np.float32)
    labels = (images.mean((1, 2, 3)) > 3).astype(int)
    options: dict[str, Any] = {
        "runs_dir": "runs",
        "wandb": "disabled",
        "media": False,
        "budget": 640,
    }
    result = lab.run("mlp", name="it", data=(images, labels), **options)
    assert cli("export", "it", "--out", tmp_path / "net.onnx").exit_code == 0
    assert not list(tmp_path.glob("net.example.*"))
    session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
    (answers,) = session.run(None, {"inputs": images[:9]})
    np.testing.assert_allclose(answers, lab.load(result.dir).predict(images[:9]), atol=1e-5)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save("black.png")
    refused = cli("predict", "it", "black.png")
    assert refused.exit_code == 2
    assert "images of floats outside [0, 1], and files hold bytes" in refused.stderr
    done = call_serve(tmp_path / "net.onnx", "black.png")
    assert done.returncode == 1
    assert "images of floats outside [0, 1], not of bytes" in done.stderr
    assert "Traceback" not in done.stderr
