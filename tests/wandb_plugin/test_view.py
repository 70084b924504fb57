"""`lab wandb view` arranges the panels that compare runs, and works without a server."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fake_wandb import FakeWandb
from wandb_pages import made, make_folder, view

RUNS = Path("runs")


def panels(page: dict[str, Any]) -> dict[str, list[Any]]:
    """The panels by section, each as what it shows."""
    sections = page["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in sections}


def kinds(shown: list[Any]) -> list[str]:
    return [panel["viewType"] for panel in shown]


def test_the_objective_comes_first_and_then_a_section_for_each_prefix(home: Path) -> None:
    make_folder(RUNS, "a1")
    done = view()
    (page,) = made(done)
    sections = panels(page)
    first = "CartPole-v1: eval/return"
    assert list(sections) == [first, "eval", "test", "train", "perf", "media"]
    assert kinds(sections[first]) == ["Run History Line Plot", "Scatter Plot", "Run Comparer"]
    expected = {
        name: [panel["config"]["metrics"] for panel in sections[name]]
        for name in ("eval", "test", "train", "perf")
    }
    assert expected == {
        "eval": [["eval/length"]],
        "test": [["test/return"]],
        "train": [["train/loss"]],
        "perf": [["perf/rate"]],
    }
    assert kinds(sections["test"]) == ["Bar Chart"]  # one value for each run
    episode, scores = sections["media"]
    assert episode["config"]["mediaKeys"] == ["media/episode"]
    assert "media/scores" in json.dumps(scores)
    assert "lab sync runs/a1" in done.stderr


def test_curves_are_means_of_groups_with_their_standard_error_and_number_of_runs(
    home: Path,
) -> None:
    for name in ("a1", "a2", "a3", "b1", "b2"):
        make_folder(RUNS, name)
    (page,) = made(view())
    curve, scatter, comparer = panels(page)["CartPole-v1: eval/return"]
    config = curve["config"]
    assert (config["xAxis"], config["metrics"]) == ("env_steps", ["eval/return"])
    assert (config["groupBy"], config["groupAgg"], config["groupArea"]) == (
        "group",
        "mean",
        "stderr",
    )
    assert "n=2 to 3" in config["chartTitle"]
    assert set(config["overrideSeriesTitles"].values()) == {"group-a (n=3)", "group-b (n=2)"}
    assert scatter["config"]["xAxis"] == "summary:seconds"
    assert scatter["config"]["yAxis"] == "summary:eval/return.max"
    assert comparer["config"] == {"diffOnly": True}


def test_more_than_100_runs_are_averaged(home: Path) -> None:
    for number in range(101):
        make_folder(RUNS, f"a{number}")
    (page,) = made(view())
    assert panels(page)["CartPole-v1: eval/return"][0]["config"]["limit"] == 101
    assert page["spec"]["section"]["settings"]["maxRuns"] == 101


def test_a_sweep_has_its_objective_against_the_options_that_differ(home: Path) -> None:
    objective = {"metric": "eval/loss", "direction": "min", "best": 1, "last": 1}
    for letter, lr, width in zip("abc", (1e-4, 1e-3, 1e-2), (32, 32, 64), strict=True):
        config = {"lr": lr, "width": width, "depth": 2, "augment": {"flip": lr}}
        make_folder(RUNS, f"{letter}1", objective=objective, config=config)
    (page,) = made(view())
    (plot,) = (
        p
        for p in panels(page)["CartPole-v1: eval/loss"]
        if p["viewType"] == "Parallel Coordinates Plot"
    )
    assert plot["config"]["columns"] == [
        {"accessor": "config:lr.value", "displayName": "lr", "log": True},
        {"accessor": "config:width.value", "displayName": "width"},
        {"accessor": "summary:eval/loss.min", "displayName": "eval/loss", "inverted": True},
    ]


def test_a_run_that_logged_nothing_is_not_counted_in_the_legend(home: Path) -> None:
    make_folder(RUNS, "a0", state="failed")
    (RUNS / "a0" / "metrics.jsonl").write_text("")
    for seed in (1, 2):
        make_folder(RUNS, f"a{seed}")
    (page,) = made(view())
    curve = panels(page)["CartPole-v1: eval/return"][0]
    assert list(curve["config"]["overrideSeriesTitles"].values()) == ["group-a (n=2)"]
    assert curve["config"]["xAxis"] == "env_steps"


def test_runs_of_several_tasks_and_objectives_are_apart(home: Path) -> None:
    loss = {"metric": "eval/loss", "direction": "min", "best": 1, "last": 1}
    make_folder(RUNS, "a1")
    make_folder(RUNS, "b1", objective=loss)
    make_folder(RUNS, "c1", config={"env": "Acrobot-v1"})
    acrobot, cartpole = made(view("--name", "mine"))
    assert [page["name"] for page in (acrobot, cartpole)] == [
        "mine: Acrobot-v1",
        "mine: CartPole-v1",
    ]
    assert list(panels(cartpole))[:2] == ["CartPole-v1: eval/return", "CartPole-v1: eval/loss"]
    assert '["id-a1", "id-b1"]' in json.dumps(cartpole["spec"]["section"]["runSets"])
    assert '["id-c1"]' in json.dumps(acrobot["spec"]["section"]["runSets"])


def test_the_view_shows_the_chosen_runs_by_group(home: Path) -> None:
    for name in ("a1", "a2", "b1"):
        make_folder(RUNS, name)
    (page,) = made(view("--group", "group-a", "--name", "mine"))
    (runs,) = page["spec"]["section"]["runSets"]
    assert (page["name"], page["project"]) == ("mine", "lab")
    assert '["id-a1", "id-a2"]' in json.dumps(runs["filters"])
    assert [key["name"] for key in runs["grouping"]] == ["group"]


def test_wandb_reads_the_view_as_what_was_made(home: Path) -> None:
    from wandb_workspaces.workspaces import Workspace, internal

    for name in ("a1", "b1", "c2"):
        make_folder(RUNS, name, config={"lr": ord(name[0])})
    (page,) = made(view())
    spec = internal.WorkspaceViewspec.model_validate(page["spec"])
    assert json.loads(spec.model_dump_json(by_alias=True, exclude_none=True)) == page["spec"]
    model = internal.View(
        entity="team", project="lab", display_name="lab", name="nw-x-v", id="", spec=spec
    )
    first = Workspace._from_model(model).sections[0]
    assert [type(panel).__name__ for panel in first.panels] == [
        "LinePlot",
        "ScatterPlot",
        "RunComparer",
        "ParallelCoordinatesPlot",
    ]
    assert first.panels[0].groupby_rangefunc == "stderr"


def test_offline_the_view_is_printed_and_kept(home: Path) -> None:
    make_folder(RUNS, "a1")
    done = view("a1")
    assert json.loads((RUNS / "wandb-view-lab.json").read_text()) == made(done)
    assert "not saved on W&B: there is no key; run `wandb login`" in done.stderr
    elsewhere = view("a1", "--out", "view.json")
    assert json.loads(Path("view.json").read_text())[0]["name"] == "lab"
    assert "Kept in view.json" in elsewhere.stderr
    assert view("a1", "--out", "none/view.json").exit_code == 2


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"WANDB_MODE": "offline", "WANDB_API_KEY": "0123456789" * 4}, "unset WANDB_MODE"),
        ({"WANDB_API_KEY": "tooshort"}, "the key is none; run `wandb login`"),
    ],
)
def test_why_a_view_is_not_saved_is_said(
    environ: dict[str, str], words: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    make_folder(RUNS, "a1")
    assert words in view("a1").stderr


def test_online_the_view_is_saved_once_and_then_updated(server: FakeWandb) -> None:
    make_folder(RUNS, "a1")
    make_folder(RUNS, "b1")
    first = view("a1", "--name", "mine")
    (saved,) = server.views.values()
    key = saved["name"].removeprefix("nw-").removesuffix("-v")
    assert first.stdout == f"{server.url}/tester/lab?nw={key}\n"
    assert [saved[k] for k in ("entity", "project", "kind", "title")] == [
        "tester", "lab", "project-view", "mine",
    ]  # fmt: skip
    assert list(panels({"spec": json.loads(saved["spec"])}))[1:3] == ["eval", "test"]
    again = view("--name", "mine")
    assert again.stdout == first.stdout
    (updated,) = server.views.values()
    assert '["id-a1", "id-b1"]' in updated["spec"]
    other = view("--name", "other")
    assert other.stdout != first.stdout
    assert len(server.views) == 2


def test_the_view_is_saved_where_the_runs_are(server: FakeWandb) -> None:
    make_folder(RUNS, "a1", url="https://wandb.ai/team/theirs/runs/id-a1")
    done = view("a1")
    assert done.stdout.startswith(f"{server.url}/team/theirs?nw=")
    assert done.stderr == ""


def test_runs_of_two_projects_are_no_view(home: Path) -> None:
    make_folder(RUNS, "a1", project="one")
    make_folder(RUNS, "b1", project="two")
    done = view()
    assert done.exit_code == 2
    assert "these runs are in several: one, two. Name the runs" in done.stderr


def test_without_runs_there_is_no_view(home: Path) -> None:
    RUNS.mkdir()
    done = view()
    assert done.exit_code == 2
    assert "No runs in runs" in done.stderr
    (make_folder(RUNS, "a1") / "summary.json").write_text("{")
    assert "a1 is left out: its summary.json is damaged" in view().stderr


def test_a_server_that_hangs_is_one_plain_line(
    server: FakeWandb, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab_wandb import pages

    make_folder(RUNS, "a1")
    monkeypatch.setattr(pages, "save", partial(pages.save, ask_seconds=1.0))
    server.fault = "hang"
    done = view()
    server.fault = "ok"
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: W&B at {server.url} cannot be used")


def test_without_the_library_the_way_to_it_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(RUNS, "a1")
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    done = view()
    assert done.exit_code == 1
    assert "pip install 'rl-gen-lab[wandb-views]'" in done.stderr
