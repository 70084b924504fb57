"""`lab model EXPERIMENT`: the network that its options make, layer by layer, without training it.

An experiment takes part by a static method `network(config, info)`: it returns the module for data
of `info.shape` and `info.outputs`, a `lab.DatasetInfo`. Where the network is called with more than
an input, a static method `network_arguments(config)` returns tensors [1, ...] that follow it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lab.cli import common, options, output
from lab.cli.run import RunGroup
from lab.data.options import DataOptions
from lab.errors import LabError, UsageError
from lab.messages import describe
from lab.plugins import Plugins
from lab.spec import ExperimentSpec
from lab.supervised.language_config import LanguageOptions

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lab.config import Config
    from lab.data.dataset_info import DatasetInfo
    from lab.nn.summary import LayerSummary
    from lab.resolve import Resolved

KINDS = {1: "table", 2: "sequence", 3: "image", 4: "video"}


class ModelGroup(RunGroup):
    """The experiments of all plugins as commands that show a network."""

    def get_command(self, ctx: click.Context, name: str) -> click.Command:
        plugins = self._plugins(ctx)
        return build_command(plugins.experiment(name), plugins)


command = ModelGroup(
    "model",
    help="Show the network that an experiment's options make: its layers with their output shapes, "
    "parameters and multiply-adds. `lab model NAME --help` shows the options.",
    subcommand_metavar="EXPERIMENT [OPTIONS]",
)


def build_command(spec: ExperimentSpec, plugins: Plugins) -> click.Command:
    """Make the command of one experiment from its config."""
    own = options.from_model(spec.load_config())
    sizes = [
        click.Option(
            ["--shape"],
            metavar="INT,...",
            callback=_sizes,
            help="Of one input: 3,224,224; by default that of --data.",
        ),
        click.Option(
            ["--outputs"],
            type=click.IntRange(1),
            help="Classes or values to predict; by default those of --data.",
        ),
        click.Option(["--preset"], metavar="NAME", help="Named options; 'none' for no preset."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout."),
        click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."),
    ]
    built = options.ExperimentCommand(
        spec.name,
        callback=partial(_show, spec, plugins),
        params=[*own, *sizes],
        help=f"Show the network of {spec.name}: {spec.summary}",
        short_help=spec.summary,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    built.own = {spec.name: own}
    built.notes = ""
    return built


def _sizes(ctx: click.Context, parameter: click.Parameter, text: str | None) -> Any:
    if text is None:
        return None
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) not in KINDS or min(shape) < 1:
        raise click.BadParameter(
            "write columns, steps,features, or channels,height,width: 3,224,224", ctx
        )
    return shape


def _show(
    spec: ExperimentSpec,
    plugins: Plugins,
    *,
    shape: tuple[int, ...] | None,
    outputs: int | None,
    preset: str | None,
    as_json: bool,
    **values: Any,
) -> None:
    from lab.nn.summary import totals
    from lab.resolve import resolve

    experiment: Any = spec.load_experiment()
    make = getattr(experiment, "network", None)
    if make is None:
        raise UsageError(
            f"{spec.name} does not say what its network is: its experiment has no network(config, "
            "info)."
        )
    flags = common.specified(values)
    if shape is not None and "data" not in flags:
        preset = preset or "none"  # a preset for other data would change the network
    resolved = resolve(spec, flags, preset=preset, plugins=plugins)
    info = _dataset_info(spec, resolved, plugins, shape, outputs)
    module = _build(make, resolved.config, info)
    told = getattr(experiment, "network_arguments", _nothing)(resolved.config)
    layers = _layers(module, info, told)
    parameters, multiply_adds = totals(layers)
    if as_json:
        result: dict[str, Any] = {"experiment": spec.name, "input_shape": list(info.shape)}
        result |= {"outputs": info.outputs, "layers": [asdict(row) for row in layers]}
        output.print_json({**result, "parameters": parameters, "multiply_adds": multiply_adds})
        return
    _print(layers)
    click.echo()
    output.print_pairs(
        {
            "input": " x ".join(map(str, info.shape)),
            "parameters": f"{parameters:,}",
            "multiply-adds": "other ones for each tree"
            if info.kind == "tree"
            else f"{multiply_adds:,}",
        }
    )


def _dataset_info(
    spec: ExperimentSpec,
    resolved: Resolved,
    plugins: Plugins,
    shape: tuple[int, ...] | None,
    outputs: int | None,
) -> DatasetInfo:
    """Return the sizes of the data: those of the options, the others measured on the data."""
    from lab.data.dataset_info import DatasetInfo

    cfg = resolved.config
    measured: DatasetInfo | None = None
    if shape is None or outputs is None:
        if not isinstance(cfg, DataOptions):
            raise UsageError(f"{spec.name} has no --data to tell sizes: give --shape and --outputs")
        measured = _measured(cfg, plugins)
        shape, outputs = shape or measured.shape, outputs or measured.outputs
    if len(shape) not in KINDS:
        raise UsageError(f"{resolved.target} does not tell the size of an input: give --shape")
    task = resolved.task or (measured.task if measured is not None else "classify")
    classes = tuple(map(str, range(outputs))) if task in ("classify", "segment", "parse") else ()
    info = DatasetInfo(
        resolved.target, KINDS[len(shape)], task, shape, classes, outputs, (0.0,), (1.0,)
    )
    if measured is None or len(measured.shape) != len(shape):
        return info
    return replace(
        info,
        kind=measured.kind,
        vocabulary=measured.vocabulary,
        encoding=measured.encoding if shape == measured.shape else None,
        per_step=measured.per_step,
    )


def _measured(cfg: DataOptions, plugins: Plugins) -> DatasetInfo:
    import torch

    from lab.data.data import Data
    from lab.supervised.corpus import as_tokens, learned
    from lab.tokenizers import load_tokenizer

    cpu, sources = torch.device("cpu"), plugins.sources()

    def run_constant(name: str, compute: Any) -> Any:
        return compute()

    def on_read(name: str, description: Mapping[str, Any]) -> None:
        pass

    data = Data(cfg, sources, cpu, 0, run_constant, output.say, on_read)
    if not isinstance(cfg, LanguageOptions) or data.info.task != "lm":
        return data.info
    tokenizer = load_tokenizer(learned(data, cfg)["tokenizer"])
    return as_tokens(data.info, tokenizer, cfg.context)


def _build(
    make: Callable[[Config, DatasetInfo], nn.Module], cfg: Config, info: DatasetInfo
) -> nn.Module:
    """Build the network on the meta device, without memory for its weights, where that works."""
    import torch

    try:
        with torch.device("meta"):
            return make(cfg, info)
    except Exception:  # a network may need values while it is built, or be wrong
        return make(cfg, info)


def _nothing(cfg: Config) -> tuple[Tensor, ...]:
    return ()


def _layers(module: nn.Module, info: DatasetInfo, told: Sequence[Tensor]) -> list[LayerSummary]:
    import torch

    from lab.nn.summary import summarize, uncalled

    if info.kind == "tree":  # each of which computes other products
        return uncalled(module)
    dtype = torch.long if info.kind == "tokens" else torch.float32
    try:
        return summarize(module, info.shape, dtype, told)
    except Exception as error:  # a plugin's network may fail in any way
        size = " x ".join(map(str, info.shape))
        raise LabError(f"The network cannot take an input of {size}: {describe(error)}") from error


def _print(layers: Sequence[LayerSummary]) -> None:
    rows = [
        (
            row.name or row.type,
            row.type,
            "-" if row.output_shape is None else " x ".join(map(str, row.output_shape)) or "1",
            f"{row.parameters:,}",
            f"{row.multiply_adds:,}",
        )
        for row in layers
    ]
    output.print_table(["layer", "type", "output", "parameters", "multiply-adds"], rows)
