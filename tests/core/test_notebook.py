"""Runs as tables, figures and HTML, and a bar in a notebook, told by files written by hand."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import sys
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import lab
from lab.tracking import notebook
from lab.tracking.terminal import Silent, for_python

ROWS = [
    {"clock": 0, "eval/accuracy": 0.1, "perf/clock": 0, "perf/seconds": 0.0, "perf/time": 1.0},
    {"clock": 5, "train/loss": 2.0, "perf/clock": 5, "perf/seconds": 1.0, "perf/time": 2.0},
    {
        "clock": 10, "train/loss": 1.5, "eval/accuracy": 0.75,
        "perf/clock": 10, "perf/seconds": 2.0, "perf/time": 3.0,
    },
]  # fmt: skip
OBJECTIVE = {"metric": "eval/accuracy", "direction": "max", "best": 0.75, "best_clock": 10}


@pytest.fixture
def write(tmp_path):
    """Write a run folder by hand and return the run."""

    def make(name: str, rows: list[dict[str, float]] = ROWS, **summary: Any) -> lab.Run:
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text(yaml.safe_dump({"experiment": "odd", "config": {}}))
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        facts = {
            "state": "finished", "experiment": "odd", "target": "numbers", "seed": 3,
            "objective": OBJECTIVE, "clock": {"name": "samples", "value": 10},
            "test": {"test/accuracy": 0.5}, "config": {"lr": 0.1, "hidden": [8, 4]},
        }  # fmt: skip
        (folder / "summary.json").write_text(json.dumps({**facts, **summary}))
        return lab.Run(folder)

    return make


class Tags(HTMLParser):
    """The tags of a page, their attributes, and its texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def images(self) -> list[Image.Image]:
        sources = [attributes["src"] for tag, attributes in self.found if tag == "img"]
        contents = [base64.b64decode(source.partition("base64,")[2]) for source in sources]
        return [Image.open(io.BytesIO(content)) for content in contents]


# -- tables


def test_runs_are_a_table_and_still_gone_through(write, tmp_path) -> None:
    write("b", seed=4)
    write("a", config={"lr": 0.5, "extra": {"n": 2}})
    runs = lab.runs(tmp_path / "runs")
    assert [run.name for run in runs] == [run.name for run in runs] == ["a", "b"]
    frame = runs.frame()
    first = ["name", "experiment", "target", "seed", "state", "objective"]
    assert list(frame.columns) == [*first, "lr", "extra", "hidden"]
    assert frame[first].to_numpy().tolist() == [
        ["a", "odd", "numbers", 3, "finished", 0.75],
        ["b", "odd", "numbers", 4, "finished", 0.75],
    ]
    assert frame["lr"].tolist() == [0.5, 0.1]
    assert frame["extra"][0] == "n=2"
    assert frame["hidden"][1] == "8,4"


def test_no_runs_are_a_table_without_rows(tmp_path) -> None:
    frame = lab.runs(tmp_path).frame()
    assert len(frame) == 0
    assert "objective" in frame.columns


def test_a_run_without_a_summary_has_a_row(write, tmp_path) -> None:
    (write("a").dir / "summary.json").unlink()
    (row,) = lab.runs(tmp_path / "runs").frame().to_dict("records")
    assert (row["name"], row["state"]) == ("a", "crashed")


def test_metrics_are_a_table(write) -> None:
    frame = write("a").frame()
    assert frame["clock"].tolist() == [0, 5, 10]
    assert frame["train/loss"].tolist()[1:] == [2.0, 1.5]
    assert math.isnan(frame["train/loss"][0])


# -- figures


