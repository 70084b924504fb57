"""Invalid options give one or two plain lines and exit code 2, and leave nothing behind."""

from __future__ import annotations

import pytest
from helpers import assert_plain_mistake

MISTAKES = {
    "an unknown id": (["--env", "CartPole-v9"], "CartPole-v9"),
    "a near miss": (["--env", "CartPoel-v1"], "Did you mean 'CartPole-v1'?"),
    "an unknown module": (["--env", "no_such_module:X-v0"], "no_such_module"),
    "an unknown id of a namespace": (["--env", "lab/Catsh-v0"], "Did you mean 'lab/Catch-v0'?"),
    "continuous actions": (["--env", "Pendulum-v1"], "Discrete action space"),
    "several actions": (["--env", "worlds:worlds/Odd-v0", "--env-args", "action=several"],
                        "PPO and A2C take several at a time"),
    "switches": (["--env", "worlds:worlds/Odd-v0", "--env-args", "action=switches"],
                 "PPO and A2C take several at a time"),
    "a sequence": (["--env", "worlds:worlds/Odd-v0", "--env-args", "observation=sequence"],
                   "no fixed size"),
    "too many states": (["--env", "worlds:worlds/Odd-v0", "--env-args", "observation=many"],
                        "numbers 1,000,000,000 states"),
    "an unknown wrapper": (["--wrap", "FlatenObservation"], "Did you mean 'FlattenObservation'?"),
    "a wrapper of an unknown module": (["--wrap", "no_such_module:Wrapper"], "no_such_module"),
    "a wrapper that wants more": (["--wrap", "RescaleObservation"], "min_obs"),
    "a wrapper's wrong argument": (["--wrap", "ClipReward(color=1)"], "color"),
    "a wrapper that is no name": (["--wrap", "ClipReward(1)"], "Name(key=value,...)"),
    "a wrapper that learns": (["--wrap", "NormalizeObservation"], "evaluation would not have"),
    "no wrapper": (["--wrap", "builtins:str"], "returns no environment"),
    "a stack of states": (["--env", "FrozenLake-v1", "--frame-stack", "2"], "MultiDiscrete"),
    "scaled pictures": (["--env", "lab/Catch-v0", "--scale-obs"], "--scale-obs scales vectors"),
    "scaled states": (["--env", "FrozenLake-v1", "--scale-obs"], "--scale-obs scales vectors"),
    "an unknown argument": (["--env", "lab/Catch-v0", "--env-args", "color=1"], "color"),
    "a wrong value": (["--env", "lab/Catch-v0", "--env-args", "rows=1"], "rows >= 2"),
    "a wrong key": (["--env", "FrozenLake-v1", "--env-args", "map_name=9x9"], "9x9"),
    "arguments that are none": (["--env-args", "slippery"], "--env-args slippery"),
    "a negative rate": (["--lr", "-1"], "greater than 0"),
    "no environments": (["--n-envs", "0"], "--n-envs"),
    "an unknown loss": (["--loss", "mae"], "mae"),
    "tau of zero": (["--tau", "0"], "--tau"),
    "an unknown preset": (["--preset", "tinny"], "Did you mean 'tiny'?"),
    "a criterion without a number": (["--stop-at", "eval/return>=high"], "--stop-at"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_a_mistake_is_one_or_two_plain_lines_and_no_run_folder(cli, tmp_path, case) -> None:
    words, expected = MISTAKES[case]
    result = cli("run", "dqn", "--wandb", "disabled", "--quiet", *words)
    assert_plain_mistake(result, expected, tmp_path)


def test_all_bad_options_are_said_at_once(cli) -> None:
    result = cli("run", "dqn", "--lr", "-1", "--batch-size", "0", "--gamma", "2")
    assert result.exit_code == 2
    for option in ("--lr", "--batch-size", "--gamma"):
        assert option in result.stderr
