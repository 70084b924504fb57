"""Write a report on W&B: the question, the figures of `lab compare`, and panels that stay live."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lab import Run, UsageError
from lab.cli import output
from lab.comparison import Comparison, Group, Table
from lab.messages import did_you_mean, listed
from lab_wandb import panels
from lab_wandb.contents import run_id, varied
from lab_wandb.pages import Page, plain
from lab_wandb.panels import Library

LONGEST_TITLE = 128  # that W&B takes
HIGH = 9  # of a panel, in rows of W&B's grid
PLACES = ((0, 0, 24), (0, HIGH, 12), (12, HIGH, 12), (0, 2 * HIGH, 24))  # x, y and width of 24
SWAP = (
    "The run set “{name}” is there to be exchanged: clone this report, open that run set, and "
    "choose your own project and runs. The panels are then drawn with yours."
)


def build(
    title: str,
    project: str,
    comparison: Comparison,
    runs: Sequence[Run],
    question: str | None = None,
    reference: str | None = None,
) -> Page:
    """Return the report of a comparison of `runs`, with a part for each of its tables.

    reference: the group whose run set a reader exchanges; the best of each table by default.
    Raises LabError where wandb-workspaces is absent, UsageError where no table has `reference`.
    """
    library = Library.load()
    names = [group.name for group in comparison.groups]
    if reference and reference not in names:
        hint = did_you_mean(reference, names) or f" There is: {listed(names)}"
        raise UsageError(f"--reference: no group {reference!r} is in the report.{hint}")
    ids = {run.name: run_id(run) for run in runs}
    wr = library.wr
    blocks = [wr.P(text=question or asked(comparison))]
    for table in comparison.tables:
        blocks += _part(library, table, ids, reference)
    if comparison.excluded:
        blocks += [wr.H2(text="Left out"), wr.UnorderedList(items=_excluded(comparison))]
    report = wr.Report(
        entity="",  # the server is told by whom it is saved
        project="",
        title=title[:LONGEST_TITLE],
        blocks=blocks,
        width="fluid",
    )
    return Page("runs", report.title, project, plain(report._to_model().spec))


def asked(comparison: Comparison) -> str:
    """Return the question that a comparison answers."""
    tasks = listed(list(dict.fromkeys(table.subject for table in comparison.tables)))
    metrics = listed(list(dict.fromkeys(table.metric for table in comparison.tables)))
    names = list(dict.fromkeys(group.name for group in comparison.groups))
    if all(len(table.groups) == 1 for table in comparison.tables):
        return f"How good is {listed(names)} on {tasks}, by {metrics}?"
    return f"Which of {listed(names)} does best on {tasks}, by {metrics}?"


def figures(table: Table) -> str:
    """Return the figures of a table in Markdown, and what they are."""
    better = "Higher" if table.direction == "max" else "Lower"
    heads = ["group", "n", "mean", "95 % interval", "IQM", "P(best wins)", "p", "options"]
    lines = [heads, ["---"] * len(heads), *(_row(table, group) for group in table.groups)]
    tests = list(dict.fromkeys(difference.test for difference in table.differences))
    notes = [
        f"{better} is better. The interval is Student's, of the mean; there is none where seeds "
        "show no spread. IQM: the mean of the middle half."
    ]
    if tests:
        notes.append(
            "P(best wins): the probability that a run of the best group beats one of this. "
            f"p: {' or '.join(tests)} beside the best group, corrected by Holm for all pairs."
        )
    written = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{written}\n\n{' '.join(notes)}"


def _part(
    library: Library, table: Table, ids: Mapping[str, str], reference: str | None
) -> list[Any]:
    wr = library.wr
    names = [group.name for group in table.groups]
    chosen = reference if reference in names else names[0]
    sets = [_run_set(library, group, ids, group.name == chosen) for group in table.groups]
    swapped = sets[names.index(chosen)].name
    return [
        wr.H2(text=f"{table.subject}: {table.metric}"),
        wr.MarkdownBlock(text=figures(table)),
        wr.P(text=SWAP.format(name=swapped)),
        wr.PanelGrid(runsets=sets, panels=_panels(library, table)),
    ]


def _run_set(library: Library, group: Group, ids: Mapping[str, str], swapped: bool) -> Any:
    """Return the run set of a group, which has the project of the report: a line has its name."""
    expr = library.expr
    name = panels.sized(group.name, group.n)
    return library.wr.Runset(
        name=f"reference: {name}" if swapped else name,
        filters=expr.And(expr.Metric("ID").isin([ids[run] for run in group.runs])),
        groupby=["run.group"],
    )


def _panels(library: Library, table: Table) -> list[Any]:
    wr, sizes = library.wr, [group.n for group in table.groups]
    options = varied([group.options for group in table.groups])
    curves = wr.LinePlot(
        title=f"{table.objective} ({panels.spread(sizes)})",
        x=table.clock,
        y=[table.objective],
        groupby=wr.Metric("Group"),
        legend_template=panels.BY_RUN_SET,
        **panels.of_groups(sizes),
    )
    shown = [
        curves,
        *panels.comparison(library, table.objective, table.direction, options, len(sizes)),
    ]
    for panel, (x, y, wide) in zip(shown, PLACES, strict=False):
        panel.layout = wr.Layout(x=x, y=y, w=wide, h=HIGH)
    return shown


def _row(table: Table, group: Group) -> list[str]:
    found = next((d for d in table.differences if d.than == group.name), None)
    number = output.number
    ends = "-" if group.low is None else f"[{number(group.low)}, {number(group.high)}]"
    options = ", ".join(f"{key}={value}" for key, value in group.differing.items()) or "-"
    chance = "-" if found is None else f"{found.probability:.2f}"
    p_value = "-" if found is None else f"{found.p_value:.2g}"
    cells = [group.name, str(group.n), number(group.mean), ends, number(group.iqm)]
    return [
        text.replace("|", "\\|").replace("\n", " ") for text in (*cells, chance, p_value, options)
    ]


def _excluded(comparison: Comparison) -> list[str]:
    return [f"{run.run}: {run.state}, {run.why}" for run in comparison.excluded]
