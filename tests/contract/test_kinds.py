"""Every check of a source, a tracker, an environment and a command catches what breaks its promise,
and none accuses an honest one."""

from __future__ import annotations

import json
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import helpers
import pytest
import torch
from click.testing import CliRunner

import lab
from lab.cli import main
from lab.errors import UsageError
from lab.plugins import KINDS, Plugin, Plugins, discover
from lab.testing import check_plugin, checks, kinds
from lab.testing.report import BROKEN, KEPT, SKIPPED, examine, promise
from lab.testing.trackers import Subject as TrackerSubject

sys.path.append(str(Path(__file__).with_name("specimens")))
import kinds_specimens as specimens

OTHERS = [kind for kind in KINDS if kind != kinds.EXPERIMENT]
ELSEWHERE = {  # tested below, on files that a test spoils
    "name_is_unique",
    "the_lab_is_required",
    "imports_are_light",
    "imports_are_public",
    "the_same_data_in_another_process",
    "something_learns_from_it",
    "it_says_how_to_install_what_is_missing",
    "its_state_is_restored_exactly",
    "it_is_imported_when_it_is_called",
    "help_is_light",
}
CASES = [
    pytest.param(kind, *case, id=f"{kind}-{case[0]}-{number}")
    for kind in OTHERS
    for number, case in enumerate(specimens.BROKEN[kind])
]
HONEST = [(kind, name) for kind in OTHERS for name in specimens.HONEST[kind]]


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    """Undo what broken specimens do to the process."""
    dtype, state = torch.get_default_dtype(), random.getstate()
    specimens.RELEASE.clear()
    yield
    specimens.RELEASE.set()
    torch.set_default_dtype(dtype)
    random.setstate(state)
    while specimens.KEPT:
        kept = specimens.KEPT.pop()
        (kept.set if isinstance(kept, threading.Event) else kept.close)()


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return discover()


def examined(kind: str, spec: kinds.Spec, check: str, plugins: Plugins):
    subject = kinds.subject(spec, plugins)
    try:
        return examine(subject, check, None)
    finally:
        subject.close()


@pytest.mark.parametrize(("kind", "check", "spec", "message"), CASES)
def test_a_broken_promise_is_caught(kind, check, spec, message, plugins, monkeypatch) -> None:
    monkeypatch.setattr(TrackerSubject, "seconds", 2.0)
    result = examined(kind, spec, check, plugins)
    assert result.status == BROKEN, result
    assert message in result.message
    assert not result.traceback, "the check itself says what is wrong"


@pytest.mark.parametrize(("kind", "name"), HONEST)
def test_what_is_honest_passes_every_check(kind, name, plugins) -> None:
    report = check_plugin(specimens.HONEST[kind][name], plugins=plugins)
    assert report.passed, report.failures
    assert {result.check for result in report.results} == set(checks(kind))


@pytest.mark.parametrize("kind", OTHERS)
def test_every_check_has_something_that_it_must_catch(kind) -> None:
    caught = {check for check, _, _ in specimens.BROKEN[kind]}
    assert set(checks(kind)) - caught <= ELSEWHERE
    for name in checks(kind):
        assert promise(name, kind).endswith("."), name


def test_a_state_that_cannot_be_restored_is_told_as_a_reason(plugins) -> None:
    spec = specimens.worlds("learned")
    result = examined("environment", spec, "its_state_is_restored_exactly", plugins)
    assert result.status == SKIPPED
    assert "does not restore learned/Coin-v0" in result.message


def test_a_source_that_reads_something_needs_an_example(plugins) -> None:
    spec = specimens.source(specimens.from_file, argument="PATH")
    result = examined("source", spec, "data_are_consistent", plugins)
    assert result.status == SKIPPED
    assert "names no example" in result.message


def test_a_source_of_a_package_that_is_not_there_is_skipped(plugins) -> None:
    report = check_plugin(specimens.source(specimens.elsewhere), plugins=plugins)
    assert report.passed, report.failures
    skipped = {r.check: r.message for r in report.results if r.status == SKIPPED}
    assert "pip install elsewhere" in skipped["data_are_consistent"]
    assert "pip install elsewhere" in skipped["the_same_data_twice"]


def test_a_module_that_is_not_there_is_a_reason_where_the_spec_says_how_to_get_it(plugins) -> None:
    spec = lab.EnvironmentSpec("far", "not_there", install="not-there")
    result = examined("environment", spec, "episodes_end", plugins)
    assert (result.status, result.message) == (
        SKIPPED, "it is not installed: pip install 'not-there'",
    )  # fmt: skip


