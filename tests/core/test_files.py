"""An experiment in a file needs no packaging: it runs, resumes and evaluates by its path."""

from __future__ import annotations

import json
import re
from pathlib import Path

import helpers
import pytest

import lab
from lab.plugins import Plugins, split_reference

GUIDE = (helpers.ROOT / "docs" / "plugins.md").read_text()
SOURCE = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0]


@pytest.fixture
def file(tmp_path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "my_experiment.py"
    path.write_text(SOURCE.replace("noisy_line:", "my_experiment:"))
    return path


def call(*words: object, cwd: Path):
    env = helpers.child_environment(PYTHONSAFEPATH="1")  # as the command `lab` has it
    return helpers.run_child(helpers.lab_command(*words), cwd, env, warm=True)


def test_a_file_runs_resumes_and_evaluates_from_any_folder(file, tmp_path) -> None:
    run = ("run", "./my_experiment.py", "--lr", 0.3, "--budget", 5_000, "--wandb", "disabled")
    done = call(*run, "--json", "--runs-dir", tmp_path / "runs", "--name", "one", cwd=file.parent)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objective"] < 0.1
    folder = tmp_path / "runs" / "one"
    resumed = call("resume", folder, "--budget", 6_000, "--json", cwd=tmp_path)
    assert json.loads(resumed.stdout)["state"] == "finished", resumed.stderr
    evaluated = call("eval", folder, "--json", cwd=tmp_path)
    assert json.loads(evaluated.stdout)["metrics"]["test/error"] < 0.1
    assert "--noise" in call("run", "./my_experiment.py", "--help", cwd=file.parent).stdout


def test_seeds_of_a_file_are_trained(file) -> None:
    words = ("run", file, "--seeds", 2, "--budget", 500, "--wandb", "disabled", "--json")
    done = call(*words, cwd=file.parent)
    assert done.returncode == 0, done.stderr
    assert [run["state"] for run in json.loads(done.stdout)["runs"]] == ["finished"] * 2


def test_a_file_may_offer_several(tmp_path) -> None:
    two = SOURCE.replace("noisy_line:", "two_experiments:")
    second = two.split("    yield ")[1].split("\n\n")[0].replace("noisy-line", "other-line")
    two = two.replace("    )\n\n\nclass Config", f"    )\n    yield {second}\n\n\nclass Config", 1)
    (tmp_path / "two_experiments.py").write_text(two)
    unclear = call("run", "two_experiments.py", cwd=tmp_path)
    assert unclear.returncode == 2
    assert "two_experiments.py:noisy-line or two_experiments.py:other-line" in unclear.stderr
    words = ("run", "two_experiments.py:other-line", "--budget", 200, "--wandb", "disabled")
    done = call(*words, "--name", "one", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert lab.Run(tmp_path / "runs" / "one").record["experiment"] == "other-line"
    assert call("eval", "one", cwd=tmp_path).returncode == 0


WRONG = {
    "absent.py": (None, "There is no file"),
    "broken.py": ("raise RuntimeError('spilt')", "cannot be loaded: RuntimeError: spilt"),
    "quits.py": ("import sys; sys.exit(3)", "cannot be loaded: SystemExit"),
    "plain.py": ("x = 1", "it has no lab_experiments, nor another hook, with @hookimpl"),
    "json.py": ("x = 1", "rename the file"),
    "not-a-module.py": ("x = 1", "rename the file"),
    "misspelt.py": (
        "import lab\n@lab.hookimpl\ndef lab_experiment():\n    yield 1",
        "unknown hook 'lab_experiment'",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_file_that_cannot_be_run_is_a_plain_error(tmp_path, name) -> None:
    code, expected = WRONG[name]
    if code is not None:
        (tmp_path / name).write_text(code)
    done = call("run", f"./{name}", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


def test_a_reference_is_parted_into_path_and_name() -> None:
    here = Path.cwd()
    assert split_reference("a.py") == (here / "a.py", "")
    assert split_reference("/x/a.py:one") == (Path("/x/a.py"), "one")
    with pytest.raises(lab.UsageError):
        Plugins([]).experiment("dist:name")
