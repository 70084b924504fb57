"""Files are read as they are, and what cannot be read is named."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lab.data.encoding import TableColumn
from lab.errors import UsageError
from lab_sources import tables

pa = pytest.importorskip("pyarrow")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Images of 6 x 5 pixels in two folders: red grows by file in `cats`, green in `dogs`."""
    for channel, name in enumerate(("cats", "dogs")):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(12):
            pixels = np.zeros((5, 6, 3), np.uint8)
            pixels[..., channel] = 10 * number + 5
            Image.fromarray(pixels).save(tmp_path / "pets" / name / f"{number:02}.png")
    return tmp_path / "pets"


def test_folders_are_classes(ask, pictures) -> None:
    dataset = ask(f"imagefolder:{pictures}")
    assert dataset.inputs.shape == (24, 3, 5, 6)
    assert dataset.inputs.dtype == np.uint8
    assert dataset.classes == ("cats", "dogs")
    np.testing.assert_array_equal(dataset.targets, np.repeat([0, 1], 12))
    np.testing.assert_array_equal(dataset.inputs[:12, 0, 0, 0], 10 * np.arange(12) + 5)
    np.testing.assert_array_equal(dataset.inputs[12:, 1, 4, 5], 10 * np.arange(12) + 5)
    assert dataset.test is None


def test_what_lies_beside_the_images_is_told(ask, pictures) -> None:
    (pictures / "cats" / "photo.heic").write_bytes(b"")
    (pictures / "birds").mkdir()
    dataset = ask(f"imagefolder:{pictures}")
    assert dataset.classes == ("cats", "dogs")
    assert "1 file is not read: no images, as photo.heic" in dataset.notes
    assert "no images in 'birds': it is no class" in dataset.notes


def test_images_are_resized_to_one_size(ask, pictures) -> None:
    Image.new("RGB", (40, 20), (7, 8, 9)).save(pictures / "cats" / "99.jpg", quality=100)
    assert ask(f"imagefolder:{pictures}").inputs.shape == (25, 3, 5, 6)  # the first one's
    resized = ask(f"imagefolder:{pictures}", size=8)
    assert resized.inputs.shape == (25, 3, 8, 8)
    np.testing.assert_allclose(resized.inputs[12].mean((1, 2)), [7, 8, 9], atol=2)


