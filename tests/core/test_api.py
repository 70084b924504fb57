"""What a notebook calls does what it says, and leaves the notebook as it was."""

from __future__ import annotations

import itertools
import os
import random
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import difference, last_state, rows, summary

import lab
from lab.plugins import discover

TOYS = {"toy-gan": 2_000, "toy-dbn": 2_000, "toy-epochs": 2_000}
STEP = {"toy-gan": 96, "toy-dbn": 64, "toy-epochs": 48}


@pytest.fixture(params=TOYS)
def toy(request) -> str:
    return request.param


def options(toy: str) -> dict[str, int]:
    """A short run that visits all phases."""
    return {"budget": TOYS[toy], **({"updates": 8} if toy == "toy-dbn" else {})}


def test_a_result_says_what_the_summary_says(train, toy) -> None:
    result = train(toy, **options(toy))
    stored = summary(result.dir)
    assert result.state == stored["state"] == "finished"
    assert result.objective == stored["objective"]["best"]
    assert dict(result.summary) == stored
    assert result.dir.parent.name == "runs"
    assert result.dir.name.startswith(f"{toy}-{stored['target']}-s0-")


def test_the_clock_ends_within_one_step_of_the_budget(train, toy) -> None:
    if toy == "toy-dbn":
        pytest.skip("ends with its last phase")
    for budget in (1, STEP[toy] - 1, STEP[toy], STEP[toy] + 1, 1000):
        result = train(toy, budget=budget)
        assert budget <= result.summary["clock"]["value"] < budget + STEP[toy]
        assert result.summary["ended"] == "budget"


def test_an_experiment_that_has_nothing_left_to_do_ends_complete(train) -> None:
    result = train("toy-dbn", updates=5)
    assert result.summary["ended"] == "complete"
    assert result.summary["clock"]["value"] == 3 * 5 * 64


def test_rows_stand_on_the_grids_whatever_the_step(train, toy) -> None:
    result = train(toy, **options(toy), eval_every=350, log_every=130)
    end = min(result.summary["clock"]["value"], TOYS[toy])
    history = rows(result.dir)
    clocks = [row["clock"] for row in history]
    assert clocks == sorted(clocks)
    evaluated = [row["clock"] for row in history if any(k.startswith("eval/") for k in row)]
    logged = [row["clock"] for row in history if any(k.startswith("train/") for k in row)]
    if toy != "toy-dbn":
        assert set(range(0, end, 350)) | {end} == set(evaluated)
    assert all(clock % 350 == 0 or clock == end for clock in evaluated)
    # The last step serves the end, also where it passed a grid point.
    assert set(range(130, end - STEP[toy], 130)) <= set(logged)
    assert all(clock % 130 == 0 or clock == end for clock in logged)
    tested = [row["clock"] for row in history if any(k.startswith("test/") for k in row)]
    assert tested == [end]


def test_different_seeds_share_their_evaluation_clocks(train) -> None:
    def clocks(seed: int, batch: int) -> list[int]:
        history = rows(train("toy-epochs", budget=1500, seed=seed, batch_size=batch).dir)
        return [row["clock"] for row in history if "eval/accuracy" in row]

    assert clocks(0, 48) == clocks(1, 37)


def test_logged_means_are_means_over_their_window(train) -> None:
    """Over the same steps, wide windows average the narrow ones."""
    narrow, wide = (
        [row["train/loss"] for row in rows(train("odd", log_every=n).dir) if "train/loss" in row]
        for n in (10, 40)
    )
    assert wide == pytest.approx(np.array(narrow).reshape(-1, 4).mean(1).tolist())


def test_other_cadences_give_the_same_weights(train, toy) -> None:
    cadences = [
        {},
        {"eval_every": 100, "log_every": 70},
        {"eval_every": 10**6, "log_every": 10**6},
        {"checkpoint_every": 64, "keep_checkpoints": 1, "eval_every": 500},
    ]
    states = [
        last_state(train(toy, **options(toy), **cadence).dir)["experiment"] for cadence in cadences
    ]
    for cadence, state in zip(cadences, states, strict=True):
        assert difference(states[0], state) is None, cadence


