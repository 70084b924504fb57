"""The terminal shows what people watch, and no more."""

from __future__ import annotations

import io

from lab.tracking.terminal import Bar, PlainLines

ROW = {
    "clock": 300.0,
    "train/phase": 2.0,
    "train/g_loss": 0.5,
    "train/lr": 0.1,
    "eval/fid": 3.25,
    "eval/kid": 0.1,
}


def test_lines_tell_the_phase_the_losses_and_what_selects() -> None:
    stream = io.StringIO()
    lines = PlainLines(stream)
    lines.start("gan", "samples", 0, 1_000)
    lines.row(ROW, "eval/fid", 3.0)
    expected = "300/1,000 samples  train/phase 2  train/g_loss 0.5  eval/fid 3.25  best 3"
    assert stream.getvalue().splitlines()[1].strip() == expected


def test_the_bar_tells_the_same_and_keeps_what_a_row_lacks(capsys) -> None:
    bar = Bar()
    bar.start("gan", "samples", 0, 1_000)
    bar.row(ROW, "eval/fid", 3.0)
    bar.row({"clock": 400.0, "train/phase": 3.0}, "eval/fid", 3.0)
    bar.tick(400)
    bar.stop()
    task = bar._bar.tasks[0]
    assert task.fields["metrics"] == "phase 3  g_loss 0.5  fid 3.25  [green]best 3[/]"
