"""A broken check is reported once, at the plugin's own line, and every wait has a limit."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path

import helpers
import pytest
from click.testing import CliRunner

from lab.cli import main
from lab.testing import check_plugin
from lab.testing.report import BROKEN, KEPT, SKIPPED

FILE = Path(__file__).with_name("specimens") / "specimens.py"
sys.path.append(str(FILE.parent))
import specimens  # noqa: E402

FIRST = "tiny_finishes_within_seconds"
SECONDS = 4.0  # of a check that hangs; the others take a fraction of one
# what needs no training, what trains, and what builds an experiment of its own
SOME = ["presets_are_valid", FIRST, "same_seed_same_metrics", "clock_is_kept", "loading_copies"]


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """Let a run import everything, so that a limit is the time of what hangs."""
    assert check_plugin(f"{FILE}:honest", only=[FIRST]).passed


def line_of(kind: type, words: str) -> str:
    """Return where `words` stand in a specimen, as a message names it."""
    lines, first = inspect.getsourcelines(kind)
    number = next(n for n, line in enumerate(lines) if words in line)
    return f"specimens.py:{first + number}, in "


def statuses(report) -> dict[str, str]:
    return {result.check: result.status for result in report.results}


def test_a_run_that_fails_is_told_once_at_the_plugins_own_line() -> None:
    report = check_plugin(f"{FILE}:fails-in-step")
    (failure,) = report.failures
    assert failure.check == FIRST
    assert line_of(specimens.FailsInStep, "torch.zeros(3, 3)") + "step" in failure.message
    assert "RuntimeError" in failure.message
    assert "torch.zeros(3, 3)" in failure.traceback
    needing = {r.check for r in report.results if r.message == f"needs {FIRST}"}
    assert {"same_seed_same_metrics", "loading_copies", "nothing_is_printed"} < needing
    assert {r.status for r in report.results if r.check in needing} == {SKIPPED}
    assert not report.passed


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (1, "the default of --lr, -1, is refused by its own range"),
        (2, "the default of --lr, fast, is refused by its own type"),
    ],
)
def test_a_bad_default_is_told_once_and_called_one(number, message) -> None:
    report = check_plugin(f"{FILE}:defaults-are-valid-{number}")
    (failure,) = report.failures
    assert failure.message.startswith(message)
    assert {r.message for r in report.results if r.check in SOME} == {"needs defaults_are_valid"}


def test_a_missing_preset_is_told_once() -> None:
    report = check_plugin(f"{FILE}:spec-is-complete-1")
    assert [failure.check for failure in report.failures] == ["spec_is_complete"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("hangs-in-init", specimens.HangsInInit),
        ("hangs-in-step", specimens.HangsInStep),
        ("hangs-in-evaluate", specimens.HangsInEvaluate),
    ],
)
def test_what_hangs_is_ended_and_told_once(name, kind) -> None:
    report = check_plugin(f"{FILE}:{name}", only=SOME, time_limit=SECONDS)
    assert statuses(report) == {
        "presets_are_valid": KEPT,
        FIRST: BROKEN,
        "same_seed_same_metrics": SKIPPED,
        "clock_is_kept": SKIPPED,
        "loading_copies": SKIPPED,
    }
    (failure,) = report.failures
    assert failure.message.startswith(f"It took more than {SECONDS:g} s.")
    assert line_of(kind, "time.sleep") in failure.message
    assert not failure.traceback


def test_what_hangs_beside_training_holds_nothing_else_up() -> None:
    only = ["predictions_are_batched", "capabilities_are_there", "loading_copies"]
    report = check_plugin(f"{FILE}:hangs-in-predict", only=only, time_limit=SECONDS)
    assert list(statuses(report).values()) == [BROKEN, KEPT, KEPT]


def test_what_hangs_below_python_ends_with_a_line() -> None:
    code = (
        "from lab.testing import check_plugin, limits\n"
        f"check_plugin({f'{FILE}:honest'!r}, only=[{FIRST!r}])  # imports everything\n"
        "limits.GRACE = 1.0\n"
        f"check_plugin({f'{FILE}:hangs-below'!r}, only=[{FIRST!r}], time_limit={SECONDS})"
    )
    done = helpers.run_child(
        [sys.executable, "-c", code], FILE.parent, helpers.child_environment(), warm=True
    )
    assert done.returncode == 1, done.stderr
    assert line_of(specimens.HangsBelowPython, "# no signal") + "step" in done.stderr
    assert done.stderr.startswith(f"{FIRST}: It took more than {SECONDS:g} s.")
    assert "Traceback" not in done.stderr


def test_a_signal_ends_the_command_at_once() -> None:
    done = helpers.run_child(
        helpers.lab_command("check", f"{FILE}:is-ended", "--only", FIRST),
        FILE.parent,
        helpers.child_environment(),
        warm=True,
    )
    assert done.returncode == 128 + 15
    assert done.stderr == "Ended by SIGTERM.\n"


def test_the_command_has_a_time_limit_and_a_report_in_json() -> None:
    args = ["--only", FIRST, "--time-limit", str(SECONDS), "--json"]
    done = CliRunner().invoke(main, ["check", f"{FILE}:hangs-in-step", *args])
    assert done.exit_code == 1
    (result,) = json.loads(done.stdout)["results"]
    assert result["status"] == BROKEN
    assert f"{SECONDS:g} s" in result["message"]