def test_one_seed_gives_one_history_and_another_seed_another(train, toy) -> None:
    first, again, another = (train(toy, **options(toy), seed=seed).dir for seed in (3, 3, 4))
    assert rows(first) == rows(again)
    assert difference(last_state(first), last_state(again)) is None
    assert rows(first) != rows(another)


def test_a_run_leaves_the_process_as_it_was(train, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)

    def look() -> tuple[object, ...]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TORCHINDUCTOR")}
        legacy = np.random.get_state(legacy=False)  # noqa: NPY002
        key = legacy["state"].pop("key").tobytes()
        generators = random.getstate(), key, legacy, torch.get_rng_state()
        switches = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
        return environ, str(generators), switches, Path.cwd(), torch.is_grad_enabled()

    before = look()
    result = train("odd", threads=2, deterministic=True, seed=5)
    assert look() == before
    lab.evaluate(result.dir)
    lab.load(result.dir)
    assert look() == before
    with pytest.raises(lab.RunFailed):
        train("odd", trouble="raise-step")
    assert look() == before


def test_an_evaluation_repeats_the_recorded_test_figure(train, toy) -> None:
    result = train(toy, **options(toy))
    recorded = result.summary["test"]
    assert recorded
    assert lab.evaluate(result.dir) == recorded
    assert lab.evaluate(result.dir) == recorded


def test_another_evaluation_seed_gives_other_randomness_that_repeats(train) -> None:
    result = train("toy-gan", budget=500)
    metrics = lab.evaluate(result.dir, seed=8)
    assert metrics == lab.evaluate(result.dir, seed=8) != result.summary["test"]


def test_best_is_the_best_evaluation_and_its_weights_are_kept(train, toy) -> None:
    result = train(toy, **options(toy), eval_every=200)
    objective = result.summary["objective"]
    name, choose = objective["metric"], {"max": max, "min": min}[objective["direction"]]
    evaluations = [(row[name], row["clock"]) for row in rows(result.dir) if name in row]
    best = choose(value for value, _ in evaluations)
    first = next(clock for value, clock in evaluations if value == best)
    assert (objective["best"], objective["best_clock"]) == (best, first)
    assert objective["last"] == evaluations[-1][0]
    assert lab.evaluate(result.dir, "best", split="eval")[name] == best


def test_nothing_is_best_while_the_objective_is_absent(train) -> None:
    result = train("toy-dbn", updates=60, budget=640)  # within the first phase
    assert result.objective is None
    assert result.summary["objective"]["best"] is None
    assert not (result.dir / "checkpoints" / "best.pt").exists()
    assert lab.load(result.dir)  # best falls back to last


@pytest.mark.parametrize("which", ["best", "last", 1200])
def test_load_returns_the_weights_of_the_checkpoint_in_eval_mode(train, which) -> None:
    result = train(
        "toy-epochs", budget=2000, checkpoint_every=600, keep_checkpoints=0, eval_every=500
    )
    experiment = lab.load(result.dir, which)
    stored = torch.load(result.dir / "checkpoints" / f"{which}.pt", weights_only=True)
    assert (
        difference(dict(experiment.net.state_dict()), dict(stored["experiment"]["model"])) is None
    )
    assert not any(module.training for module in experiment.net.modules())
    with pytest.raises(lab.UsageError, match="no checkpoint '77'"):
        lab.load(result.dir, 77)


def test_stamped_checkpoints_hold_the_model_of_their_clock(train) -> None:
    short = train("toy-gan", budget=960, checkpoint_every=480)
    long = train("toy-gan", budget=1920, checkpoint_every=480, keep_checkpoints=2)
    stamps = sorted(path.name for path in (long.dir / "checkpoints").glob("[0-9]*.pt"))
    assert stamps == ["1440.pt", "1920.pt"]
    first, second = (
        torch.load(r.dir / "checkpoints/960.pt", weights_only=True)["experiment"]
        for r in (short, train("toy-gan", budget=1920, checkpoint_every=480, keep_checkpoints=0))
    )
    assert difference(first, second) is None


