"""Runs are selected, grouped and ranked by the query; incomplete runs are listed and left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from scipy import stats

from lab.cli import main
from lab.comparison.selection import Where, select
from lab.comparison.tables import ComparisonQuery, compare, direction_of
from lab.errors import UsageError

Write = Callable[..., Path]


def lab(*words: object) -> Result:
    return CliRunner().invoke(main, ["compare", *map(str, words)], prog_name="lab")


def two_groups(write: Write) -> None:
    for seed, value in enumerate((10.0, 12.0, 14.0)):
        write(f"a{seed}", value, group="ga", seed=seed, lr=0.1)
    for seed, value in enumerate((1.0, 2.0, 12.0)):
        write(f"b{seed}", value, group="gb", seed=seed, lr=0.2, curve=(0.0, 5.0, 6.0))


def test_groups_are_ranked_with_what_differs_and_how_sure_it_is(write) -> None:
    two_groups(write)
    comparison = compare(select([], Path("runs")))
    assert [(g.name, g.n, g.best) for g in comparison.groups] == [("ga", 3, 14.0), ("gb", 3, 12.0)]
    assert [g.differing for g in comparison.groups] == [{"lr": 0.1}, {"lr": 0.2}]
    first = comparison.groups[0]
    assert first.mean == 12.0
    ends = stats.t.interval(0.95, 2, loc=12, scale=stats.sem([10, 12, 14]))
    assert (first.low, first.high) == pytest.approx(ends)
    assert first.rate == 20.0
    (table,) = comparison.tables
    (pair,) = table.differences
    assert (pair.better, pair.than) == ("ga", "gb")
    assert pair.probability == pytest.approx((2 + 2.5 + 3) / 9)
    assert (pair.test, pair.shown) == ("paired t-test", False)  # they have the same seeds
    assert pair.p_value == pytest.approx(stats.ttest_rel([10, 12, 14], [1, 2, 12]).pvalue)
    assert (table.metric, table.subject, table.direction) == ("test/return", "A", "max")


def test_a_key_that_no_run_has_groups_nothing(write) -> None:
    write("a", 1.0)
    done = lab("--by", "lrr")
    assert done.exit_code == 2
    assert "no run has a key 'lrr'. Did you mean 'lr'?" in done.output


def test_lower_is_better_where_the_objective_says_so(write) -> None:
    for seed in range(2):
        write(f"a{seed}", 5.0 + seed, group="ga", direction="min", seed=seed)
        write(f"b{seed}", 1.0 - seed, group="gb", direction="min", seed=seed)
    comparison = compare(select([], Path("runs")))
    assert [g.name for g in comparison.groups] == ["gb", "ga"]
    assert comparison.tables[0].differences[0].probability == 1.0
    assert lab("--fail-under", "test/return=3").exit_code == 1
    assert lab("--fail-under", "test/return=6").exit_code == 0


def test_the_threshold_tells_when_each_group_got_there(write) -> None:
    two_groups(write)
    groups = compare(select([], Path("runs")), ComparisonQuery(threshold=5.0)).groups
    times = {g.name: g.time_to_threshold for g in groups if g.time_to_threshold is not None}
    assert (times["ga"].reached, times["ga"].clock) == (0, None)
    assert (times["gb"].reached, times["gb"].clock, times["gb"].seconds) == (3, 100, 5.0)


def test_curves_are_on_the_grid_that_all_runs_of_a_group_share(write) -> None:
    write("a0", 1.0, curve=(0.0, 2.0, 4.0))
    write("a1", 1.0, curve=(2.0, 4.0))
    (group,) = compare(select([], Path("runs")), curves=True).groups
    assert [(p["clock"], p["mean"]) for p in group.curve] == [(0, 1.0), (100, 3.0)]
    for point in group.curve:
        low, mean, high = (point[name] or 0.0 for name in ("low", "mean", "high"))
        assert low <= mean <= high


def test_what_is_not_whole_is_listed_and_never_averaged_in(write) -> None:
    write("whole", 10.0)
    write("failed", 1e9, state="failed", error="stumbled")
    write("crashed", 1e9, state="running")
    (write("torn", 1e9) / "summary.json").write_text('{"state": ')
    (write("empty", 1e9) / "summary.json").write_text("[]")
    (write("cut", 1e9) / "metrics.jsonl").write_bytes(b'{"clock": 0}\n{"clo')
    (write("lost", 1e9) / "metrics.jsonl").unlink()
    (write("poor", 1e9) / "summary.json").write_text('{"state": "finished", "objective": {}}')
    result = lab("--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [(g["name"], g["n"], g["mean"]) for g in report["tables"][0]["groups"]] == [
        ("g", 1, 10.0)
    ]
    left = {row["run"]: (row["state"], row["why"]) for row in report["excluded"]}
    assert set(left) == {"failed", "crashed", "torn", "empty", "cut", "lost", "poor"}
    assert left["failed"] == ("failed", "stumbled")
    assert left["crashed"][0] == "crashed"
    assert left["cut"] == ("damaged", "metrics.jsonl is damaged")
    for name in left:
        assert f"{name} is left out" in result.stderr


# -- choosing


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("config.lr<0.15", {"a"}), ("lr>=0.2", {"b"}), ("lr=0.2", {"b"}), ("lr!=0.2", {"a"}),
        ("experiment=dqn", {"a", "b"}), ("objective.last>1", {"a", "b"}),
        ("decay=none", {"a"}), ("config.env=A", {"a", "b"}), ("lr=none", set()),
        ("test.test/return>5", {"a"}),
    ],
)  # fmt: skip
def test_where_looks_at_numbers_and_words(write, condition, expected) -> None:
    write("a", 10.0, lr=0.1)
    write("b", 1.0, lr=0.2, decay=0.5)
    assert {run.name for run in select([], Path("runs"), where=[condition])} == expected


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("config.lrr<1", "no run has 'config.lrr'. Did you mean 'config.lr'?"),
        ("nothing=none", "no run has 'nothing'. `lab show RUN --json` lists"),
        ("lr<x", "lr is a number, as 0.1; 'x' is not"),
    ],
)
@pytest.mark.parametrize("command", ["compare", "runs"])
def test_where_refuses_what_no_run_can_meet(write, command, condition, message) -> None:
    write("a", 10.0, lr=0.1)
    write("b", 1.0)
    result = CliRunner().invoke(main, [command, "--where", condition])
    assert result.exit_code == 2, result.output
    assert message in result.stderr


def test_a_folder_without_readable_summaries_has_no_keys_to_check(write) -> None:
    (write("a", 1.0) / "summary.json").write_text("{")
    assert select([], Path("runs"), where=["anything=1"]) == []


def test_a_condition_may_compare_with_an_empty_word() -> None:
    assert Where.parse("lr<").value == ""


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("lr=none", False), ("lr!=none", True), ("wd=none", True), ("wd!=none", False),
        ("objective.best!=none", True), ("env_args.size=5", True), ("env_args.size!=5", False),
        ("config.env_args.size>4", True), ("wd=0", False),
    ],
)  # fmt: skip
def test_none_is_what_is_not_there_and_options_are_found_without_their_prefix(text, holds) -> None:
    summary = {
        "objective": {"best": 2.0}, "config": {"lr": 0.1, "wd": None, "env_args": {"size": 5}}
    }  # fmt: skip
    condition = Where.parse(text)
    condition.check([summary])
    assert condition.holds(summary) is holds


@pytest.mark.parametrize("text", ["", "lr", "=1", "1<2"])
def test_what_is_no_condition_is_said(text) -> None:
    with pytest.raises(UsageError, match="is no condition"):
        Where.parse(text)


def test_runs_are_chosen_by_name_pattern_path_and_group_each_once(write, tmp_path) -> None:
    two_groups(write)
    names = lambda *args, **kwargs: sorted(r.name for r in select(*args, **kwargs))  # noqa: E731
    assert names(["a0", "a*", str(tmp_path / "runs" / "a0")], Path("runs")) == ["a0", "a1", "a2"]
    assert names([], Path("runs"), groups=["gb"]) == ["b0", "b1", "b2"]
    assert names(["runs/b*"], Path("elsewhere")) == ["b0", "b1", "b2"]
    assert names(["a0"], Path("runs"), groups=["g*"]) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    for wrong, expected in ((["x*"], "No run fits"), (["a9"], "There is no run 'a9'")):
        with pytest.raises(UsageError, match=expected):
            select(wrong, Path("runs"))
    with pytest.raises(UsageError, match="no group 'gaa'. Did you mean 'ga'"):
        select([], Path("runs"), groups=["gaa"])


def test_runs_can_be_grouped_by_any_key(write) -> None:
    two_groups(write)
    comparison = compare(select([], Path("runs")), ComparisonQuery(by=("experiment", "lr")))
    assert [g.name for g in comparison.groups] == [
        "experiment=dqn, lr=0.1",
        "experiment=dqn, lr=0.2",
    ]
    (group,) = compare(select([], Path("runs")), ComparisonQuery(by=("experiment",))).groups
    assert group.n == 6


def test_tasks_are_never_mixed_whatever_runs_are_grouped_by(write) -> None:
    """A return of one environment says nothing beside that of another: what is better on each is
    not worse because most seeds of the other family saw the easy one."""
    for seed in range(4):
        for env, level in (("A", 0.0), ("B", 100.0)):
            write(f"dqn{env}{seed}", level + 2 + seed, env=env, seed=seed)
            write(f"pg{env}{seed}", level + seed % 2, env=env, seed=seed, experiment="pg")
    tables = compare(select([], Path("runs")), ComparisonQuery(by=("experiment",))).tables
    assert [table.subject for table in tables] == ["A", "B"]
    for table, level in zip(tables, (0.0, 100.0), strict=True):
        first, second = table.groups
        assert (first.name, first.mean) == ("experiment=dqn", level + 3.5)
        assert (second.name, second.mean) == ("experiment=pg", level + 0.5)
        (pair,) = table.differences
        assert (pair.better, pair.probability) == (first.name, 1.0)


def test_an_option_in_which_the_runs_of_a_group_differ_is_not_that_of_its_first(write) -> None:
    for seed, lr in enumerate((0.1, 0.2)):
        write(f"a{seed}", 1.0 + seed, lr=lr, seed=seed)
        write(f"b{seed}", 2.0 + seed, lr=0.3, seed=seed, experiment="pg")
    (table,) = compare(select([], Path("runs")), ComparisonQuery(by=("experiment",))).tables
    assert {g.name: g.differing["lr"] for g in table.groups} == {
        "experiment=dqn": "(mixed)",
        "experiment=pg": 0.3,
    }


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("test/loss", "min"), ("test/error_rate", "min"), ("test/top5", "max"), ("test/fid", "min")],
)
def test_the_direction_of_another_metric_is_not_that_of_the_objective(metric, expected) -> None:
    assert direction_of(metric, "eval/accuracy", "max") == expected
    assert direction_of("test/accuracy", "eval/accuracy", "max") == "max"
    assert direction_of("test/distance", "eval/distance", "max") == "max"  # as it was said


def test_equal_values_show_no_spread_and_no_chance(write) -> None:
    """A deterministic fit is the same in all seeds: that is one result, not three."""
    for seed in range(3):
        write(f"a{seed}", 0.9, group="ga", seed=seed)
        write(f"b{seed}", 0.8, group="gb", seed=seed)
    (table,) = compare(select([], Path("runs"))).tables
    assert [(g.n, g.low, g.high) for g in table.groups] == [(3, None, None)] * 2
    assert list(table.differences) == []
    result = lab()
    assert "p=" not in result.output
    assert "no spread" in result.stderr


def test_groups_of_other_seeds_are_tested_unpaired(write) -> None:
    first, second = (10.0, 12.0, 14.0, 11.0), (1.0, 2.0, 4.0)
    for seed, value in enumerate(first):
        write(f"a{seed}", value, group="ga", seed=seed)
    for seed, value in enumerate(second):
        write(f"b{seed}", value, group="gb", seed=10 + seed)
    (pair,) = compare(select([], Path("runs"))).tables[0].differences
    assert pair.test == "Welch's t-test"
    assert pair.p_value == pytest.approx(stats.ttest_ind(first, second, equal_var=False).pvalue)
    assert pair.shown
    assert "worse, p=" in lab().stdout


# -- several tasks and objectives


@pytest.fixture
def mixed(write) -> None:
    """Four families, two environments and one data set, two objectives."""
    for seed in range(3):
        write(f"a{seed}", 10.0 + seed, group="dqn-A", seed=seed, gamma=0.9, lr=0.1)
        write(f"b{seed}", 1.0 + seed, group="pg-A", seed=seed, experiment="pg", clip=0.2, lr=0.3)
        write(f"c{seed}", 5.0 + seed, group="dqn-B", seed=seed, env="B")
        own = {"experiment": "mlp", "data": "d", "metric": "accuracy"}
        write(f"d{seed}", 0.5 + seed / 10, group="mlp-d", seed=seed, **own)


def test_each_task_and_objective_has_a_table(mixed) -> None:
    comparison = compare(select([], Path("runs")))
    assert [(t.subject, t.metric, [g.name for g in t.groups]) for t in comparison.tables] == [
        ("A", "test/return", ["dqn-A", "pg-A"]),
        ("B", "test/return", ["dqn-B"]),
        ("d", "test/accuracy", ["mlp-d"]),
    ]
    assert [g.name for g in comparison.groups] == ["dqn-A", "pg-A", "dqn-B", "mlp-d"]
    result = lab()
    assert result.exit_code == 0, result.output
    for line in result.stderr.splitlines():
        assert len(line) <= 120
    for heading in ("A: test/return", "B: test/return", "d: test/accuracy"):
        assert heading in result.stderr


def test_only_what_groups_have_in_common_is_a_column(mixed) -> None:
    head, dqn, pg = lab("a*", "b*").stdout.splitlines()
    assert head.split()[-2:] == ["lr", "experiment"]  # clip and gamma are of one family each
    assert dqn.split()[-2:] == ["0.1", "dqn"]
    assert pg.split()[-2:] == ["0.3", "pg"]


def test_a_table_of_many_options_stays_within_its_width(write) -> None:
    for index in range(4):
        many = {f"option_{i}": f"value-{index}-{i}" * 4 for i in range(30)}
        name = f"a-very-long-name-of-a-group-of-runs-{index}"
        write(f"a{index}", float(index), group=name, **many)
    result = lab("--threshold", "1")
    assert max(map(len, result.stdout.splitlines())) <= 120
    rows = result.stdout.splitlines()[1:]
    assert len({row.split()[0] for row in rows}) == 4  # names are told apart when shortened
    assert "option_" in rows[0]


def test_columns_and_order_are_a_choice(write) -> None:
    for index, lr in enumerate((0.3, 0.1, 0.2)):
        write(f"a{index}", float(index), group=f"g{index}", lr=lr, depth=index % 2)
    rows = lab("--columns", "lr,env", "--sort", "lr").stdout.splitlines()
    assert rows[0].split()[-2:] == ["lr", "env"]
    assert [row.split()[-2:] for row in rows[1:]] == [["0.1", "A"], ["0.2", "A"], ["0.3", "A"]]
    fallen = lab("--sort", "-group").stdout.splitlines()
    assert [row.split()[0] for row in fallen[1:]] == ["g2", "g1", "g0"]
    for words, expected in (
        (["--columns", "lrr"], "--columns: no group has 'lrr'. Did you mean 'lr'?"),
        (["--sort", "secnds"], "--sort: no group has 'secnds'. Did you mean 'seconds'?"),
    ):
        result = lab(*words)
        assert result.exit_code == 2
        assert expected in result.stderr


@pytest.fixture
def single_runs(write) -> None:
    write("a", 10.0, group="ga")
    write("b", 4.0, group="gb", lr=0.2)


def test_single_runs_are_compared_without_an_interval_or_a_chance(single_runs) -> None:
    result = lab()
    assert result.exit_code == 0, result.output
    assert "95 %" not in result.output
    assert "[" not in result.stdout
    assert "p=" not in result.output
    assert result.output.count("n = 1") == 1
    report = json.loads(lab("--json", "--curves").stdout)
    (table,) = report["tables"]
    assert [(g["mean"], g["low"], g["high"]) for g in table["groups"]] == [
        (10.0, None, None), (4.0, None, None),
    ]  # fmt: skip
    assert table["differences"] == []
    points = [point for group in table["groups"] for point in group["curve"]]
    assert {(point["low"], point["high"]) for point in points} == {(None, None)}
    rows = list(csv.DictReader(io.StringIO(lab("--csv").stdout)))
    assert [(row["mean"], row["low"], row["high"]) for row in rows] == [
        ("10.0", "", ""), ("4.0", "", ""),
    ]  # fmt: skip


def test_a_single_run_beside_a_group_has_none_either(write) -> None:
    two_groups(write)
    write("c", 20.0, group="gc", lr=0.3)
    result = lab()
    assert "mean with 95 % interval" in result.stderr
    assert "12 [7.032, 16.97]" in result.stdout
    assert "20 [" not in result.stdout
    assert "p=" not in result.output  # the best is the single one
    assert result.stderr.count("n = 1") == 1


# -- printing and mistakes


def test_the_table_and_the_csv_say_the_same(write) -> None:
    two_groups(write)
    table = lab()
    assert table.exit_code == 0, table.output
    assert "12 [7.032, 16.97]" in table.stdout
    assert "unclear, p=0.11" in table.stdout
    assert "paired t-test" in table.stderr
    rows = list(csv.DictReader(io.StringIO(lab("--csv", "--threshold", 5).stdout)))
    assert [(row["group"], float(row["mean"]), row["config.lr"]) for row in rows] == [
        ("ga", 12.0, "0.1"), ("gb", 5.0, "0.2"),
    ]  # fmt: skip
    assert [row["reached"] for row in rows] == ["0", "3"]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--fail-under", "test/return=11"], 1, "gb: test/return 5 is worse than 11"),
        (["--fail-under", "test/return=4"], 0, ""),
        (["--fail-under", "high"], 2, "write METRIC=VALUE"),
        (["--fail-under", "test/return=4e"], 2, "write METRIC=VALUE"),
        (["--fail-under", "test/return=nan"], 2, "write METRIC=VALUE"),
        (["--sort", "mean", "--csv"], 2, "lay the table out"),
        (["--direction", "min"], 0, ""),
        (["--metric", "test/retrun"], 2, "Did you mean 'test/return'?"),
        (["--metric", "eval/return", "--fail-under", "test/return=1"], 2, "--fail-under names"),
        (["--where", "lr"], 2, "is no condition"),
        (["--where", "lr>9"], 2, "No finished run to compare"),
        (["x*"], 2, "No run fits"),
    ],
)
def test_exit_codes_serve_a_build(write, words, code, expected) -> None:
    two_groups(write)
    result = lab(*words)
    assert result.exit_code == code, result.output
    assert expected in result.stderr
    assert "Traceback" not in result.output
