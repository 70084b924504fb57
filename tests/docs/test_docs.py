"""What the docs show works, and what the code offers stands in the docs."""

from __future__ import annotations

import importlib
import os
import re
import sys
from pathlib import Path

import helpers
import pytest
from click.testing import CliRunner

import lab
from lab import hookspecs
from lab.cli import COMMANDS, main
from lab.context import Context
from lab.plugins import discover
from lab.session import RunResult

DOCS = helpers.ROOT / "docs"
README = (helpers.ROOT / "README.md").read_text()
GUIDE = (DOCS / "plugins.md").read_text()
HOOKS = [name for name in vars(hookspecs) if name.startswith("lab_")]


def block(text: str, language: str) -> str:
    """Return the first code block of a language."""
    found = re.search(rf"```{language}\n(.*?)```", text, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def guide_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The plugin of the guide, as if `pip install` had been given it."""
    (tmp_path / "noisy_line.py").write_text(block(GUIDE, "python"))
    helpers.distribution(tmp_path, "noisy-line", {"noisy-line": "noisy_line"})
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield tmp_path
    sys.modules.pop("noisy_line", None)


def train(folder: Path, **options: object) -> RunResult:
    return lab.run("noisy-line", runs_dir=folder / "runs", wandb="disabled", **options)


def test_the_guides_plugin_trains_resumes_and_predicts(guide_plugin: Path) -> None:
    result = train(guide_plugin, lr=0.3, budget=20_000)
    assert result.objective < 0.01
    longer = lab.resume(result.dir, budget=25_000)
    assert longer.summary["clock"]["value"] == pytest.approx(25_000, abs=32)
    weight = lab.load(result.dir).net.weight.item()
    assert weight == pytest.approx(2, abs=0.2)


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
    }
    for name in {n for n in dir(Context) if not n.startswith("_")} - private - runners:
        assert f"ctx.{name}" in GUIDE, f"docs/plugins.md does not mention ctx.{name}"


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WANDB_MODE", "disabled")
    code = block(README, "python").replace("budget=20_000", "budget=1_500, media=False")
    helpers.run_child([sys.executable, "-c", code], tmp_path, dict(os.environ)).check_returncode()


def test_the_readmes_commands_exist() -> None:
    shown = re.findall(r"^\$ lab ([^#\n]+)", README, re.MULTILINE)
    assert len(shown) >= 8
    for words in map(str.split, shown):
        assert words[0] in COMMANDS
        help_text = CliRunner().invoke(main, [*words[:2], "--help"] if words[0] == "run" else
                                       [words[0], "--help"]).output  # fmt: skip
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
