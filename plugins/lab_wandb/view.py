"""Make saved views of runs on W&B: the panels that compare them, the objective first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lab import Run
from lab_wandb import panels
from lab_wandb.contents import Contents, by_task, contents
from lab_wandb.pages import Page, plain
from lab_wandb.panels import Library

SECTIONS = ("eval", "test", "train", "perf")
RUN_SET = "labruns"  # any fixed id


def build(name: str, project: str, runs: Sequence[Run]) -> list[Page]:
    """Return a view for each task: all panels of a view draw the same runs, and curves of two tasks
    have no place in one plot. Raises LabError where wandb-workspaces is absent."""
    library = Library.load()
    tasks = by_task(runs)
    return [
        Page(
            "project-view",
            name if len(tasks) == 1 else f"{name}: {task}",
            project,
            plain(_workspace(library, contents(task, members))._to_model().spec),
        )
        for task, members in tasks.items()
    ]


def _workspace(library: Library, logged: Contents) -> Any:
    ws, _, expr = library
    workspace = ws.Workspace(
        entity="",  # the server is told by whom it is saved
        project="",
        sections=[
            ws.Section(
                name=title,
                panels=shown,
                is_open=title != "perf",
                layout_settings=ws.SectionLayoutSettings(columns=3, rows=2),
            )
            for title, shown in _sections(library, logged).items()
            if shown
        ],
        settings=ws.WorkspaceSettings(
            x_axis=next(iter(logged.metrics), "Step"),
            max_runs=max(panels.FEWEST, len(logged.ids)),
        ),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("ID").isin(logged.ids)), groupby=[expr.Metric("Group")]
        ),
    )
    workspace._internal_runset_id = RUN_SET
    return workspace


def _sections(library: Library, logged: Contents) -> dict[str, list[Any]]:
    """Return panels by section: one for each objective, then one for each prefix."""
    sections = {
        f"{logged.subject}: {objective}": [
            _lines(library, logged, objective),
            *panels.comparison(library, objective, direction, logged.options, len(logged.groups)),
        ]
        for objective, direction in logged.objectives.items()
    }
    for prefix in SECTIONS:
        names = [
            name
            for names in logged.metrics.values()
            for name in names
            if name.startswith(f"{prefix}/") and name not in logged.objectives
        ]
        draw = _bars if prefix == "test" else _lines
        sections[prefix] = [draw(library, logged, name) for name in dict.fromkeys(names)]
    sections["media"] = _media(library, logged)
    return sections


def _lines(library: Library, logged: Contents, metric: str) -> Any:
    """Return a metric by its clock: a line for each group, with its number of runs."""
    sizes = logged.sizes.get(metric) or logged.groups
    return library.wr.LinePlot(
        title=f"{metric} ({panels.spread(sizes.values())})",
        x=logged.clock(metric),
        y=[metric],
        groupby=library.wr.Metric("Group"),
        legend_template=panels.BY_GROUP,
        # the key of a group's line as wandb-workspaces has it for grouped run sets
        line_titles={
            f"{RUN_SET}-run:group:{group}:{metric}": panels.sized(group, runs)
            for group, runs in sizes.items()
        },
        **panels.of_groups(sizes.values()),
    )


def _bars(library: Library, logged: Contents, metric: str) -> Any:
    """Return a metric that has one value for each run: a bar for each group."""
    sizes = logged.sizes.get(metric) or logged.groups
    return library.wr.BarPlot(
        title=f"{metric} ({panels.spread(sizes.values())})",
        metrics=[metric],
        groupby=library.wr.Metric("Group"),
        max_bars_to_show=max(panels.FEWEST, len(sizes)),
        **panels.of_groups(sizes.values()),
    )


def _media(library: Library, logged: Contents) -> list[Any]:
    wr = library.wr
    browsers = [wr.MediaBrowser(title=name, media_keys=[name]) for name in logged.media]
    return [*browsers, *(wr.WeavePanelSummaryTable(table_name=name) for name in logged.tables)]