def test_the_objective_and_the_loss_are_drawn_over_the_clock(write) -> None:
    top, bottom = write("a").plot().axes
    (objective, best), (loss,) = top.lines, bottom.lines
    np.testing.assert_array_equal(objective.get_xydata(), [[0, 0.1], [10, 0.75]])
    np.testing.assert_array_equal(best.get_xydata(), [[10, 0.75]])
    np.testing.assert_array_equal(loss.get_xydata(), [[5, 2.0], [10, 1.5]])
    labels = (top.get_ylabel(), bottom.get_ylabel(), bottom.get_xlabel())
    assert labels == ("eval/accuracy", "train/loss", "samples")


def test_losses_of_several_players_are_told_apart(write) -> None:
    rows = [{**ROWS[1], "train/loss": 1.0, "train/d_loss": 2.0, "train/phase": 1.0}]
    (panel,) = write("a", rows, objective={}).plot().axes
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert sorted(labels) == ["train/d_loss", "train/loss"]


def test_a_run_without_metrics_says_so(write) -> None:
    run = write("a", [])
    with pytest.raises(lab.UsageError, match="no metrics to draw yet"):
        run.plot()
    assert "no metrics yet" in run._repr_html_()


# -- HTML


def test_a_run_shows_its_summary_curves_and_last_pictures(write) -> None:
    run = write("a")
    (run.dir / "media").mkdir()
    for name, size in {"000000000-digits.png": 5, "000000010-digits.png": 7}.items():
        Image.new("RGB", (size, size)).save(run.dir / "media" / name)
    (run.dir / "media" / "000000010-table.csv").write_text("a,b")
    page = Tags(run._repr_html_())
    assert {"a", "finished", "0.75", "0.5", "test/accuracy", "samples"} <= set(page.texts)
    curves, picture = page.images()
    assert curves.width > 300
    assert picture.size == (7, 7)
    assert lab.RunResult.read(run.dir)._repr_html_() == run._repr_html_()


def test_nothing_of_a_run_is_taken_for_html(write, tmp_path) -> None:
    hostile = '<script>alert("x")</script>'
    run = write("<b>run", error=hostile, target=hostile, config={"lr": hostile})
    (run.dir / "media").mkdir()
    Image.new("RGB", (3, 3)).save(run.dir / "media" / '0-"><i>.png')
    for shown in (run._repr_html_(), lab.runs(tmp_path / "runs")._repr_html_()):
        assert not {"script", "b", "i"} & {tag for tag, _ in Tags(shown).found}
        assert hostile in Tags(shown).texts or hostile in "".join(Tags(shown).texts)


# -- the bar


class Shown:
    """What IPython's display shows, as it is drawn again."""

    def __init__(self) -> None:
        self.pages: list[str] = []

    def __call__(self, content: Any, *, display_id: bool) -> Shown:
        self.update(content)
        return self

    def update(self, content: Any) -> None:
        self.pages.append(content._repr_html_())


def test_a_notebook_shows_how_far_a_run_is(train) -> None:
    shown = Shown()
    train("odd", name="a", terminal=notebook.NotebookBar(shown))
    (bar,) = [attributes for tag, attributes in Tags(shown.pages[-1]).found if tag == "progress"]
    assert bar["value"] == bar["max"]
    assert "best" in shown.pages[-1]


def test_messages_stand_under_the_bar_as_text() -> None:
    shown = Shown()
    bar = notebook.NotebookBar(shown)
    bar.start("odd", "samples", 0, 100)
    bar.row({"clock": 50, "eval/accuracy": 0.5}, "eval/accuracy", 0.5)
    bar.say("<b>Warning")
    assert re.findall(r"<pre>(.*)</pre>", shown.pages[-1]) == ["&lt;b&gt;Warning"]
    assert 'value="50" max="100"' in shown.pages[-1]


def test_only_the_kernel_of_a_notebook_has_a_bar(monkeypatch) -> None:
    assert isinstance(for_python(), Silent)
    shell = SimpleNamespace()  # that of a terminal
    ipython = SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=Shown()))
    assert not isinstance(for_python(), notebook.NotebookBar)
    shell.kernel = object()
    assert isinstance(for_python(), notebook.NotebookBar)
