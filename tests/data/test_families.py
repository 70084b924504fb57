"""Families that cannot learn from sequences or words say so before anything is written."""

from __future__ import annotations

from pathlib import Path

import pytest

import lab

REFUSED = {
    "mlp": "{source} is {kind} data to {task}",
    "cnn": "{source} is {kind} data to {task}",
    "capsnet": "{source} is {kind} data to {task}",
    "baseline": "A baseline learns from images, tables and texts; {source} is {kind} data",
    "seq2seq": "{source} is to {task}; this experiment can translate",
    "dbn": "{source} is {kind} data; RBMs learn from images and tables",
}
SOURCES = {
    "waves": ("sequence", "classify"),
    "copy-memory": ("tokens", "classify"),  # a class for each step
    "text:lines.txt": ("text", "lm"),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("family", REFUSED)
def test_what_a_family_cannot_learn_from_is_said(
    family: str, source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("lines.txt").write_text("\n".join(map(str, range(40))))
    kind, task = SOURCES[source]
    expected = REFUSED[family].format(source=source, kind=kind, task=task)
    if task == "lm" and family == "capsnet":
        expected = f"{source} is to lm; this experiment can classify"
    if task == "lm" and family in ("mlp", "cnn", "baseline"):  # found before data are read
        expected = f"{source} is to lm; this experiment can classify, regress"
    with pytest.raises(lab.UsageError) as error:
        lab.run(family, data=source, wandb="disabled")
    assert expected in str(error.value)
    assert not Path("runs").exists()
