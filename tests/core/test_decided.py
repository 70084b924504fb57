"""What follows from the options is decided once: no run looks for plugins while it trains."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest

import lab
from lab import plugins
from lab.plugins import Plugin, Plugins, discover
from lab.resolve import resolve

SMALL = {"data": "digits", "hidden": (8,), "budget": 3_000, "eval_every": 1_500, "preset": "none"}


@pytest.fixture
def looks(monkeypatch) -> list[str]:
    """Each time that the installation is searched for plugins."""
    groups: list[str] = []
    search = entry_points

    def counted(group: str):
        groups.append(group)
        return search(group=group)

    monkeypatch.setattr(plugins, "entry_points", counted)
    return groups


def test_a_run_looks_for_plugins_once_and_never_in_a_step(train, monkeypatch, looks) -> None:
    from lab_mlp.mlp import MLP

    step, within = MLP.step, []

    def watched(self) -> int:
        before = len(looks)
        moved = step(self)
        within.append(len(looks) - before)
        return moved

    monkeypatch.setattr(MLP, "step", watched)
    result = train("mlp", **SMALL, patience=2)
    assert len(looks) == 1
    assert len(within) > 10
    assert set(within) == {0}
    for again in (lab.load, lab.evaluate, lambda run: lab.resume(run, budget=4_000)):
        looks.clear()
        again(result.dir)
        assert len(looks) == 1, again


@pytest.mark.parametrize("words", [("--patience", 2), ("--stop-at", "eval/accuracy>=2")])
def test_the_command_line_looks_once_too(cli, looks, words) -> None:
    small = ("--data", "digits", "--hidden", 8, "--budget", 2_000, "--preset", "none")
    result = cli("run", "mlp", *small, *words, "--name", "one", "--quiet")
    assert result.exit_code == 0, result.stderr
    assert len(looks) == 1
    looks.clear()
    assert cli("export", "one", "--out", "net.pt").exit_code in (0, 2)
    assert len(looks) == 1


def test_a_goal_by_name_looks_once_and_is_known_to_resume(train, looks) -> None:
    small = {"env": "CartPole-v1", "preset": "none", "budget": 200, "eval_every": 200,
             "eval_episodes": 2, "test_episodes": 2, "media": False}  # fmt: skip
    result = train("dqn", **small, stop_at="solved")
    assert len(looks) == 1
    decided = lab.Run(result.dir).record["decided"]
    assert decided["goals"] == {"solved": "eval/return>=475"}
    looks.clear()
    assert lab.resume(result.dir, budget=300).state == "finished"
    assert len(looks) == 1


def test_the_context_says_what_was_decided(train, monkeypatch) -> None:
    from lab_odd.odd import Odd

    recorded = []
    plain = Odd.__init__

    def init(self, config, ctx) -> None:
        recorded.append((ctx.task, ctx.objective))
        plain(self, config, ctx)

    monkeypatch.setattr(Odd, "__init__", init)
    result = train("odd", budget=10)
    lab.load(result.dir)
    assert recorded == [("", ("eval/score", "max"))] * 2


@pytest.mark.parametrize(
    ("data", "task", "objective"),
    [
        ("digits", "classify", ("eval/accuracy", "max")),
        ("diabetes", "regress", ("eval/r2", "max")),
    ],
)
def test_the_objective_goes_by_what_the_source_is_for(data, task, objective) -> None:
    resolved = resolve(discover().experiment("mlp"), {"data": data})
    assert (resolved.task, resolved.objective) == (task, objective)
    assert resolved.target == data


def test_sources_are_those_of_the_plugins_that_were_handed_over(train) -> None:
    """Not those of the installation."""
    spec = lab.SourceSpec("elsewhere", "values to predict", load="no:where", task="regress")
    own = Plugins([*discover().all, Plugin("own", "own", "1", sources=[spec])])
    resolved = resolve(own.experiment("mlp"), {"data": "elsewhere"}, plugins=own)
    assert resolved.objective == ("eval/r2", "max")
    with pytest.raises(lab.UsageError, match="There is no source 'elsewhere'"):
        train("mlp", data="elsewhere")


@pytest.mark.parametrize(
    "objective", [("score", "max"), ("eval/score", "up"), ("eval/score",), "eval/score", None]
)
def test_an_objective_that_is_none_is_said_plainly(train, monkeypatch, objective) -> None:
    import lab_odd.config

    monkeypatch.setattr(lab_odd.config.Odd, "objective", property(lambda self: objective))
    with pytest.raises(lab.LabError, match="Odd.objective is .*; it must be a metric"):
        train("odd")


def test_what_cannot_be_learned_is_said_before_anything_is_made(train, tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="text:x is to lm; this experiment can classify"):
        train("mlp", data="text:x")
    assert not (tmp_path / "runs").exists()
