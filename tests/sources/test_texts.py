"""Texts are read as they are written, with their classes where they have some."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.data.dataset import Dataset
from lab.errors import UsageError

# -- one text


def test_a_text_is_a_stream_of_its_lines(ask, tmp_path) -> None:
    text = "one\n\n  \nzwei für\n"
    (tmp_path / "x.txt").write_text(text)
    dataset = ask(f"text:{tmp_path}/x.txt")
    assert dataset == Dataset(["one\n", "\n", "  \n", "zwei für\n"], stream=True)
    assert dataset.task == "lm"
    with pytest.raises(UsageError, match="text:nowhere.txt cannot be read: .*No such file"):
        ask("text:nowhere.txt")
    (tmp_path / "x.txt").write_text("\n")
    with pytest.raises(UsageError, match="x.txt is empty"):
        ask(f"text:{tmp_path}/x.txt")


def test_a_text_without_line_ends_comes_in_pieces(ask, tmp_path) -> None:
    text = "道可道非常道" * 100
    (tmp_path / "x.txt").write_text(text)
    dataset = ask(f"text:{tmp_path}/x.txt")
    assert "".join(dataset.inputs) == text
    assert len(dataset) == 6


def test_encodings_are_told_from_the_file_or_said(ask, tmp_path) -> None:
    path = tmp_path / "x.txt"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        path.write_text("thé\ncafé\n", encoding=encoding)
        assert ask(f"text:{path}").inputs == ["thé\n", "café\n"]
    path.write_text("tea\ncafé\n", encoding="latin-1")
    with pytest.raises(
        UsageError, match="not UTF-8: line 2 holds byte 0xe9.*encoding=latin-1 reads 'café'"
    ):
        ask(f"text:{path}")
    assert ask(f"text:{path}", encoding="latin-1").inputs == ["tea\n", "café\n"]
    with pytest.raises(UsageError, match="unknown encoding: latin9000"):
        ask(f"text:{path}", encoding="latin9000")


# -- folders


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    for label in ("pos", "neg"):
        (tmp_path / "reviews" / label).mkdir(parents=True)
        for number in range(3):
            text = f"{label} {number}\nand more\n"
            (tmp_path / "reviews" / label / f"{number}.txt").write_text(text)
    return tmp_path / "reviews"


def test_a_file_is_a_text_and_its_folder_the_class(ask, reviews) -> None:
    (reviews / "pos" / ".hidden").write_bytes(b"\xff")
    dataset = ask(f"textfolder:{reviews}")
    assert (dataset.kind, dataset.task, dataset.classes) == ("text", "classify", ("neg", "pos"))
    assert dataset.inputs[4] == "pos 1\nand more"
    assert dataset.targets.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test is None


def test_folders_above_the_classes_part_them(ask, reviews, tmp_path) -> None:
    for part in ("train", "val", "test"):
        (tmp_path / "all" / part / "neg").mkdir(parents=True)
        (tmp_path / "all" / part / "neg" / "0.txt").write_text(part)
    reviews.joinpath("pos").rename(tmp_path / "all" / "train" / "pos")
    dataset = ask(f"textfolder:{tmp_path}/all")
    assert np.array(dataset.inputs)[dataset.test].tolist() == ["test"]
    assert np.array(dataset.inputs)[dataset.eval].tolist() == ["val"]


def test_files_that_hold_no_text_are_named(ask, reviews) -> None:
    (reviews / "neg" / "1.txt").write_text(" \n")
    with pytest.raises(UsageError, match="neg/1.txt is empty. --skip-bad"):
        ask(f"textfolder:{reviews}")
    assert ask(f"textfolder:{reviews}", skip_bad=True).targets.tolist() == [0, 0, 1, 1, 1]
    (reviews / "neg" / "1.txt").write_bytes("café".encode("latin-1"))
    with pytest.raises(UsageError, match="neg/1.txt is not UTF-8: line 1 .*encoding=latin-1"):
        ask(f"textfolder:{reviews}")
    assert ask(f"textfolder:{reviews}", encoding="latin-1").inputs[1] == "café"
    with pytest.raises(UsageError, match="textfolder: .* holds no folder with texts"):
        ask(f"textfolder:{reviews}/pos")


# -- columns


def write(path: Path, content: str) -> str:
    path.write_text(content)
    return f"csv-text:{path}"


def test_a_column_of_texts_has_classes_in_another(ask, tmp_path) -> None:
    words = write(
        tmp_path / "x.csv", 'id,label,text\n1,spam,"Buy, now"\n2,ham, Hello \n3,spam,12\n'
    )
    dataset = ask(words)
    assert dataset.inputs == ["Buy, now", "Hello", "12"]
    assert (dataset.classes, dataset.targets.tolist()) == (("ham", "spam"), [1, 0, 1])
    assert dataset.notes[0] == "The texts are in 'text'; text=COLUMN chooses another"
    assert "The target is 'label', for its name" in dataset.notes[1]
    ids = ask(words, text="label", target="id")
    assert (ids.inputs, ids.classes, ids.notes) == (["spam", "ham", "spam"], ("1", "2", "3"), ())


def test_without_a_name_the_longest_texts_are_taken(ask, tmp_path) -> None:
    words = write(tmp_path / "x.csv", "kind;said;by\nspam;Buy it now;me\nham;Hello to you;you\n")
    dataset = ask(words, target="kind")
    assert dataset.inputs == ["Buy it now", "Hello to you"]
    assert dataset.target == ("kind",)


def test_rows_that_lack_a_text_or_a_class_are_bad(ask, tmp_path) -> None:
    words = write(tmp_path / "x.csv", "text,label\none,a\n,b\nthree,\nfour,b\n")
    with pytest.raises(UsageError, match="row 1: its text is missing"):
        ask(words)
    dataset = ask(words, skip_bad=True)
    assert (dataset.inputs, dataset.targets.tolist()) == (["one", "four"], [0, 1])
    assert dataset.notes == ()  # of two columns there is nothing to choose
    assert dataset.bad == ("row 1: its text is missing", "row 2: its label is missing")


def test_values_are_no_classes_of_texts(ask, tmp_path) -> None:
    rows = "".join(f"text {n},{n / 8}\n" for n in range(40))
    with pytest.raises(UsageError, match="40 different values; texts have classes, no values"):
        ask(write(tmp_path / "x.csv", f"text,score\n{rows}"))


def test_a_text_may_be_longer_than_pythons_csv_takes(ask, tmp_path) -> None:
    dataset = ask(write(tmp_path / "x.csv", f"text;label\n{'long ' * 40_000};a\nshort;b\n"))
    assert [len(text) for text in dataset.inputs] == [199_999, 5]
    assert dataset.classes == ("a", "b")


def test_columns_that_are_not_there_are_said(ask, tmp_path) -> None:
    words = write(tmp_path / "x.csv", "text,label\none,a\n")
    for options in ({"text": "texts"}, {"target": "texts"}):
        with pytest.raises(UsageError, match="has no column 'texts'. Did you mean 'text'"):
            ask(words, **options)
    with pytest.raises(UsageError, match="has one column; texts and their classes are two"):
        ask(write(tmp_path / "y.csv", "text\none\n"))
    with pytest.raises(UsageError, match="csv-text: there is no file nowhere.csv"):
        ask("csv-text:nowhere.csv")
    (tmp_path / "z.csv").write_bytes("text,label\ncafé,a\n".encode("latin-1"))
    with pytest.raises(UsageError, match="z.csv is not UTF-8: .*encoding=latin-1"):
        ask(f"csv-text:{tmp_path}/z.csv")
