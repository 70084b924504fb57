"""Many runs train side by side or one after another, and what becomes of one costs no other."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import helpers
import pytest
from helpers import difference, last_state, rows, summary

import lab
from lab.launch import by_seed
from lab.plugins import discover

GUIDE = (helpers.ROOT / "docs" / "plugins.md").read_text()
SOURCE = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)[0]
QUIET = {"wandb": "disabled", "media": False}
APART = pytest.mark.parametrize("jobs", [None, 2], ids=["here", "apart"])


@pytest.fixture(autouse=True)
def warm_runs(monkeypatch) -> None:
    """Let the runs of other processes start warm; those of scripts do not."""
    monkeypatch.setattr("lab.engine.child.subprocess", SimpleNamespace(Popen=helpers.start_warm))


@pytest.fixture
def specs(toys, tmp_path):
    """Make specs of the toy `odd` whose runs go to the test's own folder."""

    def make(*changes: dict[str, object]) -> list[lab.RunSpec]:
        fixed = {**QUIET, "runs_dir": tmp_path / "runs"}
        return [lab.RunSpec("odd", {**fixed, **change}) for change in changes]

    return make


def script(code: str, folder: Path, *folders: Path):
    """Run python code as a script of its own, which guards nothing by its name."""
    path = folder / "my_script.py"
    path.write_text(textwrap.dedent(code))
    env = helpers.child_environment(*folders, WANDB_MODE="disabled")
    return helpers.run_child([sys.executable, str(path)], folder, env)


@APART
def test_results_are_those_of_runs_alone_in_the_order_of_the_specs(specs, train, jobs) -> None:
    slow = {"seed": 4, "lr": 0.25, "pause": 0.02, "name": "slow"}
    fast = {"seed": 3, "budget": 50, "name": "fast"}
    ended = []

    def note(outcome: lab.Outcome) -> None:
        assert outcome.result is not None
        ended.append((outcome.seed, outcome.result.dir.name))

    results = lab.run_many(specs(slow, fast), jobs=jobs, on_end=note)
    assert [result.dir.name for result in results] == ["slow", "fast"]
    assert sorted(ended) == [(3, "fast"), (4, "slow")]
    assert [result.summary["config"]["lr"] for result in results] == [0.25, 0.5]
    for result, options in zip(results, (slow, fast), strict=True):
        alone = train("odd", **{**QUIET, **options, "name": None})
        assert (result.state, result.objective) == ("finished", alone.objective)
        assert dict(result.summary) == summary(result.dir)
        assert rows(result.dir) == rows(alone.dir)
        assert difference(last_state(result.dir), last_state(alone.dir)) is None
        assert result.summary["group"] == alone.summary["group"]


@APART
def test_a_run_that_fails_costs_the_others_nothing_and_its_log_is_named(specs, jobs) -> None:
    failing = {"seed": 1, "trouble": "raise-step"}
    with pytest.raises(lab.RunsFailed) as failed:
        lab.run_many(specs({"seed": 0}, failing, {"seed": 2}), jobs=jobs)
    error = failed.value
    assert [result.summary["seed"] for result in error.results] == [0, 2]
    assert {result.state for result in error.results} == {"finished"}
    assert [outcome.error is None for outcome in error.outcomes] == [True, False, True]
    result = error.outcomes[1].result
    assert result is not None
    folder = result.dir
    assert result.state == summary(folder)["state"] == "failed"
    first, second, third = str(error).splitlines()
    assert first == "1 of 3 runs failed:"
    assert second.startswith(f"odd seed 1: {folder} failed: ")
    assert "ZeroDivisionError: stumbled in step" in second
    assert third == f"  log: {folder}/log.txt"
    assert "Traceback" in (folder / "log.txt").read_text()


@APART
def test_a_mistake_that_shows_while_a_run_is_built_costs_the_others_nothing(specs, jobs) -> None:
    with pytest.raises(lab.RunsFailed, match="odd seed 1: .*no device 'cuda:9' here") as failed:
        lab.run_many(specs({"seed": 1, "device": "cuda:9"}, {"seed": 2}), jobs=jobs)
    assert [outcome.result is None for outcome in failed.value.outcomes] == [True, False]


def test_a_killed_process_leaves_a_run_that_is_found_and_continued(specs, monkeypatch) -> None:
    from lab.engine.child import Child

    def killed(child: Child) -> bool:
        listed = list(lab.runs(Path(child._run.runs_dir)))
        if listed and listed[0].dir.joinpath("checkpoints", "last.pt").exists():
            child._process.kill()
        return child._process.poll() is not None

    monkeypatch.setattr(Child, "ended", property(killed))
    with pytest.raises(lab.RunsFailed, match="its process was ended by SIGKILL") as failed:
        lab.run_many(specs({"pause": 0.01, "budget": 10**6}), jobs=1)
    (outcome,) = failed.value.outcomes
    assert outcome.result is not None
    assert outcome.result.state == "crashed"
    assert f"log: {outcome.result.dir}" in str(failed.value)
    stop = lambda clock, metrics: False  # noqa: E731
    assert lab.resume(outcome.result.dir, on_eval=stop).summary["ended"] == "stopped"


