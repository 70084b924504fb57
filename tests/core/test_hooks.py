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
from typing import Any

import helpers
import pytest
import yaml

from lab.plugins import OFFERS, discover

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


def environment() -> dict[str, str]:
    """Return one that says nothing of the lab's place, and in which W&B follows nothing."""
    kept = {k: v for k, v in helpers.child_environment().items() if k != "PYTHONPATH"}
    return {**kept, "WANDB_MODE": "disabled"}


@pytest.fixture
def lab(python: Path, tmp_path: Path) -> Lab:
    def call(*words: object, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [str(python), "-m", "lab", *map(str, words)]
        return helpers.run_child(command, tmp_path, {**environment(), **variables}, warm=True)

    call.python = python  # type: ignore[attr-defined]
    return call


def test_every_hook_is_listed(lab) -> None:
    listed = {p["name"]: p for p in json.loads(lab("plugins", "--json").stdout)}
    plugin = listed["everything"]
    assert (plugin["distribution"], plugin["version"], plugin["status"]) == (
        "lab-everything", "2.5", "ok",
    )  # fmt: skip
    for kind in OFFERS:
        assert plugin[kind], f"the fixture does not use lab_{kind}"


def test_an_experiment_trains_from_a_source_and_is_resumed(lab, tmp_path) -> None:
    done = lab("run", "ramp", "--slope", 3, "--name", "one", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objective"] < 0.05
    longer = lab("resume", "one", "--budget", 800, "--json")
    assert json.loads(longer.stdout)["summary"]["clock"]["value"] == 800


def test_an_environment_is_known_by_its_namespace(lab) -> None:
    words = ("--env", "everything/Still-v0", "--preset", "tiny", "--budget", 400)
    done = lab("run", "dqn", *words, "--no-media", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["objective"] == 1.0


def test_a_command_is_listed_and_called(lab) -> None:
    assert re.search(r"everything-hello +Say hello", lab("--help").stdout)
    assert lab("everything-hello", "you").stdout == "Hello, you!\n"
    assert "There is no command" in lab("--no-plugin", "everything", "everything-hello").stderr


def test_a_tracker_gets_every_row_medium_and_checkpoint(lab, tmp_path) -> None:
    options = ("--preset", "tiny", "--budget", 400, "--name", "one")
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
    media = sorted(path.name for path in (tmp_path / "runs" / "one" / "media").iterdir())
    assert sorted(event[2] for event in events if event[0] == "media") == media
    assert kinds.count("media") == len(media) > 0


@pytest.mark.parametrize("event", ["start", "row", "finish"])
def test_a_tracker_that_crashes_stops_nothing(lab, tmp_path, event) -> None:
    words = ("run", "ramp", "--name", "one")
    done = lab(*words, LEDGER_TROUBLE=f"crash in {event}")
    assert done.returncode == 0
    assert (
        "the Ledger: RuntimeError: out of ink; given up, the run folder has everything"
        in done.stderr
    )
    assert helpers.summary(tmp_path / "runs" / "one")["state"] == "finished"


def test_a_tracker_that_is_not_wanted_is_not_made(lab, tmp_path) -> None:
    ledger = tmp_path / "ledger"
    lab("run", "ramp", "--no-track", LEDGER=str(ledger))
    assert not ledger.exists()


# -- the options of a tracker


def options_of(run: Path) -> dict[str, dict[str, object]]:
    return dict(yaml.safe_load((run / "config.yaml").read_text())["trackers"])


def test_help_shows_a_trackers_options_under_a_heading_of_its_own(lab) -> None:
    text = lab("run", "ramp", "--help").stdout
    own = text[text.index("Options of the tracker the Ledger:") :]
    assert text.index("Runner options:") < text.index("Options of the tracker the Ledger:")
    assert re.search(r"--ink none\|black\|red +Ink; none: no ledger\.  \[default: black\]", own)
    assert "--ink" in lab("resume", "--help").stdout
    assert "--pages" not in lab("resume", "--help").stdout


@pytest.mark.parametrize("way", ["words", "environment", "file", "a run's record"])
def test_a_trackers_option_is_said_in_every_way_and_recorded(lab, tmp_path, way) -> None:
    words: tuple[object, ...] = ("run", "ramp", "--name", "one")
    variables = {}
    if way == "words":
        words += ("--ink", "red")
    elif way == "environment":
        variables = {"LAB_INK": "red"}
    elif way == "file":
        (tmp_path / "mine.yaml").write_text("ink: red\n")
        words += ("--config", "mine.yaml")
    else:
        lab("run", "ramp", "--name", "before", "--ink", "red")
        words += ("--config", "runs/before/config.yaml")
    done = lab(*words, LEDGER=str(tmp_path / "ledger"), **variables)
    assert done.returncode == 0, done.stderr
    assert "the Ledger: in red\n" in done.stderr
    assert "read it by the light of red\n" in done.stderr
    assert options_of(tmp_path / "runs" / "one")["ledger"] == {"ink": "red", "pages": 9}


def test_python_takes_a_trackers_option_and_gets_its_hints(python, tmp_path) -> None:
    code = (
        "import lab\n"
        "done = lab.run('ramp', name='one', ink='red')\n"
        "print(done.hints)\n"
        "done = lab.resume('runs/one', budget=800, ink='black')\n"
        "print(done.hints)\n"
        "try: lab.resume('runs/one', budget=900, pages=3)\n"
        "except lab.UsageError as error: print(error)\n"
    )
    env = environment()
    done = helpers.run_child([str(python), "-c", code], tmp_path, env)
    assert done.stdout.splitlines() == [
        "('read it by the light of red',)",
        "()",
        "resume cannot change pages: start a new run",
    ], done.stderr
    assert options_of(tmp_path / "runs" / "one")["ledger"]["ink"] == "black"


def test_seeds_hand_a_trackers_options_on(lab, tmp_path) -> None:
    lab("run", "ramp", "--seeds", 2, "--pages", 3)
    for run in (tmp_path / "runs").iterdir():
        assert options_of(run)["ledger"]["pages"] == 3


def test_an_option_may_keep_a_tracker_away_and_it_may_come_later(lab, tmp_path) -> None:
    ledger = tmp_path / "ledger"
    done = lab("run", "ramp", "--ink", "none", "--name", "one", LEDGER=str(ledger))
    assert done.returncode == 0
    assert not ledger.exists()
    words = ("resume", "one", "--budget", 800, "--ink", "black")
    assert lab(*words, LEDGER=str(ledger)).returncode == 0
    events = [json.loads(line) for line in ledger.read_text().splitlines()]
    stored = (tmp_path / "runs" / "one" / "metrics.jsonl").read_text().splitlines()
    assert [e[1] for e in events if e[0] == "row"] == [json.loads(line) for line in stored]


def test_a_wrong_value_is_told_with_all_other_mistakes(lab) -> None:
    done = lab("run", "ramp", "--ink", "blue", "--lr", -1)
    assert done.returncode == 2
    assert "--ink blue: " in done.stderr
    assert "--lr -1: should be greater than 0" in done.stderr


def test_a_run_goes_on_where_its_tracker_is_gone(lab, tmp_path) -> None:
    lab("run", "ramp", "--ink", "red", "--name", "one")
    for words in (("resume", "one", "--budget", 800), ("run", "ramp", "--config",
                  "runs/one/config.yaml", "--name", "two")):  # fmt: skip
        code = (
            "from lab.plugins import Plugin\nimport sys, lab.plugins, lab.cli\n"
            "fill = lab.plugins._fill\n"
            "def no_trackers(manager, plugin, load):\n"
            "    fill(manager, plugin, load); plugin.trackers = []\n"
            "lab.plugins._fill = no_trackers\n"
            f"lab.cli.main({list(map(str, words))!r}, prog_name='lab')"
        )
        env = environment()
        done = helpers.run_child([str(lab.python), "-c", code], tmp_path, env)
        assert done.returncode == 0, done.stderr
    assert options_of(tmp_path / "runs" / "one")["ledger"]["ink"] == "red"
    assert options_of(tmp_path / "runs" / "two") == {}


# -- what the doctor reports


def test_a_plugin_tells_the_doctor_what_it_finds(lab, tmp_path) -> None:
    well = lab("doctor", LEDGER="my-ledger")
    assert re.search(r"^ledger +my-ledger$", well.stdout, re.MULTILINE)
    assert well.returncode == 0, well.stdout
    ill = lab("doctor", "--json")
    assert {"name": "ledger", "state": "no file", "hint": "export LEDGER=FILE"} in json.loads(
        ill.stdout
    )
    assert ill.returncode == 1
    assert "no file" not in lab("--no-plugin", "everything", "doctor").stdout


def test_an_examination_that_fails_is_a_finding(lab) -> None:
    done = lab("doctor", LEDGER_TROUBLE="crash in doctor")
    assert done.returncode == 1
    assert "plugin everything" in done.stdout
    assert "cannot be examined  PROBLEM: RuntimeError: no doctor" in done.stdout
    assert "runs folder" in done.stdout


# -- the contract


def test_the_experiment_keeps_the_contract(lab) -> None:
    done = lab("check", "ramp", "--kind", "experiment", "--json")
    failed = [r for r in json.loads(done.stdout)["results"] if r["status"] == "failed"]
    assert done.returncode == 0, failed


@pytest.mark.parametrize(
    ("kind", "name"),
    [("source", "halves"), ("source", "louder"), ("tracker", "ledger"),
     ("environment", "everything"), ("command", "everything-tell")],
)  # fmt: skip
def test_what_else_it_offers_keeps_the_contract(lab, kind, name) -> None:
    done = lab("check", name, "--kind", kind, "--json")
    failed = [r for r in json.loads(done.stdout)["results"] if r["status"] == "failed"]
    assert done.returncode == 0, failed


# -- every hook with every family

FAMILIES = sorted(
    spec.name
    for plugin in discover().all
    if plugin.distribution == "rl-gen-lab"
    for spec in plugin.experiments
)
WORLD = "everything/Still-v0"
PICTURES, WORDS = "halves", "louder"  # to label, and to translate
EVERY_FAMILY = """\
import json, os, sys, traceback
from pathlib import Path

import lab
from click.testing import CliRunner
from lab.cli import main
from lab.plugins import discover

WORLD, PICTURES, WORDS = sys.argv[1:4]


def read(path):
    return Path(path).read_text() if Path(path).exists() else ""


def data_for(config):
    objective = config().objective
    if "parse" in objective:
        return "sentiment-trees"  # the lab's own: it offers none
    return PICTURES if isinstance(objective, tuple) or "classify" in objective else WORDS


def train(name, folder):
    config = discover().experiment(name).load_config()
    fields = config.model_fields
    learns_from = {"env": WORLD} if "env" in fields else {"data": data_for(config)}
    os.environ["LEDGER"] = str(folder / f"{name}.ledger")
    options = {"runs_dir": folder, "name": name, "media": False, "eval_every": 256}
    options |= {"kernel": 3, "primary_kernel": 3} if name == "capsnet" else {}  # of 8 x 8 pixels
    result = lab.run(name, preset="none", budget=256, **learns_from, **options)
    told = CliRunner().invoke(main, ["everything-tell", str(result.dir)], prog_name="lab")
    return {
        "state": result.state,
        "read": learns_from.get("data"),
        "told": told.output,
        "events": [json.loads(line) for line in read(os.environ["LEDGER"]).splitlines()],
        "log": read(result.dir / "log.txt"),
    }


for name in sys.argv[4:]:
    try:
        found = train(name, Path.cwd())
    except Exception:
        found = {"failure": traceback.format_exc()}
    print("FAMILY", json.dumps([name, found]), flush=True)
"""


same_worker = pytest.mark.xdist_group("every family")  # their fixture takes a minute


@pytest.fixture(scope="module")
def families(python: Path, tmp_path_factory) -> dict[str, dict[str, Any]]:
    """What came of a short run of each family with what the distribution offers; all in one
    child, so that torch is imported once."""
    env = environment()
    command = [str(python), "-c", EVERY_FAMILY, WORLD, PICTURES, WORDS, *FAMILIES]
    done = helpers.run_child(
        command, tmp_path_factory.mktemp("families"), env, timeout=560, warm=True
    )
    lines = [line for line in done.stdout.splitlines() if line.startswith("FAMILY ")]
    reports = dict(json.loads(line.removeprefix("FAMILY ")) for line in lines)
    return {name: reports.get(name, {"failure": done.stderr}) for name in FAMILIES}


@pytest.fixture
def family(families, name) -> dict[str, Any]:
    report = families[name]
    assert "failure" not in report, report["failure"]
    return report


def test_the_families_are_those_of_the_entry_points() -> None:
    import tomllib

    project = tomllib.loads((helpers.ROOT / "pyproject.toml").read_text())["project"]
    modules = {point.partition(":")[0] for point in project["entry-points"]["lab"].values()}
    found = {discover().experiment(name).experiment.partition(".")[0] for name in FAMILIES}
    assert found <= {module.partition(".")[0] for module in modules}
    assert len(FAMILIES) >= 8


@same_worker
@pytest.mark.parametrize("name", FAMILIES)
def test_a_source_or_a_world_of_anybodys_is_learned_from(family) -> None:
    assert family["state"] == "finished"
    assert "given up" not in family["log"], family["log"]
    sources = [event[2] for event in family["events"] if event[0] == "source"]
    assert set(sources) == ({family["read"]} if family["read"] else set())


@same_worker
@pytest.mark.parametrize("name", FAMILIES)
def test_a_tracker_of_anybodys_is_told_all_in_order(family, name) -> None:
    """Before anything else of the run's start; then of its data, and of its end at last."""
    assert "given up" not in family["log"], family["log"]
    kinds = [event[0] for event in family["events"]]
    assert family["events"][0] == ["start", name, 0]
    assert kinds.count("start") == kinds.count("finish") == 1
    data = ["source"] if family["read"] else []
    in_order = [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]
    assert in_order == ["start", *data, "row", "checkpoint", "finish"]
    assert family["events"][-1] == ["finish", "finished"]


@same_worker
@pytest.mark.parametrize("name", FAMILIES)
def test_a_command_of_anybodys_takes_the_run(family, name) -> None:
    assert family["told"] == f"{name} finished {name}\n"


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
    blocked = ",".join(f"rl-gen-lab:{removed}" for removed in others if removed != kept)
    env = helpers.child_environment(LAB_DISABLE_PLUGINS=blocked)
    env["PYTHONPATH"] = f"{tmp_path / 'site'}:{env['PYTHONPATH']}"
    listed = helpers.run_child(helpers.lab_command("plugins", "--json"), tmp_path, env)
    plugin = {p["distribution"]: p for p in json.loads(listed.stdout)}[f"lifted-{name}"]
    assert plugin["status"] == "ok", plugin
    code = f"import {package}; print({package}.__file__)"
    where = helpers.run_child([sys.executable, "-c", code], tmp_path, env)
    assert str(tmp_path / "site") in where.stdout
    for tracker in plugin["trackers"]:
        env["LAB_DISABLE_PLUGINS"] = blocked.replace("rl-gen-lab:mlp", "")  # to be followed
        words = ("run", "mlp", "--preset", "tiny", "--budget", 300, "--name", tracker)
        done = helpers.run_child(helpers.lab_command(*words), tmp_path, env)
        assert done.returncode == 0, done.stderr
        assert "given up" not in done.stderr
        assert helpers.summary(tmp_path / "runs" / tracker)["trackers"] == [tracker]
    for experiment in plugin["experiments"]:
        quick = ("--preset", "tiny", "--budget", 300, "--no-media", "--no-track", "--json")
        command = helpers.lab_command("run", experiment, *quick)
        done = helpers.run_child(command, tmp_path, env, warm=True)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["state"] == "finished"
