"""The script for a CUDA machine tells right from wrong, and survives what fails, on a CPU too."""

from __future__ import annotations

import json
import time
from contextlib import closing
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from benchmarks.gpu import __main__ as script
from benchmarks.gpu import installed, jobs, rates
from benchmarks.gpu.child import done
from benchmarks.gpu.draws import SameDraws
from benchmarks.gpu.family import (
    PARTS,
    Family,
    Inapplicable,
    OutOfTime,
    Wrong,
    compared,
    not_finite,
)
from benchmarks.gpu.first_update import Learned, first_update
from benchmarks.gpu.rows import (
    FAILED,
    LATE,
    OK,
    SKIPPED,
    WIDTH,
    Row,
    heading,
    summary_lines,
    table_lines,
)
from lab import ExperimentSpec
from lab.plugins import discover
from lab.testing.subject import Subject, Trained
from lab_mlp.mlp import MLP


def learned(scale: float = 1.0, **logged: float) -> Learned:
    gradients = [torch.tensor([3.0, 4.0]) * scale, torch.tensor([1.0, 0.0])]
    return Learned(gradients, {"loss": 2.0, **logged}, torch.ones(3), 1)


def test_a_family_takes_part_by_having_a_tiny_preset() -> None:
    families = script._families(None)
    assert families == [s.name for s in discover().experiments() if "tiny" in s.presets]
    assert {"dqn", "sb3", "mlp", "cnn", "capsnet", "baseline", "gan", "ae", "dbn"} <= set(families)
    assert {"rnn", "rntn", "seq2seq", "transformer", "diffusion"} <= set(families)


def test_a_row_goes_through_a_pipe_where_others_print_too() -> None:
    row = Row("gan", "agree", OK, "fine", 1.5, {"rates": [1.0, 2.0]})
    assert Row.from_line(row.as_line() + "\n") == row
    assert Row.from_line("Using device cuda:0\n") is None


def test_the_table_stays_within_its_width() -> None:
    rows = [Row("dqn play", "rates", LATE, "word " * 90, 4_321.0), Row("a", "b", FAILED, "")]
    lines = [heading(), *(line for row in rows for line in table_lines(row))]
    assert max(map(len, lines)) <= WIDTH
    assert " ".join(lines).count("word") == 90
    assert "0 ok, 1 failed, 0 skipped, 1 late" in list(summary_lines(rows))


@pytest.mark.parametrize(
    ("error", "status"),
    [(Wrong("far off", by=1.0), FAILED), (Inapplicable("no"), SKIPPED), (OutOfTime("late"), LATE),
     (RuntimeError("CUDA error: device-side assert"), FAILED), (SystemExit(3), FAILED)],
)  # fmt: skip
def test_what_a_part_raises_is_one_row(error: BaseException, status: str) -> None:
    def part() -> NoReturn:
        raise error

    row = done("gan", "agree", part, time.perf_counter())
    assert (row.status, row.figures) == (status, getattr(error, "figures", {}))
    assert str(error) in row.said


def test_a_child_that_ends_leaves_a_row_for_every_part(tmp_path: Path) -> None:
    task = {"family": "no-such", "parts": ["agree", "train"], "device": "cpu",
            "folder": str(tmp_path / "work"), "deadline": time.time() + 200}  # fmt: skip
    rows = list(jobs.run([task], 1, time.time() + 200))
    assert {(row.part, row.status) for row in rows} == {("agree", FAILED), ("train", FAILED)}
    assert "no-such" in rows[0].said


def test_a_child_of_several_contests_leaves_a_row_for_each(tmp_path: Path) -> None:
    task = {"family": "rates", "contests": ["no-such", "dqn"], "parts": ["rates"], "device": "cpu",
            "folder": str(tmp_path / "work"), "deadline": 0.0}  # fmt: skip
    rows = list(jobs.run([task], 1, time.time() + 200))
    assert [(row.family, row.status) for row in rows] == [("no-such", FAILED), ("dqn", LATE)]


def test_a_child_that_overruns_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "GRACE", 0.0)
    task = {"family": "mlp", "parts": ["train"], "device": "cpu", "folder": str(tmp_path / "work"),
            "deadline": time.time()}  # fmt: skip
    (row,) = jobs.run([task], 1, time.time())
    assert row.status == LATE


def test_the_report_is_written_with_every_row(tmp_path: Path) -> None:
    report = script.Report(tmp_path / "deep" / "gpu.json", {"device": "cpu"})
    report.add_all([Row("mlp", "train", OK, "fine", 1.0, {"peak_mib": 3.5})])
    written = json.loads((tmp_path / "deep" / "gpu.json").read_text())
    assert written["device"] == "cpu"
    assert written["rows"][0]["figures"] == {"peak_mib": 3.5}


def test_a_checkout_offers_its_plugins_without_installation() -> None:
    folder = installed.offer("rl-gen-lab", "9.9", {"lab": {"dqn": "lab_dqn"}})
    (distribution,) = distributions(path=[str(folder)])
    assert (distribution.name, distribution.version) == ("rl-gen-lab", "9.9")
    assert [(point.group, point.value) for point in distribution.entry_points] == [
        ("lab", "lab_dqn")
    ]


# -- the same draws


