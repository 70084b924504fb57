"""`lab wandb report` writes the figures of a comparison down, beside panels that stay live."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_wandb import FakeWandb
from scipy import stats
from wandb_pages import made, make_folder, report

RUNS = Path("runs")
A, B = (4.0, 5.0, 7.0, 8.0, 9.5), (3.0, 5.5, 4.0, 6.0, 5.0)  # by seed, the same in both


@pytest.fixture
def groups(home: Path) -> None:
    """Two groups of five runs that differ in lr."""
    for letter, values, lr in (("a", A, 0.1), ("b", B, 0.2)):
        for seed, value in enumerate(values):
            make_folder(
                RUNS, f"{letter}{seed}", test={"test/return": value}, config={"lr": lr, "x|y": lr}
            )


def blocks(page: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [block for block in page["spec"]["blocks"] if block["type"] == kind]


def text(block: dict[str, Any]) -> str:
    return "".join(child["text"] for child in block["children"])


def table(page: dict[str, Any]) -> list[list[str]]:
    lines = blocks(page, "markdown-block")[0]["content"].splitlines()
    rows = [line for line in lines if line.startswith("|")]
    return [[cell.strip() for cell in row[1:-1].split(" | ")] for row in rows]


def run_sets(page: dict[str, Any]) -> list[list[str]]:
    """The names of run sets by grid."""
    grids = blocks(page, "panel-grid")
    return [[runs["name"] for runs in grid["metadata"]["runSets"]] for grid in grids]


def test_the_figures_are_those_of_scipy(groups: None) -> None:
    (page,) = made(report())
    heads, _, first, second = table(page)
    assert heads[:7] == ["group", "n", "mean", "95 % interval", "IQM", "P(best wins)", "p"]
    ends = stats.t.interval(0.95, len(A) - 1, np.mean(A), stats.sem(A))
    assert first[:2] == ["group-a", "5"]
    assert float(first[2]) == pytest.approx(np.mean(A), rel=1e-3)
    assert [float(end) for end in first[3].strip("[]").split(",")] == pytest.approx(ends, rel=1e-3)
    assert float(first[4]) == pytest.approx(np.mean(sorted(A)[1:-1]), rel=1e-3)
    assert first[5:7] == ["-", "-"]
    wins = [(a > b) + 0.5 * (a == b) for a in A for b in B]
    assert float(second[5]) == pytest.approx(np.mean(wins), abs=0.006)
    assert float(second[6]) == pytest.approx(stats.ttest_rel(A, B).pvalue, rel=0.05)
    assert second[7] == "lr=0.2, x\\|y=0.2"


def test_each_group_is_a_run_set_and_one_is_the_reference(groups: None) -> None:
    (page,) = made(report("group-*", "--reference", "group-b"))
    assert run_sets(page) == [["group-a (n=5)", "reference: group-b (n=5)"]]
    (grid,) = blocks(page, "panel-grid")
    first, _ = grid["metadata"]["runSets"]
    assert first["filters"]["filters"][0]["value"] == [f"id-a{seed}" for seed in range(5)]
    assert "project" not in first  # that of the report
    curve, scatter, comparer = grid["metadata"]["panelBankSectionConfig"]["panels"]
    assert curve["config"]["metrics"] == ["eval/return"]
    assert curve["config"]["groupArea"] == "stderr"
    assert curve["config"]["legendTemplate"].startswith("${runsetName} ")
    assert curve["config"]["limit"] == 10
    assert scatter["config"]["yAxis"] == "summary:eval/return.max"
    assert comparer["config"] == {"diffOnly": True}
    places = [panel["layout"] for panel in (curve, scatter, comparer)]
    corners = [(place["x"], place["y"]) for place in places]
    assert corners == [(0, 0), (0, 9), (12, 9)]
    assert any("“reference: group-b (n=5)”" in text(block) for block in blocks(page, "paragraph"))


def test_the_question_is_the_first_paragraph(groups: None) -> None:
    (page,) = made(report("group-a", "group-b"))
    words = text(blocks(page, "paragraph")[1])  # after the empty one that W&B starts with
    assert words == "Which of group-a, group-b does best on CartPole-v1, by test/return?"
    assert page["name"] == "Comparison of group-a, group-b"
    (page,) = made(report("group-a", "--question", "Why?", "--name", "One"))
    assert (text(blocks(page, "paragraph")[1]), page["name"]) == ("Why?", "One")
    (page,) = made(report("group-a"))
    assert text(blocks(page, "paragraph")[1]).startswith("How good is group-a on CartPole-v1")


def test_each_task_has_a_part_and_what_did_not_finish_is_named(groups: None) -> None:
    make_folder(RUNS, "c1", config={"env": "Acrobot-v1"})
    make_folder(RUNS, "d1", state="failed", error="out of memory")
    (page,) = made(report())
    assert [text(block) for block in blocks(page, "heading")] == [
        "Acrobot-v1: test/return",
        "CartPole-v1: test/return",
        "Left out",
    ]
    assert run_sets(page)[0] == ["reference: group-c (n=1)"]
    assert "d1: failed, out of memory" in json.dumps(page["spec"])


def test_wandb_reads_the_report_as_what_was_made(groups: None) -> None:
    from wandb_workspaces.reports.v2 import internal
    from wandb_workspaces.reports.v2.interface import Report

    make_folder(RUNS, "c1", config={"lr": 0.3, "x|y": 1})
    (page,) = made(report())
    project = {"name": "lab", "entityName": "team"}
    model = internal.ReportViewspec.model_validate(
        {"spec": json.dumps(page["spec"]), "displayName": page["name"], "project": project}
    )
    read = Report._from_model(model)
    kinds = [type(block).__name__ for block in read.blocks]
    assert kinds == ["P", "H2", "MarkdownBlock", "P", "PanelGrid"]
    grid = read.blocks[-1]
    assert [type(panel).__name__ for panel in grid.panels] == [
        "LinePlot",
        "ScatterPlot",
        "RunComparer",
        "ParallelCoordinatesPlot",
    ]
    assert grid.panels[0].groupby_rangefunc == "stderr"
    assert grid.runsets[1].filters.startswith('Metric("ID") in ')
    again = json.loads(model.spec.model_dump_json(by_alias=True, exclude_none=True))
    assert blocks({"spec": again}, "panel-grid") == blocks(page, "panel-grid")


def test_offline_the_report_is_printed_and_kept(groups: None) -> None:
    done = report("group-a")
    kept = json.loads((RUNS / "wandb-report-Comparison-of-group-a.json").read_text())
    assert kept == made(done)
    assert "there is no key; run `wandb login`, then this command again" in done.stderr
    assert report("--out", "mine.json").exit_code == 0
    assert Path("mine.json").is_file()


def test_online_the_report_is_saved_once_and_then_updated(groups: None, server: FakeWandb) -> None:
    first = report("group-a", "group-b", "--name", "A and B")
    ((key, saved),) = server.views.items()
    assert first.stdout == f"{server.url}/tester/lab/reports/A-and-B--{key.rstrip('=')}\n"
    assert [saved[k] for k in ("entity", "project", "kind", "title")] == [
        "tester", "lab", "runs", "A and B",
    ]  # fmt: skip
    make_folder(RUNS, "b9")
    assert report("--name", "A and B").stdout == first.stdout
    (updated,) = server.views.values()
    assert "group-b (n=6)" in updated["spec"]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["group-x"], "There is no group 'group-x'. Did you mean"),
        (["--reference", "grup-a"], "no group 'grup-a' is in the report. Did you mean 'group-a'?"),
        (["--metric", "test/retrn"], "No run has 'test/retrn'. Did you mean 'test/return'?"),
        (["--runs-dir", "none"], "No runs in none"),
        (["--out", "none/report.json"], "there is no folder none"),
        (["--where", "nonsense"], "is no condition"),
    ],
)
def test_a_mistake_is_one_plain_line(groups: None, words: list[str], answer: str) -> None:
    done = report(*words)
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert answer in line


def test_runs_that_did_not_finish_are_no_report(home: Path) -> None:
    make_folder(RUNS, "a1", state="running")
    done = report()
    assert done.exit_code == 2
    assert "No finished run to compare" in done.stderr


def test_runs_of_two_entities_are_no_report(home: Path) -> None:
    for name, entity in (("a1", "us"), ("b1", "them")):
        make_folder(RUNS, name, url=f"https://wandb.ai/{entity}/lab/runs/id-{name}")
    done = report()
    assert done.exit_code == 2
    assert "these runs are in several: them/lab, us/lab" in done.stderr
