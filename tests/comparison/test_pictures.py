"""`lab compare --plot` draws what the comparison says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

from lab.cli import main
from lab.comparison import plot
from lab.comparison.selection import select
from lab.comparison.tables import compare

if TYPE_CHECKING:
    from matplotlib.figure import Figure as FigureType


def lab(*words: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, words)], prog_name="lab")


def kept_figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the figures that are saved from now on."""
    from matplotlib.figure import Figure

    drawn: list[Any] = []
    save = Figure.savefig

    def keep(figure: FigureType, *args: Any, **options: Any) -> None:
        drawn.append(figure)
        save(figure, *args, **options)

    monkeypatch.setattr(Figure, "savefig", keep)
    return drawn


def test_each_group_has_its_mean_its_band_and_its_seeds(write, monkeypatch) -> None:
    for seed, end in enumerate((2.0, 4.0, 6.0)):
        write(f"a{seed}", end, group="ga", seed=seed, curve=(0.0, end))
    write("b", 9.0, group="gb", curve=(1.0, 9.0))
    write("c", 9.0, group="ga", state="failed", curve=(100.0, 100.0))
    drawn = kept_figures(monkeypatch)
    runs = select([], Path("runs"))
    plot.write(Path("x.png"), compare(runs), runs)
    (axes,) = drawn[0].axes
    lines = {line.get_label(): np.asarray(line.get_ydata()).tolist() for line in axes.lines}
    assert lines["ga (n=3)"] == [0.0, 4.0]
    assert lines["gb (n=1)"] == [1.0, 9.0]
    faint = [np.asarray(line.get_ydata()).tolist() for line in axes.lines if line.get_alpha()]
    assert sorted(faint) == [[0.0, 2.0], [0.0, 4.0], [0.0, 6.0]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("env_steps", "eval/return")
    (band,) = axes.collections  # of the one group that has several runs
    ends = stats.t.interval(0.95, 2, loc=4, scale=stats.sem([2, 4, 6]))
    drawn_band = sorted({y for _, y in np.asarray(band.get_paths()[0].vertices).tolist()})
    assert drawn_band == pytest.approx([ends[0], 0.0, ends[1]])
    assert axes.get_ylim() == pytest.approx((-0.45, 9.45))  # of the curves, not of the band
    assert axes.get_title() == "A"


def test_each_table_has_its_own_axes_and_what_is_fitted_at_once_is_a_level(write, monkeypatch):
    write("a", 2.0, group="ga", curve=(0.0, 1.0, 3.0))
    write("b", 9.0, group="gb", env="B")
    write("c", 2.5, group="gc", ended="complete", curve=(0.1, 2.5))
    drawn = kept_figures(monkeypatch)
    runs = select([], Path("runs"))
    plot.write(Path("x.png"), compare(runs), runs)
    first, second = drawn[0].axes
    assert (first.get_title(), second.get_title()) == ("A", "B")
    lines = {line.get_label(): line for line in first.lines}
    assert np.asarray(lines["gc (n=1)"].get_ydata()).tolist() == [2.5, 2.5]
    assert np.asarray(lines["ga (n=1)"].get_ydata()).tolist() == [0.0, 1.0, 3.0]


def test_no_color_comes_twice_however_many_groups_there_are() -> None:
    for number in (1, 10, 11, 60):
        colors = plot.palette(number)
        assert len(set(colors)) == number
    assert tuple(plot.palette(10)) == plot.PALETTE


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_pictures_come_in_the_usual_formats(write, suffix: str) -> None:
    write("a", 1.0)
    done = lab("--plot", f"out.{suffix}")
    assert done.exit_code == 0, done.output
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    assert Path(f"out.{suffix}").read_bytes().startswith(starts[suffix])


def test_a_name_or_folder_that_cannot_be_written_is_said_before_any_work(write) -> None:
    write("a", 1.0)
    assert ".png, .svg, .pdf" in lab("--plot", "out.jpg").output
    assert (
        "--plot nowhere/out.png: there is no folder nowhere"
        in lab("--plot", "nowhere/out.png").output
    )
    assert "--html nowhere/out.html: there is no folder" in lab("--html", "nowhere/out.html").output


def test_a_metric_without_a_curve_is_a_plain_mistake(write) -> None:
    write("a", 1.0)
    Path("runs/a/metrics.jsonl").write_text('{"clock": 0, "train/loss": 1}\n')
    done = lab("--metric", "test/return", "--plot", "out.png")
    assert done.exit_code == 2
    assert "No run has a curve of eval/return" in done.output
