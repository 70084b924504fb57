"""Every check catches a plugin that breaks its promise, and none accuses an honest one."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import helpers
import pytest
import torch

import lab
from lab.errors import UsageError
from lab.plugins import discover
from lab.testing import Subject, check_plugin, checks
from lab.testing.report import BROKEN, EXPECTED, KEPT, SKIPPED, examine, promise

FILE = Path(__file__).with_name("specimens") / "specimens.py"
sys.path.append(str(FILE.parent))
import specimens  # noqa: E402

ELSEWHERE = {  # tested below, on files that a test spoils
    "name_is_unique",
    "the_lab_is_required",
    "imports_are_light",
    "imports_are_public",
    "trackers_are_left_to_the_runner",
}


def examined(name: str, check: str):
    subject = Subject(f"{FILE}:{name}")
    dtype = torch.get_default_dtype()
    try:
        return examine(subject, check, None)
    finally:
        subject.close()
        torch.set_default_dtype(dtype)
        while specimens.KEPT:
            kept = specimens.KEPT.pop()
            if hasattr(kept, "close"):
                kept.close()


@pytest.fixture
def second_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch takes cpu:1 for a device of its own, on any machine."""
    monkeypatch.setattr("lab.compute.device.available", lambda: ["cpu:1", "cpu"])


@pytest.mark.parametrize(("check", "name", "message"), specimens.BREAKS, ids=str)
def test_a_broken_promise_is_caught(check, name, message, second_device) -> None:
    result = examined(name, check)
    assert result.status == BROKEN, result
    assert message in result.message
    if message not in (
        "only where it began",
        "ValueError",
        "Unsupported",
    ):  # what breaks there is the plugin's own
        assert not result.traceback, "the check itself says what is wrong"


def test_an_honest_plugin_moves_to_a_second_device(second_device) -> None:
    assert examined("honest", "devices_are_exchangeable").status == KEPT


def test_every_check_has_a_plugin_that_it_must_catch() -> None:
    assert set(checks()) - {check for check, _, _ in specimens.BREAKS} == ELSEWHERE


def test_an_honest_plugin_passes_every_check() -> None:
    report = check_plugin(f"{FILE}:honest")
    assert report.passed, report.failures
    skipped = {result.check for result in report.results if result.status == SKIPPED}
    assert skipped <= {
        "devices_are_exchangeable",
        "the_lab_is_required",
        "imports_are_light",
        "splits_are_read_where_they_belong",
        "evaluation_has_its_own_environments",
        "predict_answers_each_input",
        "samples_are_arrays",
        "sample_draws_as_many_as_asked",
        "export_can_be_loaded",
        "accumulating_trains_alike",
        "averages_train",
    }


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("reads", "splits_are_read_where_they_belong"),
        ("acts", "evaluation_has_its_own_environments"),
        ("offers", "predict_answers_each_input"),
        ("offers", "sample_draws_as_many_as_asked"),
        ("offers", "export_can_be_loaded"),
        ("accumulates", "accumulating_trains_alike"),
        ("averages", "averages_train"),
    ],
)
def test_an_honest_plugin_passes_what_the_simplest_skips(name, check) -> None:
    assert examined(name, check).status == KEPT
    assert examined("honest", check).status == SKIPPED


def test_a_pattern_declares_all_that_begin_so() -> None:
    spec = dataclasses.replace(specimens.SPEC, metrics={"eval/gradient_*": "a norm by layer"})
    assert spec.declares("eval/gradient_0")
    assert spec.declares("eval/gradient_features_3")
    assert not spec.declares("eval/grad")
    assert not spec.declares("train/gradient_0")


def test_every_check_says_what_it_promises() -> None:
    for name in checks():
        assert promise(name).endswith("."), name