# -- checks that look at files

PACKAGE = {
    "__init__.py": """\
import lab

@lab.hookimpl
def lab_sources():
    yield lab.SourceSpec("packed", "Points", "packed_kinds.data:points")

@lab.hookimpl
def lab_trackers():
    yield lab.TrackerSpec("packed", "packed_kinds.tracker:Tracker")

@lab.hookimpl
def lab_commands():
    yield lab.CommandSpec("packed", "Say hello", "packed_kinds.cli:hello")

@lab.hookimpl
def lab_environments():
    yield lab.EnvironmentSpec("packed", "packed_kinds.worlds")
""",
    "data.py": """\
import numpy as np
from lab import Dataset

def points():
    x = np.random.default_rng(0).random((60, 2)).astype(np.float32)
    return Dataset(x, (x[:, 0] > x[:, 1]).astype(np.int64), classes=("below", "above"))
""",
    "tracker.py": "class Tracker: ...\n",
    "worlds.py": "",
    "cli.py": "import click\n\n@click.command()\ndef hello():\n    'Say hello.'\n",
}
UNSORTED = """\

def unsorted():
    words = {f"word {number}" for number in range(99)}
    x = np.array([[len(w), hash(w) % 97] for w in words], np.float32)
    return Dataset(x, (x[:, 1] > 48).astype(np.int64), classes=("below", "above"))

points = unsorted
"""
HUGE = """\

def huge():
    found = ordinary()
    inputs = np.full_like(found.inputs, 3e38, np.float32)
    inputs *= np.linspace(0.9, 1, len(inputs), dtype=np.float32)[:, None]
    inputs[::10] *= -1  # their distance to the mean is no float32
    return Dataset(inputs, found.targets, found.classes)

ordinary, points = points, huge
"""
FILES = [
    ("imports_are_light", kind, "__init__.py", "import numpy\n", "loads numpy") for kind in OTHERS
] + [
    ("imports_are_public", "source", "data.py", "import lab.storage.store\n", "lab.storage.store"),
    ("imports_are_public", "tracker", "tracker.py", "import lab.engine.runner\n", "not public"),
    ("imports_are_public", "command", "cli.py", "import lab_dqn\n", "another plugin"),
    ("imports_are_public", "environment", "worlds.py", "import lab.compute.rng\n", "not public"),
    ("help_is_light", "command", "cli.py", "import torch\n", "torch. Keep"),
    ("it_is_imported_when_it_is_called", "command", "__init__.py", "import packed_kinds.cli\n",
     "imports packed_kinds.cli too"),
    ("the_same_data_in_another_process", "source", "data.py", UNSORTED, "the data differ"),
    ("something_learns_from_it", "source", "data.py", HUGE, "loss or gradient of it is not finite"),
]  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed plugin whose files a test may spoil."""
    folder = tmp_path / "packed_kinds"
    folder.mkdir()
    for name, text in PACKAGE.items():
        (folder / name).write_text(text)
    points = {"packed": "packed_kinds"}
    helpers.distribution(tmp_path, "packed-kinds", points, requires="rl-gen-lab >=0.1")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("packed_kinds")]:
        del sys.modules[name]


@pytest.mark.parametrize(("check", "kind", "file", "line", "message"), FILES)
def test_files_that_are_not_as_they_should_be_are_caught(
    package, check, kind, file, line, message
) -> None:
    plugins = discover()
    spec = kinds.find_one("packed", plugins, kind)
    path = package / file
    before, code = path.read_text(), line
    path.write_text(before + code if line in (UNSORTED, HUGE) else code + before)
    result = examined(kind, spec, check, plugins)
    assert result.status == BROKEN, result
    assert message in result.message
    path.write_text(before)
    for name in [name for name in sys.modules if name.startswith("packed_kinds")]:
        del sys.modules[name]
    assert examined(kind, spec, check, plugins).status == KEPT


def test_a_package_is_told_apart_from_others_and_what_it_needs_is_seen(package, tmp_path) -> None:
    plugins = discover()
    for kind in OTHERS:
        spec = kinds.find_one("packed", plugins, kind)
        assert examined(kind, spec, "name_is_unique", plugins).status == KEPT
        assert examined(kind, spec, "the_lab_is_required", plugins).status == KEPT
    twin = tmp_path / "packed_kinds_twin.py"
    twin.write_text(PACKAGE["__init__.py"])
    helpers.distribution(tmp_path, "packed-twin", {"twin": "packed_kinds_twin"})
    plugins = discover()
    for kind in OTHERS:
        spec = kinds.find_one("packed-twin:packed", plugins, kind)
        result = examined(kind, spec, "name_is_unique", plugins)
        assert (result.status, "by packed-kinds too" in result.message) == (BROKEN, True)
        assert examined(kind, spec, "the_lab_is_required", plugins).status == BROKEN
        with pytest.raises(UsageError, match="packed-kinds:packed or packed-twin:packed"):
            kinds.find("packed", plugins, kind)


def test_a_module_of_somebody_else_comes_with_the_words_to_install_it() -> None:
    check = "it_says_how_to_install_what_is_missing"
    plugin = Plugin("far", "far", "1", module="far_plugin")
    for install, status in (("", BROKEN), ("far-worlds", KEPT)):
        plugin.environments = [lab.EnvironmentSpec("far", "far_worlds.all", install=install)]
        result = examined("environment", plugin.environments[0], check, Plugins([plugin]))
        assert result.status == status


# -- names


def run(*words: object):
    return CliRunner().invoke(main, ["check", *map(str, words)], prog_name="lab")


def test_a_name_of_several_kinds_asks_which(package) -> None:
    refused = run("packed")
    assert refused.exit_code == 2
    assert "Say which: --kind environment or --kind source or" in refused.output
    answered = run("packed", "--kind", "command", "--json")
    assert answered.exit_code == 0, answered.output
    report = json.loads(answered.stdout)
    assert report["passed"]
    assert {(r["kind"], r["name"]) for r in report["results"]} == {("command", "packed")}
    assert {r["check"] for r in report["results"]} == set(checks("command"))


def test_a_file_is_checked_for_everything_that_it_offers(tmp_path, monkeypatch) -> None:
    file = tmp_path / "several_kinds.py"
    file.write_text(
        "import click\nimport lab\n\n"
        "@lab.hookimpl\ndef lab_commands():\n"
        "    yield lab.CommandSpec('greet', 'Say hello', 'several_kinds:greet')\n"
        "    yield lab.CommandSpec('run', 'Say hello', 'several_kinds:greet')\n\n"
        "@lab.hookimpl\ndef lab_environments():\n"
        "    yield lab.EnvironmentSpec('none', 'several_kinds')\n\n"
        "@click.command()\ndef greet():\n    'Say hello.'\n"
    )
    monkeypatch.setattr(sys, "path", list(sys.path))
    result = run(file, "--json")
    assert result.exit_code == 1
    failed = {
        (r["kind"], r["name"], r["check"])
        for r in json.loads(result.stdout)["results"]
        if r["status"] == "failed"
    }
    assert ("command", "run", "it_shadows_no_command_of_the_lab") in failed
    assert ("environment", "none", "its_module_registers_environments") in failed
    assert not any(name == "greet" for _, name, _ in failed)
    only = ("--only", "it_shadows_no_command_of_the_lab")
    assert run(f"{file}:greet", *only).exit_code == 0
    assert run(file, *only).exit_code == 1
    sys.modules.pop("several_kinds")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["digts"], "nothing of the name 'digts'. Did you mean 'digits'?"),
        (["digits", "--kind", "tracker"], "There is no tracker 'digits'"),
        (["digits", "--only", "nonsense"], "There is no check 'nonsense'"),
        (["digits", "--kind", "nonsense"], "'nonsense' is not one of"),
        ([], "Check what?"),
    ],
)
def test_a_mistake_is_a_plain_line(words, message) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def test_the_list_shows_every_check_of_every_kind() -> None:
    listed = run("--list").stdout
    for kind in KINDS:
        assert all(name in listed for name in checks(kind))
    lines = run("--list", "--kind", "tracker").stdout.strip().splitlines()[1:]
    assert {line.split()[0] for line in lines if line.strip("-─ ")} == {"tracker"}


# -- what the lab itself offers

OFFERED = {offer: discover().__getattribute__(offer)() for offer in ("sources", "environments")}
BUILT_IN = [
    *(("source", name) for name in sorted(OFFERED["sources"])),
    *(("environment", spec.namespace) for spec in OFFERED["environments"]),
]


@pytest.mark.parametrize(("kind", "name"), BUILT_IN)
def test_what_is_built_in_keeps_the_contract(kind, name, plugins) -> None:
    report = check_plugin(name, kind=kind, plugins=plugins)
    assert report.passed, report.failures