WRONG = {
    "unknown option 'lrr'": ({}, {"lrr": 1}),
    "--lr -1": ({}, {"lr": -1}),
    "--name one: two of the runs": ({"name": "one"}, {"name": "one"}),
}


@APART
@pytest.mark.parametrize("message", WRONG)
def test_options_that_cannot_be_are_said_before_any_run_begins(
    specs, tmp_path, message, jobs
) -> None:
    with pytest.raises(lab.UsageError, match=message):
        lab.run_many(specs(*WRONG[message]), jobs=jobs)
    assert not (tmp_path / "runs").exists()


def test_what_another_process_cannot_do_is_refused(specs, tmp_path) -> None:
    (spec,) = specs({})
    with pytest.raises(lab.UsageError, match="--jobs 0"):
        lab.run_many([spec], jobs=0)
    watched = lab.RunSpec("odd", spec.options, on_eval=lambda clock, metrics: True)
    with pytest.raises(lab.UsageError, match="on_eval is called in this process"):
        lab.run_many([watched], jobs=1)
    odd = discover().experiment("odd")
    stranger = lab.ExperimentSpec("stranger", odd.summary, odd.config, odd.experiment)
    with pytest.raises(lab.UsageError, match="No plugin offers 'stranger'"):
        lab.run_many([lab.RunSpec(stranger, spec.options)], jobs=1)
    assert not (tmp_path / "runs").exists()
    (result,) = lab.run_many([lab.RunSpec(stranger, spec.options)])
    assert result.summary["experiment"] == "stranger"


@APART
def test_the_next_spec_of_an_iterator_may_follow_from_what_has_ended(specs, jobs) -> None:
    ended: list[lab.Outcome] = []

    def trials():
        yield specs({"seed": 0})[0]
        yield specs({"seed": 1})[0]
        if jobs is None:
            yield specs({"seed": 2, "lr": 0.5 + len(ended)})[0]

    results = lab.run_many(trials(), jobs=jobs, on_end=ended.append)
    assert len(results) == len(ended)
    assert jobs or results[2].summary["config"]["lr"] == 2.5


def test_an_error_of_the_caller_leaves_no_process_behind(specs, tmp_path) -> None:
    """It gets the first run's end while the second trains on."""

    def broken(outcome: lab.Outcome) -> None:
        raise KeyError("mine")

    endless = {"seed": 1, "pause": 0.01, "budget": 10**6, "name": "endless"}
    with pytest.raises(KeyError, match="mine"):
        lab.run_many(specs(endless, {"seed": 0, "pause": 0.2}), jobs=2, on_end=broken)
    folder = tmp_path / "runs" / "endless"
    assert not folder.exists() or lab.Run(folder).state == "interrupted"


# -- seeds


