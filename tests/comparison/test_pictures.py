"""`lab compare --plot` draws what the comparison says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lab.cli import main
from lab.comparison import plot
from lab.comparison.groups import compare
from lab.comparison.selection import select


def lab(*words: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, words)], prog_name="lab")


def test_each_group_has_its_iqm_its_band_and_its_seeds(write, monkeypatch) -> None:
    from matplotlib.figure import Figure

    for seed, end in enumerate((2.0, 4.0, 6.0)):
        write(f"a{seed}", end, group="ga", seed=seed, curve=(0.0, end))
    write("b", 9.0, group="gb", curve=(1.0, 9.0))
    write("c", 9.0, group="ga", state="failed", curve=(100.0, 100.0))
    drawn: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *_, **__: drawn.append(self))
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
    assert sorted({y for _, y in np.asarray(band.get_paths()[0].vertices).tolist()}) == [
        0.0,
        2.0,
        6.0,
    ]


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
    assert "No run has a curve of 'eval/return'" in done.output
