"""What commands that make pages have in common: save them on W&B, or keep them here."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lab.cli import common, output
from lab.outputs import check_folder

if TYPE_CHECKING:
    from lab import Run
    from lab_wandb.pages import Page

out_option = click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the JSON here; by default into the runs folder, where it is not saved on W&B.",
)


def readable(selected: common.Selected) -> list[Run]:
    """Return the chosen runs, without those of which nothing is known.

    Raises UsageError where there are none.
    """
    from lab import UsageError

    chosen = selected.runs()
    runs = [run for run in chosen if run.summary]
    for run in chosen:
        if not run.summary:
            output.say(f"{run.name} is left out: its summary.json is damaged")
    if runs:
        return runs
    if chosen:
        raise UsageError("Nothing is known of any of these runs.")
    if selected:
        raise UsageError(f"No run in {selected.runs_dir} is among those that were asked for.")
    raise UsageError(f"No runs in {selected.runs_dir}; `lab run NAME` trains one.")


def say_what_lacks(runs: Sequence[Run]) -> None:
    """Name the runs that W&B may not have, and the command that uploads them."""
    lacking = [run for run in runs if "wandb" not in run.summary.get("links", {})]
    if lacking:
        who = f"{lacking[0].name} is" if len(lacking) == 1 else f"{len(lacking)} runs are"
        folders = shlex.join(os.path.relpath(run.dir) for run in lacking)
        output.say(f"{who} not known to be on W&B; upload: lab sync {folders}")


def publish(
    pages: Sequence[Page], entity: str, out: Path | None, kept: Path, as_json: bool
) -> None:
    """Save pages on W&B where that is reached, and print their addresses; print their JSON and keep
    it in a file, `kept` unless `out` names one, where it is not."""
    from lab import LabError
    from lab_wandb import pages as pages_of_wandb
    from lab_wandb.mode import resolve_mode

    if out:
        check_folder("--out", out)
    online = resolve_mode("auto") == "online"
    made = (
        pages_of_wandb.save(pages, entity) if online else [page.as_dict(entity) for page in pages]
    )
    file = out or (None if online else kept)
    if file:
        try:
            file.write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise LabError(f"cannot write {file}: {error.strerror}") from error
    if not online:
        output.say(f"Kept in {file}, not saved on W&B: {_remedy()}, then this command again.")
    if as_json or not online:
        output.print_json(made)
    else:
        for page in made:
            click.echo(page["url"])


def _remedy() -> str:
    """Return what to do so that W&B is reached."""
    from lab_wandb.mode import probe

    status: dict[str, Any] = probe()
    if status["key"] == "found":
        return "it is switched off; unset WANDB_MODE or run `wandb online`"
    what = "there is no key" if status["key"] == "missing" else "the key is none"
    return f"{what}; run `wandb login`"
