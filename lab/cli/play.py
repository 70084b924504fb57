"""`lab play RUN`: show what a trained run does. Its options are the experiment's own."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from lab.cli import common, options, output
from lab.errors import UsageError
from lab.store import Run


class CapabilityCommand(click.Command):
    """A command on a run whose further options the run's experiment names."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        found = _find_run(args)
        if found is not None:
            self._add_options(found)
        return super().parse_args(ctx, args)

    def _add_options(self, found: Run) -> None:
        from lab.plugins import discover
        from lab.spec import import_object

        spec = discover().experiment(found.plugin)
        path = spec.capabilities.get(str(self.name))
        if path is None:
            return  # said when the command runs
        model = import_object(path)
        known = {param.name for param in self.params}
        self.params += options.from_model(model, skip=known, environment=False)


@click.command("play", cls=CapabilityCommand, short_help="Write a GIF of what a trained run does.")
@common.run_argument
@click.option("--checkpoint", default="best", show_default=True, help="best, last or a clock.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.")
@common.runs_dir_option
@common.json_option
@common.debug_option
def command(
    run: str, checkpoint: str, out: Path | None, runs_dir: Path, as_json: bool, **values: Any
) -> None:
    """Play an episode with RUN, a folder or a name, and write it as a GIF.

    `lab play RUN --help` shows the options of the run's own experiment too.
    """
    from lab import api, media, store

    found = store.find(run, runs_dir)
    content = api.use(found.dir, "play", checkpoint, **common.given(values))
    stem = _stem(out or found.dir / "media" / f"play-{checkpoint}", media.suffix(content))
    stem.parent.mkdir(parents=True, exist_ok=True)
    path = media.write(stem, content)
    if as_json:
        output.print_json({"dir": str(found.dir), "file": str(path)})
    else:
        click.echo(path)


def _stem(out: Path, suffix: str) -> Path:
    """Return `out` without its suffix. Raises UsageError where it has that of another kind."""
    if out.suffix in {".gif", ".png", ".txt", ".mp4", ".jpg", ".webp"} - {suffix}:
        raise UsageError(f"--out {out}: this is written as {suffix}. Name it {out.stem}{suffix}")
    return out.with_suffix("") if out.suffix == suffix else out


def _find_run(args: list[str]) -> Run | None:
    """Find RUN among the words before the options are parsed: they depend on it."""
    from lab import store

    for word in args:
        if not word.startswith("-"):
            with suppress(UsageError):
                return store.find(word, _runs_dir(args))
    return None


def _runs_dir(args: list[str]) -> Path:
    parser = click.Command("", params=[p for p in command.params if p.name == "runs_dir"])
    settings: dict[str, Any] = {"ignore_unknown_options": True, "allow_extra_args": True}
    with parser.make_context("play", list(args), help_option_names=[], **settings) as ctx:
        return Path(ctx.params["runs_dir"])
