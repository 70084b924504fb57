"""`lab show RUN`: everything about one run on one screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from lab.cli import common, output
from lab.messages import listed


@click.command("show", short_help="Show one run.")
@common.run_argument
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(run: str, runs_dir: Path, as_json: bool) -> None:
    """Show the config, summary, data, last metrics, media and checkpoints of RUN."""
    from lab.storage import store

    data = _collect(store.find(run, runs_dir))
    if as_json:
        output.print_json(data)
    else:
        _print(data)


def _collect(run: Any) -> dict[str, Any]:
    last: dict[str, float] = {}
    for row in run.metrics():
        last.update(row)
    return {
        "name": run.name,
        "dir": str(run.dir),
        "state": run.state,
        "experiment": run.record["experiment"],
        "preset": run.record.get("preset"),
        "config": run.config,
        "run": run.record["run"],
        "trackers": run.record.get("trackers", {}),
        "summary": run.summary,
        "last": last,
        "data": run.data,
        "media": sorted(str(path) for path in (run.dir / "media").glob("*")),
        "checkpoints": sorted(str(path) for path in (run.dir / "checkpoints").glob("*.pt")),
    }


def _read(entry: dict[str, Any]) -> str:
    """Return what a run has read of a source, in a line."""
    parts = ", ".join(f"{part} {entry[part]:,}" for part in ("train", "eval", "test"))
    target = [f"target {', '.join(entry['target'])}"] if entry.get("target") else []
    columns = entry.get("columns", [])
    names = [f"columns {listed(columns)}"] if columns else []
    changes = [f"changed: {', '.join(change['changes'])} ({change['to']} {change['time']})"
               for change in entry.get("accepted", ())]  # fmt: skip
    return "; ".join([f"{parts}, fingerprint {entry['fingerprint']}", *target, *names, *changes])


def _nonempty(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value not in (None, [], "")}


def _print(data: dict[str, Any]) -> None:
    summary = data["summary"]
    head = {"run": data["name"], "state": data["state"], "preset": data["preset"] or "-"}
    if summary.get("error"):
        head["error"] = summary["error"]
    sections = {
        "": head,
        "config": data["config"],
        "runner": _nonempty(data["run"]),
        **{f"tracker {name}": _nonempty(values) for name, values in data["trackers"].items()},
        "data": {entry["name"]: _read(entry) for entry in data["data"].values()},
        "test": {k: output.number(v) for k, v in summary.get("test", {}).items()},
        "last metrics": {k: output.number(v) for k, v in data["last"].items()},
        "media": {Path(path).name: path for path in data["media"]},
        "checkpoints": {Path(path).stem: path for path in data["checkpoints"]},
    }
    for title, pairs in sections.items():
        if pairs:
            if title:
                click.echo(f"\n{title}")
            output.print_pairs(pairs)
    if data["state"] in ("crashed", "interrupted", "failed"):
        output.say(f"\nContinue with: lab resume {data['dir']}")
