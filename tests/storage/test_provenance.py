"""A run records the versions of all that the lab needs."""

from __future__ import annotations

import tomllib
from importlib.metadata import version

import helpers

from lab.storage.provenance import requirements, versions

PROJECT = tomllib.loads((helpers.ROOT / "pyproject.toml").read_text())["project"]


def test_the_versions_are_those_of_the_requirements_and_no_extra() -> None:
    named = [line.partition(">")[0] for line in PROJECT["dependencies"]]
    assert set(requirements()) == set(named)
    recorded = versions()
    assert list(recorded)[:2] == ["python", "rl-gen-lab"]
    assert set(recorded) == {"python", "rl-gen-lab", *named}
    assert recorded["torch"] == version("torch")


def test_what_is_not_installed_is_said(monkeypatch) -> None:
    monkeypatch.setattr("lab.storage.provenance.requirements", lambda: ["no-such-thing"])
    assert versions()["no-such-thing"] == "not installed"
