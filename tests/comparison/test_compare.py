"""Runs are selected, grouped and ranked by the query; incomplete runs are listed and left out."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lab.cli import main
from lab.comparison.groups import ComparisonQuery, compare
from lab.comparison.selection import Where, select
from lab.errors import UsageError
from lab.storage.store import Run

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
    assert comparison.groups[0].iqm == comparison.groups[0].mean == 12.0
    low, high = comparison.groups[0].low, comparison.groups[0].high
    assert low is not None
    assert high is not None
    assert low < 12.0 < high
    assert comparison.groups[0].rate == 20.0
    (pair,) = comparison.improvements
    assert (pair["better"], pair["than"]) == ("ga", "gb")
    assert pair["probability"] == pytest.approx((2 + 2.5 + 3) / 9)
    assert comparison.metric == "test/return"


def test_a_key_that_no_run_has_groups_nothing(write) -> None:
    write("a", 1.0)
    done = lab("--by", "lrr")
    assert done.exit_code == 2
    assert "no run has a key 'lrr'. Did you mean 'lr'?" in done.output


def test_lower_is_better_where_the_objective_says_so(write) -> None:
    for seed in range(2):
        write(f"a{seed}", 5.0, group="ga", direction="min", seed=seed)
        write(f"b{seed}", 1.0, group="gb", direction="min", seed=seed)
    comparison = compare(select([], Path("runs")))
    assert [g.name for g in comparison.groups] == ["gb", "ga"]
    assert comparison.improvements[0]["probability"] == 1.0
    assert lab("--fail-under", "test/return=3").exit_code == 1
    assert lab("--fail-under", "test/return=6").exit_code == 0


def test_the_threshold_tells_when_each_group_got_there(write) -> None:
    two_groups(write)
    groups = compare(select([], Path("runs")), ComparisonQuery(threshold=5.0)).groups
    passages = {g.name: g.passage for g in groups if g.passage is not None}
    assert (passages["ga"].reached, passages["ga"].clock) == (0, None)
    assert (passages["gb"].reached, passages["gb"].clock, passages["gb"].seconds) == (3, 100, 5.0)


def test_curves_are_on_the_grid_that_all_runs_of_a_group_share(write) -> None:
    write("a0", 1.0, curve=(0.0, 2.0, 4.0))
    write("a1", 1.0, curve=(2.0, 4.0))
    (group,) = compare(select([], Path("runs")), curves=True).groups
    assert [(p["clock"], p["iqm"]) for p in group.curve] == [(0, 1.0), (100, 3.0)]
    for point in group.curve:
        low, mean, high = (point[name] or 0.0 for name in ("low", "iqm", "high"))
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
    assert [(g["name"], g["n"], g["iqm"]) for g in report["groups"]] == [("g", 1, 10.0)]
    left = {row["run"]: (row["state"], row["why"]) for row in report["left"]}
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


@pytest.mark.parametrize("text", ["", "lr", "=1", "lr<", "1<2"])
def test_what_is_no_condition_is_said(text) -> None:
    if text == "lr<":  # compared with an empty word
        assert Where.parse(text).value == ""
        return
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


def test_seeds_of_several_tasks_are_strata(write) -> None:
    """No spread within a task: none in the interval, whatever lies between the tasks."""
    for seed in range(3):
        write(f"a{seed}", 1.0, target="A", seed=seed)
        write(f"b{seed}", 9.0, target="B", seed=seed)
    (group,) = compare(select([], Path("runs"))).groups
    assert group.low == group.high == group.iqm


def test_one_run_of_each_task_says_nothing_of_the_spread_between_seeds(write) -> None:
    for task, value in zip("ABC", (1.0, 5.0, 9.0), strict=True):
        write(f"a{task}", value, target=task)
        write(f"b{task}", value + 1, target=task, group="other", seed=0)
    comparison = compare(select([], Path("runs")))
    assert [(g.n, g.low, g.high) for g in comparison.groups] == [(3, None, None)] * 2


@pytest.fixture
def single_runs(write) -> None:
    write("a", 10.0, group="ga")
    write("b", 4.0, group="gb", lr=0.2)


def test_single_runs_are_compared_without_an_interval_or_a_chance(single_runs) -> None:
    result = lab()
    assert result.exit_code == 0, result.output
    assert "95 %" not in result.output
    assert "[" not in result.stdout
    assert "P(" not in result.output
    assert result.output.count("n = 1") == 1
    report = json.loads(lab("--json", "--curves").stdout)
    assert [(g["iqm"], g["low"], g["high"]) for g in report["groups"]] == [
        (10.0, None, None), (4.0, None, None),
    ]  # fmt: skip
    assert report["improvements"] == []
    points = [point for group in report["groups"] for point in group["curve"]]
    assert {(point["low"], point["high"]) for point in points} == {(None, None)}
    rows = list(csv.DictReader(io.StringIO(lab("--csv").stdout)))
    assert [(row["iqm"], row["low"], row["high"]) for row in rows] == [
        ("10.0", "", ""), ("4.0", "", ""),
    ]  # fmt: skip


def test_a_single_run_beside_a_group_has_none_either(write) -> None:
    two_groups(write)
    write("c", 20.0, group="gc", lr=0.3)
    result = lab()
    assert "IQM with 95 % interval" in result.stderr
    assert "12 [10" in result.stdout
    assert "20 [" not in result.stdout
    assert "P(" not in result.stderr  # the best is the single one
    assert result.stderr.count("n = 1") == 1


# -- printing and mistakes


def test_the_table_and_the_csv_say_the_same(write) -> None:
    two_groups(write)
    table = lab()
    assert table.exit_code == 0, table.output
    assert "12 [10" in table.stdout
    assert "P(ga better than gb) = 0.83" in table.stderr
    rows = list(csv.DictReader(io.StringIO(lab("--csv", "--threshold", 5).stdout)))
    assert [(row["group"], float(row["iqm"]), row["lr"]) for row in rows] == [
        ("ga", 12.0, "0.1"), ("gb", 5.0, "0.2"),
    ]  # fmt: skip
    assert [row["reached"] for row in rows] == ["0", "3"]


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--fail-under", "test/return=11"], 1, "gb: test/return 5 is worse than 11"),
        (["--fail-under", "test/return=4"], 0, ""),
        (["--fail-under", "high"], 2, "write METRIC=VALUE"),
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


def test_runs_that_select_by_different_metrics_are_not_mixed(write) -> None:
    write("a", 1.0)
    folder = write("b", 1.0)
    summary = json.loads((folder / "summary.json").read_text())
    summary["objective"]["metric"] = "eval/accuracy"
    (folder / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(UsageError, match="select by different metrics"):
        compare([Run(folder), Run(folder.parent / "a")])
