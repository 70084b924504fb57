"""`lab predict` reads image files and rows of features, and names what it cannot read."""

from __future__ import annotations

import json

import helpers
import numpy as np
import pytest
import torch
from PIL import Image

import lab

COLUMNS = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs on rows, on images, on values and on points with negative coordinates."""
    folder = tmp_path_factory.mktemp("predict")
    common = {"runs_dir": folder / "runs", "wandb": "disabled", "media": False, "hidden": (32,)}
    for name, data, budget in (
        ("rows", "iris", 2_000), ("images", "digits", 6_000), ("values", "diabetes", 4_000),
        ("points", "spirals", 640),
    ):  # fmt: skip
        lab.run("mlp", name=name, data=data, budget=budget, lr=1e-2, **common)
    return folder


@pytest.fixture
def predict(runs, cli, monkeypatch):
    monkeypatch.chdir(runs)
    return lambda *words: cli("predict", *words)


def digit(runs, number: int):
    """Return a digit of the test split [8, 8] and its class."""
    test = lab.load(runs / "runs" / "images").supervision.data.test
    return test.inputs[number, 0].numpy(), int(test.targets[number])


def test_rows_are_named_with_their_likeliest_classes(predict) -> None:
    result = predict("rows", "5.1,3.5,1.4,0.2", "6.3, 3.3, 6.0, 2.5", "--json", "--top", 2)
    assert result.exit_code == 0, result.output
    first, second = json.loads(result.stdout)
    assert first["input"] == "5.1,3.5,1.4,0.2"
    assert next(iter(first["classes"])) == "setosa"
    assert next(iter(second["classes"])) == "virginica"
    assert list(first["classes"].values()) == sorted(first["classes"].values(), reverse=True)
    assert len(first["classes"]) == 2


def test_what_it_says_is_what_the_network_answers(predict, runs) -> None:
    result = predict("rows", "5.1,3.5,1.4,0.2", "--json", "--top", 9)
    loaded = lab.load(runs / "runs" / "rows")
    expected = loaded.predict(torch.tensor([[5.1, 3.5, 1.4, 0.2]]))[0]
    chances = json.loads(result.stdout)[0]["classes"]
    probabilities = [chances[name] for name in loaded.supervision.info.classes]
    assert probabilities == pytest.approx(expected.tolist())
    assert sum(probabilities) == pytest.approx(1)


@pytest.mark.parametrize("kind", ["L", "RGB", "RGBA", "P"])
def test_image_files_of_any_kind_and_size_are_read(predict, runs, tmp_path, kind) -> None:
    right = 0
    for number in range(6):
        pixels, label = digit(runs, number)
        large = Image.fromarray(pixels).convert(kind).resize((40, 40))
        large.save(tmp_path / f"{number}.png")
        result = predict("images", tmp_path / f"{number}.png", "--json", "--top", 1)
        assert result.exit_code == 0, result.output
        right += str(label) in json.loads(result.stdout)[0]["classes"]
    assert right >= 4  # enlarged and brought back they are not quite what they were


def test_values_come_in_their_own_unit(predict, runs) -> None:
    row = ",".join(map(str, lab.load(runs / "runs" / "values").example(1)[0].tolist()))
    result = predict("values", row)
    assert result.exit_code == 0, result.output
    assert 50 < float(result.stdout.split()[-3]) < 350
    named = json.loads(predict("values", row, "--json").stdout)[0]
    assert named["input"] == row
    assert list(named["values"]) == ["value"]


def test_values_have_the_interval_that_the_test_set_tells(predict, runs) -> None:
    row = ",".join(map(str, lab.load(runs / "runs" / "values").example(1)[0].tolist()))
    said = predict("values", row, "--json")
    assert "Nine of ten true values lie from low to high" in said.stderr
    (answer,) = json.loads(said.stdout)
    margin = helpers.summary(runs / "runs" / "values")["test"]["test/error_90"]
    value, (low, high) = answer["values"]["value"], answer["interval_90"].values()
    assert (high - value, value - low) == pytest.approx((margin, margin))
    last = predict(
        "values", row, "--json", "--checkpoint", "last"
    )  # which the test did not measure
    assert "interval_90" not in json.loads(last.stdout)[0]


def test_a_row_may_begin_with_a_minus(predict) -> None:
    for words in (["points", "-0.2,0.3", "--top", "1"], ["points", "--", "-0.2,0.3", "-.1,-1"],
                  ["points", "-0.2,0.3", "0.1,0.1"]):  # fmt: skip
        result = predict(*words)
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[1].startswith("-0.2,0.3 ")
        assert not result.stderr


def test_a_folder_is_all_its_images(predict, runs, tmp_path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(3):
        Image.fromarray(digit(runs, number)[0]).save(tmp_path / "in" / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no image")
    answers = json.loads(predict("images", tmp_path, "--json").stdout)
    assert [answer["input"] for answer in answers] == [
        str(tmp_path / "in" / f"{number}.png") for number in range(3)
    ]


WRONG = {
    "nothing": (["rows"], "Give 4 numbers (sepal length (cm), "),
    "no image": (["images"], "Give image files"),
    "words": (["rows", "a,b,c,d"], "sepal length (cm) holds numbers, but 'a' in row 0"),
    "an empty word": (["rows", ""], "has 0 fields; the run learned from 4 numbers"),
    "too few": (["rows", "1,2"], "has 2 fields; the run learned from 4 numbers"),
    "no number": (["rows", "1,2,3,nan"], "petal width (cm) is missing in row 0"),
    "an image for rows": (["rows", "digit.png"], "digit.png is no table; give 4 numbers"),
    "a row for images": (["images", "1,2,3"], "1,2,3 cannot be read: No such file"),
    "no such file": (["images", "none.png"], "none.png cannot be read: No such file"),
    "a text": (["images", "text.png"], "text.png cannot be read: it is no image"),
    "half an image": (["images", "half.png"], "half.png cannot be read"),
    "a folder without any": (["images", "runs/images/checkpoints"], "holds no images"),
    "no such table": (["rows", "none.csv"], "There is no file none.csv"),
    "another table": (["rows", "other.csv"], "other.csv lacks columns that the run learned from"),
    "a text in a table": (["rows", "text.csv"], "petal width (cm) holds numbers, but 'x' in row 1"),
    "two formats": (["rows", "1,2,3,4", "--csv", "--json"], "exclude each other"),
    "fewer than no class": (["rows", "1,2,3,4", "--top", "-1"], "--top"),
    "no class": (["rows", "1,2,3,4", "--top", "0"], "--top 0"),
    "an unknown option": (["rows", "1,2,3,4", "--tops", "1"], "--tops"),
    "no run": (["other", "1,2,3,4"], "other"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_read_is_a_plain_line(predict, runs, case) -> None:
    pixels = np.arange(4096, dtype=np.uint8).reshape(64, 64)
    Image.fromarray(pixels).save(runs / "digit.png")
    (runs / "text.png").write_text("no pixels")
    content = (runs / "digit.png").read_bytes()
    (runs / "half.png").write_bytes(content[: len(content) // 2])
    (runs / "other.csv").write_text("a,b\n1,2\n")
    (runs / "text.csv").write_text(f"{','.join(COLUMNS)}\n1,2,3,4\n1,2,3,x\n")
    words, message = WRONG[case]
    result = predict(*words)
    assert result.exit_code == 2, result.output
    assert message in result.stderr
    assert not result.stdout
    assert "Traceback" not in result.output
