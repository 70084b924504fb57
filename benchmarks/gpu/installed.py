"""Let a checkout serve as an installation: find plugins by the entry points of pyproject.toml."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import tomllib
from importlib import invalidate_caches
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ensure() -> None:
    """Let this process, and those that get its `sys.path`, import and find the lab's plugins."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for folder in (ROOT, ROOT / "plugins", ROOT / "envs"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    try:
        distribution(project["name"])
    except PackageNotFoundError:
        sys.path.append(str(offer(project["name"], project["version"], project["entry-points"])))
        invalidate_caches()


def offer(name: str, version: str, groups: dict[str, dict[str, str]]) -> Path:
    """Return a folder with the metadata of an installed distribution, for as long as we live."""
    folder = Path(tempfile.mkdtemp(prefix="lab-installed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, points in groups.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder
