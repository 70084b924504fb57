"""`lab wandb view` arranges the panels that compare runs, and works without a server."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import helpers
import pytest
from click.testing import CliRunner, Result
from fake_wandb import FakeWandb

from lab.cli import main

MakeFolder = Callable[..., Path]


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Return a maker of run folders as finished runs leave them."""

    def make(name: str, project: str | None = None, url: str | None = None) -> Path:
        folder = tmp_path / "runs" / name
        (folder / "media").mkdir(parents=True)
        trackers = json.dumps({"wandb": {"project": project}})
        record = f"experiment: dqn\nid: id-{name}\nconfig: {{}}\nrun: {{}}\ntrackers: {trackers}\n"
        (folder / "config.yaml").write_text(record)
        summary = {
            "group": f"group-{name[0]}",
            "clock": {"name": "env_steps"},
            "objective": {"metric": "eval/return"},
            "links": {"wandb": url} if url else {},
        }
        (folder / "summary.json").write_text(json.dumps(summary))
        rows = [
            {"clock": 1, "eval/length": 9, "eval/return": 1, "train/loss": 2, "perf/time": 3},
            {"clock": 2, "test/return": 1, "perf/rate": 1, "perf/clock": 2, "perf/seconds": 1},
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        for file in ("000000001-episode.gif", "000000002-episode.gif", "000000002-scores.csv"):
            (folder / "media" / file).write_text("")
        return folder

    return make


def view(*words: str) -> Result:
    return CliRunner().invoke(main, ["wandb", "view", *words])


def panels(made: dict[str, Any]) -> dict[str, list[Any]]:
    """The panels by section, each as what it shows."""
    sections = made["spec"]["section"]["panelBankConfig"]["sections"]
    return {section["name"]: section["panels"] for section in sections}


def test_each_prefix_has_a_section_with_a_plot_for_each_metric(
    home: Path, make_folder: MakeFolder
) -> None:
    make_folder("a1")
    done = view()
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    sections = panels(made)
    assert list(sections) == ["eval", "test", "train", "perf", "media"]
    expected = {
        name: [panel["config"]["metrics"] for panel in sections[name]]
        for name in ("eval", "test", "train", "perf")
    }
    assert expected == {
        "eval": [["eval/return"], ["eval/length"]],  # the objective first
        "test": [["test/return"]],
        "train": [["train/loss"]],
        "perf": [["perf/rate"]],
    }
    for section in expected:
        for panel in sections[section]:
            assert panel["viewType"] == "Run History Line Plot"
            assert panel["config"]["xAxis"] == "env_steps"
            assert panel["config"]["groupBy"] == "group"
    episode, scores = sections["media"]
    assert episode["config"]["mediaKeys"] == ["media/episode"]
    assert "media/scores" in json.dumps(scores)
    assert "lab sync runs/a1" in done.stderr


def test_the_view_shows_the_chosen_runs_by_group(home: Path, make_folder: MakeFolder) -> None:
    for name in ("a1", "a2", "b1"):
        make_folder(name)
    made = json.loads(view("--group", "group-a", "--name", "mine").stdout)
    (runs,) = made["spec"]["section"]["runSets"]
    assert (made["name"], made["project"]) == ("mine", "lab")
    assert '["id-a1", "id-a2"]' in json.dumps(runs["filters"])
    assert [key["name"] for key in runs["grouping"]] == ["group"]


def test_offline_the_view_is_written_to_a_file(home: Path, make_folder: MakeFolder) -> None:
    make_folder("a1")
    done = view("a1", "--out", "view.json")
    assert done.stdout == "view.json\n"
    assert list(panels(json.loads(Path("view.json").read_text()))) != []
    assert "Not saved on W&B" in done.stderr


def test_online_the_view_is_saved_and_its_address_printed(
    server: FakeWandb, make_folder: MakeFolder
) -> None:
    make_folder("a1")
    done = view("a1", "--name", "mine")
    (saved,) = server.views.values()
    key = saved["name"].removeprefix("nw-").removesuffix("-v")
    assert done.stdout == f"{server.url}/tester/lab?nw={key}\n"
    assert (saved["entity"], saved["project"], saved["display"]) == ("tester", "lab", "mine")
    assert list(panels({"spec": json.loads(saved["spec"])})) == [
        "eval", "test", "train", "perf", "media",
    ]  # fmt: skip


def test_the_view_is_saved_where_the_runs_are(server: FakeWandb, make_folder: MakeFolder) -> None:
    make_folder("a1", url="https://wandb.ai/team/theirs/runs/id-a1")
    done = view("a1")
    assert done.stdout.startswith(f"{server.url}/team/theirs?nw=")
    assert done.stderr == ""


def test_runs_of_two_projects_are_no_view(home: Path, make_folder: MakeFolder) -> None:
    make_folder("a1", project="one")
    make_folder("b1", project="two")
    done = view()
    assert done.exit_code == 2
    assert "these runs are in several: one, two" in done.stderr


def test_a_server_that_hangs_is_one_plain_line(
    server: FakeWandb, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lab_wandb import view as views

    make_folder("a1")
    monkeypatch.setattr(views, "save", partial(views.save, ask_seconds=1.0))
    server.fault = "hang"
    done = view()
    server.fault = "ok"
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith(f"Error: W&B at {server.url} cannot be used")


def test_without_the_library_the_way_to_it_is_said(
    home: Path, make_folder: MakeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder("a1")
    monkeypatch.setitem(sys.modules, "wandb_workspaces.workspaces", None)
    done = view()
    assert done.exit_code == 1
    assert "pip install 'rl-gen-lab[wandb-views]'" in done.stderr


# -- the page about all of it

PAGE = (helpers.ROOT / "docs" / "wandb.md").read_text()


def help_of(*words: str) -> str:
    return CliRunner().invoke(main, [*words, "--help"]).output


def test_the_commands_of_the_page_exist_with_their_options() -> None:
    commands = re.findall(r"^\$ lab ([^#\n]+)", PAGE, re.MULTILINE)
    assert len(commands) >= 5
    for words in map(str.split, commands):
        depth = 1 if words[0] == "sync" else 2
        text = help_of(*words[:depth])
        for option in (word for word in words if word.startswith("--")):
            assert f"{option} " in text, words


def test_the_options_that_the_page_names_exist() -> None:
    commands: tuple[list[str], ...] = ([], ["run", "dqn"], ["sync"], ["wandb", "view"])
    texts = "\n".join(help_of(*words) for words in commands)
    for option in re.findall(r"`(?:[a-z ]*)(--[a-z-]+)", PAGE):
        assert f"{option}" in texts, option
