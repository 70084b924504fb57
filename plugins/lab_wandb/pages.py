"""Keep pages on W&B, which are views and reports: saved once under a name, and updated after."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from lab import Run, UsageError
from lab.messages import slug
from lab_wandb.internals.server import Server
from lab_wandb.options import DEFAULT_PROJECT

FIND = """query LabPage($entity: String!, $project: String!, $kind: String!, $name: String!) {
    project(name: $project, entityName: $entity) {
        allViews(viewType: $kind, viewName: $name) { edges { node { id } } }
    }
}"""
# What the library's own `save` sends, but that waits for the server without an end.
SAVE = """mutation LabSave(
    $id: ID, $entity: String!, $project: String!, $kind: String!, $name: String!, $title: String!,
    $spec: String!
) {
    upsertView(input: {
        id: $id, entityName: $entity, projectName: $project, type: $kind, name: $name,
        displayName: $title, description: "", spec: $spec, createdUsing: WANDB_SDK
    }) { view { id name } }
}"""


@dataclass(frozen=True)
class Page:
    """A view or a report as the server keeps it. kind: the server's word for it."""

    kind: Literal["project-view", "runs"]
    title: str
    project: str
    spec: Mapping[str, Any]

    def key(self, entity: str) -> str:
        """Return what tells the page from others: the same for the same title."""
        where = "\n".join([entity, self.project, self.kind, self.title])
        return hashlib.sha256(where.encode()).hexdigest()[:11]

    def as_dict(self, entity: str, url: str | None = None) -> dict[str, Any]:
        """Return the page as plain data, with its address where it is saved."""
        where = {"entity": entity, "project": self.project}
        return {"url": url, "kind": self.kind, "name": self.title, **where, "spec": self.spec}


def plain(model: Any) -> dict[str, Any]:
    """Return a model of wandb-workspaces as the JSON that the server gets."""
    made: dict[str, Any] = json.loads(model.model_dump_json(by_alias=True, exclude_none=True))
    return made


def home(runs: Sequence[Run]) -> tuple[str, str]:
    """Return the entity (empty: the user's own) and project that hold the runs.

    Raises UsageError where they are in several: a page belongs to one.
    """
    homes = {_home(run) for run in runs}
    projects = {project for _, project in homes}
    entities = {entity for entity, _ in homes if entity}
    if len(projects) > 1 or len(entities) > 1:
        named = ", ".join(sorted("/".join(filter(None, home)) for home in homes))
        raise UsageError(
            f"A page shows one W&B project; these runs are in several: {named}. "
            "Name the runs or groups of one."
        )
    return next(iter(entities), ""), next(iter(projects))


def save(pages: Iterable[Page], entity: str, ask_seconds: float = 10.0) -> list[dict[str, Any]]:
    """Save pages on the server, in place of those of the same title; return them with addresses.

    Raises LabError where the server cannot be used.
    """
    with Server(ask_seconds) as server:
        entity = entity or server.entity()
        return [page.as_dict(entity, _save(page, entity, server)) for page in pages]


def _save(page: Page, entity: str, server: Server) -> str:
    key = page.key(entity)
    where = {"entity": entity, "project": page.project, "kind": page.kind, "name": f"nw-{key}-v"}
    project = server.ask(FIND, where)["project"]
    edges = project["allViews"]["edges"] if project else []
    known = edges[0]["node"]["id"] if edges else None
    what = {"id": known, "title": page.title, "spec": json.dumps(page.spec)}
    made = server.ask(SAVE, {**where, **what})["upsertView"]["view"]
    folder = f"{server.app_url()}{entity}/{page.project}"
    if page.kind == "project-view":
        return f"{folder}?nw={key}"
    return f"{folder}/reports/{slug(page.title)}--{made['id'].rstrip('=')}"


def _home(run: Run, environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    url = run.summary.get("links", {}).get("wandb", "")
    parts = urlsplit(url).path.strip("/").split("/")
    if len(parts) >= 4 and parts[-2] == "runs":
        return parts[-4], parts[-3]
    options = run.record.get("trackers", {}).get("wandb", {})
    named = options.get("project") or environ.get("WANDB_PROJECT")
    return environ.get("WANDB_ENTITY", ""), named or DEFAULT_PROJECT
