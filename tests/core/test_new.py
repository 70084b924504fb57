"""What `lab new` writes works as it is, and nothing is ever overwritten."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import helpers
import pytest

NAME = "my-first-net"


@pytest.fixture
def made(cli, tmp_path) -> Path:
    result = cli("new", NAME)
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == NAME
    return tmp_path / NAME


def test_it_passes_its_own_tests_and_lab_check_as_it_is(made) -> None:
    """Installed as pip would; each check of the contract is a test there."""
    helpers.distribution(made, NAME, {NAME: "my_first_net"}, requires="rl-gen-lab >=0.1")
    env = helpers.child_environment(made)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(words, cwd=made, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) > 30
    checked = helpers.run_child(
        helpers.lab_command("check", NAME, "--only", "same_seed_same_metrics"), made, env
    )
    assert checked.returncode == 0, checked.stderr


def test_it_is_a_distribution_that_builds(made, tmp_path) -> None:
    words = ["wheel", "-q", "--no-deps", "--no-build-isolation", "-w", tmp_path / "dist", made]
    command = [sys.executable, "-m", "pip", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert [wheel.name for wheel in (tmp_path / "dist").iterdir()] == [
        "my_first_net-0.1.0-py3-none-any.whl"
    ]


def test_it_is_tidy(made) -> None:
    for words in (["check", "--select", "E,F,I,UP,B"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "--line-length", "100", "."]
        done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_a_folder_that_exists_is_left_alone(cli, made) -> None:
    (made / "README.md").write_text("mine")
    result = cli("new", NAME)
    assert result.exit_code == 2
    assert "exists, and is left as it is" in result.stderr
    assert (made / "README.md").read_text() == "mine"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("MyNet", "not kebab-case"),
        ("my_net", "not kebab-case"),
        ("json", "a module that is there already"),
        ("class", "a module that is there already"),
        ("toy-gan", "an experiment that is there already"),
    ],
)
def test_a_name_that_cannot_be_is_refused(cli, tmp_path, name, expected) -> None:
    result = cli("new", name)
    assert result.exit_code == 2
    assert expected in result.stderr
    assert not (tmp_path / name).exists()


def test_a_folder_that_cannot_be_written_is_a_plain_error(cli, tmp_path) -> None:
    (tmp_path / "file").write_text("")
    result = cli("new", "fine", "--into", "file")
    assert result.exit_code == 2
    assert "Traceback" not in result.output
