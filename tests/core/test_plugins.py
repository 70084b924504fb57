"""A plugin that is broken, blocked or in conflict disturbs no other."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import helpers
import pytest

from lab.errors import UsageError
from lab.plugins import Plugins, discover
from lab.spec import ExperimentSpec

OFFER = """
from lab import EnvironmentSpec, ExperimentSpec, hookimpl

@hookimpl
def lab_experiments():
    yield ExperimentSpec(name={name!r}, summary="one", config="a:B", experiment="a:C")
"""

BROKEN = {
    "raises": "raise RuntimeError('first line\\nsecond line')",
    "exits": "import sys; sys.exit(3)",
    "syntax": "def (:",
    "missing": "import a_module_that_nobody_has",
    "wrong_type": "from lab import hookimpl\n@hookimpl\ndef lab_experiments():\n    yield 'dqn'",
    "no_list": "from lab import hookimpl\n@hookimpl\ndef lab_experiments():\n    return 3",
    "late": "from lab import hookimpl\n@hookimpl\ndef lab_experiments():\n    yield 1 / 0",
    "bad_name": OFFER.format(name="Not Kebab"),
    "wrong_environment": OFFER.format(name="fine")
    + "@hookimpl\ndef lab_environments():\n    yield 'Maze-v0'",
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Write a module and the distribution that offers it; forget the module afterwards."""
    monkeypatch.syspath_prepend(tmp_path)

    def add(name: str, code: str, distribution: str | None = None) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        helpers.distribution(tmp_path, distribution or f"dist-{name}", {name: name})
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    yield add
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(path.stem, None)


def plugin_named(plugins: Plugins, name: str):
    return next(plugin for plugin in plugins.all if plugin.name == name)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_plugin_is_recorded_and_the_others_work(install, kind) -> None:
    install(f"broken_{kind}", BROKEN[kind])
    install("a_before", OFFER.format(name="before"))
    install("z_after", OFFER.format(name="after"))
    plugins = discover({})
    broken = plugin_named(plugins, f"broken_{kind}")
    assert broken.status == "broken"
    assert broken.error
    assert "\n" not in broken.error
    assert "Traceback" in broken.traceback
    assert plugins.experiment("before").name == "before"
    assert plugins.experiment("after").name == "after"


def test_a_broken_plugin_offers_nothing(install) -> None:
    install("broken", BROKEN["wrong_environment"])
    with pytest.raises(UsageError, match="no experiment 'fine'"):
        discover({}).experiment("fine")


def test_any_subset_of_broken_plugins_leaves_exactly_the_others(install) -> None:
    names = ["pa", "pb", "pc"]
    for name in names:
        install(
            name,
            f"import os\nif {name!r} in os.environ.get('BREAK', ''): 1 / 0\n"
            + OFFER.format(name=name),
        )
    with pytest.MonkeyPatch.context() as patch:
        for size in range(4):
            for broken in itertools.combinations(names, size):
                patch.setenv("BREAK", " ".join(broken))
                for name in names:
                    sys.modules.pop(name, None)
                offered = {spec.name for spec in discover({}).experiments()}
                assert offered & set(names) == set(names) - set(broken)


@pytest.mark.parametrize(
    ("requires", "status"),
    [("rl-gen-lab>=99", "broken"), ("rl-gen-lab>=0.1", "ok"), ("rl-gen-lab-extras>=99", "ok")],
)
def test_a_plugin_that_needs_a_newer_lab_is_not_even_imported(
    tmp_path, monkeypatch, requires, status
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "newer.py").write_text(OFFER.format(name="newer"))
    helpers.distribution(tmp_path, "newer", {"newer": "newer"}, requires=requires)
    monkeypatch.delitem(sys.modules, "newer", raising=False)
    plugin = plugin_named(discover({}), "newer")
    assert plugin.status == status, plugin.error
    if status == "broken":
        assert "needs rl-gen-lab>=99; this is rl-gen-lab" in plugin.error
        assert "newer" not in sys.modules
    sys.modules.pop("newer", None)


def test_a_misspelt_hook_is_said_and_disturbs_no_other(install) -> None:
    install("astray", "import lab\n@lab.hookimpl\ndef lab_experimnts():\n    yield 1\n")
    install("fine", OFFER.format(name="before"))
    plugins = discover({})
    assert "unknown hook 'lab_experimnts'" in plugin_named(plugins, "astray").error
    assert plugin_named(plugins, "fine").status == "ok"


def test_a_config_that_cannot_be_imported_is_a_line_and_disturbs_no_other(install, cli) -> None:
    install("astray", OFFER.format(name="astray"))  # its config is a:B, which nobody has
    for words in (("run", "astray"), ("run", "astray", "--help")):
        result = cli(*words)
        assert result.exit_code == 1
        assert "No module named 'a'" in result.stderr
        assert "Traceback" not in result.output
    assert cli("run", "--help").exit_code == 0
    assert cli("run", "odd", "--budget", 20).exit_code == 0