# -- stopping


def evaluations(monkeypatch, scores: list[float]) -> None:
    import lab_odd.odd

    left = itertools.chain(scores, itertools.repeat(scores[-1]))
    monkeypatch.setattr(lab_odd.odd.Odd, "evaluate", lambda self, split: {"score": next(left)})


def test_a_stop_criterion_must_hold_twice(train, monkeypatch) -> None:
    """At 20 the first passage is luck; at 40 it is confirmed."""
    evaluations(monkeypatch, [0.0, 0.1, 0.95, 0.2, 0.3, 0.91, 0.92])
    result = train("odd", eval_every=10, stop_at="eval/score>=0.9")
    assert result.summary["ended"] == "eval/score>=0.9"
    assert result.summary["clock"]["value"] == 40
    assert result.state == "finished"
    log = (result.dir / "log.txt").read_text()
    assert "not confirmed at 20" in log
    assert "confirmed at 40" in log
    scores = [row["eval/score"] for row in rows(result.dir) if "eval/score" in row]
    assert scores == [0.0, 0.1, 0.95, 0.3, 0.91]  # confirmations are no rows


def test_the_weights_that_met_the_criterion_are_the_best(train, monkeypatch) -> None:
    evaluations(monkeypatch, [0.0, 0.95, 0.2, 0.91, 0.92])
    result = train("odd", eval_every=10, stop_at="eval/score>=0.9")
    best = torch.load(result.dir / "checkpoints" / "best.pt", weights_only=True)
    assert best["clock"] == result.summary["objective"]["best_clock"] == 20
    assert result.objective == 0.91


def test_a_criterion_that_is_never_met_ends_with_the_budget(train) -> None:
    result = train("toy-epochs", budget=500, stop_at="eval/accuracy>=2")
    assert result.summary["ended"] == "budget"


def test_a_wrong_criterion_is_said_before_anything_is_made(train, tmp_path) -> None:
    with pytest.raises(lab.UsageError, match="no criterion"):
        train("odd", stop_at="score>=2")
    with pytest.raises(lab.UsageError, match="no such goal; it has none by name"):
        train("odd", stop_at="solved")
    assert not (tmp_path / "runs").exists()


# -- resume


def test_a_finished_run_is_not_resumed_without_a_larger_budget(train) -> None:
    result = train("odd")
    before = rows(result.dir)
    for changes in ({}, {"budget": 200}, {"budget": None}):
        with pytest.raises(lab.UsageError, match="finished. To train on, give a larger --budget"):
            lab.resume(result.dir, **changes)
    with pytest.raises(lab.UsageError, match="--budget 100: .* trains to 200 anyway"):
        lab.resume(result.dir, budget=100)
    assert rows(result.dir) == before
    assert summary(result.dir)["state"] == "finished"


def test_a_larger_budget_trains_on(train, toy) -> None:
    if toy == "toy-dbn":
        pytest.skip("has an end of its own")
    result = train(toy, budget=960, log_every=100, eval_every=240)
    before = [row for row in rows(result.dir) if not any(k.startswith("test/") for k in row)]
    longer = lab.resume(result.dir, budget=1920)
    assert longer.summary["clock"]["value"] >= 1920
    after = rows(longer.dir)
    assert after[: len(before)] == before
    assert [row["clock"] for row in after if any(k.startswith("test/") for k in row)] == [1920]
    direct = train(toy, budget=1920, log_every=100, eval_every=240)
    assert (
        difference(last_state(longer.dir)["experiment"], last_state(direct.dir)["experiment"])
        is None
    )


