"""Rows are read as a person types them, as files have them and as a pipe brings them, all alike."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import lab
from lab.data.dataset_info import DatasetInfo
from lab.data.image_files import Decoder
from lab.data.tables import from_frame
from lab.errors import InputWarning
from lab.nn import serve
from lab.supervised.command_inputs import Inputs, read_inputs
from lab.trained import use

HEAD = "age,city,member,since"
ROWS = ("35,Paris,true,1970-01-03", "-2.5,Lyon,false,1969-12-31", "61,Paris,true,2000-01-01")
CODES = [[35, 1, 1, 2], [-2.5, 0, 0, -1], [61, 1, 1, 10957]]  # days since 1970, Lyon before Paris


@pytest.fixture
def info() -> DatasetInfo:
    """What a run remembers of a small table."""
    frame = pd.read_csv(io.StringIO("\n".join([HEAD, *ROWS])))
    frame["grade"] = ["a", "b", "a"]
    return DatasetInfo.of("t", from_frame(frame, "t"), np.arange(3))


def test_typed_rows_are_read_in_the_order_of_the_columns(info) -> None:
    inputs = read_inputs(ROWS, info)
    assert inputs.names == ROWS
    assert inputs.values.tolist() == CODES


def test_named_fields_come_in_any_order(info) -> None:
    (row,) = read_inputs(["since=1970-01-03, member=true,age=35, city=Paris"], info).values
    assert row.tolist() == CODES[0]


def test_a_comma_may_stand_in_quotes(info) -> None:
    with pytest.warns(InputWarning, match="1 of 1 values of city"):
        (row,) = read_inputs(['35,"Paris, Texas",true,1970-01-03'], info).values
    assert row.tolist() == [35, -1, 1, 2]


@pytest.mark.parametrize("missing", ["", "NA", "nan"])
def test_what_is_missing_is_nan(info, missing) -> None:
    word = ",".join([missing] * 4)
    assert read_inputs([word], info).values.isnan().all()


def test_a_minus_one_is_no_unknown_category(info, recwarn) -> None:
    assert read_inputs(["-1,Paris,true,1970-01-01"], info).values[0, 0] == -1
    assert not recwarn.list


def test_a_csv_file_is_all_its_rows(info, tmp_path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("note;since;city;age;member\n" + "".join(
        f"x;{since};{city};{age.replace('.', ',')};{member}\n"
        for age, city, member, since in (row.split(",") for row in ROWS)
    ))  # fmt: skip
    inputs = read_inputs([str(path), ROWS[1]], info)
    assert inputs.names == (*(f"{path}:{row}" for row in range(3)), ROWS[1])
    assert inputs.values.tolist() == [*CODES, CODES[1]]


def test_csv_comes_through_a_pipe(info, monkeypatch) -> None:
    content = "\n".join([HEAD, *ROWS]).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    inputs = read_inputs(["-"], info)
    assert inputs.names == ("-:0", "-:1", "-:2")
    assert inputs.values.tolist() == CODES


def test_unknown_categories_are_counted_over_all_inputs(info, tmp_path) -> None:
    (tmp_path / "new.csv").write_text(f"{HEAD}\n1,Rome,true,2000-01-01\n2,Bonn,true,2000-01-01\n")
    with pytest.warns(InputWarning, match="3 of 4 values of city are none that training saw"):
        read_inputs([str(tmp_path / "new.csv"), "1,Oslo,true,2000-01-01", ROWS[0]], info)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("35,Paris", "has 2 fields; the run learned from 4 fields (age, city, member, since)"),
        ("old,Paris,true,1970-01-03", "age holds numbers, but 'old' in row 0. Write a number"),
        ("35,Paris,perhaps,1970-01-03", "member holds category values, not boolean"),
        ("inf,Paris,true,1970-01-03", "age is no finite number in row 0"),
        ("age=1,town=Paris", "no column 'town'"),
        ("age=1,city", "no column 'city'"),
        ("age=1,age=2", "gives age twice"),
        ("age=1,member=true,since=", "lacks city. Where a value is missing, say city="),
    ],
)
def test_a_mistake_in_a_row_names_it(info, word, message) -> None:
    with pytest.raises(lab.UsageError) as error:
        read_inputs([word], info)
    assert message in str(error.value)


def test_a_table_without_rows_and_another_encoding_are_refused(info, tmp_path) -> None:
    path = tmp_path / "new.csv"
    path.write_text(f"{HEAD}\n")
    with pytest.raises(lab.UsageError, match="has column names, but no rows"):
        read_inputs([str(path)], info)
    path.write_bytes(f"{HEAD}\n1,Köln,true,2000-01-01\n".encode("latin-1"))
    with pytest.raises(lab.UsageError, match="not UTF-8: line 2.*Write it as UTF-8"):
        read_inputs([str(path)], info)


def test_many_inputs_are_answered_some_at_a_time(info) -> None:
    values = read_inputs(ROWS * 100, info).values
    sizes = []

    def predict(part):
        sizes.append(len(part))
        return part.numpy()

    answers = Inputs(tuple(map(str, range(300))), values).answers(predict)
    assert sizes == [256, 44]
    assert np.array_equal(answers, values.numpy())


# -- images


def picture_files(folder: Path) -> list[Path]:
    """Write a photo that lies on its side, a drawing on nothing, and one of sixteen bits."""
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (90, 60, 3), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees
    photo.save(folder / "photo.jpg", exif=exif)
    Image.fromarray(rng.integers(0, 256, (40, 50, 4), np.uint8)).save(folder / "drawing.png")
    deep = rng.integers(0, 2**16, (30, 30)).astype(np.uint16)
    Image.fromarray(deep).save(folder / "deep.png")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("channels", [1, 3])
def test_images_are_read_as_the_source_reads_its_own(tmp_path, channels) -> None:
    paths = picture_files(tmp_path)
    info = DatasetInfo(
        "x", "image", "classify", (channels, 16, 20), ("a", "b"), 2, (0.0,) * channels,
        (1.0,) * channels,
    )  # fmt: skip
    values = read_inputs([str(path) for path in paths], info).values.numpy()
    decode = Decoder((20, 16), channels == 1)
    np.testing.assert_array_equal(values, np.stack([decode(path) for path in paths]))
    facts = {"inputs": {"shape": ["batch", channels, 16, 20], "dtype": "uint8"}}
    alone = np.concatenate([serve.read_image(str(path), facts) for path in paths])
    np.testing.assert_array_equal(alone, values)


def test_a_csv_file_is_read_as_the_one_that_was_learned_from(info, tmp_path) -> None:
    written = {"encoding": "latin-1", "na": "?"}
    path = tmp_path / "new.csv"
    head, row = HEAD.replace(",", ";"), "1,5;Lyôn;?;1970-01-03"
    first, city, *rest = info.encoding.columns
    columns = (first, replace(city, categories=("Lyôn", "Paris")), *rest)
    lacking = replace(info.encoding, columns=columns)
    learned = replace(info, written=written, encoding=lacking)
    for encoding in ("latin-1", "utf-8"):
        path.write_bytes(f"{head}\n{row}\n".encode(encoding))
        (values,) = read_inputs([str(path)], learned).values
        assert values[:2].tolist() == [1.5, 0]
        assert values[2].isnan()


def test_files_in_another_form_than_the_runs_own_are_read_too(tmp_path) -> None:
    """As `lab export` writes its example, and `lab serve` rows that come as JSON."""
    path, new = tmp_path / "t.csv", tmp_path / "new.csv"
    lines = ["age;city;kind", *(f"{n},5;{('Oslo', 'Rome')[n % 2]};{n % 2}" for n in range(60))]
    path.write_text("\n".join(lines))
    new.write_text("age,city\n1.5,Rome\n")
    form = {"delimiter": ";", "decimal": ","}
    result = lab.run(
        "mlp", data=f"csv:{path}", data_args=form, budget=64, media=False, runs_dir=tmp_path,
        wandb="disabled",
    )  # fmt: skip
    assert len(use(result.dir, "predict", inputs=(str(new),))) == 1


def test_a_run_predicts_from_a_file_written_as_its_own(tmp_path) -> None:
    lines = ["age;city;kind", *(f"{n},5;{('Köln', 'Rome')[n % 2]};{n % 2}" for n in range(60))]
    path = tmp_path / "t.csv"
    path.write_bytes("\n".join(lines).encode("latin-1"))
    form = {"encoding": "latin-1"}
    result = lab.run(
        "mlp", data=f"csv:{path}", data_args=form, budget=64, media=False, runs_dir=tmp_path,
        wandb="disabled",
    )  # fmt: skip
    assert len(use(result.dir, "predict", inputs=(str(path),))) == 60
