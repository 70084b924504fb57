"""What the docs show works, and what the code offers stands in the docs."""

from __future__ import annotations

import dataclasses
import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click
import helpers
import numpy as np
import pytest
import torch
from click.testing import CliRunner

import lab
import lab.testing
from lab import hookspecs
from lab.cli import main
from lab.data.batches import make_split
from lab.data.dataset import Kind, Task
from lab.engine.context import Context
from lab.engine.session import RunResult
from lab.plugins import discover
from lab.testing.static import PUBLIC

DOCS = helpers.ROOT / "docs"
README = (helpers.ROOT / "README.md").read_text()
GUIDE = (DOCS / "plugins.md").read_text()
HOOKS = [name for name in vars(hookspecs) if name.startswith("lab_")]


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def block(text: str, language: str, number: int = 0) -> str:
    """Return a code block of a language, the first one say."""
    return blocks(text, language)[number]


def section(text: str, title: str) -> str:
    """Return what stands under a heading."""
    match = re.search(rf"^#+ {title}$(.*?)(?=^#+ |\Z)", text, re.DOTALL | re.MULTILINE)
    assert match, f"there is no heading {title!r}"
    return match[1]


@pytest.fixture
def guide_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugins of the guide, as if `pip install` had been given them."""
    for number, name in enumerate(("noisy_line", "q_table")):
        (tmp_path / f"{name}.py").write_text(block(GUIDE, "python", number))
        helpers.distribution(tmp_path, name, {name.replace("_", "-"): name})
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    for name in ("noisy_line", "q_table"):
        sys.modules.pop(name, None)


def train(folder: Path, name: str = "noisy-line", **options: Any) -> RunResult:
    return lab.run(name, runs_dir=folder / "runs", wandb="disabled", **options)


def test_the_guides_plugin_trains_resumes_and_predicts(guide_plugin: Path) -> None:
    result = train(guide_plugin, lr=0.3, budget=20_000)
    assert result.objective is not None
    assert result.objective < 0.01
    longer = lab.resume(result.dir, budget=25_000)
    assert longer.summary["clock"]["value"] == pytest.approx(25_000, abs=32)
    weight = lab.load(result.dir).net.weight.item()
    assert weight == pytest.approx(2, abs=0.2)


def test_the_guides_agent_learns_and_is_resumed(guide_plugin: Path) -> None:
    """On the slippery lake the best policy reaches the goal in about three episodes of four."""
    result = train(guide_plugin, "q-table", budget=20_000, media=False)
    assert result.objective is not None
    assert result.objective > 0.4
    assert result.summary["test"]["test/episodes"] == 100
    longer = lab.resume(result.dir, budget=21_000)
    assert longer.summary["clock"]["value"] == pytest.approx(21_000, abs=8)
    assert lab.load(result.dir).q.shape == (16, 4)


def test_the_guides_agent_keeps_the_contract(guide_plugin: Path) -> None:
    """In what its page is about: exact resume, plain states, metrics, options."""
    kept = ["killed_and_resumed_is_the_same", "checkpoints_are_plain", "loading_copies",
            "tiny_improves_its_objective", "metrics_are_declared_numbers",
            "options_are_described", "spec_is_complete", "seeds_differ_from_the_start"]  # fmt: skip
    report = lab.testing.check_plugin("q-table", only=kept)
    assert report.passed, report.failures


def test_the_guide_lists_what_a_plugin_may_import() -> None:
    table = section(GUIDE, "What a plugin may import")
    listed = re.findall(r"^\| `(lab[\w.]*)` \| \S", table, re.MULTILINE)
    assert listed == ["lab", *PUBLIC]


def keys_of_a_batch() -> list[str]:
    """Return the names in a batch of a source that has all that there may be."""
    steps, first = np.zeros((2, 3, 1), np.float32), np.arange(2)
    everything = steps, np.zeros((2, 3), int), first, torch.device("cpu"), True
    mask, trees = np.ones((2, 3), bool), np.zeros((2, 2, 2), int)
    return list(make_split(*everything, mask=mask, trees=trees).first(2))


FIELDS = {
    "Dataset": [field.name for field in dataclasses.fields(lab.Dataset)],
    "Batch": keys_of_a_batch(),
    "Step": list(lab.Step._fields),
    "RunInfo": [field.name for field in dataclasses.fields(lab.RunInfo)],
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_guide_gives_every_field_of_a_type(name: str) -> None:
    types = section(GUIDE, "The types")
    table = types.split(f"**`lab.{name}`**")[1].split("\n**")[0]
    rows = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    assert re.findall(r"`(\w+)`", " ".join(rows)) == FIELDS[name]


def test_the_guide_gives_what_data_there_are() -> None:
    info = section(GUIDE, "The types").split("**`lab.DatasetInfo`**")[1].split("\n**")[0]
    for word in (*get_args(Kind), *get_args(Task)):
        assert f"`{word}`" in info


def test_the_guide_gives_every_key_of_a_record_and_a_summary(guide_plugin: Path) -> None:
    result = train(guide_plugin, budget=640)
    lab.resume(result.dir, budget=1_280)
    (run,) = lab.runs(guide_plugin / "runs")
    types = section(GUIDE, "The types").split("**`lab.Run`**")[1].split("\n**")[0]
    record, summary = types.split("| `run.summary`")
    for text, keys in ((record, run.record), (summary, run.summary)):
        rows = [row.split("|")[1] for row in text.splitlines() if re.match(r"\| `\w+`", row)]
        assert set(re.findall(r"`(\w+)`", " ".join(rows))) == set(keys)


def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    code = "\n".join(blocks((DOCS / "python.md").read_text(), "python"))
    code = code.replace('data="iris", seeds', 'data="iris", budget=500, seeds')
    code = code.replace("range(2)", "range(1)")
    env = helpers.child_environment(WANDB_MODE="disabled")
    done = helpers.run_child([sys.executable, "-c", code], tmp_path, env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] in ("stopped", "budget")
    assert done.stdout.count("finished") == 5 + 2


def test_the_guides_plugin_is_as_short_as_it_says() -> None:
    lines = [line for line in block(GUIDE, "python").splitlines() if line.strip()]
    assert len(lines) <= 50


def test_the_guides_pyproject_names_the_entry_point_group() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads(block(GUIDE, "toml"))
    assert project["project"]["entry-points"]["lab"] == {"noisy-line": "noisy_line"}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_a_heading_in_the_guide(hook: str) -> None:
    assert re.search(rf"^#+ {hook}$", GUIDE, re.MULTILINE)


def test_every_name_of_the_context_stands_in_the_guide() -> None:
    private = {"compute", "randomness", "window", "facts", "shown", "warn"}
    runners = {
        "envs_state",
        "load_envs_state",
        "close",
        "register_env",
        "compile",
        "not_finite",
        "read_again",
    }
    for name in {n for n in dir(Context) if not n.startswith("_")} - private - runners:
        assert f"ctx.{name}" in GUIDE, f"docs/plugins.md does not mention ctx.{name}"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    code = block(README, "python").replace("budget=20_000", "budget=1_500, media=False")
    command = [sys.executable, "-c", code]
    helpers.run_child(command, tmp_path, dict(os.environ), warm=True).check_returncode()


def test_the_readmes_commands_exist() -> None:
    commands = re.findall(r"^\$ lab ([^#\n]+)", README, re.MULTILINE)
    assert len(commands) >= 8
    for words in map(str.split, commands):
        assert words[0] in main.list_commands(click.Context(main))
        depth = 2 if words[0] in ("run", "lr") else 1  # whose options are each experiment's
        help_text = CliRunner().invoke(main, [*words[:depth], "--help"]).output
        for option in (word for word in words if word.startswith("--")):
            assert f"{option} " in help_text or f"{option}\n" in help_text, (words, option)


def test_the_readme_lists_every_experiment() -> None:
    for spec in discover().experiments():
        if spec.experiment.startswith("lab_") and not spec.name.startswith("toy"):
            assert f"| `{spec.name}` |" in README


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda page: page.name)
def test_paths_that_a_page_names_exist(page: Path) -> None:
    for path in re.findall(
        r"`((?:lab|plugins|docs|tests|benchmarks|envs)/[\w./-]+)`", page.read_text()
    ):
        assert (helpers.ROOT / path).exists(), f"{page.name} names {path}"


def test_what_the_table_of_places_names_is_there() -> None:
    text = (DOCS / "architecture.md").read_text()
    table = text[text.index("| to see |") : text.index("## Words")]
    places = re.findall(r"`((?:lab|plugins)/[\w/.]*)`", table)
    assert len(places) > 40
    assert [place for place in places if not (helpers.ROOT / place).exists()] == []
    for name, place in re.findall(r"`(\w+)` in `([\w/.]+)`", table):
        assert re.search(rf"\b{name}\b", (helpers.ROOT / place).read_text()), (name, place)