def test_an_experiment_of_a_broken_plugin_is_told_apart_from_a_misspelt_one(install) -> None:
    install("broken", BROKEN["raises"])
    install("fine", OFFER.format(name="before"))
    with pytest.raises(UsageError) as error:
        discover({}).experiment("befor")
    assert "Did you mean 'before'?" in str(error.value)
    assert "'broken' could not be loaded (RuntimeError: first line)" in str(error.value)


@pytest.mark.parametrize(
    "blocked_by", ["marker", "dist-marker", "other, marker", "x  dist-marker", "dist-marker:marker"]
)
def test_a_blocked_plugin_is_never_imported(install, tmp_path, blocked_by) -> None:
    trace = tmp_path / "imported"
    install("marker", f"open({str(trace)!r}, 'w')\n" + OFFER.format(name="blocked"))
    plugins = discover({"LAB_DISABLE_PLUGINS": blocked_by})
    assert plugin_named(plugins, "marker").status == "blocked"
    assert not trace.exists()
    discover({"LAB_DISABLE_PLUGINS": "mark"})  # a prefix blocks nothing
    assert trace.exists()


def test_a_contested_name_is_an_error_only_when_run_and_says_how_to_choose(install) -> None:
    install("one", OFFER.format(name="same"))
    install("two", OFFER.format(name="same") + "# the other")
    install("three", OFFER.format(name="own"))
    plugins = discover({})
    assert [p.distribution for p in plugins.conflicts["same"]] == ["dist-one", "dist-two"]
    assert plugins.experiment("own").name == "own"
    with pytest.raises(UsageError, match="dist-one:same or dist-two:same"):
        plugins.experiment("same")
    assert plugins.experiment("dist-two:same") is plugin_named(plugins, "two").experiments[0]
    with pytest.raises(UsageError, match="no experiment"):
        plugins.experiment("dist-three:same")


def test_two_distributions_with_one_entry_point_name_are_both_seen(install, tmp_path) -> None:
    install("one", OFFER.format(name="first"))
    (tmp_path / "elsewhere.py").write_text(OFFER.format(name="second"))
    helpers.distribution(tmp_path, "another", {"one": "elsewhere"})
    offered = {spec.name for spec in discover({}).experiments()}
    assert {"first", "second"} <= offered


def test_a_distribution_is_named_with_its_version(install) -> None:
    install("fine", OFFER.format(name="before"), distribution="my-dist")
    plugin = plugin_named(discover({}), "fine")
    assert (plugin.distribution, plugin.version) == ("my-dist", "1")


@pytest.mark.parametrize("name", ["", "DQN", "two words", "-dqn", "dqn-", "a--b", "1st", "a_b"])
def test_a_spec_refuses_names_that_are_not_kebab_case(name) -> None:
    with pytest.raises(ValueError, match="kebab"):
        ExperimentSpec(name=name, summary="s", config="a:B", experiment="a:C")


@pytest.mark.parametrize("summary", ["", "two\nlines"])
def test_a_spec_wants_a_summary_of_one_line(summary) -> None:
    with pytest.raises(ValueError, match="one line"):
        ExperimentSpec(name="a", summary=summary, config="a:B", experiment="a:C")


def test_the_hooks_examples_run() -> None:
    import doctest

    from lab import hookspecs

    outcome = doctest.testmod(hookspecs)
    assert outcome.attempted >= 4
    assert outcome.failed == 0


def test_the_command_line_survives_a_plugin_that_exits(tmp_path) -> None:
    (tmp_path / "quits.py").write_text(BROKEN["exits"])
    (tmp_path / "offers.py").write_text(OFFER.format(name="offered"))
    helpers.distribution(tmp_path, "quits", {"quits": "quits"})
    helpers.distribution(tmp_path, "offers", {"offers": "offers"})
    env = helpers.child_environment(tmp_path)
    listed = helpers.run_child(helpers.lab_command("run", "--help"), tmp_path, env)
    assert listed.returncode == 0
    assert "offered" in listed.stdout
    assert "plugin 'quits' is broken: SystemExit" in listed.stderr
    plugins = helpers.run_child(helpers.lab_command("plugins"), tmp_path, env)
    assert plugins.returncode == 1
    env["LAB_DISABLE_PLUGINS"] = "quits"
    healthy: subprocess.CompletedProcess[str] = helpers.run_child(
        helpers.lab_command("run", "--help"), tmp_path, env
    )
    assert healthy.stderr == ""
