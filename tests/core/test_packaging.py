"""What is built and installed is the lab, its plugins, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import helpers
import pytest

PROJECT = tomllib.loads((helpers.ROOT / "pyproject.toml").read_text())["project"]
POINTS = PROJECT["entry-points"]["lab"]


def pip(*args: object, python: Path | str = sys.executable) -> None:
    words = [str(python), "-m", "pip", "--disable-pip-version-check", *map(str, args)]
    done = subprocess.run(
        words, cwd=helpers.ROOT, env=helpers.child_environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, ".")
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture
def scratch(tmp_path) -> Path:
    """The python of a fresh environment that sees this one's packages, but for the lab."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
    # A path only: the .pth files in there, an editable lab among them, are not read.
    parent = sysconfig.get_path("purelib")
    (Path(site.stdout.strip()) / "parent.pth").write_text(parent + "\n")
    return python


def names(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        return archive.namelist()


def test_a_wheel_holds_the_packages_and_nothing_else(wheel) -> None:
    top = {name.split("/")[0] for name in names(wheel)}
    plugins = {target.split(".")[0] for target in POINTS.values()}
    info = {name for name in top if name.endswith(".dist-info")}
    assert len(info) == 1
    assert top - info == {"lab"} | plugins
    stray = sorted(
        name
        for name in names(wheel)
        if name.split("/")[0] not in info and not name.endswith((".py", ".yaml", ".typed"))
    )
    # the parts of the pages
    pages = ("lab/comparison/page/page", "lab/serving/page")
    assert stray == [f"{page}.{kind}" for page in pages for kind in ("css", "html", "js")]


def test_a_wheel_holds_every_module_of_the_lab(wheel) -> None:
    sources = {str(p.relative_to(helpers.ROOT)) for p in (helpers.ROOT / "lab").rglob("*.py")}
    assert sources <= set(names(wheel))


def test_a_wheel_says_that_the_lab_is_typed(wheel) -> None:
    assert "lab/py.typed" in names(wheel)


def check_installed(python: Path, neutral: Path) -> None:
    """From a folder that has nothing to do with the sources, everything is there."""
    neutral.mkdir()
    env = {k: v for k, v in helpers.child_environment().items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [python.parent / "lab", "plugins", "--json"],
        cwd=neutral,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    plugins = {
        p["name"]: p for p in json.loads(done.stdout) if p["distribution"] == PROJECT["name"]
    }
    assert set(plugins) == set(POINTS)
    assert {plugin["status"] for plugin in plugins.values()} == {"ok"}
    assert {plugin["version"] for plugin in plugins.values()} == {PROJECT["version"]}
    offers = ("experiments", "environments", "sources", "trackers")
    assert all(any(plugin[what] for what in offers) for plugin in plugins.values())


def test_a_wheel_works_where_it_is_installed(wheel, scratch, tmp_path) -> None:
    pip("--python", scratch, "install", "--no-deps", "--no-index", "--ignore-installed", wheel)
    check_installed(scratch, tmp_path / "neutral")


def test_an_editable_install_works(scratch, tmp_path) -> None:
    pip("--python", scratch, "install", "--no-deps", "--no-build-isolation", "--no-index",
        "--ignore-installed", "-e", ".")  # fmt: skip
    check_installed(scratch, tmp_path / "neutral")


def test_versions_agree() -> None:
    import lab

    assert lab.__version__ == PROJECT["version"]
