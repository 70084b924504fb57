"""Show a run in a notebook: its curves as a figure, and all of it as HTML."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.errors import UsageError
from lab.learning_curve import plot
from lab.storage.store import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SHOWN = {".png": "image/png", ".gif": "image/gif"}
MOST_PICTURES = 3
LARGEST_PICTURE = 2 * 2**20  # bytes: a notebook keeps all that it shows


def html_of(run: Run) -> str:
    """Return a run as HTML: what it came to, its curves, and its last pictures."""
    parts = [_table(_facts(run))]
    try:
        parts.append(_picture(_png(plot(run)), ".png", "curves"))
    except UsageError:
        parts.append("<p>no metrics yet</p>")
    parts += [_picture(path.read_bytes(), path.suffix, path.name) for path in _last_pictures(run)]
    return "\n".join(["<div>", *parts, "</div>"])


def _facts(run: Run) -> dict[str, Any]:
    summary = run.summary
    clock, objective = summary.get("clock", {}), summary.get("objective", {})
    facts = {
        "run": run.name,
        "state": run.state,
        **{name: summary.get(name) for name in ("error", "experiment", "target", "seed")},
        clock.get("name", "clock"): clock.get("value"),
        f"best {objective.get('metric', 'objective')}": objective.get("best"),
        **summary.get("test", {}),
    }
    return {name: value for name, value in facts.items() if value is not None}


def _table(facts: dict[str, Any]) -> str:
    rows = [
        f"<tr><th>{escape(name)}</th><td>{escape(_text(value))}</td></tr>"
        for name, value in facts.items()
    ]
    return f"<table>{''.join(rows)}</table>"


def _text(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()


def _picture(content: bytes, suffix: str, name: str) -> str:
    source = f"data:{SHOWN[suffix]};base64,{base64.b64encode(content).decode()}"
    return f'<img alt="{escape(name)}" title="{escape(name)}" src="{source}">'


def _last_pictures(run: Run) -> Iterable[Path]:
    """Return the newest picture of each name, CLOCK-NAME.png, the last few of them."""
    newest = {}
    for path in sorted((run.dir / "media").glob("*")):
        if path.suffix in SHOWN and path.stat().st_size <= LARGEST_PICTURE:
            newest[path.name.partition("-")[2]] = path
    return sorted(newest.values())[-MOST_PICTURES:]
