"""Options come from five places in a fixed order, and all mistakes are reported together."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import helpers
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import lab
from lab.config import RunOptions
from lab.errors import UsageError
from lab.option_text import parse
from lab.options import LARGEST, Options, build
from lab.plugins import discover
from lab.resolve import resolve

LEVELS = ("flag", "environment", "file", "preset")
VALUE = {"flag": 0.01, "environment": 0.02, "file": 0.03, "preset": 0.25, "default": 0.5}


def resolved(result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)["summary"]["config"]


@pytest.mark.parametrize(
    "levels", [c for n in range(5) for c in itertools.combinations(LEVELS, n)], ids="+".join
)
def test_flags_beat_environment_beats_file_beats_preset_beats_default(
    cli, tmp_path, levels
) -> None:
    (tmp_path / "options.yaml").write_text(f"lr: {VALUE['file']}\n")
    args = ["--budget", 10, "--json"]
    args += ["--lr", VALUE["flag"]] if "flag" in levels else []
    args += ["--config", "options.yaml"] if "file" in levels else []
    args += ["--preset", "quick"] if "preset" in levels else []
    environment = {"LAB_LR": str(VALUE["environment"])} if "environment" in levels else {}
    result = cli("run", "odd", *args, **environment)
    assert resolved(result)["lr"] == VALUE[next(iter(levels), "default")]


def test_runner_options_follow_the_same_order(cli, tmp_path) -> None:
    (tmp_path / "options.yaml").write_text("seed: 3\nbudget: 20\n")
    args = ("run", "odd", "--config", "options.yaml", "--preset", "quick", "--json")
    from_file = resolved(cli(*args))
    assert (from_file["seed"], from_file["budget"]) == (3, 20)
    assert resolved(cli(*args, LAB_SEED="4"))["seed"] == 4
    assert resolved(cli(*args, "--seed", 5, LAB_SEED="4"))["seed"] == 5
    assert resolved(cli("run", "odd", "--preset", "quick", "--json"))["budget"] == 40


def test_the_preset_named_as_the_task_is_chosen_by_itself(cli) -> None:
    chosen = cli("run", "odd", "--place", "marsh", "--budget", 10, "--json")
    assert resolved(chosen)["lr"] == 0.75
    assert "Preset marsh" in chosen.stderr
    refused = cli("run", "odd", "--place", "marsh", "--preset", "none", "--budget", 10, "--json")
    assert resolved(refused)["lr"] == 0.5


def test_an_unknown_preset_names_those_there_are(cli) -> None:
    result = cli("run", "odd", "--preset", "quik")
    assert result.exit_code == 2
    assert "Did you mean 'quick'?" in result.stderr
    assert "marsh" in result.stderr


def test_all_mistakes_are_told_at_once(cli) -> None:
    wrong = ("--lr", -1, "--hidden", "8,x", "--seed", -5, "--color", "blue", "--budget", 0)
    result = cli("run", "odd", *wrong)
    assert result.exit_code == 2
    for option in ("--lr -1", "--hidden x", "--seed -5", "--color blue", "--budget 0"):
        assert option in result.stderr
    assert "Traceback" not in result.stderr


def test_all_unknown_options_are_told_at_once(cli) -> None:
    result = cli("run", "odd", "--lrr", 1, "--colr=red", "--seed", 1)
    assert result.exit_code == 2
    assert "no option --lrr. Did you mean '--lr'?" in result.stderr
    assert "no option --colr. Did you mean '--color'?" in result.stderr
    assert "--seed" not in result.stderr


def test_wrong_values_in_the_environment_are_plain_too(cli) -> None:
    result = cli("run", "odd", LAB_LR="fast", LAB_SEED="x")
    assert result.exit_code == 2
    assert "--lr fast" in result.stderr
    assert "--seed x" in result.stderr


def test_unknown_yaml_keys_and_wrong_values_come_together_with_hints(cli, tmp_path) -> None:
    (tmp_path / "options.yaml").write_text("lrr: 1\nbugdet: 3\nseed: -1\n")
    result = cli("run", "odd", "--config", "options.yaml", "--fast", "--limit", -2)
    assert result.exit_code == 2
    assert "'lrr' in options.yaml. Did you mean 'lr'?" in result.stderr
    assert "'bugdet' in options.yaml. Did you mean 'budget'?" in result.stderr
    assert "--seed -1" in result.stderr
    assert "--limit -2" in result.stderr


def test_python_arguments_get_the_same_hints(train) -> None:
    with pytest.raises(UsageError, match=r"'bugdet'.*Did you mean 'budget'"):
        train("odd", bugdet=3)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"lr: [1, 2\n", "is not YAML"),
        (b'{"experiment": "mlp", "config": {"lr": 0.1}}', "has no options under `run`"),
        (b"- 1\n- 2\n", "must hold a mapping"),
        (b"just words\n", "must hold a mapping"),
        (b"", "must hold a mapping"),
        (b"\xff\xfe\x00lr", "is not YAML"),
        (None, "cannot read options.yaml: No such file"),
    ],
)
def test_an_unreadable_file_is_one_plain_line(cli, tmp_path, content, expected) -> None:
    if content is not None:
        (tmp_path / "options.yaml").write_bytes(content)
    result = cli("run", "odd", "--config", "options.yaml")
    assert result.exit_code == 2
    assert expected in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_recorded_config_repeats_the_run(cli, tmp_path) -> None:
    first = ("--lr", 0.125, "--hidden", "3", "--limit", "none", "--seed", 7, "--tag", "a,b")
    assert cli("run", "odd", *first, "--name", "one").exit_code == 0
    again = cli("run", "odd", "--config", "runs/one/config.yaml", "--name", "two")
    assert again.exit_code == 0, again.stderr
    a, b = (
        yaml.safe_load((tmp_path / "runs" / n / "config.yaml").read_text()) for n in ("one", "two")
    )
    assert a["config"] == b["config"]
    assert {**a["run"], "name": "two"} == b["run"]
    assert helpers.rows(tmp_path / "runs/one") == helpers.rows(tmp_path / "runs/two")


def test_a_changed_rerun_is_no_member_of_the_old_group(cli, tmp_path) -> None:
    for name, args in {
        "one": [],
        "seed": ["--config", "runs/one/config.yaml", "--seed", 1],
        "rate": ["--config", "runs/one/config.yaml", "--lr", 0.1],
    }.items():
        assert cli("run", "odd", *args, "--name", name).exit_code == 0
    original, seed, rate = (helpers.summary(tmp_path / "runs" / n) for n in ("one", "seed", "rate"))
    assert original["group"] == seed["group"] != rate["group"]


@pytest.mark.parametrize(
    ("args", "name", "value"),
    [
        (["--hidden", "64,32"], "hidden", [64, 32]),
        (["--hidden", "64"], "hidden", [64]),
        (["--hidden", ""], "hidden", []),
        (["--limit", "none"], "limit", None),
        (["--limit", "2.5"], "limit", 2.5),
        (["--fast"], "fast", True),
        (["--no-fast"], "fast", False),
        (["--color", "green"], "color", "green"),
    ],
)
def test_flags_read_tuples_optionals_and_booleans(cli, args, name, value) -> None:
    assert resolved(cli("run", "odd", *args, "--budget", 10, "--json"))[name] == value


@pytest.mark.parametrize(
    ("line", "name", "value"),
    [
        ("hidden: [64, 32]", "hidden", [64, 32]),
        ("hidden: 64,32", "hidden", [64, 32]),
        ("limit: null", "limit", None),
        ("limit: none", "limit", None),
        ("fast: true", "fast", True),
        ("eval-every: 5", "eval_every", 5),
    ],
)
def test_files_read_tuples_optionals_and_booleans(cli, tmp_path, line, name, value) -> None:
    (tmp_path / "options.yaml").write_text(line)
    result = cli("run", "odd", "--config", "options.yaml", "--budget", 10, "--json")
    assert resolved(result)[name] == value


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("0", False)])
def test_the_environment_switches_booleans_both_ways(cli, tmp_path, text, value) -> None:
    (tmp_path / "options.yaml").write_text(f"fast: {not value}")
    result = cli("run", "odd", "--config", "options.yaml", "--budget", 10, "--json", LAB_FAST=text)
    assert resolved(result)["fast"] is value


class Every(Options):
    number: int = 0
    real: float | None = None
    words: tuple[str, ...] = ()
    sizes: tuple[int, ...] | None = None
    switch: bool = False


WORD = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1)


@given(
    st.fixed_dictionaries(
        {
            "number": st.integers(-LARGEST, LARGEST),
            "real": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "words": st.lists(WORD).map(tuple),
            "sizes": st.none() | st.lists(st.integers(-LARGEST, LARGEST)).map(tuple),
            "switch": st.booleans(),
        }
    )
)
def test_what_help_shows_as_a_value_reads_back_as_that_value(values) -> None:
    def show(value: object) -> str:
        return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)

    built = build(Every, {name: show(value) for name, value in values.items()})
    assert built.model_dump() == values


def test_what_is_left_open_is_decided_and_recorded(train) -> None:
    result = train("odd", budget=400)
    run = yaml.safe_load((result.dir / "config.yaml").read_text())["run"]
    undecided = {name for name, value in run.items() if value is None}
    assert undecided <= {"stop_at", "checkpoint_every", "project"}
    assert (run["eval_every"], run["log_every"], run["threads"]) == (20, 4, 1)


GRIDS: dict[str, tuple[dict[str, Any], int]] = {
    "the preset's own budget": ({}, 400),
    "the same, said": ({"budget": 1_000}, 400),
    "a smaller one": ({"budget": "500"}, 50),
    "a tiny one": ({"budget": 7}, 1),
    "a larger one": ({"budget": 2_000}, 200),
    "one so large that the preset's grid shows enough": ({"budget": 9_000}, 400),
    "a grid that is said": ({"budget": 500, "eval_every": 300}, 300),
    "a grid that is said to be the default": ({"budget": 500, "eval_every": "none"}, 25),
}


@pytest.mark.parametrize("case", GRIDS)
def test_over_another_budget_than_its_own_a_preset_evaluates_ten_times_at_least(toys, case) -> None:
    options, grid = GRIDS[case]
    odd = discover().experiment("odd")
    spec = replace(odd, presets={"seldom": {"budget": 1_000, "eval_every": 400}})
    assert resolve(spec, options, preset="seldom").run.eval_every == grid


def test_a_grid_of_the_config_is_meant_for_the_budget_of_the_config(toys, monkeypatch) -> None:
    odd = discover().experiment("odd")
    monkeypatch.setattr(odd.load_config(), "eval_every", property(lambda self: self.budget // 2))
    own = resolve(odd, {}, preset="none").run
    assert own.budget == 2 * (own.eval_every or 0)
    assert resolve(odd, {"budget": 100}, preset="none").run.eval_every == 10


def test_a_run_that_trains_on_keeps_its_grid(train) -> None:
    result = train("odd", budget=100)
    longer = lab.resume(result.dir, budget=200)
    assert lab.Run(longer.dir).record["run"]["eval_every"] == 100 // 20


def test_no_experiment_option_hides_one_of_the_runner(train) -> None:
    for spec in discover().experiments():
        assert not set(spec.load_config().model_fields) & set(RunOptions.model_fields), spec.name


def test_help_shows_every_default_and_range(cli) -> None:
    text = " ".join(cli("run", "odd", "--help").stdout.split())
    for expected in (
        "[> 0; default: 0.5]",
        "[default: 8,4]",
        "[default: no]",
        "red|green",
        "[>= 0 and <= 2147483647; default: 0]",
        "--help",
        "quick: lr=0.25, budget=40",
    ):
        assert expected in text


def test_a_file_may_not_be_a_folder(cli, tmp_path: Path) -> None:
    result = cli("run", "odd", "--config", tmp_path)
    assert result.exit_code == 2
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("text", "value"),
    [("x=1", 1), ("x=1e-3", 1e-3), ("x=true", True), ("x=False", False), ("x=no", "no"),
     ("x=8x8", "8x8"), ("x=-2", -2), ("x=.5", 0.5), ("x=", "")],
)  # fmt: skip
def test_pairs_are_read_as_numbers_switches_and_text(text, value) -> None:
    from lab_dqn.config import Config

    parsed = parse(Config, "env_args", text)["x"]
    assert (parsed, type(parsed)) == (value, type(value))
