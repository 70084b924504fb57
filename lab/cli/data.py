"""`lab data`: list the sources, and show what one of them holds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from lab.cli import common, options, output
from lab.data.options import DataOptions
from lab.messages import did_you_mean, listed
from lab.options import Options, build
from lab.plugins import discover
from lab.spec import SourceSpec, import_object

if TYPE_CHECKING:
    from lab.data.data import Data

LINES = 5  # of a text, or sentences
MOST_CLASSES = 50  # shown one by one


class Sources(click.Group):
    """The commands about data; without one, all sources are listed."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in self.commands:
            sources = discover().sources()
            if name.partition(":")[0] in sources:
                raise click.UsageError(f"Say: lab data show {name}", ctx)
            raise click.UsageError(
                f"There is no command {name!r}.{did_you_mean(name, self.commands)}", ctx
            )
        return super().resolve_command(ctx, args)


@click.group("data", cls=Sources, invoke_without_command=True, short_help="List and show data.")
@common.json_option
@common.debug_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List the sources that `--data` takes, or show what one of them holds."""
    if ctx.invoked_subcommand is not None:
        return
    specs = discover().sources()
    rows = [_row(specs[name]) for name in sorted(specs)]
    if as_json:
        output.print_json(rows)
    else:
        columns = ("source", "task", "what it is")
        output.print_table(columns, [(r["words"], r["task"], r["summary"]) for r in rows])


def _row(spec: SourceSpec) -> dict[str, str]:
    return {
        "name": spec.name,
        "words": f"{spec.name}:{spec.argument}" if spec.argument else spec.name,
        "task": spec.task or "|".join(_tasks(spec)),
        "argument": spec.argument,
        "summary": spec.summary,
    }


def _tasks(spec: SourceSpec) -> tuple[str, ...]:
    """Return the tasks that a source with an option `task` offers."""
    model: type[Options] = import_object(spec.options)
    return get_args(model.model_fields["task"].annotation)


def show(source: str, out: Path | None, as_json: bool, **values: Any) -> None:
    """Show what SOURCE (NAME or NAME:ARGUMENT) holds: splits, classes, ranges, options."""
    request = build(DataOptions, {**common.specified(values), "data": source})
    offered = discover().sources()
    if out is not None:
        output.check_picture(out)
    data, description = _data(request, offered)
    facts = _facts(data, description, offered)
    if out is not None:
        facts["picture"] = _draw(data, out)
    if as_json:
        output.print_json(facts)
    else:
        _print(facts, data)
    if out is None and data.dataset.kind not in ("tokens", "tree", "text"):
        output.say("--out FILE.png draws some examples.")


command.add_command(
    click.Command(
        "show",
        callback=show,
        short_help="Show what a source holds.",
        help=show.__doc__,
        params=[
            click.Argument(["source"]),
            *options.from_model(DataOptions, skip=("data", "batch_size"), environment=False),
            click.Option(
                ["--out"], type=click.Path(dir_okay=False, path_type=Path), help="Draw examples."
            ),
            click.Option(["--json", "as_json"], is_flag=True, help="Print JSON on stdout."),
            click.Option(["--debug"], is_flag=True, expose_value=False, help="Show tracebacks."),
        ],
    )
)


def _data(request: DataOptions, offered: Mapping[str, SourceSpec]) -> tuple[Data, dict[str, Any]]:
    """Return the data, and their description, which is filled when they are read."""
    import torch

    from lab.data.data import Data
    from lab.data.record import DataRecord

    description: dict[str, Any] = {}
    data = Data(
        request,
        offered,
        torch.device("cpu"),
        seed=0,
        run_constant=lambda name, compute: compute(),
        warn=lambda message: output.say(f"Warning: {message}"),
        on_read=lambda name, entry: description.update(entry),
        record=DataRecord(),
    )
    return data, description


def _facts(
    data: Data, description: dict[str, Any], offered: Mapping[str, SourceSpec]
) -> dict[str, Any]:
    """Return everything that is shown, as plain data."""
    from lab.data.ranges import ranges

    dataset, parts = data.dataset, data.parts
    return {
        **description,
        "classes": _counts(data),
        "features": list(dataset.features),
        "factors": {name: list(values.shape[1:]) for name, values in dataset.factors.items()},
        "ranges": ranges(dataset, parts["train"]),
        "source_options": _source_options(data, offered),
    }


def _counts(data: Data) -> dict[str, dict[str, int]]:
    """Return how many examples, frames, pixels or nodes of each class are in each split."""
    import numpy as np

    dataset = data.dataset
    by_class: dict[str, dict[str, int]] = {name: {} for name in dataset.classes}
    if dataset.targets is None or not by_class:
        return {}
    for part, rows in data.parts.items():
        labels = dataset.targets[rows] if dataset.trees is None else dataset.labels(rows)
        counts = np.bincount(labels.ravel(), minlength=len(by_class))
        for name, count in zip(by_class, counts.tolist(), strict=False):
            by_class[name][part] = count
    return by_class


def _source_options(data: Data, offered: Mapping[str, SourceSpec]) -> list[dict[str, Any]]:
    """Return the source's own options, with their values here."""
    from lab.data import sources

    spec, _ = sources.find(data.request.data, offered)
    if not spec.options:
        return []
    model: type[Options] = import_object(spec.options)
    values = sources.options_of(spec, data.source_options)
    return [
        {"name": name, "value": values[name], "default": field.default, "help": field.description}
        for name, field in model.model_fields.items()
    ]


