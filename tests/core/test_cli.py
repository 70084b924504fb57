"""The command line speaks plainly, keeps data and messages apart, and exits with the right code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import helpers
import pytest
from click.testing import Result
from helpers import summary

import lab

COMMANDS = ("run", "resume", "eval", "play", "runs", "show", "plugins", "doctor", "completion")


@pytest.fixture
def trained(cli) -> None:
    """The runs `one` of odd and `gan` of toy-gan, in runs/."""
    assert cli("run", "odd", "--name", "one").exit_code == 0
    assert cli("run", "toy-gan", "--name", "gan", "--budget", 200).exit_code == 0


def document(result: Result) -> Any:
    """Return the one JSON document that is all of stdout."""
    assert result.stdout.endswith("\n")
    assert "\n" not in result.stdout[:-1]
    return json.loads(result.stdout)


WRONG = {
    "nonsense": "There is no command 'nonsense'.",
    "rnu": "There is no command 'rnu'. Did you mean 'run'?",
    "run toy-gam": "There is no experiment 'toy-gam'. Did you mean 'toy-gan'?",
    "run nowhere:odd": "There is no experiment 'nowhere:odd'",
    "run odd --lr": "Option '--lr' requires an argument",
    "run odd --lr x --seed y": "--lr x",
    "run odd stray": "unexpected extra argument (stray",
    "run odd --device cuda:9": "no device 'cuda:9' here. There is: ",
    "run odd --name one": "exists. Choose another --name, or continue it: lab resume runs/one",
    "run odd --seeds 2 --name two": "--name names one run",
    "run odd --seeds 0": "--seeds",
    "run odd --stop-at fast": "no such goal; it has none by name",
    "run odd --jobs 2": "it needs --seeds",
    "run odd --name ../away": "--name ../away",
    "run odd --name a/b": "--name a/b",
    "run odd -lr 1": "There is no option -lr. Did you mean '--lr'?",
    "run dqn --stop-at eval/retrun>=1": "has no metric 'eval/retrun'. Did you mean 'eval/return'?",
    "play one --out song.mp4": "this is written as .txt. Name it song.txt",
    "runs --state finishd": "'finishd' is not one of",
    "run odd --preset nope": "no preset 'nope'",
    "run odd --config nope.yaml": "cannot read nope.yaml: No such file or directory",
    "resume": "Missing argument 'RUN'",
    "resume onne": "There is no run 'onne' in runs. Did you mean 'one'?",
    "resume one": "is finished. To train on, give a larger --budget than 200",
    "resume one --budget 100": "trains to 200 anyway; give more",
    "resume one --lr 1": "No such option '--lr'",
    "eval nothing": "There is no run 'nothing'",
    "eval one --checkpoint 7": "no checkpoint '7'; it has: best, last, prev",
    "eval one --split train": "'train' is not one of",
    "eval one --seed -1": "-1",
    "show nothing": "There is no run 'nothing'",
    "show .": "not a run folder",
    "play nothing": "There is no run 'nothing'",
    "play gan": "toy-gan does not offer 'play'; it offers: nothing beyond training",
    "play one --txet hello": "No such option '--txet'",
    "sample one --class 3": "--class 3: should be 'words' or 'table'",
    "sample one -n 0": "--n 0: should be greater than or equal to 1",
    "sample one --out song.png": "this is written as .txt. Name it song.txt",
    "sample gan": "toy-gan does not offer 'sample'; it offers: nothing beyond training",
    "plugins --jsn": "No such option '--jsn'",
    "completion tcsh": "'tcsh' is not one of",
    "runs --runs-dir runs/one/config.yaml": "is a file",
}


def test_wrong_input_gives_plain_lines_and_exit_code_2(cli, trained) -> None:
    for words, expected in WRONG.items():
        result = cli(*words.split())
        assert result.exit_code == 2, (words, result.output)
        assert result.stdout == "", words
        assert expected in result.stderr, (words, result.stderr)
        assert "Traceback" not in result.stderr, words
        lines = result.stderr.partition("Error: ")[2].splitlines()
        assert 1 <= len(lines) <= 2, (words, lines)
        assert len(result.stderr.splitlines()) <= 5, words


def test_the_table_of_runs_stays_within_120_columns(cli, trained, tmp_path) -> None:
    """A long name is whole, so that it can be copied; what it crowds out --json has."""
    name = "a" * 90
    (tmp_path / "runs" / "one").rename(tmp_path / "runs" / name)
    lines = cli("runs").stdout.splitlines()
    assert max(map(len, lines)) <= 120
    assert any(line.startswith(f"{name}  finished") for line in lines)


def test_json_is_one_document_on_stdout(cli, trained) -> None:
    run = document(cli("run", "odd", "--name", "two", "--json"))
    assert set(run) == {"dir", "state", "summary", "objective"}
    assert (run["dir"], run["state"]) == ("runs/two", "finished")
    assert run["objective"] == run["summary"]["objective"]["best"]
    resumed = document(cli("resume", "two", "--budget", 300, "--json"))
    assert resumed["summary"]["clock"]["value"] == 300
    evaluated = document(cli("eval", "two", "--json"))
    assert evaluated["metrics"] == resumed["summary"]["test"]
    assert {run["name"] for run in document(cli("runs", "--json"))} == {"one", "two", "gan"}
    record = document(cli("show", "two", "--json"))
    assert record["summary"] == resumed["summary"]
    played = document(cli("play", "two", "--json", "--text", "hum"))
    assert Path(played["file"]).read_text() == "hum"
    offered = {plugin["name"]: plugin for plugin in document(cli("plugins", "--json"))}
    assert set(offered["toys"]["experiments"]) == {"toy-gan", "toy-dbn", "toy-epochs"}
    assert {finding["name"] for finding in document(cli("doctor", "--json"))} > {"devices"}


def test_a_failed_run_prints_its_json_too(cli) -> None:
    result = cli("run", "odd", "--trouble", "raise-step", "--name", "bad", "--json")
    assert result.exit_code == 1
    assert document(result)["state"] == "failed"
    assert "ZeroDivisionError: stumbled in step" in result.stderr


def test_messages_go_to_stderr_and_results_to_stdout(cli) -> None:
    result = cli("run", "odd", "--name", "one")
    assert result.stdout.splitlines()[0].startswith("state")
    assert "eval/score" in result.stdout
    assert "runs/one" in result.stdout
    assert result.stderr.startswith("odd meadow seed 0: 200 samples")
    assert "200/200 samples" in result.stderr


def test_quiet_is_silent_on_stderr(cli) -> None:
    assert cli("run", "odd", "--name", "one", "--quiet").stderr == ""
    assert cli("run", "odd", "--name", "two", "-q", "--place", "marsh").stderr == ""
    assert cli("resume", "one", "--budget", 300, "--quiet").stderr == ""


def test_an_error_is_not_silenced_by_quiet(cli) -> None:
    result = cli("run", "odd", "--trouble", "raise-step", "--quiet")
    assert result.exit_code == 1
    assert "stumbled in step" in result.stderr


def test_an_error_of_a_plugin_is_plain_and_debug_shows_its_traceback(cli, tmp_path, site) -> None:
    plain = cli("run", "odd", "--trouble", "raise-init", "--at", 0)
    assert plain.exit_code == 1
    assert "ZeroDivisionError: stumbled in init (odd.py:" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert len(plain.stderr.splitlines()) <= 2
    variable = cli("run", "odd", "--trouble", "raise-init", "--at", 0, LAB_DEBUG="1")
    assert "Traceback (most recent call last)" in variable.stderr
    words = helpers.lab_command("run", "odd", "--device", "cuda:9", "--debug")
    flag = helpers.run_child(words, tmp_path, helpers.child_environment(site), warm=True)
    assert flag.returncode == 2
    assert "Traceback (most recent call last)" in flag.stderr
    assert "Error: there is no device 'cuda:9'" in flag.stderr


def test_help_is_there_for_everything(cli) -> None:
    top = cli("--help")
    for command in COMMANDS:
        assert f"\n  {command} " in top.stdout
        result = cli(command, "--help")
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: lab {command}")
        assert cli(command, "-h").stdout == result.stdout
    listing = cli("run", "--help").stdout
    assert "toy-gan" in listing
    assert "Two players, two optimizers" in listing
    own = cli("run", "toy-epochs", "--help").stdout
    assert (
        own.index("Options of toy-epochs") < own.index("--batch-size") < own.index("Runner options")
    )


def test_the_group_without_a_command_explains_itself(cli) -> None:
    assert "Usage: lab" in cli("run").output
    assert "toy-gan" in cli("run").output


def test_play_shows_the_options_of_the_runs_experiment(cli, trained) -> None:
    assert "--text" in cli("play", "one", "--help").stdout


def test_samples_of_text_are_printed_and_others_are_written(cli, trained, tmp_path) -> None:
    assert "-n, --n" in cli("sample", "one", "--help").stdout
    printed = cli("sample", "one", "-n", 5).stdout
    assert len(printed.strip()) == 5
    assert cli("sample", "one", "-n", 5).stdout == printed
    assert cli("sample", "one", "-n", 5, "--seed", 1).stdout != printed
    file = document(cli("sample", "one", "-n", 5, "--json"))["file"]
    assert Path(file).read_text() == printed.strip()
    table = cli("sample", "one", "--class", "table", "-n", 5, "--out", tmp_path / "rows")
    assert table.stdout == f"{tmp_path / 'rows.csv'}\n"
    assert (tmp_path / "rows.csv").read_text().split() == ["digit", *printed.strip()]


def test_play_finds_its_run_behind_options(cli, trained, tmp_path) -> None:
    words = ("play", "--checkpoint", "last", "--out", tmp_path / "new" / "song.txt", "one")
    result = cli(*words, "--text", "fa so")
    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "new" / "song.txt").read_text() == "fa so"
    assert result.stdout == f"{tmp_path / 'new' / 'song.txt'}\n"


def test_version(cli) -> None:
    import lab

    assert cli("--version").stdout == f"lab {lab.__version__}\n"


# -- completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(cli, shell) -> None:
    script = cli("completion", shell).stdout
    assert "_LAB_COMPLETE" in script
    assert f"{shell}_complete" in script


def test_the_bash_script_is_bash(cli) -> None:
    script = cli("completion", "bash").stdout
    checked = subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True)
    assert (checked.returncode, checked.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "expected", "absent"),
    [
        ("lab ru", {"run", "runs"}, {"resume"}),
        ("lab run toy-", {"toy-gan", "toy-dbn", "toy-epochs"}, {"odd"}),
        ("lab run odd --co", {"--color", "--compile", "--config"}, {"--lr"}),
        ("lab run odd --color ", {"red", "green"}, {"blue"}),
        ("lab run odd --preset q", {"quick"}, {"marsh"}),
        ("lab resume o", {"one"}, {"gan"}),
    ],
)
def test_completion_knows_commands_experiments_options_values_and_runs(
    cli, trained, words, expected, absent
) -> None:
    from click.shell_completion import ShellComplete

    from lab.cli import main

    *before, incomplete = words.split(" ")[1:]
    items = ShellComplete(main, {}, "lab", "_LAB_COMPLETE").get_completions(before, incomplete)
    values = {item.value for item in items}
    assert expected <= values
    assert not absent & values


# -- looking at runs


def test_runs_lists_state_figures_and_what_to_do(cli, trained, tmp_path) -> None:
    stored = helpers.summary(tmp_path / "runs" / "one")
    crashed = tmp_path / "runs" / "one" / "summary.json"
    crashed.write_text(json.dumps({**stored, "state": "running"}))
    result = cli("runs")
    head, *lines = result.stdout.splitlines()
    assert head.split() == ["run", "state", "objective", "best", "last", "clock", "updated"]
    assert [line.split()[:2] for line in lines] == [["gan", "finished"], ["one", "crashed"]]
    assert "lab resume runs/one" in result.stderr


def test_runs_filters(cli, trained) -> None:
    def names(*words: object) -> list[str]:
        return [run["name"] for run in json.loads(cli("runs", "--json", *words).stdout)]

    assert names("--experiment", "odd") == ["one"]
    assert names("--state", "finished") == ["gan", "one"]
    assert names("--state", "failed") == []
    assert names("--experiment", "odd", "--state", "failed") == []


def test_runs_of_an_empty_folder_says_how_to_start(cli) -> None:
    result = cli("runs")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "lab run" in result.stderr


def test_show_shows_config_test_metrics_and_checkpoints(cli, trained) -> None:
    text = cli("show", "one").stdout
    for expected in ("finished", "hidden", "test/score", "train/loss", "best.pt", "episode"):
        assert expected in text


def test_a_run_without_a_summary_can_be_listed_and_shown(cli, trained, tmp_path) -> None:
    (tmp_path / "runs" / "one" / "summary.json").unlink()
    assert cli("runs").exit_code == 0
    assert "crashed" in cli("show", "one").stdout


def test_a_run_whose_plugin_is_gone_says_so(cli, trained, monkeypatch) -> None:
    result = cli("eval", "one", LAB_DISABLE_PLUGINS="odd")
    assert result.exit_code == 2
    assert "There is no experiment 'lab_odd:odd'" in result.stderr


def test_plugins_lists_origin_and_offers(cli) -> None:
    lines = cli("plugins").stdout.splitlines()
    toys = next(line.split() for line in lines if line.startswith("toys"))
    assert toys[:4] == ["toys", "lab_toys", "1", "ok"]
    assert "toy-gan," in toys
    blocked = cli("plugins", LAB_DISABLE_PLUGINS="toys").stdout
    assert next(line.split()[3] for line in blocked.splitlines() if line.startswith("toys")) == (
        "blocked"
    )


def test_doctor_reports_a_folder_that_cannot_be_written(cli, tmp_path) -> None:
    healthy = cli("doctor")
    assert "devices" in healthy.stdout
    assert "cpu" in healthy.stdout
    broken = cli("doctor", "--runs-dir", "/proc/1", "--json")
    assert broken.exit_code == 1
    problems = {f["name"]: f["hint"] for f in json.loads(broken.stdout) if f["hint"]}
    assert "not writable" in problems["runs folder"]


def test_doctor_reports_a_broken_plugin(cli, site, tmp_path, monkeypatch) -> None:
    (tmp_path / "shaky.py").write_text("1 / 0")
    helpers.distribution(tmp_path, "shaky", {"shaky": "shaky"})
    monkeypatch.syspath_prepend(tmp_path)
    result = cli("doctor")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stdout


# -- groups of seeds


def test_seeds_train_a_group_with_the_resolved_options(tmp_path, site) -> None:
    """The environment was resolved once, in the parent: it may not win over flags in a child."""
    words = ("run", "odd", "--seeds", 2, "--jobs", 2, "--lr", 0.125, "--wandb", "disabled")
    env = helpers.child_environment(site, LAB_LR="0.75", LAB_SEED="3")
    done = helpers.run_child(helpers.lab_command(*words, "--json"), tmp_path, env, warm=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert [run["seed"] for run in report["runs"]] == [3, 4]
    summaries = [run["summary"] for run in report["runs"]]
    assert [(s["seed"], s["config"]["lr"]) for s in summaries] == [(3, 0.125), (4, 0.125)]
    assert {s["group"] for s in summaries} == {report["group"]}
    assert summaries[0]["test"] != summaries[1]["test"]


def test_what_a_seed_prints_is_not_taken_for_its_result(tmp_path, site) -> None:
    words = ("run", "odd", "--seeds", 1, "--place", "noisy", "--wandb", "disabled", "--json")
    env = helpers.child_environment(site)
    done = helpers.run_child(helpers.lab_command(*words), tmp_path, env, warm=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"][0]["state"] == "finished"


def test_json_is_alone_on_stdout(tmp_path, site) -> None:
    words = ("run", "odd", "--place", "noisy", "--wandb", "disabled", "--json")
    env = helpers.child_environment(site)
    done = helpers.run_child(helpers.lab_command(*words), tmp_path, env, warm=True)
    assert json.loads(done.stdout)["state"] == "finished"
    assert "a noisy place" in done.stderr


def test_a_resumed_run_keeps_to_its_folder_and_not_to_the_environment(cli, train) -> None:
    with pytest.raises(lab.RunFailed):
        train("odd", name="stopped", trouble="raise-step", checkpoint_every=50)
    cli("resume", "stopped", LAB_BUDGET="400", LAB_DEVICE="cuda:9")
    assert lab.Run(Path("runs/stopped")).record["run"]["budget"] == 200


def test_a_criterion_can_be_dropped_to_train_on_to_the_budget(cli, train) -> None:
    train("odd", name="early", stop_at="eval/score>=-1e9", eval_every=20)
    assert summary(Path("runs/early"))["ended"] == "eval/score>=-1e+09"
    assert cli("resume", "early").exit_code == 2
    assert cli("resume", "early", "--stop-at", "none").exit_code == 0
    recorded = summary(Path("runs/early"))
    assert (recorded["ended"], recorded["clock"]["value"]) == ("budget", 200)


def test_runs_that_start_in_one_second_have_names_of_their_own(train, monkeypatch) -> None:
    """Both decided on a name before either made its folder."""
    monkeypatch.setattr("lab.api.time.strftime", lambda *args: "now")
    names = {train("odd").dir.name for _ in range(3)}
    assert len(names) == 3
    assert "odd-meadow-s0-now" in names


def test_a_run_is_found_again_when_another_plugin_offers_its_name(train, tmp_path) -> None:
    result = train("odd", name="first")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "twin.py").write_text(
        "import lab\n@lab.hookimpl\ndef lab_experiments():\n"
        "    yield lab.ExperimentSpec(name='odd', summary='s', config='a:B', experiment='a:C')\n"
    )
    helpers.distribution(tmp_path / "site", "twin", {"twin": "twin"})
    sys.path.insert(0, str(tmp_path / "site"))
    try:
        with pytest.raises(lab.UsageError, match="Several plugins offer"):
            train("odd")
        assert lab.evaluate(result.dir) == result.summary["test"]
    finally:
        sys.path.remove(str(tmp_path / "site"))
        sys.modules.pop("twin", None)


def test_a_failed_seed_costs_the_others_nothing(tmp_path, site) -> None:
    words = ("run", "odd", "--seeds", 2, "--trouble", "raise-step", "--wandb", "disabled")
    env = helpers.child_environment(site)
    done = helpers.run_child(helpers.lab_command(*words), tmp_path, env, warm=True)
    assert done.returncode == 1
    assert done.stdout.count("failed") == 2
    assert "stumbled in step" in done.stderr
    assert "Traceback" not in done.stderr
