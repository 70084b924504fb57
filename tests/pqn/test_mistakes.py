"""Invalid options give one or two plain lines and exit code 2, and leave nothing behind."""

from __future__ import annotations

import pytest
from helpers import assert_plain_mistake

ODD = ["--env", "worlds:worlds/Odd-v0", "--env-args"]
MISTAKES = {
    "an unknown id": (["--env", "CartPoel-v1"], "Did you mean 'CartPole-v1'?"),
    "continuous actions": (["--env", "Pendulum-v1"], "Discrete action space"),
    "several actions": ([*ODD, "action=several"], "PPO and A2C take several at a time"),
    "a sequence": ([*ODD, "observation=sequence"], "no fixed size"),
    "too many states": ([*ODD, "observation=many"], "numbers 1,000,000,000 states"),
    "a wrapper that learns": (["--wrap", "NormalizeObservation"], "evaluation would not have"),
    "scaled pictures": (["--env", "lab/Catch-v0", "--scale-obs"], "--scale-obs scales vectors"),
    "lambda beyond 1": (["--q-lambda", "1.5"], "less than or equal to 1"),
    "no steps": (["--n-steps", "0"], "--n-steps"),
    "no epochs": (["--n-epochs", "0"], "--n-epochs"),
    "no transitions": (["--batch-size", "0"], "--batch-size"),
    "an unknown optimizer": (["--optimizer", "adamm"], "--optimizer"),
    "a memory": (["--buffer-size", "100"], "no option --buffer-size"),
    "a target network": (["--target-update-interval", "100"], "no option --target-update-interval"),
    "no-ops alone": (["--noop-max", "3"], "--noop-max is a part of --atari"),
    "no room": (["--n-steps", "2000000000", "--n-envs", "64"], "--n-steps or --n-envs shortens it"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_or_two_plain_lines_and_no_run_folder(cli, tmp_path, case) -> None:
    words, expected = MISTAKES[case]
    result = cli("run", "pqn", "--preset", "none", "--wandb", "disabled", "--quiet", *words)
    assert_plain_mistake(result, expected, tmp_path)
