"""The run folder is there when an experiment is built: it may write to it, fail, or be killed."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from helpers import summary

import lab

SLOW = """
import time, torch, lab

@lab.hookimpl
def lab_experiments():
    yield lab.ExperimentSpec(name="slow", summary="s", config="slow:Config", experiment="slow:Slow")

class Config(lab.Config):
    objective = property(lambda self: ("eval/loss", "min"))
    target = property(lambda self: "nothing")
    budget = property(lambda self: 20)

class Slow:
    def __init__(self, config, ctx):
        started = ctx.dir / "trainer" / "started"
        again = started.exists()
        started.parent.mkdir(exist_ok=True)
        started.touch()
        if not again:
            time.sleep(600)
        self.w = torch.zeros(1)

    def step(self): return 10
    def evaluate(self, split): return {"loss": 0.5}
    def state_dict(self): return {"model": {"w": self.w}}
    def load_state_dict(self, state): pass
"""


@pytest.fixture
def built_by(monkeypatch):
    """Let the toy be built by `build(ctx)` first."""

    def replace(build) -> None:
        from lab_odd.odd import Odd

        plain = Odd.__init__

        def init(self, config, ctx) -> None:
            build(ctx)
            plain(self, config, ctx)

        monkeypatch.setattr(Odd, "__init__", init)

    return replace


def raising(error: BaseException):
    def build(ctx) -> None:
        (ctx.dir / "notes.txt").write_text("mine")
        raise error

    return build


def test_an_experiment_may_write_to_its_folder_when_it_is_built(train, built_by) -> None:
    def build(ctx) -> None:
        ctx.dir.mkdir(exist_ok=True)
        (ctx.dir / "notes.txt").write_text(ctx.dir.name)

    built_by(build)
    for name in ("mine", None, None):  # the last two begin in the same second
        result = train("odd", name=name, budget=10)
        assert (result.dir / "notes.txt").read_text() == result.dir.name
        assert result.state == "finished"
    with pytest.raises(lab.UsageError, match="mine exists"):
        train("odd", name="mine")
    assert summary(result.dir.parent / "mine")["state"] == "finished"


def test_a_mistake_in_the_options_leaves_no_folder(train, built_by, tmp_path) -> None:
    built_by(raising(lab.UsageError("--place: there is no such place")))
    with pytest.raises(lab.UsageError, match="no such place"):
        train("odd", name="one")
    assert not (tmp_path / "runs").exists()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "other.txt").touch()
    with pytest.raises(lab.UsageError, match="no such place"):
        train("odd", name="one")
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["other.txt"]


@pytest.mark.parametrize("error", [ZeroDivisionError("by 0"), SystemExit(2)])
def test_what_fails_otherwise_is_a_failed_run(train, built_by, monkeypatch, error) -> None:
    with monkeypatch.context():
        built_by(raising(error))
        with pytest.raises(lab.RunFailed, match=r"runs/one failed: ") as failed:
            train("odd", name="one")
    folder = Path(failed.value.dir)
    assert failed.value.__cause__ is error
    assert lab.Run(folder).state == summary(folder)["state"] == "failed"
    assert type(error).__name__ in summary(folder)["error"]
    assert "Traceback" in (folder / "log.txt").read_text()
    assert (folder / "notes.txt").read_text() == "mine"


def test_a_failed_construction_is_one_line_and_resume_begins_again(
    cli, tmp_path, monkeypatch
) -> None:
    from lab_odd.odd import Odd

    result = cli("run", "odd", "--trouble", "raise-init", "--at", 0, "--name", "one")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: runs/one failed: ZeroDivisionError: stumbled in init")
    assert len(result.stderr.splitlines()) == 1
    assert "one" in cli("runs").stdout
    again = cli("resume", "one", "--quiet")  # still broken: recorded as before
    assert (again.exit_code, summary(tmp_path / "runs" / "one")["state"]) == (1, "failed")
    monkeypatch.setattr(Odd, "stumble", lambda self, where: None)
    mended = cli("resume", "one", "--quiet")
    assert mended.exit_code == 0, mended.stderr
    assert summary(tmp_path / "runs" / "one")["state"] == "finished"
    assert summary(tmp_path / "runs" / "one")["error"] is None


def test_ctrl_c_while_it_is_built_is_an_interruption(train, built_by, tmp_path) -> None:
    built_by(raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        train("odd", name="one")
    assert lab.Run(tmp_path / "runs" / "one").state == "interrupted"


def test_warnings_of_a_construction_are_in_the_log(train, built_by) -> None:
    built_by(lambda ctx: ctx.warn("mind the step"))
    assert "Warning: mind the step" in (train("odd").dir / "log.txt").read_text()


def test_a_run_killed_while_it_is_built_begins_again(spawn, tmp_path) -> None:
    (tmp_path / "slow.py").write_text(SLOW)
    run = tmp_path / "runs" / "one"
    child = spawn("run", "slow.py", "--name", "one", "--wandb", "disabled")
    end = time.monotonic() + 120
    while not (run / "trainer" / "started").exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)
    assert lab.Run(run).state == "running"
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert lab.Run(run).state == "crashed"
    listed = spawn("runs")
    assert "crashed" in listed.communicate(timeout=120)[0]
    resumed = spawn("resume", "one", "--quiet")
    assert resumed.wait(timeout=120) == 0, resumed.communicate()
    assert lab.Run(run).state == "finished"
    assert (run / "trainer" / "started").exists()
