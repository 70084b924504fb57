"""Invalid options give one or two plain lines and exit code 2, and leave nothing behind."""

from __future__ import annotations

import pytest
from helpers import assert_plain_mistake

ODD = ["--env", "worlds:worlds/Odd-v0", "--env-args"]
MISTAKES = {
    "an unknown id": (["--env", "CartPoel-v1"], "Did you mean 'CartPole-v1'?"),
    "an unknown algorithm": (["--algo", "trpo"], "should be 'ppo', 'a2c' or 'reinforce'"),
    "what A2C has not": (["--algo", "a2c", "--clip-range", "0.1"], "a2c has no --clip-range"),
    "what REINFORCE has not": (["--algo", "reinforce", "--n-steps", "5"], "has no --n-steps"),
    "no critic": (["--no-baseline"], "ppo needs its critic"),
    "episodes without end": (["--algo", "reinforce", *ODD, "action=box"], "has no time limit"),
    "a sequence": ([*ODD, "observation=sequence"], "no fixed size"),
    "a tuple of actions": ([*ODD, "action=tuple"], "float Box actions, not Tuple"),
    "too many states": ([*ODD, "observation=many"], "numbers 1,000,000,000 states"),
    "pictures by their moments": (["--env", "lab/Catch-v0", "--normalize-obs"], "is for vectors"),
    "a wrapper that learns": (["--wrap", "NormalizeObservation"], "evaluation would not have"),
    "a discount beyond 1": (["--gamma", "2"], "less than or equal to 1"),
    "no transitions": (["--batch-size", "0"], "--batch-size"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_or_two_plain_lines_and_no_run_folder(cli, tmp_path, case) -> None:
    words, expected = MISTAKES[case]
    result = cli("run", "pg", "--preset", "none", "--wandb", "disabled", "--quiet", *words)
    assert_plain_mistake(result, expected, tmp_path)
