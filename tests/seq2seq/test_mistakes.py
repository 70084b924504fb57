"""Invalid options give one or two plain lines and exit code 2, and leave nothing behind."""

from __future__ import annotations

import pytest
from helpers import assert_plain_mistake

TRANSFORMER = ["--encoder", "transformer", "--decoder", "transformer"]
MISTAKES = {
    "classes": (
        ["--data", "iris"],
        "Error: iris is to classify; this experiment can translate. `lab data` says",
    ),
    "texts": (["--data", "text:lines.txt"], "text:lines.txt is to lm"),
    "a task that is none": (["--task", "classify"], "this experiment can translate"),
    "heads without a Transformer": (["--heads", "8"], "--heads is of Transformers"),
    "positions without one": (["--positions", "rotary"], "--positions is of Transformers"),
    "heads that divide nothing": ([*TRANSFORMER, "--heads", "3"], "no multiple of twice the 3"),
    "one way of a Transformer": (
        ["--encoder", "transformer", "--no-bidirectional"],
        "--bidirectional is of recurrent encoders",
    ),
    "an odd size both ways": (["--hidden-size", "33"], "make it even"),
    "scores of no attention": (
        ["--context", "vector", "--alignment", "additive"],
        "--alignment is of recurrent decoders",
    ),
    "scores of a Transformer": (
        [*TRANSFORMER, "--alignment", "dot"],
        "--alignment is of recurrent decoders",
    ),
    "a schedule of nothing": (
        ["--teacher-forcing-schedule", "linear"],
        "needs a --teacher-forcing below 1",
    ),
    "more than all forced": (["--teacher-forcing", "1.5"], "--teacher-forcing"),
    "a beam of none": (["--beam", "0"], "--beam"),
    "an unknown encoder": (["--encoder", "cnn"], "--encoder"),
    "an unknown alignment": (["--alignment", "cosine"], "--alignment"),
    "a penalty below nothing": (["--length-penalty", "-1"], "--length-penalty"),
    "a source that is misspelled": (["--data", "revers"], "Did you mean 'reverse'?"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_or_two_plain_lines_and_no_run_folder(cli, tmp_path, case) -> None:
    (tmp_path / "lines.txt").write_text("\n".join(map(str, range(40))))
    words, expected = MISTAKES[case]
    result = cli("run", "seq2seq", "--wandb", "disabled", "--quiet", *words)
    assert_plain_mistake(result, expected, tmp_path)