def test_a_run_that_met_its_criterion_trains_on_with_a_larger_budget(train, monkeypatch) -> None:
    evaluations(monkeypatch, [0.0, 0.95, 0.95, 0.95, 0.1, 0.2, 0.3])
    result = train("odd", eval_every=10, stop_at="eval/score>=0.9")
    assert result.summary["clock"]["value"] == 10
    longer = lab.resume(result.dir, budget=300)
    assert longer.summary["clock"]["value"] == 300


def test_resume_refuses_what_would_make_it_another_run(train) -> None:
    result = train("odd")
    with pytest.raises(lab.UsageError, match="resume cannot change lr, seed"):
        lab.resume(result.dir, budget=400, seed=3, lr=0.1)


def test_resumes_are_recorded_with_what_they_changed(train) -> None:
    result = train("odd")
    lab.resume(result.dir, budget=400)
    record = lab.Run(result.dir).record
    assert record["run"]["budget"] == 400
    assert [entry["budget"] for entry in record["resumes"]] == [400]
    assert record["resumes"][0]["versions"]["torch"] == torch.__version__


def test_a_run_whose_gradients_nobody_scaled_goes_on_where_they_are(train, monkeypatch) -> None:
    """fp16 scales gradients on CUDA alone, so a run that begins elsewhere has no scale to keep."""
    half = train("toy-gan", budget=2_000, precision="fp16")
    scaler = partial(torch.amp.GradScaler, "cpu")
    monkeypatch.setattr("torch.amp.GradScaler", lambda kind, enabled: scaler(enabled=True))
    assert lab.resume(half.dir, budget=4_000).state == "finished"


def test_a_resume_that_fails_lets_go_of_the_run(train, monkeypatch) -> None:
    import lab_odd.odd

    result = train("odd")

    def broken(self, config, ctx) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(lab_odd.odd.Odd, "__init__", broken)
        with pytest.raises(ZeroDivisionError) as kept:
            lab.resume(result.dir, budget=400)
    assert kept
    assert lab.Run(result.dir).state == "finished"
    assert lab.resume(result.dir, budget=400).state == "finished"


# -- trackers


class Ledger:
    """A tracker that keeps what it receives."""

    def __init__(self) -> None:
        self.started: list[bool] = []
        self.name, self.present = "ledger", True
        self.url, self.hints = "https://example.com/ledger", ()
        self.clocks: list[int] = []
        self.states: list[str] = []
        self.checkpoints: list[str] = []

    def start(self, run) -> None:
        self.started.append(run.resumed)

    def row(self, row) -> None:
        self.clocks.append(row["clock"])

    def media(self, name, path, clock) -> None:
        assert path.exists()

    def checkpoint(self, name, path) -> None:
        self.checkpoints.append(name)

    def finish(self, summary) -> None:
        self.states.append(summary["state"])


@pytest.fixture
def ledger(monkeypatch) -> Ledger:
    from lab.engine.session import Session

    made = Ledger()
    monkeypatch.setattr(Session, "_trackers", lambda self, say: [made] if made.present else [])
    return made


def test_a_tracker_gets_every_row_once_over_a_failure_and_a_resume(
    train, ledger, monkeypatch
) -> None:
    import lab_odd.odd

    with pytest.raises(lab.RunFailed) as failed:
        train("odd", trouble="raise-step", checkpoint_every=40, log_every=10)
    assert ledger.clocks[-1] == 100  # beyond the last checkpoint
    monkeypatch.setattr(lab_odd.odd.Odd, "stumble", lambda self, where: None)
    lab.resume(failed.value.dir)
    assert ledger.clocks == [row["clock"] for row in rows(Path(failed.value.dir))]
    assert (ledger.started, ledger.states) == ([False, True], ["failed", "finished"])
    assert ledger.checkpoints == ["best", "last"] * 2


def test_a_tracker_misses_no_row_of_a_larger_budget(train, ledger) -> None:
    result = train("odd", log_every=20)
    first = list(ledger.clocks)
    lab.resume(result.dir, budget=300)
    new = [row["clock"] for row in rows(result.dir) if row["clock"] > 200]
    assert ledger.clocks == first + new