def _draw(data: Data, out: Path) -> str | None:
    """Write a picture of some training examples; return its path, or None where there is none."""
    from lab.data.gallery import gallery

    figure = gallery(data.dataset, data.parts["train"])
    if figure is None:
        output.say(f"{data.request.data} holds nothing that a picture shows; none was written.")
        return None
    figure.savefig(out, dpi=100)
    return str(out)


def _print(facts: dict[str, Any], data: Data) -> None:
    shape = " x ".join(map(str, facts["shape"])) or "-"
    splits = ", ".join(f"{part} {facts[part]:,}" for part in ("train", "eval", "test"))
    head = {
        "source": facts["name"],
        "kind": f"{facts['kind']} {shape}" if facts["shape"] else facts["kind"],
        "task": facts["task"],
        "splits": f"{splits} (fold {facts['fold']}, split seed {facts['split_seed']})",
        "fingerprint": facts["fingerprint"],
    }
    if facts.get("target"):
        head["target"] = ", ".join(facts["target"])
    if facts.get("vocabulary"):
        head["vocabulary"] = f"{facts['vocabulary']} words with the end"
    if facts.get("target_vocabulary"):
        head["target words"] = f"{facts['target_vocabulary']} with the end"
    if facts.get("origin"):
        head["origin"] = "; ".join(facts["origin"])
    if facts["factors"]:
        head["factors"] = ", ".join(facts["factors"])
    if facts.get("picture"):
        head["picture"] = facts["picture"]
    output.print_pairs(head)
    _print_classes(facts["classes"])
    if facts["ranges"]:
        click.echo("\nranges")
        columns = ["", "min", "max", "mean", "std"]
        rows, holds = list(map(_range, facts["ranges"])), list(map(_holds, facts["ranges"]))
        if any(holds):
            columns.append("holds")
            rows = [[*row, text] for row, text in zip(rows, holds, strict=True)]
        output.print_table(columns, rows)
    if facts["source_options"]:
        click.echo("\noptions (--data-args NAME=VALUE,...)")
        rows = [
            [o["name"], str(o["value"]), str(o["default"]), o["help"] or ""]
            for o in facts["source_options"]
        ]
        output.print_table(["name", "value", "default", ""], rows)
    _print_words(data)


def _print_words(data: Data) -> None:
    """Print the first lines of a text, or the first sentences of tokens."""
    import numpy as np

    from lab.data.tokens import sentence

    dataset = data.dataset
    rows = np.arange(min(LINES, len(dataset)))
    if dataset.kind == "text":
        lines = [text.rstrip("\n") for text in dataset.inputs[:LINES]]
    elif dataset.kind == "tokens":
        lines = [" ".join(sentence(row, dataset.vocabulary)) for row in dataset.inputs[rows]]
    elif dataset.trees is not None:
        _print_trees(data)
        return
    elif dataset.target_vocabulary:
        lines = [f"{dataset.kind} {row}" for row in rows]
    else:
        return
    if dataset.target_vocabulary:
        assert dataset.targets is not None
        targets = [
            " ".join(sentence(row, dataset.target_vocabulary)) for row in dataset.targets[rows]
        ]
        lines = [f"{line} -> {target}" for line, target in zip(lines, targets, strict=True)]
    click.echo("\nfirst lines" if dataset.kind == "text" else "\nfirst sentences")
    for line in lines:
        click.echo(f"  {line}")


def _print_trees(data: Data) -> None:
    """Print the first tree as it is drawn, and some more in brackets."""
    from lab.data.brackets import drawn, from_arrays, written

    dataset = data.dataset
    assert dataset.trees is not None
    targets = dataset.targets
    trees = [
        from_arrays(
            dataset.inputs[row],
            dataset.trees[row],
            None if targets is None else targets[row],
            dataset.vocabulary,
            dataset.classes,
        )
        for row in range(min(LINES, len(dataset)))
    ]
    click.echo("\nfirst tree")
    for line in drawn(trees[0]).splitlines():
        click.echo(f"  {line}")
    click.echo("\nmore trees")
    for tree in trees[1:]:
        click.echo(f"  {written(tree)}")


def _print_classes(counts: dict[str, dict[str, int]]) -> None:
    if not counts:
        return
    click.echo("\nclasses")
    names = list(counts)[:MOST_CLASSES]
    parts = ("train", "eval", "test")
    output.print_table(
        ["", *parts], [[name, *(f"{counts[name][part]:,}" for part in parts)] for name in names]
    )
    if len(counts) > len(names):
        click.echo(f"... and {len(counts) - len(names)} more")


def _range(entry: dict[str, Any]) -> list[str]:
    cells = {key: output.number(entry[key]) for key in ("min", "max", "mean", "std")}
    if entry.get("type") == "date" and entry["min"] is not None:
        from lab.data.dates import iso_date

        cells |= {key: iso_date(entry[key]) for key in ("min", "max", "mean")}
        cells["std"] += " days"
    return [entry["name"], *cells.values()]


def _holds(entry: dict[str, Any]) -> str:
    """Return what a column holds beside numbers: categories, and gaps."""
    named = entry.get("categories", [])
    words = listed(named)
    if not named and entry.get("type", "number") != "number":
        words = entry["type"]
    missing = f"{entry['missing']:,} missing" if entry["missing"] else ""
    return "; ".join(filter(None, (words, missing)))
