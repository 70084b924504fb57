"""`lab lr EXPERIMENT`: the learning rate at which the loss falls fastest."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from lab.cli import common, options, output
from lab.cli.run import RunGroup, choose_terminal
from lab.config import RunOptions
from lab.plugins import Plugins
from lab.spec import ExperimentSpec

RUN = ("seed", "device", "precision", "compile", "threads", "deterministic")


class RangeTestGroup(RunGroup):
    """The experiments of all plugins as commands that try learning rates."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        plugins = self._plugins(ctx)
        return build_command(plugins.experiment(name), plugins)


command = RangeTestGroup(
    "lr",
    help="Train for some steps while the learning rate rises, and say where the loss falls "
    "fastest: a rate to begin with (Smith, 2017). `lab lr NAME --help` shows the options.",
    subcommand_metavar="EXPERIMENT [OPTIONS]",
)


def build_command(spec: ExperimentSpec, plugins: Plugins) -> click.Command:
    """Make the command of one experiment from its config."""
    from lab.lr_finder import FIXED

    own = options.from_model(spec.load_config(), skip=FIXED)
    others = set(RunOptions.model_fields) - set(RUN)
    built = options.ExperimentCommand(
        spec.name,
        callback=partial(_test, spec, plugins),
        params=[*own, *options.from_model(RunOptions, skip=others), *_extra_options(spec)],
        help=f"Find a learning rate for: {spec.summary}",
        short_help=spec.summary,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    built.own = {spec.name: own}
    built.notes = ""
    return built


def _extra_options(spec: ExperimentSpec) -> list[click.Option]:
    presets = options.Text("NAME", [*spec.presets, "none"])
    file = click.Path(dir_okay=False, path_type=Path)
    return [
        click.Option(["--preset"], type=presets, help="Named options; 'none' for no preset."),
        click.Option(
            ["--steps"], type=options.Count(20), default=100, show_default=True, help="Steps."
        ),
        click.Option(
            ["--highest"], type=click.FloatRange(0, min_open=True), default=10.0, show_default=True,
            help="Rate of the last step; the first has a ten-millionth of it.",
        ),
        click.Option(
            ["--out"], type=file, default=Path("lr.png"), show_default=True, help="Picture."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout."),
        click.Option(["--quiet", "-q"], is_flag=True, help="No progress, no messages but errors."),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."),
    ]  # fmt: skip


def _test(
    spec: ExperimentSpec,
    plugins: Plugins,
    *,
    preset: str | None,
    steps: int,
    highest: float,
    out: Path,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> None:
    from lab.lr_finder import range_test

    output.check_picture(out)
    tested = range_test(
        spec.name,
        steps=steps,
        highest=highest,
        preset=preset,
        terminal=choose_terminal(as_json, quiet),
        plugins=plugins,
        **common.specified(values),
    )
    tested.draw().savefig(out, dpi=120)
    if as_json:
        rows = {"lr": tested.rates, "loss": tested.losses, "smoothed": tested.smoothed}
        output.print_json({"suggestion": tested.suggestion, "picture": str(out), **rows})
        return
    output.print_pairs({
        "falls fastest at": f"{tested.suggestion:.2g}",
        "lowest at": f"{tested.rates[tested.smoothed.index(min(tested.smoothed))]:.2g}",
        "steps": f"{len(tested.rates)} of {steps}",
        "picture": str(out),
    })  # fmt: skip
    if not quiet:
        output.say(f"Train with it: lab run {spec.name} --lr {tested.suggestion:.2g}")