@APART
def test_seeds_are_a_group(train, jobs) -> None:
    results = train("odd", seeds=2, seed=2, jobs=jobs)
    assert [result.summary["seed"] for result in results] == [2, 3]
    listed = train("odd", seeds=[7, 2])
    assert [result.summary["seed"] for result in listed] == [7, 2]
    assert {result.summary["group"] for result in [*results, *listed]} == {
        train("odd").summary["group"]
    }
    assert rows(listed[1].dir) == rows(results[0].dir)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"seeds": 0}, "--seeds 0: should be at least one"),
     ({"seeds": []}, r"--seeds \[\]: should be at least one"),
     ({"seeds": [1, 1]}, "no two alike"),
     ({"seeds": 1.5}, "--seeds 1.5: say how many, or list them"),
     ({"seeds": [-1]}, "--seed -1"),
     ({"seeds": [1], "seed": 3}, "beside a list it says nothing"),
     ({"seeds": 2, "name": "two"}, "--name names one run"),
     ({"jobs": 2}, "it needs --seeds")],
)  # fmt: skip
def test_seeds_that_cannot_be_are_refused_plainly(train, tmp_path, options, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        train("odd", **options)
    assert not (tmp_path / "runs").exists()


def test_seeds_begin_where_the_options_say_wherever_they_stand(toys, tmp_path) -> None:
    (tmp_path / "options.yaml").write_text("seed: 5\n")
    spec = lab.RunSpec("odd", config_file=tmp_path / "options.yaml")
    assert [launched.options["seed"] for launched in by_seed(spec, 2, discover())] == [5, 6]


def test_each_seed_of_this_process_is_told_to_the_function(train) -> None:
    clocks = []

    def stop(clock: int, metrics: dict[str, float]) -> bool:
        clocks.append(clock)
        return clock < 100

    results = train("odd", seeds=2, eval_every=50, on_eval=stop)
    assert clocks == [0, 50, 100] * 2
    assert [result.summary["ended"] for result in results] == ["stopped"] * 2


# -- where runs are started from


def test_a_script_without_a_guard_trains_seeds_of_a_file(tmp_path) -> None:
    """And what the script added to its path is found in other processes."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "noise_level.py").write_text("LEVEL = 0.125\n")
    (tmp_path / "deep").mkdir()
    source = SOURCE.replace("noisy_line:", "my_line:").replace("Field(0.1, ge", "Field(LEVEL, ge")
    source = source.replace("import lab\n", "import lab\nfrom noise_level import LEVEL\n", 1)
    (tmp_path / "deep" / "my_line.py").write_text(source)
    done = script(
        """
        import sys
        import lab

        sys.path.append("mine")
        results = lab.run("deep/my_line.py", seeds=[3, 1], jobs=2, budget=500)
        print(*[(r.summary["seed"], r.state, r.summary["config"]["noise"]) for r in results])
        """,
        tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "(3, 'finished', 0.125) (1, 'finished', 0.125)"


def test_a_file_in_the_folder_shadows_no_module_of_another_process(toys, train, tmp_path) -> None:
    """As `lab` itself, it looks for modules where python and this process do."""
    (tmp_path / "random.py").write_text("raise SystemExit('shadowed')")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        (result,) = train("odd", seeds=1, jobs=1)
    assert result.state == "finished"


def test_runs_start_outside_of_the_main_thread(train) -> None:
    from threading import Thread

    results: list[lab.RunResult] = []
    thread = Thread(target=lambda: results.extend(train("odd", seeds=1, jobs=1)))
    thread.start()
    thread.join()
    assert [result.state for result in results] == ["finished"]


# -- signals


@pytest.mark.parametrize(("jobs", "number"), [(None, signal.SIGTERM), (2, signal.SIGINT)])
def test_a_signal_ends_every_run_and_each_can_be_continued(
    site, train, tmp_path, number, jobs
) -> None:
    code = f"""
        import json, lab
        try:
            lab.run("odd", seeds=3, jobs={jobs}, pause=0.005, budget=3000, log_every=50,
                    eval_every=100)
        except KeyboardInterrupt as error:
            print(json.dumps([type(error).__name__, error.signal,
                              [str(one.result and one.result.dir) for one in error.outcomes],
                              str(error)]))
    """
    path = tmp_path / "my_script.py"
    path.write_text(textwrap.dedent(code))
    child = subprocess.Popen(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env=helpers.child_environment(site, WANDB_MODE="disabled"),
        stdout=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + helpers.LONG
    trained: list[Any] = []
    while len(trained) < (jobs or 1):
        assert child.poll() is None
        assert time.monotonic() < end
        time.sleep(0.01)
        trained = [
            run for run in lab.runs(tmp_path / "runs")
            if (run.dir / "metrics.jsonl").read_bytes().count(b"\n") > 3
        ]  # fmt: skip
    child.send_signal(number)
    out, _ = child.communicate(timeout=helpers.LONG)
    kind, caught, folders, message = json.loads(out)
    assert (kind, caught) == ("RunsInterrupted", number)
    assert len(folders) == (jobs or 1)
    for folder in folders:
        assert f"Continue with: lab resume {folder}" in message
        assert summary(tmp_path / folder)["state"] == "interrupted"
        seed = summary(tmp_path / folder)["seed"]
        assert lab.resume(tmp_path / folder).state == "finished"
        uninterrupted = train(
            "odd", seed=seed, pause=0.005, budget=3000, log_every=50, eval_every=100
        )
        assert rows(tmp_path / folder) == rows(uninterrupted.dir)


# -- comparing


def plain(comparison: lab.Comparison) -> dict[str, object]:
    return json.loads(json.dumps(comparison.as_dict()))


def test_results_are_compared_as_the_command_does(train, cli) -> None:
    slow = train("odd", seeds=3, lr=0.125, group="slow")
    fast = train("odd", seeds=3, lr=0.5, group="fast")
    comparison = lab.compare([*slow, *fast])
    assert {group.name: group.n for group in comparison.groups} == {"slow": 3, "fast": 3}
    assert [table.metric for table in comparison.tables] == ["test/score"]
    assert plain(comparison) == json.loads(cli("compare", "--json").stdout)
    assert plain(lab.compare("runs")) == plain(comparison)
    names = [str(result.dir) for result in [*slow, *fast, *slow]]
    assert plain(lab.compare(names)) == plain(comparison)
    question: dict[str, Any] = {"by": ["lr"], "metric": "eval/score", "threshold": 0.0}
    words = ("--by", "lr", "--metric", "eval/score", "--threshold", 0)
    document = cli("compare", *words, "--json", "--curves").stdout
    comparison = lab.compare(lab.runs("runs"), **question, curves=True)
    assert plain(comparison) == json.loads(document)


def test_what_cannot_be_compared_is_refused(toys, tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="No finished run to compare"):
        lab.compare(tmp_path)
    with pytest.raises(lab.UsageError, match="There is no run 'nothing'"):
        lab.compare(["nothing"])