def sample_noise(seed: int) -> list[torch.Tensor]:
    """Draw in every way, from generators of `seed`, into memory in and out of order."""
    torch.manual_seed(seed)
    own = torch.Generator().manual_seed(seed)
    drawn = [torch.randn(3, generator=own), torch.randperm(5, generator=own)]
    drawn.append(torch.empty(4, 6).T.uniform_(generator=own))
    drawn.append(torch.multinomial(torch.ones(6), 4, generator=own))
    drawn.append(torch.randint(9, (4,), generator=own, device="cpu"))
    return drawn


def test_draws_are_the_same_whatever_generator_they_come_of() -> None:
    with SameDraws(0):
        first = sample_noise(1)
    with SameDraws(0):
        second = sample_noise(2)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(sample_noise(1), sample_noise(2), strict=True))


def test_numbers_lie_in_the_same_places_whatever_the_layout() -> None:
    plain, turned = torch.empty(4, 6), torch.empty(6, 4).T
    for tensor in (plain, turned):
        with SameDraws(0):
            tensor.normal_()
    assert torch.equal(plain, turned)


def test_what_does_not_draw_is_left_alone() -> None:
    x = torch.ones(3, requires_grad=True)
    with SameDraws(0):
        (x * 2).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [2.0, 2.0, 2.0]


# -- agreement


def test_a_first_update_holds_the_gradient_of_the_loss_on_the_first_batch() -> None:
    with closing(Subject("mlp")) as subject:
        update = first_update(subject, "cpu")
        with SameDraws(0), subject.experiment() as (experiment, _):
            assert isinstance(experiment, MLP)
            batch = experiment.supervision.next()
            loss, _ = experiment.supervision.loss(experiment.net, batch)
            expected = torch.autograd.grad(loss, list(experiment.net.parameters()))
    assert update.steps == 1
    torch.testing.assert_close(update.gradients[0], torch.cat([g.flatten() for g in expected]))
    assert update.logged["loss"] == pytest.approx(float(loss.detach()), rel=1e-5)
    assert update.change.any()


def test_devices_agree_within_the_stated_tolerance_and_not_beyond() -> None:
    _, differences = compared(learned(1 + 1e-5), learned())
    assert differences["gradients"][0] == pytest.approx(1e-5, rel=1e-2)
    for there in (learned(1 + 1e-3), learned(loss=2.01), learned(other=1.0), learned(float("nan"))):
        with pytest.raises(Wrong):
            compared(there, learned())


def test_a_number_that_is_not_finite_is_named() -> None:
    assert not_finite({"a": [torch.ones(2), None, 3, "text"]}) is None
    assert not_finite({"a": [torch.tensor(float("nan"))]}) == "state['a'][0]"


TINY = [spec for spec in discover().experiments() if "tiny" in spec.presets]


@pytest.mark.parametrize("spec", TINY, ids=lambda spec: spec.name)
def test_what_a_run_gains_goes_by_the_objective_of_its_task(
    tmp_path: Path, spec: ExperimentSpec
) -> None:
    """An objective may be one for each task: the preset's own counts."""
    family = Family(spec, discover(), "cpu", tmp_path, time.time() + 600)
    metric, direction = family.resolved.objective
    values = [0.5, 0.25, 0.75]
    rows = [json.dumps({"clock": clock, metric: value}) for clock, value in enumerate(values)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    best = 0.75 if direction == "max" else 0.25
    assert family.gain(Trained(tmp_path, {})) == (0.5, best, 0.25)


def test_a_part_that_would_not_fit_says_so(tmp_path: Path) -> None:
    plugins = discover()
    family = Family(plugins.experiment("mlp"), plugins, "cpu", tmp_path, time.time() + 5)
    family.needs(1)
    with pytest.raises(OutOfTime, match="it takes about 60 s"):
        family.needs(60)
    with pytest.raises(Inapplicable):
        PARTS["fp16"](family)


def test_a_run_that_failed_is_not_tried_by_every_part_that_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugins, tries = discover(), list[Any]()

    def fail(*args: Any) -> None:
        tries.append(args)
        raise RuntimeError("no kernel image")

    monkeypatch.setattr("lab.api.start", fail)
    family = Family(plugins.experiment("mlp"), plugins, "cpu", tmp_path, time.time() + 600)
    rows = [done("mlp", name, partial(PARTS[name], family), 0.0) for name in PARTS]
    assert "no kernel image" in rows[1].said
    assert [row.status for row in rows[1:4]] == [FAILED] * 3
    assert "'first', which this needs, failed: no kernel image" in rows[2].said
    assert len(tries) == len({str(args[1].run.name) for args in tries})  # each run once


def test_a_run_that_the_time_was_up_for_is_late_for_every_part(tmp_path: Path) -> None:
    plugins = discover()
    family = Family(plugins.experiment("mlp"), plugins, "cpu", tmp_path, time.time())
    for part in ("train", "repeat"):
        assert done("mlp", part, partial(PARTS[part], family), 0.0).status == LATE


@pytest.mark.parametrize("name", ["dqn", "cnn", "gan"])
def test_what_a_rate_is_compared_with_takes_a_step(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "STEPS", 1)
    taken = []
    hook = register_optimizer_step_post_hook(
        lambda optimizer, args, kwargs: taken.append(optimizer)
    )
    with hook, rates.CONTESTS[name].open("cpu") as contestants:
        taken.clear()  # those of the lab's own, as it was made
        contestants["bare torch"]()
    assert len(taken) == (2 if name == "gan" else 1)