def test_gray_images_have_one_channel_and_a_color_among_them_makes_three(ask, tmp_path) -> None:
    (tmp_path / "x" / "a").mkdir(parents=True)
    for number in range(3):
        Image.new("L", (4, 4), 50 * number).save(tmp_path / "x" / "a" / f"{number}.png")
    sixteen = np.full((4, 4), 40_000, np.uint16)
    Image.fromarray(sixteen).save(tmp_path / "x" / "a" / "3.png")
    gray = ask(f"imagefolder:{tmp_path}/x")
    assert gray.shape == (1, 4, 4)
    assert gray.inputs[:, 0, 0, 0].tolist() == [0, 50, 100, 40_000 // 256]
    Image.new("RGBA", (4, 4), (1, 2, 3, 0)).save(tmp_path / "x" / "a" / "4.png")
    assert ask(f"imagefolder:{tmp_path}/x").shape == (3, 4, 4)


def test_a_folder_may_hold_train_and_test(ask, pictures, tmp_path) -> None:
    (tmp_path / "parted").mkdir()
    pictures.rename(tmp_path / "parted" / "train")
    for name in ("cats", "dogs"):
        (tmp_path / "parted" / "test" / name).mkdir(parents=True)
        Image.new("RGB", (6, 5)).save(tmp_path / "parted" / "test" / name / "0.png")
    dataset = ask(f"imagefolder:{tmp_path}/parted")
    assert dataset.classes == ("cats", "dogs")
    assert dataset.test.tolist() == [False] * 24 + [True] * 2


@pytest.mark.parametrize("limit", [1_024, 0], ids=["whole", "by batch"])
def test_broken_files_are_named_and_can_be_skipped(ask, pictures, limit) -> None:
    (pictures / "cats" / "03.png").write_bytes(b"no picture")
    (pictures / "dogs" / "05.png").write_bytes(b"")
    words = f"imagefolder:{pictures}"
    with pytest.raises(UsageError, match=r"cats/03.png cannot be read.*\(and 1 more\). --skip-bad"):
        ask(words, max_eager_mb=limit)
    dataset = ask(words, skip_bad=True, max_eager_mb=limit)
    assert len(dataset) == 22
    assert len(dataset.bad) == 2
    assert np.bincount(dataset.targets).tolist() == [11, 11]
    assert dataset.inputs[np.array([3])][0, 0, 0, 0] == 45  # cats/04.png
    assert dataset.inputs[np.array([16])][0, 1, 0, 0] == 65  # dogs/06.png


def test_a_large_folder_is_decoded_by_batch_and_gives_the_same(ask, pictures) -> None:
    eager = ask(f"imagefolder:{pictures}")
    streamed = ask(f"imagefolder:{pictures}", max_eager_mb=0)
    assert not isinstance(streamed.inputs, np.ndarray)
    assert (streamed.inputs.shape, streamed.inputs.dtype) == (eager.inputs.shape, np.uint8)
    rows = np.array([20, 3, 3, 11])
    read = streamed.inputs[rows]
    np.testing.assert_array_equal(read, eager.inputs[rows])
    assert read.flags.writeable
    np.testing.assert_array_equal(streamed.inputs[:5], eager.inputs[:5])
    taken = streamed.take(np.array([5, 2]))
    np.testing.assert_array_equal(taken.inputs[np.array([1])], eager.inputs[[2]])


def test_a_file_that_breaks_while_it_is_read_by_batch_is_named(ask, pictures) -> None:
    path = pictures / "cats" / "07.png"
    path.write_bytes(path.read_bytes()[:50])  # its head is sound
    dataset = ask(f"imagefolder:{pictures}", max_eager_mb=0)
    assert len(dataset) == 24
    with pytest.raises(UsageError, match="cats/07.png cannot be read"):
        dataset.inputs[np.array([7])]


@pytest.mark.parametrize("case", ["nowhere", "empty", "flat"])
def test_a_folder_without_images_is_said(ask, tmp_path, case) -> None:
    if case != "nowhere":
        (tmp_path / case).mkdir()
    if case == "flat":
        Image.new("L", (4, 4)).save(tmp_path / case / "a.png")
    message = "there is no folder" if case == "nowhere" else "holds no folder with images"
    with pytest.raises(UsageError, match=message):
        ask(f"imagefolder:{tmp_path / case}")


def test_a_folder_of_broken_images_is_said(ask, tmp_path) -> None:
    (tmp_path / "x" / "a").mkdir(parents=True)
    (tmp_path / "x" / "a" / "0.png").write_bytes(b"")
    with pytest.raises(UsageError, match="None of the 1 images can be read, .*0.png"):
        ask(f"imagefolder:{tmp_path}/x", skip_bad=True)


ROWS = [(1.5, 3, "red", True, "yes"), (2.5, 4, "blue", False, "no"), (3.5, 5, "red", True, "yes")]


@pytest.fixture(params=["csv", "parquet"])
def table(request, tmp_path: Path) -> str:
    """The same table as either file, and the words that select it."""
    columns = dict(
        zip(("width", "age", "color", "old", "sold"), zip(*ROWS, strict=True), strict=True)
    )
    made = pa.table({name: list(values) for name, values in columns.items()})
    path = tmp_path / f"goods.{request.param}"
    if request.param == "csv":
        from pyarrow import csv

        csv.write_csv(made, path)
    else:
        from pyarrow import parquet

        parquet.write_table(made, path)
    return f"{request.param}:{path}"


def test_numbers_stay_and_words_become_categories(ask, table) -> None:
    dataset = ask(table)
    assert dataset.features == ("width", "age", "color", "old")
    assert dataset.columns[2] == TableColumn("color", "category", ("blue", "red"))
    assert dataset.inputs.dtype == np.float64
    assert dataset.inputs.tolist() == [[1.5, 3, 1, 1], [2.5, 4, 0, 0], [3.5, 5, 1, 1]]
    assert dataset.classes == ("no", "yes")
    assert dataset.targets.tolist() == [1, 0, 1]


def test_any_column_can_be_the_target_and_any_left_out(ask, table) -> None:
    values = ask(table, target="age", task="regress", drop="color+sold")
    assert values.task == "regress"
    assert values.features == ("width", "old")
    assert values.targets.tolist() == [[3], [4], [5]]
    numbered = ask(table, target="age")
    assert numbered.classes == ("3", "4", "5")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "with"}, "has no column 'with'. Did you mean 'width'? It has: width, age"),
        ({"drop": "agee"}, "has no column 'agee'. Did you mean 'age'?"),
        (
            {"target": "color", "task": "regress"},
            "color holds texts, no numbers; say task=classify",
        ),
        ({"drop": "width+age+color+old"}, "no column is left to learn from beside the target"),
    ],
)
def test_wrong_columns_are_said(ask, table, options, message) -> None:
    with pytest.raises(UsageError) as error:
        ask(table, **options)
    assert message in str(error.value)


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return f"csv:{path}"


def test_a_target_of_many_numbers_is_a_value(ask, tmp_path) -> None:
    rows = "\n".join(f"{i},{i * 1.5}" for i in range(60))
    words = write(tmp_path / "x.csv", f"p,price\n{rows}\n")
    assert ask(words).targets[2] == 3
    with pytest.raises(UsageError, match="price holds 60 different values; say task=regress"):
        ask(words, task="classify")


def test_the_task_is_that_of_the_first_rows(ask, tmp_path, monkeypatch) -> None:
    """What a run is for is decided from them, and so is how the whole file is read."""
    monkeypatch.setattr(tables, "LOOKED_AT", 20)
    rows = "\n".join(f"{i},{i % 3 if i < 30 else i / 7}" for i in range(60))
    words = write(tmp_path / "x.csv", f"p,kind\n{rows}\n")
    assert tables.csv_task(words.partition(":")[2], "", delimiter="", decimal="", encoding="",
                           na="") == "classify"  # fmt: skip
    with pytest.raises(UsageError, match="kind holds 33 different values; say task=regress"):
        ask(words)
    assert ask(words, task="regress").targets[1] == 1


def test_missing_features_stay_missing(ask, tmp_path) -> None:
    words = write(tmp_path / "x.csv", "p,color,kind\n1,red,a\n,red,b\n3,,a\n4,blue,b\n")
    dataset = ask(words)
    assert dataset.bad == ()
    np.testing.assert_array_equal(dataset.inputs, [[1, 1], [np.nan, 1], [3, np.nan], [4, 0]])


def test_bad_rows_are_counted_as_the_file_counts_them(ask, tmp_path) -> None:
    words = write(tmp_path / "x.csv", "p,kind\n1,\n2,a\ninf,b\n4,a\n,b\n6,b\n")
    left = ask(words, skip_bad=True)
    assert left.bad == ("row 0: its kind is missing", "row 2: p is inf")
    assert left.inputs[:, 0].tolist()[:2] == [2, 4]
    assert left.targets.tolist() == [0, 0, 1, 1]


FORMS = {
    "semicolons and commas": ("p;kind\n1,5;a\n2,5;b\n", {}),
    "spaces": ("p, kind\n1.5, a\n 2.5, b\n", {}),
    "tabs": ("p\tkind\n1.5\ta\n2.5\tb\n", {}),
    "bars": ("p|kind\n1.5|a\n2.5|b\n", {}),
    "quotes": ('"p";"kind"\n"1,5";"a"\n"2,5";"b"\n', {}),
    "a mark of UTF-8": ("\ufeffp,kind\n1.5,a\n2.5,b\n", {}),
    "comments": ("# from the shop, 2024\n# EUR\np,kind\n1.5,a\n2.5,b\n", {}),
    "as is said": ("p#kind\n1,5#a\n2,5#b\n", {"delimiter": "#", "decimal": ","}),
}


@pytest.mark.parametrize(("text", "options"), FORMS.values(), ids=list(FORMS))
def test_how_a_file_is_written_is_found_out(ask, tmp_path, text, options) -> None:
    dataset = ask(write(tmp_path / "x.csv", text), **options)
    assert dataset.features == ("p",)
    assert dataset.inputs.tolist() == [[1.5], [2.5]]
    assert (dataset.target, dataset.classes) == (("kind",), ("a", "b"))


def test_column_names_may_begin_with_what_comments_begin_with(ask, tmp_path) -> None:
    dataset = ask(write(tmp_path / "x.csv", "#made, by hand, today\n#p,kind\n1.5,a\n2.5,b\n"))
    assert dataset.features == ("#p",)


