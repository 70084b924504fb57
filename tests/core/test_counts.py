"""Counts are written as people write them, and read as they are said."""

from __future__ import annotations

import pytest

import lab
from lab.config import RunOptions
from lab.messages import count
from lab.option_text import parse
from lab.options import build

WRITTEN = {"10k": 10_000, "2M": 2_000_000, "1e5": 100_000, "1.5k": 1_500, "2E3": 2_000, "7": 7}
NOT_WHOLE = ("1.5", "1.2345k", "k", "1e-3", "1e", "10kk", "10 k 3", "1g", "0x10", "1e99")


@pytest.mark.parametrize(("text", "number"), WRITTEN.items())
def test_a_count_may_be_written_short(text, number) -> None:
    for name in ("budget", "eval_every", "log_every", "checkpoint_every"):
        assert getattr(build(RunOptions, {name: text}), name) == number


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_what_is_no_whole_number_is_refused(text) -> None:
    with pytest.raises(lab.UsageError, match="--budget"):
        build(RunOptions, {"budget": text})


def test_the_command_line_and_its_environment_take_them(cli) -> None:
    result = cli("run", "odd", "--budget", "0.2k", "--name", "one", LAB_EVAL_EVERY="1e2")
    assert result.exit_code == 0, result.output
    assert [run.record["run"]["budget"] for run in lab.runs("runs")] == [200]
    assert [run.record["run"]["eval_every"] for run in lab.runs("runs")] == [100]


def test_other_options_are_read_as_ever() -> None:
    assert parse(RunOptions, "name", "10k") == "10k"
    assert parse(RunOptions, "budget", "none") is None


def test_one_is_singular() -> None:
    read = [count(number, "run") for number in (0, 1, 2, 1_234)]
    assert read == ["0 runs", "1 run", "2 runs", "1,234 runs"]
    assert [count(n, "class", "classes") for n in (1, 2)] == ["1 class", "2 classes"]
