"""Invalid options give one or two plain lines and exit code 2, and leave nothing behind."""

from __future__ import annotations

import pytest
from helpers import assert_plain_mistake

PERCEPTRON = ["--arch", "perceptron"]
MISTAKES = {
    "values for a perceptron": ([*PERCEPTRON, "--data", "diabetes"], "tell classes apart"),
    "mixtures for a perceptron": ([*PERCEPTRON, "--augment", "mixup=0.2"], "cannot learn from"),
    "layers of a perceptron": ([*PERCEPTRON, "--hidden", "8"], "has no --hidden"),
    "no units": (["--hidden", "8,0"], "one unit or more"),
    "words for units": (["--hidden", "many"], "--hidden"),
    "norm of one": (["--norm", "--batch-size", "1"], "--norm needs two examples"),
    "norm of parts of one": (
        ["--norm", "--batch-size", "7", "--grad-accum-steps", "3"],
        "--norm needs two",
    ),
    "all left out": (["--dropout", "1"], "--dropout"),
    "an unknown activation": (["--activation", "swish"], "--activation"),
    "smooth values": (["--data", "diabetes", "--label-smoothing", "0.1"], "is for classes"),
    "weighted values": (["--data", "diabetes", "--class-weights", "balanced"], "is for classes"),
    "mixed values": (["--data", "diabetes", "--augment", "mixup=0.2"], "mixes classes"),
    "shifted rows": (["--data", "iris", "--augment", "shift=2"], "needs images"),
    "an unknown variation": (["--augment", "blur=2"], "none of shift"),
    "pixels": (["--data", "shapes", "--task", "segment"], "to segment"),
    "clips": (["--data", "moving-shapes"], "is video data to classify"),
    "sequences": (["--data", "waves"], "is sequence data to classify"),
    "tokens": (["--data", "copy-memory"], "is tokens data to classify"),
    "tokens for a perceptron": ([*PERCEPTRON, "--data", "sentences"], "sentences gives tokens"),
    "a source without classes": (
        ["--data", "text:lines.txt"],
        "text:lines.txt is to lm; this experiment can classify",
    ),
    "values of irises": (["--data", "iris", "--task", "regress"], "iris"),
    "an unknown source": (["--data", "digit"], "Did you mean 'digits'?"),
    "an unknown class": (["--data", "iris", "--classes", "rose"], "no class 'rose'"),
    "nesterov without momentum": (["--nesterov"], "--nesterov needs --optimizer sgd"),
    "no network": (["--model", "nets.py"], "write file.py:Name"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_or_two_plain_lines_and_no_run_folder(cli, tmp_path, case) -> None:
    (tmp_path / "lines.txt").write_text("\n".join(map(str, range(40))))
    words, expected = MISTAKES[case]
    result = cli("run", "mlp", "--wandb", "disabled", "--quiet", *words)
    assert_plain_mistake(result, expected, tmp_path)


def test_all_bad_options_are_said_at_once(cli) -> None:
    result = cli("run", "mlp", "--lr", "-1", "--batch-size", "0", "--dropout", "2")
    assert result.exit_code == 2
    for option in ("--lr", "--batch-size", "--dropout"):
        assert option in result.stderr
