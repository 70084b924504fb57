"""Make a saved view of runs on W&B: the panels that compare them, the objective first."""

from __future__ import annotations

import json
import os
import random
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from lab import LabError, Run, UsageError
from lab_wandb.internals.server import Server
from lab_wandb.options import DEFAULT_PROJECT

INSTALL = "pip install 'rl-gen-lab[wandb-views]'"
SECTIONS = ("eval", "test", "train", "perf")
AXES = {"perf/clock", "perf/seconds", "perf/time"}
MEDIUM = re.compile(r"\d+-(?P<name>.+)\.(?P<suffix>\w+)")


# What the library's own `save` sends, but that waits for the server without an end.
SAVE = """mutation LabView(
    $entity: String!, $project: String!, $name: String!, $display: String!, $spec: String!
) {
    upsertView(input: {
        entityName: $entity, projectName: $project, name: $name, displayName: $display,
        description: "", type: "project-view", spec: $spec, createdUsing: WANDB_SDK
    }) { view { id name } }
}"""


@dataclass
class Contents:
    """Names that the runs of a view have logged."""

    ids: list[str] = field(default_factory=list)
    objectives: list[str] = field(default_factory=list)
    metrics: dict[str, list[str]] = field(default_factory=dict)  # by the name of their clock
    media: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)


def contents(runs: Iterable[Run]) -> Contents:
    """Return what runs have logged, in a fixed order. Of each group one run is read."""
    logged = Contents()
    metrics: dict[str, set[str]] = {}
    media: set[tuple[str, str]] = set()
    read: set[Any] = set()
    for run in runs:
        summary = run.summary
        logged.ids.append(str(run.record.get("id", summary.get("id"))))
        objective = summary.get("objective", {}).get("metric")
        if objective and objective not in logged.objectives:
            logged.objectives.append(objective)
        group = summary.get("group") or run.name
        if group in read:
            continue
        read.add(group)
        clock = summary.get("clock", {}).get("name", "samples")
        names = {name for row in run.metrics() for name in row}
        metrics.setdefault(clock, set()).update(names - AXES - {"clock"})
        matches = (MEDIUM.fullmatch(path.name) for path in (run.dir / "media").glob("*"))
        media |= {(f"media/{match['name']}", match["suffix"]) for match in matches if match}
    logged.metrics = {clock: sorted(names) for clock, names in metrics.items()}
    logged.media = sorted({name for name, suffix in media if suffix != "csv"})
    logged.tables = sorted({name for name, suffix in media if suffix == "csv"})
    return logged


def home(runs: Sequence[Run]) -> tuple[str, str]:
    """Return the entity (empty: the user's own) and project that hold the runs.

    Raises UsageError where they are in several: a view belongs to one.
    """
    homes = {_home(run) for run in runs}
    projects = {project for _, project in homes}
    entities = {entity for entity, _ in homes if entity}
    if len(projects) > 1 or len(entities) > 1:
        named = ", ".join(sorted("/".join(filter(None, home)) for home in homes))
        raise UsageError(f"A view shows one W&B project; these runs are in several: {named}")
    return next(iter(entities), ""), next(iter(projects))


def build(name: str, entity: str, project: str, logged: Contents) -> Any:
    """Return the view as a workspace of wandb-workspaces. Raises LabError where that is absent."""
    ws, wr, expr = _library()
    sections = [
        ws.Section(
            name=section,
            panels=panels,
            is_open=section in ("eval", "test", "train"),
            layout_settings=ws.SectionLayoutSettings(columns=3, rows=2),
        )
        for section in SECTIONS
        if (panels := _plots(wr, section, logged))
    ]
    if logged.media or logged.tables:
        sections.append(ws.Section(name="media", panels=_media(wr, logged), is_open=True))
    return ws.Workspace(
        entity=entity,
        project=project,
        name=name,
        sections=sections,
        settings=ws.WorkspaceSettings(x_axis=next(iter(logged.metrics), "Step"), max_runs=100),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("ID").isin(logged.ids)), groupby=[expr.Metric("Group")]
        ),
    )


def as_dict(workspace: Any) -> dict[str, Any]:
    """Return the view as the JSON that the server would get."""
    spec = workspace._to_model().spec.model_dump_json(by_alias=True, exclude_none=True)
    facts = {"name": workspace.name, "entity": workspace.entity, "project": workspace.project}
    return {**facts, "spec": json.loads(spec)}


def save(
    name: str, entity: str, project: str, logged: Contents, ask_seconds: float = 10.0
) -> tuple[Any, str]:
    """Save the view on the server; return it and its address."""
    _library()
    with Server(ask_seconds) as server:
        workspace = build(name, entity or server.entity(), project, logged)
        made = as_dict(workspace)
        key = "".join(random.choices(string.ascii_lowercase + string.digits, k=11))
        variables = {
            "entity": made["entity"],
            "project": project,
            "name": f"nw-{key}-v",
            "display": name,
            "spec": json.dumps(made["spec"]),
        }
        server.ask(SAVE, variables)
        return workspace, f"{server.app_url()}{made['entity']}/{project}?nw={key}"


def _library() -> tuple[Any, Any, Any]:
    try:
        return (
            import_module("wandb_workspaces.workspaces"),
            import_module("wandb_workspaces.reports.v2"),
            import_module("wandb_workspaces.expr"),
        )
    except ImportError as error:
        raise LabError(f"Views need wandb-workspaces: {INSTALL}") from error


def _plots(wr: Any, section: str, logged: Contents) -> list[Any]:
    """Return a line plot for each metric of a section over its clock."""
    panels = []
    for clock, names in logged.metrics.items():
        own = [name for name in names if name.startswith(f"{section}/")]
        for name in sorted(own, key=lambda name: (name not in logged.objectives, name)):
            title = name if len(logged.metrics) == 1 else f"{name} by {clock}"
            panels.append(
                wr.LinePlot(
                    title=title,
                    x=clock,
                    y=[name],
                    groupby=wr.Metric("Group"),
                    groupby_aggfunc="mean",
                    groupby_rangefunc="stddev",
                    max_runs_to_show=100,
                )
            )
    return panels


def _media(wr: Any, logged: Contents) -> list[Any]:
    tables = [wr.WeavePanelSummaryTable(table_name=name) for name in logged.tables]
    browsers = [wr.MediaBrowser(title=name, media_keys=[name]) for name in logged.media]
    return [*browsers, *tables]


def _home(run: Run, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    url = run.summary.get("links", {}).get("wandb", "")
    parts = urlsplit(url).path.strip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "runs":
        return parts[-4], parts[-3]
    options = run.record.get("trackers", {}).get("wandb", {})
    named = options.get("project") or environ.get("WANDB_PROJECT")
    return environ.get("WANDB_ENTITY", ""), named or DEFAULT_PROJECT
