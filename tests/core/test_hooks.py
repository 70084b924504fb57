"""A distribution of somebody else's, really built and installed, joins by every hook."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path

import helpers
import pytest

from lab import hookspecs

FIXTURE = helpers.ROOT / "tests" / "fixtures" / "lab-everything"
Lab = Callable[..., subprocess.CompletedProcess[str]]


def pip_install(target: Path, source: Path) -> None:
    words = ["install", "-q", "--no-deps", "--no-build-isolation", "--no-index", "--target", target]
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *words, source]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def python(tmp_path_factory) -> Path:
    """The python of a scratch environment that has the distribution, and this one's packages."""
    folder = tmp_path_factory.mktemp("scratch")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    pip_install(Path(site.stdout.strip()), FIXTURE)
    paths = [sysconfig.get_path("purelib"), *map(str, (helpers.ROOT,))]
    paths += [str(helpers.ROOT / "plugins"), str(helpers.ROOT / "envs")]
    (Path(site.stdout.strip()) / "parent.pth").write_text("\n".join(paths) + "\n")
    return python


@pytest.fixture
def lab(python: Path, tmp_path: Path) -> Lab:
    def call(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in helpers.child_environment().items() if k != "PYTHONPATH"}
        command = [str(python), "-m", "lab", *map(str, words)]
        return helpers.run_child(command, tmp_path, {**env, **environment})

    return call


def test_every_hook_is_listed(lab) -> None:
    listed = {p["name"]: p for p in json.loads(lab("plugins", "--json").stdout)}
    found = listed["everything"]
    assert (found["distribution"], found["version"], found["status"]) == (
        "lab-everything", "2.5", "ok",
    )  # fmt: skip
    for name in vars(hookspecs):
        if name.startswith("lab_"):
            assert found[name.removeprefix("lab_")], f"the fixture does not use {name}"


def test_an_experiment_trains_from_a_source_and_is_resumed(lab, tmp_path) -> None:
    done = lab("run", "ramp", "--slope", 3, "--name", "one", "--wandb", "disabled", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objective"] < 0.05
    longer = lab("resume", "one", "--budget", 800, "--wandb", "disabled", "--json")
    assert json.loads(longer.stdout)["summary"]["clock"]["value"] == 800


def test_an_environment_is_known_by_its_namespace(lab) -> None:
    words = ("--env", "everything/Still-v0", "--preset", "tiny", "--budget", 400)
    done = lab("run", "dqn", *words, "--wandb", "disabled", "--no-media", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objective"] == 1.0


def test_a_command_is_listed_and_called(lab) -> None:
    assert re.search(r"everything-hello +Say hello", lab("--help").stdout)
    assert lab("everything-hello", "you").stdout == "Hello, you!\n"
    assert "There is no command" in lab("--no-plugin", "everything", "everything-hello").stderr


def test_a_tracker_gets_every_row_medium_and_checkpoint(lab, tmp_path) -> None:
    options = ("--preset", "tiny", "--budget", 400, "--wandb", "disabled", "--name", "one")
    done = lab("run", "dqn", *options, LEDGER=str(tmp_path / "ledger"))
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in (tmp_path / "ledger").read_text().splitlines()]
    kinds = [event[0] for event in events]
    assert events[0] == ["start", "dqn", 0]
    assert events[-1] == ["finish", "finished"]
    rows = [event[1] for event in events if event[0] == "row"]
    stored = (tmp_path / "runs" / "one" / "metrics.jsonl").read_text().splitlines()
    assert rows == [json.loads(line) for line in stored]
    assert [event[1:] for event in events if event[0] == "checkpoint"] == [
        ["best", "best.pt"], ["last", "last.pt"],
    ]  # fmt: skip
    shown = sorted(path.name for path in (tmp_path / "runs" / "one" / "media").iterdir())
    assert sorted(event[2] for event in events if event[0] == "media") == shown
    assert kinds.count("media") == len(shown) > 0


@pytest.mark.parametrize("event", ["start", "row", "finish"])
def test_a_tracker_that_crashes_stops_nothing(lab, tmp_path, event) -> None:
    words = ("run", "ramp", "--wandb", "disabled", "--name", "one")
    done = lab(*words, LEDGER_TROUBLE=f"crash in {event}")
    assert done.returncode == 0
    assert (
        "ledger: RuntimeError: out of ink; given up, the run folder has everything" in done.stderr
    )
    assert helpers.summary(tmp_path / "runs" / "one")["state"] == "finished"


def test_a_tracker_that_is_not_wanted_is_not_made(lab, tmp_path) -> None:
    ledger = tmp_path / "ledger"
    lab("run", "ramp", "--wandb", "disabled", "--no-track", LEDGER=str(ledger))
    assert not ledger.exists()


def test_the_experiment_keeps_the_contract(lab) -> None:
    done = lab("check", "ramp", "--json")
    failed = [r for r in json.loads(done.stdout)["results"] if r["status"] == "failed"]
    assert done.returncode == 0, failed


# -- the built-in plugins are as anybody's


PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "lifted-{name}"
version = "1"
dependencies = ["rl-gen-lab"]
[project.entry-points.lab]
{name} = "{package}"
[tool.hatch.build.targets.wheel]
packages = ["{package}"]
"""
BUILT_IN = sorted(
    path for top in ("plugins", "envs") for path in (helpers.ROOT / top).glob("lab_*")
)


@pytest.mark.parametrize("folder", BUILT_IN, ids=lambda folder: folder.name)
def test_a_built_in_folder_lifted_out_is_a_plugin_of_its_own(folder, tmp_path) -> None:
    """Beside a pyproject of eleven lines; the lab's own plugins are blocked, but for the data that
    experiments learn from."""
    import shutil

    package, name = folder.name, folder.name.removeprefix("lab_")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(folder, tmp_path / "source" / package, ignore=ignored)
    text = PYPROJECT.format(name=name, package=package)
    assert len(text.splitlines()) == 11
    (tmp_path / "source" / "pyproject.toml").write_text(text)
    pip_install(tmp_path / "site", tmp_path / "source")
    others = [path.name.removeprefix("lab_") for path in BUILT_IN]
    kept = "" if name == "sources" else "sources"
    blocked = ",".join(f"rl-gen-lab:{other}" for other in others if other != kept)
    env = helpers.child_environment(LAB_DISABLE_PLUGINS=blocked)
    env["PYTHONPATH"] = f"{tmp_path / 'site'}:{env['PYTHONPATH']}"
    listed = helpers.run_child(helpers.lab_command("plugins", "--json"), tmp_path, env)
    found = {p["distribution"]: p for p in json.loads(listed.stdout)}[f"lifted-{name}"]
    assert found["status"] == "ok", found
    code = f"import {package}; print({package}.__file__)"
    where = helpers.run_child([sys.executable, "-c", code], tmp_path, env)
    assert str(tmp_path / "site") in where.stdout
    for experiment in found["experiments"]:
        words = ("--preset", "tiny", "--budget", 300, "--no-media", "--wandb", "disabled", "--json")
        done = helpers.run_child(helpers.lab_command("run", experiment, *words), tmp_path, env)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["state"] == "finished"
