"""What a person gets wrong is told in a line or two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import lab


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"label_smoothing": 0.1}, "--label-smoothing is for cross-entropy"),
        ({"class_weights": "balanced"}, "--class-weights is for cross-entropy"),
        ({"decoder": (0,)}, "a layer has one unit or more"),
        ({"routings": 0}, "greater than or equal to 1"),
        ({"data": "iris"}, "needs images and their classes; iris is table data"),
        ({"data": "diabetes"}, "is to regress; this experiment can classify"),
        ({"data": "digits", "kernel": 9}, "Lower --kernel and --primary-kernel"),
        ({"loss": "huber"}, "is for values"),
    ],
)
def test_mistakes_are_refused_before_anything_is_written(
    options: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(lab.UsageError, match=words):
        lab.run("capsnet", runs_dir=tmp_path / "runs", wandb="disabled", **options)
    assert not list(tmp_path.rglob("config.yaml"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--class", "x"), "There is no class 'x'"),
        (("--class", "x", "--perturb"), "There is no class 'x'"),
        (("--perturb", "--n", "3"), "--perturb draws one picture: it has no --n"),
    ],
)
def test_mistakes_of_sample(trained: Path, cli, words: tuple[str, ...], told: str) -> None:
    result = cli("sample", trained, *words)
    assert result.exit_code == 2
    assert told in result.output
    assert len(result.output.splitlines()) < 5
