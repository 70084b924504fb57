"""`lab run EXPERIMENT`: each experiment is a subcommand made from its config."""

from __future__ import annotations

import sys
from contextlib import nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import click

from lab.cli import common, options, output
from lab.cli.closing import next_commands, print_result
from lab.config import RunOptions
from lab.errors import LabError, RunFailed, UsageError
from lab.options import build
from lab.plugins import Plugins, discover
from lab.resolve import models_of
from lab.spec import ExperimentSpec
from lab.storage.store import Run
from lab.tracking.terminal import Silent, Terminal, for_stream


class RunGroup(click.Group):
    """The experiments of all plugins as commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [spec.name for spec in self._plugins(ctx).experiments()]

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        plugins = self._plugins(ctx)
        return build_command(plugins.experiment(name), plugins)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        specs = self._plugins(ctx).experiments()
        with formatter.section("Experiments"):
            formatter.write_dl([(spec.name, spec.summary) for spec in specs])

    @staticmethod
    def _plugins(ctx: click.Context) -> Plugins:
        if ctx.obj is None:
            ctx.obj = discover()
            for plugin in ctx.obj.broken:
                output.say(f"Warning: plugin {plugin.name!r} is broken: {plugin.error}")
        return ctx.obj  # type: ignore[no-any-return]


command = RunGroup(
    "run",
    help="Train an experiment. `lab run NAME --help` shows its options.",
    subcommand_metavar="EXPERIMENT [OPTIONS]",
)


def build_command(spec: ExperimentSpec, plugins: Plugins) -> click.Command:
    """Make the command of one experiment from the options of its own, the runner's and the
    trackers'."""
    models, offered = models_of(spec, plugins), plugins.trackers()
    own = {spec.name: options.from_model(models.config)}
    for name, model in models.trackers.items():
        own[f"the tracker {offered[name].label or name}"] = options.from_model(model)
    runner = [*options.from_model(RunOptions), *_extra_options(spec)]
    built = options.ExperimentCommand(
        spec.name,
        callback=partial(_run, spec, plugins),
        params=[*(param for params in own.values() for param in params), *runner],
        help=spec.summary,
        short_help=spec.summary,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    built.own = own
    built.notes = _presets(spec)
    return built


def _extra_options(spec: ExperimentSpec) -> list[click.Option]:
    """The options that only the command line has."""
    presets = options.Text("NAME", [*spec.presets, "none"])
    file = click.Path(dir_okay=False, path_type=Path)
    return [
        click.Option(["--preset"], type=presets, help="Named options; 'none' for no preset."),
        click.Option(["--config", "file"], type=file, help="YAML file of options."),
        click.Option(["--seeds"], type=click.IntRange(1), help="Train this many seeds, a group."),
        click.Option(["--jobs"], type=click.IntRange(1), help="Seeds at a time; 1 by default."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout."),
        click.Option(["--quiet", "-q"], is_flag=True, help="No progress, no messages but errors."),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."),
    ]


def _presets(spec: ExperimentSpec) -> str:
    """Describe the presets under the options."""
    if not spec.presets:
        return ""
    lines = ["Presets (the one named as the task is chosen by itself; options override it):"]
    for name, values in spec.presets.items():
        pairs = ", ".join(f"{key}={value}" for key, value in values.items())
        lines.append(f"  {name}: {pairs}")
    return "\n".join(lines) + "\n"


def _run(
    spec: ExperimentSpec,
    plugins: Plugins,
    *,
    preset: str | None,
    file: Path | None,
    seeds: int | None,
    jobs: int | None,
    as_json: bool,
    quiet: bool,
    **values: Any,
) -> None:
    """Resolve the options and train, here or as a group of seeds."""
    from lab import api
    from lab.resolve import resolve

    flags = common.specified(values)
    resolved = resolve(spec, flags, preset=preset, file=file, plugins=plugins)
    if seeds is not None:
        from lab.cli.seeds import run_seeds
        from lab.launch import RunSpec

        run_spec = RunSpec(spec, flags, preset, file)
        group = resolved.run.group or api.default_group(spec, resolved)
        sys.exit(
            run_seeds(run_spec, group, plugins, seeds, jobs or 1, as_json=as_json, quiet=quiet)
        )
    if jobs is not None:
        raise UsageError("--jobs says how many seeds train at a time: it needs --seeds")
    terminal = choose_terminal(as_json, quiet)
    if resolved.preset:
        terminal.say(f"Preset {resolved.preset} of {spec.name}")
    report(partial(api.start, spec, resolved, plugins, terminal), as_json, quiet)


def _capabilities(result: Any) -> list[str]:
    """Return what can be asked of a run; nothing where its experiment is not a plugin's."""
    try:
        spec, record = discover().experiment(result.summary["experiment"]), Run(result.dir).record
        lacking = build(spec.load_config(), record["config"]).lacks(record["decided"]["task"])
    except LabError:  # the run has ended well: what is recommended may not change that
        return []
    return [name for name in spec.capabilities if name not in lacking]


def choose_terminal(as_json: bool, quiet: bool) -> Terminal:
    return Silent() if quiet else for_stream()


def report(train: Any, as_json: bool, quiet: bool) -> None:
    """Train, print the result, and exit with its code."""
    from lab.engine.session import RunResult

    try:
        # what a library prints while training may not come between the reader and the JSON
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            result: RunResult = train()
    except RunFailed as error:
        if as_json:
            output.print_json(output.result_json(RunResult.read(Path(error.dir))))
        raise
    if as_json:
        output.print_json(output.result_json(result))
    else:
        print_result(result)
    for line in () if quiet else result.hints:
        output.say(line)
    if result.state == "finished" and not quiet:
        output.say(next_commands(result, _capabilities(result)))
    if result.state == "interrupted":
        output.say(f"Interrupted. Continue with: lab resume {result.dir}")
        sys.exit(128 + (result.summary["signal"] or 2))
