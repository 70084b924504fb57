"""What `lab new` writes works as it is, whatever its kind, and nothing is ever overwritten."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import helpers
import pytest
from click.testing import CliRunner

from lab.cli import main
from lab.plugins import KINDS
from lab.testing import checks

NAMES = {kind: f"my-first-{kind}" for kind in KINDS}
# As tidy as the lab itself, and settings of the lab's are not looked at.
RUFF = ("--isolated", "--line-length", "100")
RULES = "E,F,W,I,B,UP,SIM,C4,RUF,PT,PTH,NPY"
CHECK = """\
import json, sys
import pytest
from click.testing import CliRunner
from lab.cli import main
code = pytest.main(["-q", "-p", "no:cacheprovider", "tests"])
done = CliRunner().invoke(main, ["check", sys.argv[1], "--only", sys.argv[2], "--json"])
print("CODES", int(code), done.exit_code)
"""


def package(kind: str) -> str:
    return NAMES[kind].replace("-", "_")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One plugin of each kind."""
    folder = tmp_path_factory.mktemp("new")
    for kind, name in NAMES.items():
        words = ["new", name, "--kind", kind, "--into", str(folder)]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == 0, result.output
        assert result.stdout.strip() == str(folder / name)
    return folder


@pytest.fixture(scope="module")
def installed(folder) -> Path:
    """Where pip put all of them, from wheels that it built."""
    words = ["--no-deps", "--no-build-isolation", "--no-index", "--target", folder / "site"]
    sources = [folder / name for name in NAMES.values()]
    command = [sys.executable, "-m", "pip", "install", "-q", *map(str, words), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


@pytest.mark.parametrize("kind", KINDS)
def test_it_passes_its_own_tests_and_lab_check_as_it_is(folder, installed, kind) -> None:
    """Installed as anybody's would be; each check of the contract is a test there."""
    env = helpers.child_environment(installed)
    words = [sys.executable, "-c", CHECK, NAMES[kind], "imports_are_public"]
    done = helpers.run_child(words, folder / NAMES[kind], env, timeout=280, warm=True)
    assert "CODES 0 0" in done.stdout, done.stdout + done.stderr
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|skipped)", done.stdout)}
    assert sum(counts.values()) == len(checks(kind))
    assert counts["passed"] > 0.7 * len(checks(kind))  # skips have their reasons


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_a_distribution_of_its_package_alone(installed, kind) -> None:
    (info,) = installed.glob(f"{package(kind)}-0.1.0.dist-info")
    files = {line.split(",")[0] for line in (info / "RECORD").read_text().splitlines()}
    assert {file.split("/")[0] for file in files} == {package(kind), info.name}
    assert f"{package(kind)}/py.typed" in files


def test_it_is_tidy(folder) -> None:
    for words in (["check", "--select", RULES], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, *RUFF, *NAMES.values()]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


THIRD = '''\
"""Use the public names as a stranger would."""

from pathlib import Path

import lab
from lab.testing import Report, check_plugin


def first(batches: lab.Batches, split: lab.Split) -> tuple[int, ...]:
    batch: lab.Batch = batches.next()
    assert len(split) >= len(batch["rows"])
    return tuple(batch["inputs"].shape)


def bests(folder: Path) -> dict[str, float]:
    return {run.name: run.summary["objective"]["best"] for run in lab.runs(folder)}


def played(envs: lab.Envs) -> float:
    step: lab.Step = envs.step(envs.obs)
    return float(step.reward[step.live].sum())


def train(folder: Path) -> float | None:
    result: lab.RunResult = lab.run("mlp", preset="tiny", runs_dir=folder)
    return lab.resume(result.dir, budget=10_000).objective


def check(spec: lab.SourceSpec) -> Report:
    return check_plugin(spec, only=["name_is_unique"])
'''


@pytest.mark.slow
def test_it_is_typed_and_so_is_what_it_uses_of_the_lab(folder) -> None:
    """By mypy --strict, which reads the lab as any installed package: by its `py.typed`."""
    (folder / "third_party.py").write_text(THIRD)
    env = helpers.child_environment()
    env["MYPYPATH"] = os.pathsep.join(str(folder / name) for name in NAMES.values())
    words = ["--strict", "--cache-dir", str(folder / "cache"), "-m", "third_party"]
    words += [word for kind in KINDS for word in ("-p", package(kind))]
    done = helpers.run_child([sys.executable, "-m", "mypy", *words], folder, env, timeout=290)
    assert done.returncode == 0, done.stdout + done.stderr
    tests = [str(path) for path in folder.glob("*/tests/test_contract.py")]
    words = [sys.executable, "-m", "mypy", *words[:3], tests[0]]  # but for names they are the same
    done = helpers.run_child(words, folder, env, timeout=290)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_lab_says_that_it_is_typed() -> None:
    """Whether a wheel holds it is tested where one is built."""
    assert (helpers.ROOT / "lab" / "py.typed").is_file()


def test_the_command_that_is_written_reads_runs(folder, train, tmp_path) -> None:
    done = train("odd", name="one")
    env = helpers.child_environment(folder / NAMES["command"])
    code = "import sys; from my_first_command.cli import command; command(sys.argv[1:])"
    words = [sys.executable, "-c", code, "--runs-dir", str(tmp_path / "runs")]
    output = helpers.run_child(words, tmp_path, env).stdout
    objective = done.summary["objective"]
    assert output == f"one\tfinished\t{objective['metric']} {objective['best']:.4g}\n"


def test_the_readme_says_what_to_try(folder) -> None:
    for kind, name in NAMES.items():
        text = (folder / name / "README.md").read_text()
        assert f"$ lab check {name} " in text
        assert "{{" not in text, kind
        for path in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE):
            assert (folder / name / path).is_file(), path


def test_a_folder_that_exists_is_left_alone(cli, tmp_path) -> None:
    assert cli("new", "mine").exit_code == 0
    (tmp_path / "mine" / "README.md").write_text("mine")
    for kind in KINDS:
        result = cli("new", "mine", "--kind", kind)
        assert result.exit_code == 2
        assert "exists, and is left as it is" in result.stderr
    assert (tmp_path / "mine" / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("MyNet", "experiment", "not kebab-case"),
        ("my_net", "experiment", "not kebab-case"),
        ("json", "experiment", "a module that is there already"),
        ("class", "experiment", "a module that is there already"),
        ("toy-gan", "experiment", "an experiment that is there already"),
        ("breast-cancer", "source", "a source that is there already"),
        ("completion", "command", "a command that is there already"),
        ("ALE", "environment", "not kebab-case"),
        ("lab", "environment", "a module that is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(cli, tmp_path, name, kind, expected) -> None:
    result = cli("new", name, "--kind", kind)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not (tmp_path / name).exists()


def test_a_name_is_free_where_it_is_taken_as_another_kind(cli, tmp_path) -> None:
    assert cli("new", "breast-cancer", "--kind", "tracker").exit_code == 0


def test_a_folder_that_cannot_be_written_is_a_plain_error(cli, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    result = cli("new", "fine", "--into", "file")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
