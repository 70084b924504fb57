"""Print predictions, a mapping for each input, as CSV or as a table for people."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from textwrap import indent
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab.cli import output

WIDTH = 120  # columns, where the output is no terminal
LONGEST = 200  # characters of an input, such as a text
MOST_ROWS = 200  # of a table that a person reads
RANKED = {"classes": "probability", "scores": "score"}  # what the number beside a class is

Answer = Mapping[str, Any]


def print_csv(rows: Sequence[Answer]) -> None:
    """Print every answer in full: class and probability, class_2 and so on; a value by its name."""
    flat = [dict(_fields(row)) for row in rows]
    heads = list(dict.fromkeys(name for row in flat for name in row))
    writer = csv.DictWriter(sys.stdout, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows(flat)


def _fields(row: Answer) -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if name in RANKED:
            for rank, (word, number) in enumerate(value.items(), 1):
                behind = "" if rank == 1 else f"_{rank}"
                yield f"class{behind}", word
                yield f"{RANKED[name]}{behind}", number
        elif isinstance(value, Mapping):
            yield from value.items()
        elif isinstance(value, list):
            yield from ((f"{name}_{number}", item) for number, item in enumerate(value))
        else:
            yield name, value


def print_table(rows: Sequence[Answer]) -> None:
    """Print answers, the first ones of many, as columns; trees are drawn."""
    if any("tree" in row for row in rows):
        _print_trees(rows[:MOST_ROWS])
    else:
        _print_columns(rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        output.say(f"... and {len(rows) - MOST_ROWS:,} more; --csv prints all.")


def _print_trees(rows: Sequence[Answer]) -> None:
    """Print a tree for each input, a line for each of its nodes."""
    from lab.data.brackets import drawn, read_tree

    for row in rows:
        cells = {name: text for name, text in _cells(row) if name not in ("input", "tree")}
        click.echo("  ".join([str(row["input"]), *cells.values()]))
        click.echo(indent(drawn(read_tree(row["tree"])), "  ") + "\n")


def _print_columns(rows: Sequence[Answer]) -> None:
    shown = [dict(_cells(row)) for row in rows]
    heads = list(dict.fromkeys(name for row in shown for name in row))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for head in heads:
        number = head not in ("input", "output", "class", "next", "code", "features")
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for row in shown:
        table.add_row(*(Text(row.get(head, "-")) for head in heads))
    width = shutil.get_terminal_size((WIDTH, 24)).columns if sys.stdout.isatty() else WIDTH
    Console(file=sys.stdout, width=width, highlight=False).print(table)


def _cells(row: Answer) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if name in RANKED:
            (best, number), *others = value.items()
            yield "class", best
            yield RANKED[name], f"{number:.3f}"
            if others:
                yield "next", ", ".join(f"{word} {number:.3f}" for word, number in others)
        elif isinstance(value, Mapping):
            yield from ((key, output.number(item)) for key, item in value.items())
        elif isinstance(value, list):
            yield name, ", ".join(map(output.number, value))
        elif not isinstance(value, str):
            yield name, output.number(value)
        else:
            cut = name == "input" and len(value) > LONGEST
            yield name, f"{value[:LONGEST]}..." if cut else value
