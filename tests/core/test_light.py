"""Looking around costs no heavy import."""

from __future__ import annotations

import re
import sys

import helpers
import pytest

from lab.testing.light import heavy

HEAVY = tuple(sorted(heavy()))
REPORT = (
    "import sys\nfrom lab.cli import main\n"
    "try: main({args!r}, prog_name='lab')\n"
    "except SystemExit as done: code = done.code\n"
    "loaded = [name for name in {heavy!r} if name in sys.modules]\n"
    "print('LOADED', code, *loaded, file=sys.stderr)"
)


def loaded(code: str, site, tmp_path) -> list[str]:
    env = helpers.child_environment(site)
    child = helpers.run_child([sys.executable, "-c", code], tmp_path, env)
    return child.stderr.splitlines()[-1].split()


def test_what_is_heavy_follows_from_what_the_lab_needs() -> None:
    for name in ("torch", "numpy", "gymnasium", "wandb", "scipy", "sklearn", "rich", "PIL"):
        assert name in HEAVY
    assert not {"click", "pluggy", "pydantic", "yaml", "lab", "torchgen"} & set(HEAVY)


def test_the_lab_names_no_trackers_library() -> None:
    """Weights & Biases is a plugin as anybody's: nothing of the lab knows it."""
    pattern = re.compile(r"wandb|w&b|weights\s*&\s*biases", re.IGNORECASE)
    files = [path for path in (helpers.ROOT / "lab").rglob("*") if path.is_file()]
    texts = {path: path.read_text() for path in files if path.suffix != ".pyc"}
    assert len(texts) > 150
    assert [str(path) for path, text in texts.items() if pattern.search(text)] == []


@pytest.mark.parametrize(
    "words",
    ["--help", "--version", "plugins", "plugins --json", "run --help", "run toy-epochs --help",
     "run odd --lr x", "runs", "runs --json", "completion bash", "show --help", "resume --help",
     "compare --help", "check --help", "new --help", "export --help", "eval --help",
     "doctor --help", "play --help", "sync --help", "wandb view --help",
     "wandb report --help", "nonsense"],
)  # fmt: skip
def test_a_command_that_only_looks_loads_nothing_heavy(site, tmp_path, words) -> None:
    code = REPORT.format(args=words.split(), heavy=HEAVY)
    assert loaded(code, site, tmp_path) in (["LOADED", "0"], ["LOADED", "2"])


def test_listing_and_showing_runs_reads_plain_files(train, site, tmp_path) -> None:
    train("odd", name="one")
    for words in (["runs"], ["show", "one"], ["show", "one", "--json"]):
        code = REPORT.format(args=words, heavy=HEAVY)
        assert loaded(code, site, tmp_path) == ["LOADED", "0"], words


@pytest.mark.parametrize(
    "code",
    ["import lab", "from lab import hookimpl, ExperimentSpec, EnvironmentSpec, Config, Options",
     "from lab import UsageError, LabError, Diverged, RunFailed, Run, runs; list(runs())",
     "import lab; dir(lab); lab.run; lab.resume; lab.load; lab.evaluate",
     "from lab.plugins import discover; discover().experiments()"],
)  # fmt: skip
def test_the_names_of_plugins_and_notebooks_come_light(site, tmp_path, code) -> None:
    report = f"import sys; print('LOADED', *[n for n in {HEAVY!r} if n in sys.modules], "
    program = f"{code}\n{report}file=sys.stderr)"
    assert loaded(program, site, tmp_path) == ["LOADED"]
