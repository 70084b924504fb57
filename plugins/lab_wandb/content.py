"""Turn configs, summaries and files into what W&B takes, without secrets."""

from __future__ import annotations

import csv
import hashlib
import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.messages import slug

SECRET_KEY = re.compile(
    r"(^|_)(api_?key|secret(_key)?|password|passwd|credentials?|private_key"
    r"|(access|api|auth|hf|hub|bearer|wandb)_token)$",
    re.IGNORECASE,
)
SECRET_VARIABLE = re.compile(r"_(KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS)$")
SHORTEST_SECRET = 8
HIDDEN = "***"

IMAGES = {".png", ".jpg", ".jpeg"}
VIDEOS = {".gif", ".mp4", ".webm"}
TEXTS = {".txt", ".md", ".json"}

STAGED = ("checkpoints", "sources", "tables")

# What the W&B run has by other means.
NOT_IN_SUMMARY = {"id", "name", "config", "group", "tags", "experiment", "target", "seed"}
NOT_IN_SUMMARY |= {"host", "pid", "updated", "links"}


def clean(value: Any) -> Any:
    """Return `value` as plain data that is safe to publish, and whose keys have no dots."""
    return _clean(value, _secrets())


def summary_values(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return a run's summary for W&B's: what it lacks, with `test/...` metrics at the top."""
    kept = {k: v for k, v in summary.items() if k not in NOT_IN_SUMMARY and v not in (None, {})}
    test = kept.pop("test", {})
    cleaned: dict[str, Any] = clean({**kept, **(test if isinstance(test, Mapping) else {})})
    return cleaned


def media_object(wandb: Any, path: Path) -> Any:
    """Return the W&B object that shows the file. Raises ValueError where no kind fits."""
    suffix = path.suffix.lower()
    if suffix in IMAGES:
        return wandb.Image(str(path))
    if suffix in VIDEOS:
        return wandb.Video(str(path), format=suffix[1:])
    if suffix == ".html":
        return wandb.Html(str(path))
    if suffix == ".csv":
        return _table(wandb, path)
    if suffix in TEXTS:
        text = path.read_text(encoding="utf-8", errors="replace")
        return wandb.Html(f"<pre>{html.escape(text)}</pre>", data_is_not_path=True)
    raise ValueError(f"there is no way to show a {suffix or 'nameless'} file")


def keep_as_is(path: Path, folder: Path, clock: int | None) -> Path:
    """Return a second name for `path` in `folder`, that still has today's bytes when a resumed
    run has put a new file in its place. Costs no disk but where hard links are not to be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stamp = clock if clock is not None else path.stat().st_mtime_ns
    kept = folder / f"{path.stem}-{stamp}{path.suffix}"
    kept.unlink(missing_ok=True)
    try:
        os.link(path, kept)
    except OSError:
        shutil.copy2(path, kept)
    return kept


def clear_staging(folder: Path) -> None:
    """Remove what was kept in `<run folder>/wandb` until it is uploaded."""
    for name in STAGED:
        shutil.rmtree(folder / name, ignore_errors=True)


def keep_description(name: str, description: Any, folder: Path) -> Path:
    """Return a file in `folder` that holds the description of a source."""
    text = json.dumps(description, indent=2, sort_keys=True) + "\n"
    path = folder / f"{slug(name)}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def git_settings() -> dict[str, str]:
    """Return settings that keep a name or token in the git remote's URL off the wire."""
    url = _git("config", "--get", "remote.origin.url")
    without = _without_user(url)
    # wandb finds out by itself, but for a URL with `user:password@` it leaves the user in.
    if without == url:
        return {}
    return {"git_remote_url": without, "git_commit": _git("rev-parse", "HEAD")}


def _table(wandb: Any, path: Path) -> Any:
    with path.open(encoding="utf-8", newline="") as file:
        columns, *rows = list(csv.reader(file)) or [[]]
    return wandb.Table(columns=columns, data=[[_cell(cell) for cell in row] for row in rows])


def _cell(text: str) -> str | int | float | None:
    """Return the value of a table's cell; W&B requires one type in each column."""
    for kind in (int, float):
        with suppress(ValueError):
            return kind(text)
    return text or None


def _clean(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return {
            str(key).replace(".", "_"): HIDDEN
            if SECRET_KEY.search(str(key))
            else _clean(v, secrets)
            for key, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_clean(item, secrets) for item in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = _without_user(str(value))
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return text


def _secrets() -> tuple[str, ...]:
    """The values of environment variables that are secrets by their name."""
    values = (v for k, v in os.environ.items() if SECRET_VARIABLE.search(k))
    return tuple(v for v in values if len(v) >= SHORTEST_SECRET)


def _without_user(text: str) -> str:
    if "://" not in text or "@" not in text:
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], capture_output=True, text=True, timeout=5, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