def test_a_delimiter_may_end_each_line(ask, tmp_path) -> None:
    dataset = ask(write(tmp_path / "x.csv", "p,kind\n1.5,a,\n2.5,b,\n"))
    assert dataset.inputs.tolist() == [[1.5], [2.5]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("5,2,ant\n1,2,3,a\n4,5,6,b\n", "4 fields under 3 column names, 5, 2, ant"),
        (
            "p kind\n1 a\n2 b\n",
            "there is one, 'p kind'. If it holds several, say what is between them",
        ),
        (
            "p,kind\n" + "1,a\n" * 100_000 + "1,2,a\n",
            "line 100002 has 3 fields, and those before it 2",
        ),
    ],
    ids=["no names", "spaces", "late"],
)
def test_fields_without_a_name_are_not_lost(ask, tmp_path, text, message) -> None:
    with pytest.raises(UsageError, match=message):
        ask(write(tmp_path / "x.csv", text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b,a,y\n1,2,3,p\n4,5,6,q\n", "has two columns called 'a': rename one of them"),
        ('a,y\n1,"p\n2,q\n', "the text in quotes that begins in row 1 does not end"),
        ("price,y\n" + "".join(f"${n},p\n$0{n},q\n" for n in range(60)),
         "left to learn from beside the target; 'price' is left out: 120 different texts as '.0'"),
        ("a,y\n1e300,p\n2e300,q\n", "row 0: a is 1e.300"),
    ],
)  # fmt: skip
def test_a_messy_table_is_refused_with_what_to_do(ask, tmp_path, text, message) -> None:
    with pytest.raises(UsageError, match=message):
        ask(write(tmp_path / "x.csv", text))


def test_names_that_look_like_values_and_classes_that_differ_in_case_are_told(ask, tmp_path):
    rows = "".join(f"0.{n},{'Yes' if n % 2 else 'yes'}\n" for n in range(1, 80))
    notes = ask(write(tmp_path / "x.csv", f"0.5,y\n{rows}")).notes
    assert "'0.5' is the name of a column: is the line of names missing?" in notes
    assert "'Yes' and 'yes' are two classes" in notes


def test_another_encoding_is_refused_until_it_is_said(ask, tmp_path) -> None:
    (tmp_path / "x.csv").write_bytes("p,kind\n1,thé\n2,café\n".encode("latin-1"))
    words = f"csv:{tmp_path / 'x.csv'}"
    message = "not UTF-8: line 2 holds byte 0xe9.*encoding=latin-1 reads '1,thé'"
    with pytest.raises(UsageError, match=message):
        ask(words)
    assert ask(words, encoding="latin-1").classes == ("café", "thé")
    (tmp_path / "x.csv").write_text("p,kind\n1,thé\n2,café\n", encoding="utf-16")
    assert ask(words).classes == ("café", "thé")
    with pytest.raises(UsageError, match="unknown encoding: latin9000"):
        ask(words, encoding="latin9000")


def test_words_for_what_is_missing_can_be_said(ask, tmp_path) -> None:
    rows = "".join(f"{i},a\n" for i in range(30))
    words = write(tmp_path / "x.csv", f"p,kind\n{rows}?,b\n-,b\n")
    with pytest.raises(UsageError, match=r"p holds numbers, but '\?' in row 30.*na=\?"):
        ask(words)
    assert np.isnan(ask(words, na="?+-").inputs[-2:]).all()


def test_rows_without_a_target_are_bad(ask, tmp_path) -> None:
    for task in ("classify", "regress"):
        words = write(tmp_path / "x.csv", "p,kind\n1,1\n2,\n3,2\n")
        with pytest.raises(UsageError, match="row 1: its kind is missing"):
            ask(words, task=task)
        assert ask(words, skip_bad=True, task=task).inputs[:, 0].tolist() == [1, 3]


def test_what_is_no_table_is_said(ask, tmp_path) -> None:
    for words, message in (
        (
            write(tmp_path / "x.csv", "a,b\n1,2\n3,4,5\n"),
            "line 3 has 3 fields, and those before it 2",
        ),
        (write(tmp_path / "empty.csv", ""), "is empty: it begins with a line"),
        (write(tmp_path / "head.csv", "a,b\n"), "has column names, but no rows"),
        (f"parquet:{tmp_path / 'x.csv'}", "cannot be read: .*magic bytes"),
        ("csv:nowhere.csv", "there is no file nowhere.csv"),
    ):
        with pytest.raises(UsageError, match=message):
            ask(words)


@pytest.mark.parametrize(
    ("words", "module"), [("parquet:.", "pyarrow.parquet"), ("hub:a/b", "datasets")]
)
def test_a_missing_extra_is_said_with_the_command(ask, monkeypatch, words, module) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=r"pip install 'rl-gen-lab\[data\]'"):
        ask(words)
