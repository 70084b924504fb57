"""`lab data` lists the sources and shows what they hold."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from lab.data.dataset import Dataset
from lab.data.gallery import gallery
from lab.plugins import discover
from lab_sources.sentences import is_sentence


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    from lab.cli import main

    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, list(map(str, words)), prog_name="lab")


def test_every_source_is_listed(cli) -> None:
    result = cli("data")
    assert result.exit_code == 0
    sources = discover().sources()
    for spec in sources.values():
        assert spec.summary in result.stdout
    listed = json.loads(cli("data", "--json").stdout)
    assert {source["name"] for source in listed} == set(sources)
    tasks = {source["name"]: source["task"] for source in listed}
    assert (tasks["digits"], tasks["shapes"]) == ("classify", "classify|segment")


def test_listing_imports_nothing_heavy(tmp_path) -> None:
    code = (
        "import sys\nfrom lab.cli import main\n"
        "try: main(sys.argv[1:], prog_name='lab')\n"
        "except SystemExit: pass\n"
        "heavy = 'torch numpy sklearn datasets pyarrow matplotlib PIL scipy'.split()\n"
        "print('LOADED', *[n for n in heavy if n in sys.modules], file=sys.stderr)"
    )
    env = helpers.child_environment(helpers.ROOT / "plugins")
    for words in (["data"], ["data", "show", "--help"]):
        child = helpers.run_child([sys.executable, "-c", code, *words], tmp_path, env)
        assert child.stderr.splitlines()[-1] == "LOADED"


def test_a_source_is_shown_with_all_that_is_known_of_it(cli) -> None:
    result = cli("data", "show", "digits", "--fold", 1, "--classes", "0-2,7")
    assert result.exit_code == 0
    for text in ("image 1 x 8 x 8", "classify", "fold 1", "channel 0", "fingerprint"):
        assert text in result.stdout
    facts = json.loads(cli("data", "show", "digits", "--fold", 1, "--classes", "0-2,7",
                           "--json").stdout)  # fmt: skip
    counts = facts["classes"]
    assert list(counts) == ["0", "1", "2", "7"]
    assert sum(sum(parts.values()) for parts in counts.values()) == 178 + 182 + 177 + 179
    assert facts["train"] == sum(parts["train"] for parts in counts.values())
    assert (facts["ranges"][0]["min"], facts["ranges"][0]["max"]) == (0, 255)


def test_where_data_are_from_is_shown(cli, tmp_path, monkeypatch) -> None:
    series = "".join(f"{year},{year % 11}\n" for year in range(1700, 1800))
    files = {"statsmodels/datasets/sunspots/sunspots.csv": f"YEAR,SUNACTIVITY\n{series}"}
    monkeypatch.syspath_prepend(helpers.wheel(tmp_path / "site", "statsmodels", files, "0.0.1"))
    result = cli("data", "show", "sunspots")
    assert result.exit_code == 0
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("origin")]
    assert re.search(r"statsmodels 0.0.1, sunspots.csv, sha256 [0-9a-f]{16}, BSD 3-Clause", line)
    assert "sunspots.csv of statsmodels 0.0.1 is another one than that of" in result.stderr


def test_sentences_to_write_are_shown_of_inputs_without_words(cli) -> None:
    result = cli("data", "show", "captions", "--data-args", "n=100")
    assert re.search(r"image 0 -> a (small|large) \w+ \w+ (at|in) the", result.stdout)


def test_options_are_shown_with_defaults_and_help(cli) -> None:
    words = ("data", "show", "shapes", "--data-args", "n=300,difficulty=0.2", "--task", "segment")
    (n, *_) = [o for o in json.loads(cli(*words, "--json").stdout)["source_options"]
               if o["name"] == "n"]  # fmt: skip
    assert n == {"name": "n", "value": 300, "default": 6_000, "help": "Images."}
    assert "Clutter, noise" in cli(*words).stdout


@pytest.mark.parametrize(
    ("words", "drawn"),
    [
        (["digits"], True),
        (["shapes", "--task", "segment", "--data-args", "n=100"], True),
        (["moving-shapes", "--data-args", "n=40,frames=4"], True),
        (["xor"], True),
        (["waves"], True),
        (["iris"], False),
        (["sentences"], False),
    ],
)
def test_examples_are_drawn_where_there_is_something_to_see(cli, tmp_path, words, drawn) -> None:
    result = cli("data", "show", *words, "--out", "grid.png")
    assert result.exit_code == 0, result.stderr
    path = tmp_path / "grid.png"
    assert path.exists() == drawn
    if drawn:
        colors = Image.open(path).convert("RGB").getcolors(10**7)
        assert colors is not None
        assert len(colors) > 10
    else:
        assert "nothing that a picture shows" in result.stderr


def test_without_out_nothing_is_written(cli, tmp_path) -> None:
    cli("data", "show", "xor")
    assert list(tmp_path.iterdir()) == []


def drawn_gallery(dataset: Dataset, rows: np.ndarray) -> Any:
    """Return the figure of a source that has something to see."""
    figure = gallery(dataset, rows)
    assert figure is not None
    return figure


def test_a_sentence_to_write_is_the_title_of_its_picture() -> None:
    words = ("", "a", "large", "red", "circle")
    dataset = Dataset(
        np.zeros((2, 3, 8, 8), np.uint8), np.array([[1, 2, 3, 4, 0], [1, 4, 0, 0, 0]]),
        target_vocabulary=words,
    )  # fmt: skip
    titles = [axis.get_title() for axis in drawn_gallery(dataset, np.arange(2)).axes[:2]]
    assert titles == ["a large red circle", "a circle"]
    heard = Dataset(np.zeros((2, 9, 4)), dataset.targets, target_vocabulary=words)
    titles = [axis.get_title() for axis in drawn_gallery(heard, np.arange(2)).axes[:2]]
    assert titles == ["a large red circle", "a circle"]


def test_a_grid_shows_every_class_in_turn() -> None:
    targets = np.repeat([0, 1, 2], 30)
    images = np.zeros((90, 1, 8, 8), np.uint8)
    figure = drawn_gallery(Dataset(images, targets, ("p", "q", "r")), np.arange(90))
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles[:6] == ["p", "q", "r", "p", "q", "r"]
    assert len(titles) == 48
    few = drawn_gallery(Dataset(images[:2], np.zeros((2, 1))), np.arange(2))
    assert [axis.get_title() for axis in few.axes][:2] == ["0", "0"]


def test_lines_of_sequences_have_one_scale_and_their_classes() -> None:
    sequences = np.random.default_rng(0).normal(size=(90, 5, 2))
    targets = np.repeat([0, 1, 2], 30)
    figure = drawn_gallery(Dataset(sequences, targets, ("p", "q", "r")), np.arange(90))
    assert [axis.get_title() for axis in figure.axes][:4] == ["p", "q", "r", "p"]
    assert len({axis.get_ylim() for axis in figure.axes}) == 1
    for axis, row in zip(figure.axes[:4], [0, 30, 60, 1], strict=True):
        lines = [line.get_ydata() for line in axis.lines]
        np.testing.assert_array_equal(lines, sequences[row].T)
    by_step = Dataset(sequences, np.zeros((90, 5), int), ("p",))
    assert not any(axis.get_title() for axis in drawn_gallery(by_step, np.arange(90)).axes)


def test_first_sentences_of_tokens_are_shown(cli) -> None:
    result = cli("data", "show", "sentences", "--data-args", "n=200")
    assert result.exit_code == 0
    assert "kind         tokens 8\n" in result.stdout
    assert "vocabulary   27 words with the end\n" in result.stdout
    lines = result.stdout.partition("first sentences\n")[2].splitlines()
    assert len(lines) == 5
    assert all(is_sentence(line.split()) for line in lines)
    assert "--out" not in result.stderr
    facts = json.loads(cli("data", "show", "sentences", "--json").stdout)
    assert (facts["vocabulary"], facts["ranges"]) == (27, [])


def test_first_lines_of_a_text_are_shown(cli, tmp_path) -> None:
    (tmp_path / "some.txt").write_text("\n".join(f"line {i}" for i in range(50)))
    result = cli("data", "show", "text:some.txt")
    assert "first lines\n  line 0\n  line 1\n" in result.stdout
    assert result.exit_code == 0


def test_bad_examples_are_counted_when_they_are_skipped(cli, tmp_path) -> None:
    rows = "\n".join(f"{i},{'inf' if i in (3, 4) else i},{'ab'[i % 2]}" for i in range(60))
    (tmp_path / "some.csv").write_text(f"p,q,kind\n{rows}\n")
    refused = cli("data", "show", "csv:some.csv")
    assert refused.exit_code == 2
    assert "csv:some.csv: row 3: q is inf (and 1 more). --skip-bad goes on" in refused.stderr
    skipped = cli("data", "show", "csv:some.csv", "--skip-bad")
    assert skipped.exit_code == 0
    assert "2 bad examples are left out" in skipped.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digits"], "Say: lab data show digits"),
        (["shwo"], "There is no command 'shwo'. Did you mean 'show'?"),
        (["show", "digit"], "There is no source 'digit'. Did you mean 'digits'?"),
        (["show", "digits", "--fold", "9"], "--fold 9: should be less than 5"),
        (["show", "digits", "--data-args", "n=3"], "the source digits has no options"),
        (["show", "digits", "--data-args", "n"], "--data-args n: should be key=value,..."),
        (["show", "digits", "--out", "grid.xyz"], "--out grid.xyz: the name must end in .png"),
        (["show", "digits", "--out", "no/grid.png"], "--out no/grid.png: there is no folder no"),
        (["show", "csv:nowhere.csv"], "csv: there is no file nowhere.csv"),
    ],
)
def test_a_users_mistake_is_a_plain_line(cli, words, message) -> None:
    result = cli("data", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output


def test_a_table_is_shown_with_its_target_categories_and_gaps(cli, tmp_path) -> None:
    path = tmp_path / "t.csv"
    rows = [
        f"{n},{'' if n % 4 == 0 else n},{('Rome', 'Oslo')[n % 2]},{n % 3 > 0}" for n in range(80)
    ]
    path.write_text("\n".join(["age,income,city,kind", *rows]))
    words = ("data", "show", f"csv:{path}", "--data-args", "target=kind", "--missing", "mean")
    shown = cli(*words)
    assert shown.exit_code == 0, shown.output
    assert "target       kind" in shown.stdout
    age, income, city = json.loads(cli(*words, "--json").stdout)["ranges"]
    assert (city["type"], city["categories"], city["mean"]) == ("category", ["Oslo", "Rome"], None)
    assert age["missing"] == 0
    assert income["missing"] > 0
    assert income["min"] > 0
    assert f"{income['missing']} missing" in shown.stdout
    assert "Oslo, Rome" in shown.stdout


def test_dates_are_shown_as_dates(cli, tmp_path) -> None:
    days = ["2020-02-28", "2020-03-01", "2024-12-31", "1969-12-31"]
    rows = [f"{n},{days[n % 4]},{'ab'[n % 2]}" for n in range(80)]
    (tmp_path / "t.csv").write_text("\n".join(["n,since,kind", *rows]))
    shown = cli("data", "show", f"csv:{tmp_path / 't.csv'}").stdout
    assert "1969-12-31  2024-12-31" in shown
    assert " days  date" in shown
