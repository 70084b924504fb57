"""Ask the W&B server what it has of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

from lab import LabError
from lab.messages import first_line
from lab_wandb.internals.session import LogCapture, Session, app_url, connect, execute, http_status
from lab_wandb.mode import probe, unreported

LOGIN = "run `wandb login`, or set WANDB_API_KEY"
PAGE = 5_000  # rows

RUN = """query LabRun($entity: String, $project: String!, $run: String!) {
    project(name: $project, entityName: $entity) {
        entity { name }
        run(name: $run) {
            historyLineCount
            historyKeys
            summaryMetrics
            outputArtifacts(first: 1000) { edges { node { digest state } } }
            inputArtifacts(first: 1000) { edges { node { digest state } } }
        }
    }
}"""
ROWS = """query LabRows(
    $entity: String, $project: String!, $run: String!, $from: Int64!, $to: Int64!, $n: Int!
) {
    project(name: $project, entityName: $entity) {
        run(name: $run) { history(minStep: $from, maxStep: $to, samples: $n) }
    }
}"""
VIEWER = "query LabViewer { viewer { entity } }"


class RunPath(NamedTuple):
    """Where a run is on the server. An empty entity is the user's own."""

    entity: str
    project: str
    run: str


@dataclass(frozen=True)
class RemoteRun:
    """What the server has of a run."""

    url: str
    rows: int
    last_step: int
    summary: Mapping[str, Any] = field(default_factory=dict)
    digests: frozenset[str] = frozenset()


class Unreachable(LabError):
    """The server cannot be reached, or lets nobody in. Asking again would only take time."""


class Refused(LabError):
    """The server answered this one question with an error."""


class Server:
    """A connection that is opened by the first question, each of which takes at most `timeout`
    seconds. Once the server was not there, every further question fails at once."""

    def __init__(self, timeout: float = 10.0) -> None:
        self._timeout = timeout
        self._session: Session | None = None
        self._unreported = unreported()
        self._api: Any = None
        self._down: Unreachable | None = None

    def __enter__(self) -> Server:
        self._unreported.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            self._session.drop()
        self._api = None  # not before: to be forgotten, it would ask what is gone by then
        self._unreported.__exit__(kind, error, trace)

    def look(self, where: RunPath) -> RemoteRun | None:
        """Return the server's record of a run; None where there is none."""
        project = self._ask(RUN, where)["project"]
        run = project and project["run"]
        if not run:
            return None
        edges = [*run["outputArtifacts"]["edges"], *run["inputArtifacts"]["edges"]]
        nodes = [edge["node"] for edge in edges]
        entity = where.entity or project["entity"]["name"]
        return RemoteRun(
            url=f"{app_url(self._api)}{entity}/{where.project}/runs/{where.run}",
            rows=run["historyLineCount"] or 0,
            last_step=(run["historyKeys"] or {}).get("lastStep", -1),
            summary=json.loads(run["summaryMetrics"] or "{}"),
            digests=frozenset(n["digest"] for n in nodes if n["state"] == "COMMITTED"),
        )

    def times(self, where: RunPath, remote: RemoteRun) -> set[float]:
        """Return when each row of a run was logged, which identifies it."""
        times: set[float] = set()
        for start in range(0, max(remote.last_step + 1, remote.rows), PAGE):
            page = {"from": start, "to": start + PAGE, "n": PAGE}
            project = self._ask(ROWS, where, page)["project"]
            lines: Iterable[str] = project["run"]["history"]
            rows = map(json.loads, lines)
            times |= {row["_timestamp"] for row in rows if "_timestamp" in row}
        return times

    def entity(self) -> str:
        """Return the entity that the user's runs belong to."""
        return str(self.ask(VIEWER)["viewer"]["entity"])

    def app_url(self) -> str:
        """Return where people see what the server has."""
        self._connect()
        return app_url(self._api)

    def ask(self, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer. Raises Unreachable or Refused."""
        self._connect()
        try:
            return execute(self._api, query, variables or {})
        except Exception as error:
            if http_status(error) is None or http_status(error) in (401, 403):
                raise self._fail(error) from error
            raise Refused(f"W&B answered: {first_line(error)}") from error

    def _ask(
        self, query: str, where: RunPath, more: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        entity = where.entity or None
        variables = {"entity": entity, "project": where.project, "run": where.run}
        return self.ask(query, {**variables, **(more or {})})

    def _connect(self) -> None:
        if self._down is not None:
            raise self._down
        if self._api is not None:
            return
        status = probe()
        if status["key"] != "found":
            what = "No W&B API key was found" if status["key"] == "missing" else "The key is none"
            self._down = Unreachable(f"{what}: {LOGIN}.")
            raise self._down
        import wandb

        try:
            self._session = Session(wandb, LogCapture(lambda line: None))
            self._session.open()
            self._api = connect(self._timeout)
        except Exception as error:
            raise self._fail(error) from error

    def _fail(self, error: BaseException) -> Unreachable:
        host = probe()["host"]
        self._down = Unreachable(f"W&B at {host} cannot be used: {_shortened(error)}")
        return self._down


def _shortened(error: BaseException) -> str:
    """Return the cause at the end of a chain of colons, without repetition."""
    line = first_line(error)
    return line if len(line) < 160 else f"{line[:157]}..."