# -- checks that look at files


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installed plugin whose files a test may spoil."""
    folder = tmp_path / "specimen_package"
    folder.mkdir()
    (folder / "__init__.py").write_text(
        "import lab\n\n@lab.hookimpl\ndef lab_experiments():\n"
        "    yield lab.ExperimentSpec(name='packed', summary='s', "
        "config='specimen_package.config:Config', experiment='specimen_package.algorithm:It')\n"
    )
    (folder / "config.py").write_text("import lab\nclass Config(lab.Config): ...\n")
    (folder / "algorithm.py").write_text("from lab import Config\nclass It: ...\n")
    points = {"packed": "specimen_package"}
    helpers.distribution(tmp_path, "specimen-package", points, requires="rl-gen-lab >=0.1")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.startswith("specimen_package")]:
        del sys.modules[name]


FILES = {
    "heavy spec": ("imports_are_light", "__init__.py", "import numpy\n", "loads numpy"),
    "heavy config": ("imports_are_light", "config.py", "import torch\n", "torch. Keep"),
    "private name": ("imports_are_public", "algorithm.py", "from lab.engine.runner import Runner\n",
                     "lab.engine.runner.Runner, which is not public"),
    "private module": ("imports_are_public", "algorithm.py", "import lab.storage.store\n",
                       "lab.storage.store"),
    "another plugin": ("imports_are_public", "algorithm.py", "import lab_dqn.model\n",
                       "another plugin"),
    "a tracker's library": ("trackers_are_left_to_the_runner", "algorithm.py",
                            "def f():\n    import wandb\n", "imports wandb"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_files_that_import_what_they_should_not_are_caught(package, case) -> None:
    check, file, line, message = FILES[case]
    subject = Subject("packed")
    assert examine(subject, check, None).status == KEPT
    path = package / file
    path.write_text(line + path.read_text())
    result = examine(subject, check, None)
    assert result.status == BROKEN
    assert message in result.message


def test_a_name_that_two_plugins_offer_is_caught(package, tmp_path) -> None:
    subject = Subject("packed")
    assert examine(subject, "name_is_unique", None).status == KEPT
    (tmp_path / "specimen_twin.py").write_text((package / "__init__.py").read_text())
    helpers.distribution(tmp_path, "specimen-twin", {"twin": "specimen_twin"})
    plugins = discover()
    twin = next(p.experiments[0] for p in plugins.all if p.name == "twin")
    result = examine(Subject(twin, plugins), "name_is_unique", None)
    assert result.status == BROKEN
    assert "specimen-twin" in result.message
    sys.modules.pop("specimen_twin")


def test_a_distribution_that_does_not_say_which_lab_it_needs_is_caught(package, tmp_path) -> None:
    assert examine(Subject("packed"), "the_lab_is_required", None).status == KEPT
    (metadata,) = tmp_path.glob("*.dist-info/METADATA")
    metadata.write_text(metadata.read_text().replace("rl-gen-lab", "rl-gen-lab-extras"))
    result = examine(Subject("packed"), "the_lab_is_required", None)
    assert result.status == BROKEN
    assert "does not declare that it needs rl-gen-lab" in result.message


# -- expected failures


def test_an_expected_failure_needs_a_reason_and_a_check() -> None:
    with pytest.raises(UsageError, match="reason is missing"):
        check_plugin(f"{FILE}:honest", only=["clock_is_kept"],
                     expected_failures={"clock_is_kept": " "})  # fmt: skip
    with pytest.raises(UsageError, match="Did you mean 'clock_is_kept'"):
        check_plugin(f"{FILE}:honest", expected_failures={"clock_kept": "why"})
    with pytest.raises(UsageError, match="no check 'nonsense'"):
        check_plugin(f"{FILE}:honest", only=["nonsense"])


def test_an_expected_failure_is_no_failure_and_an_unexpected_pass_is_one() -> None:
    reasons = {"clock_is_kept": "its clock is a float", "spec_is_complete": "just so"}
    report = check_plugin(f"{FILE}:clock-is-kept-1", only=list(reasons), expected_failures=reasons)
    results = {result.check: result for result in report.results}
    assert results["clock_is_kept"].status == EXPECTED
    assert results["clock_is_kept"].message == "its clock is a float"
    assert results["spec_is_complete"].status == BROKEN
    assert "was expected to fail" in results["spec_is_complete"].message
    assert not report.passed


def test_a_spec_can_say_itself_what_it_cannot_keep() -> None:
    plugins = discover()
    spec = plugins.experiment(f"{FILE}:clock-is-kept-1")
    exempt = dataclasses.replace(spec, exempt={"clock_is_kept": "its clock is a float"})
    report = check_plugin(exempt, only=["clock_is_kept"], plugins=plugins)
    assert [result.status for result in report.results] == [EXPECTED]


# -- the fronts


def test_pytest_shows_each_check_and_is_strict_about_expected_failures(tmp_path) -> None:
    (tmp_path / "test_it.py").write_text(
        "from lab.testing import parametrize_with_checks\n\n"
        f"@parametrize_with_checks({f'{FILE}:nothing-is-printed-1'!r}, expected_failures="
        "{'clock_is_kept': 'no reason at all'})\n"
        "def test_contract(check):\n    check()\n"
    )
    selected = "clock_is_kept or nothing_is_printed or spec_is_complete or devices"
    words = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-k", selected, "."]
    done = helpers.run_child(
        [sys.executable, *words], tmp_path, helpers.child_environment(), warm=True
    )
    assert "test_contract[nothing_is_printed]" in done.stdout
    assert "Training prints 'hello'" in done.stdout
    assert "test_contract[clock_is_kept]" in done.stdout
    assert "It passes, but was expected to fail: no reason at all" in done.stdout
    assert "2 failed, 1 passed" in done.stdout
    assert done.returncode == 1


def test_the_facade_of_testing_needs_no_pytest() -> None:
    code = "import sys; sys.modules['pytest'] = None; import lab.testing; lab.testing.checks()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=helpers.child_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert lab.testing.checks