def test_a_tracker_misses_no_row_after_a_criterion_was_dropped(train, ledger) -> None:
    result = train("odd", log_every=20, eval_every=20, stop_at="eval/score>=-1e9")
    first = list(ledger.clocks)
    lab.resume(result.dir, stop_at="none")
    new = [row["clock"] for row in rows(result.dir) if row["clock"] > first[-1]]
    assert new
    assert ledger.clocks == first + new


def test_a_tracker_that_comes_later_gets_the_whole_run(train, ledger, monkeypatch) -> None:
    import lab_odd.odd

    ledger.present = False
    with pytest.raises(lab.RunFailed) as failed:
        train("odd", trouble="raise-step", checkpoint_every=40, log_every=10)
    monkeypatch.setattr(lab_odd.odd.Odd, "stumble", lambda self, where: None)
    ledger.present = True
    lab.resume(failed.value.dir)
    assert ledger.clocks == [row["clock"] for row in rows(Path(failed.value.dir))]


# -- listing


def test_runs_lists_what_was_run(train, tmp_path) -> None:
    for name in ("b", "a"):
        train("odd", name=name, seed=5)
    listed = list(lab.runs(tmp_path / "runs"))
    assert [run.name for run in listed] == ["a", "b"]
    assert listed[0].config["lr"] == 0.5
    assert listed[0].summary["seed"] == 5
    assert listed[0].metrics()[0]["clock"] == 0
    assert listed[0].state == "finished"
    assert list(lab.runs(tmp_path / "nothing")) == []


def test_names_are_never_shared(train) -> None:
    with pytest.raises(lab.UsageError, match="exists"):
        [train("odd", name="same") for _ in range(2)]
    assert len({train("odd", budget=10).dir for _ in range(4)}) == 4


def test_runs_that_differ_by_seed_alone_are_a_group(train) -> None:
    def group(**changes) -> str:
        return train("odd", **changes).summary["group"]

    assert group() == group(seed=1) == group(threads=2) == group(log_every=50)
    others = [group(lr=0.25), group(budget=100), group(place="marsh"), group(eval_every=50)]
    assert len({group(), *others, group(stop_at="eval/score>=1e9")}) == 6


def test_a_spec_can_be_run_without_being_installed(train) -> None:
    spec = discover().experiment("odd")
    result = lab.run(spec, budget=10, wandb="disabled", runs_dir=train("odd").dir.parent)
    assert result.state == "finished"


def test_the_summary_alone_serves_a_listing(train) -> None:
    kept = summary(train("odd", lr=0.125, tag=("a", "b"), seed=2).dir)
    assert kept["config"]["lr"] == 0.125
    assert kept["tags"] == ["a", "b"]
    assert kept["clock"] == {"name": "samples", "value": 200, "budget": 200}


def test_what_an_experiment_offers_beyond_training_can_be_called(train) -> None:
    from lab.trained import use

    result = train("odd")
    assert use(result.dir, "play", text="do re mi") == "do re mi"
    with pytest.raises(lab.UsageError, match="does not offer 'sing'; it offers: play"):
        use(result.dir, "sing")
    with pytest.raises(lab.UsageError, match="unknown option 'txt'. Did you mean 'text'"):
        use(result.dir, "play", txt="x")


def test_an_end_shows_an_episode_where_there_is_something_to_show(train) -> None:
    media = train("odd").dir / "media"
    assert [path.read_text() for path in media.glob("*.txt")] == ["la la la"]
    assert len(list(media.glob("*-learning_curve.png"))) == 1
    assert not (train("odd", media=False).dir / "media").exists()


def test_everything_public_is_there() -> None:
    for name in lab.__all__:
        assert getattr(lab, name) is not None
    assert set(lab.__all__) <= set(dir(lab))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        lab.nonsense  # noqa: B018
