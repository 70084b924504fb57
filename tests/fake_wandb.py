"""Stand in for the W&B server on loopback, so that the real client runs online to the end.

with FakeWandb() as server:
    server.env()            # what the client needs in its environment
    server.runs["id"]       # what arrived: config, history, summary, meta, exit code, files
    server.artifacts        # what arrived: name, type, aliases, files, state
    server.fault = "hang"   # from here on: "ok", "hang", "drop", "500" or "401"
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import threading
import traceback
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote

Fault = Literal["ok", "hang", "drop", "500", "401"]
ENTITY = "tester"
API_KEY = "0123456789" * 4
PROJECT_ID = base64.b64encode(b"Project:1").decode()
META = ("displayName", "groupName", "jobType", "tags", "notes", "host", "program", "commit", "repo")


@dataclass
class Run:
    """One run as the server knows it."""

    name: str
    project: str
    config: dict[str, Any] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    streams: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    files: dict[str, bytes] = field(default_factory=dict)
    exitcode: int | None = None
    complete: bool = False

    @property
    def id(self) -> str:
        return base64.b64encode(f"Run:v1:{self.name}".encode()).decode()

    @property
    def history(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines("wandb-history.jsonl")]

    @property
    def summary(self) -> dict[str, Any]:
        return dict(json.loads((self.lines("wandb-summary.json") or ["{}"])[-1]))

    @property
    def settings(self) -> dict[str, Any]:
        """The user's config, without the client's own entry."""
        return {key: entry["value"] for key, entry in self.config.items() if key != "_wandb"}

    @property
    def metric_definitions(self) -> list[dict[str, Any]]:
        return list(self.config.get("_wandb", {}).get("value", {}).get("m", []))

    def lines(self, stream: str) -> list[str]:
        return [line for _, line in sorted(self.streams[stream].items())]


@dataclass
class Artifact:
    """One artifact version as the server knows it."""

    name: str
    type: str
    aliases: list[str]
    digest: str
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] | None = None
    state: str = "PENDING"
    run: str = ""  # that made it
    readers: list[str] = field(default_factory=list)  # runs that it is an input of


class FakeWandb:
    """A server thread with the state that clients left behind, and a switch for faults."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.artifacts: dict[str, Artifact] = {}
        self.views: dict[str, dict[str, Any]] = {}
        self.requests: list[str] = []
        self.wire: list[bytes] = []
        self.errors: list[str] = []
        self._manifests: dict[str, str] = {}
        self._fault: Fault = "ok"
        self._healed = threading.Event()
        self._lock = threading.RLock()
        self._http = _Server(self)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def __enter__(self) -> FakeWandb:
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._healed.set()
        self._http.shutdown()
        self._http.server_close()

    @property
    def fault(self) -> Fault:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        self._fault = fault
        self._healed.set() if fault == "ok" else self._healed.clear()

    def env(self) -> dict[str, str]:
        return {"WANDB_BASE_URL": self.url, "WANDB_API_KEY": API_KEY}

    def wait_until_healed(self) -> None:
        self._healed.wait()

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Serve one request; a mistake in this file is a 400, on which the client fails fast."""
        with self._lock:
            try:
                return self._route(method, path, body)
            except Exception:
                self.errors.append(traceback.format_exc())
                return 400, {"error": "the stand-in has a bug"}

    def _route(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if path == "/graphql":
            return self._graphql(json.loads(body))
        self.requests.append(f"{method} {path}")
        if match := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", path):
            return self._file_stream(self.runs[unquote(match[1])], json.loads(body))
        if match := re.fullmatch(r"/put/(run|artifact|manifest)/([^/]+)/?(.*)", path):
            return self._put(match[1], match[2], unquote(match[3]), body)
        return 404, {"error": "not found"}

    def _graphql(self, request: dict[str, Any]) -> tuple[int, Any]:
        named = re.search(r"(?:query|mutation)\s+(\w+)", request.get("query", ""))
        operation = request.get("operationName") or (named[1] if named else "?")
        self.requests.append(operation)
        variables = request.get("variables") or {}
        resolve = getattr(self, f"_on_{operation}", None)
        if resolve is None:
            return 200, {"data": None, "errors": [{"message": f"unhandled {operation}"}]}
        return 200, {"data": resolve({**variables, **(variables.get("input") or {})})}

    def _file_stream(self, run: Run, request: dict[str, Any]) -> tuple[int, Any]:
        for name, chunk in (request.get("files") or {}).items():
            for i, line in enumerate(chunk["content"], start=chunk["offset"]):
                run.streams[name][i] = line
        run.complete = request.get("complete", run.complete)
        run.exitcode = request.get("exitcode", run.exitcode)
        return 200, {"exitcode": None, "limits": {}}

    def _put(self, kind: str, key: str, name: str, body: bytes) -> tuple[int, Any]:
        if kind == "run":
            self.runs[key].files[name] = body
        elif kind == "artifact":
            self.artifacts[key].files[name] = body
        else:
            self.artifacts[self._manifests[key]].manifest = json.loads(body)
        return 200, {}

    # The GraphQL operations that the client sends, one method each.

    def _on_ServerFeaturesQuery(self, _: dict[str, Any]) -> Any:
        return {"serverInfo": {"features": []}}

    def _on_Viewer(self, _: dict[str, Any]) -> Any:
        viewer = {"id": "VXNlcjox", "entity": ENTITY, "username": ENTITY, "email": "t@example.com"}
        return {"viewer": {**viewer, "flags": "{}", "teams": {"edges": []}}}

    def _on_RunResumeStatus(self, v: dict[str, Any]) -> Any:
        run = self.runs.get(v["name"])
        return {"model": {**self._project(v.get("project")), "bucket": run and _tail(run)}}

    def _on_UpsertBucket(self, v: dict[str, Any]) -> Any:
        name = v.get("name") or base64.b64decode(v["id"]).decode().split(":")[-1]
        inserted = name not in self.runs
        run = self.runs.setdefault(name, Run(name, v.get("project") or "uncategorized"))
        run.config.update(json.loads(v.get("config") or "{}"))
        run.meta.update({key: v[key] for key in META if v.get(key) is not None})
        return {"upsertBucket": {"bucket": self._bucket(run), "inserted": inserted}}

    def _on_CreateRunFiles(self, v: dict[str, Any]) -> Any:
        files = [
            {"name": name, "uploadUrl": f"{self.url}/put/run/{v['run']}/{name}"}
            for name in v["files"]
        ]
        return {"createRunFiles": {"runID": v["run"], "uploadHeaders": [], "files": files}}

    def _on_FetchOrgEntityFromEntity(self, _: dict[str, Any]) -> Any:
        return {"entity": {"organization": {"name": "org", "orgEntity": {"name": "org"}}}}

    def _on_CreateArtifact(self, v: dict[str, Any]) -> Any:
        key = f"artifact{len(self.artifacts)}"
        aliases = [alias["alias"] for alias in v.get("aliases") or []]
        name = v["artifactCollectionName"]
        run = v.get("runName") or ""
        self.artifacts[key] = Artifact(name, v["artifactTypeName"], aliases, v["digest"], run=run)
        artifact = {"id": key, "state": "PENDING", "artifactSequence": {"latestArtifact": None}}
        return {"createArtifact": {"artifact": artifact}}

    def _on_CreateArtifactManifest(self, v: dict[str, Any]) -> Any:
        key = f"manifest{len(self._manifests)}"
        self._manifests[key] = v["artifactID"]
        return {"createArtifactManifest": self._manifest(key, v["includeUpload"])}

    def _on_CreateArtifactFiles(self, v: dict[str, Any]) -> Any:
        edges = [{"node": self._artifact_file(**spec)} for spec in v["artifactFiles"]]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _on_CommitArtifact(self, v: dict[str, Any]) -> Any:
        artifact = self.artifacts[v["artifactID"]]
        artifact.state = "COMMITTED"
        return {"commitArtifact": {"artifact": {"id": v["artifactID"], "digest": artifact.digest}}}

    def _on_UseArtifact(self, v: dict[str, Any]) -> Any:
        self.artifacts[v["artifactID"]].readers.append(v["runName"])
        return {"useArtifact": {"artifact": {"id": v["artifactID"]}}}

    # What the lab asks.

    def _on_LabViewer(self, _: dict[str, Any]) -> Any:
        return {"viewer": {"entity": ENTITY}}

    def _on_LabRun(self, v: dict[str, Any]) -> Any:
        run = self.runs.get(v["run"])
        project: dict[str, Any] = {"entity": {"name": ENTITY}, "run": None}
        if run is None or run.project != v["project"]:
            return {"project": project}
        history = run.history
        made = [a for a in self.artifacts.values() if a.run == run.name]
        read = [a for a in self.artifacts.values() if run.name in a.readers]
        project["run"] = {
            "historyLineCount": len(history),
            "historyKeys": {"lastStep": history[-1]["_step"]} if history else None,
            "summaryMetrics": json.dumps(run.summary),
            "outputArtifacts": _edges(made),
            "inputArtifacts": _edges(read),
        }
        return {"project": project}

    def _on_LabPage(self, v: dict[str, Any]) -> Any:
        place = ("entity", "project", "kind", "name")
        same = [key for key, page in self.views.items() if all(page[k] == v[k] for k in place)]
        return {"project": {"allViews": {"edges": [{"node": {"id": key}} for key in same]}}}

    def _on_LabSave(self, v: dict[str, Any]) -> Any:
        """Without an id it is a new page, whatever its name: the worst that a server may do."""
        key = v["id"] or base64.b64encode(f"View:{len(self.views)}".encode()).decode()
        assert v["id"] is None or key in self.views
        self.views[key] = v
        return {"upsertView": {"view": {"id": key, "name": v["name"]}}}

    def _on_LabRows(self, v: dict[str, Any]) -> Any:
        steps = range(v["from"], v["to"])
        rows = [row for row in self.runs[v["run"]].history if row["_step"] in steps][: v["n"]]
        return {"project": {"run": {"history": list(map(json.dumps, rows))}}}

    # Pieces of answers.

    def _project(self, name: str | None) -> dict[str, Any]:
        return {"id": PROJECT_ID, "name": name, "entity": {"id": "RW50aXR5OjE=", "name": ENTITY}}

    def _bucket(self, run: Run) -> dict[str, Any]:
        return {
            "id": run.id,
            "name": run.name,
            "displayName": run.meta.get("displayName") or run.name,
            "description": None,
            "config": json.dumps(run.config),
            "sweepName": None,
            "historyLineCount": len(run.history),
            "project": self._project(run.project),
        }

    def _manifest(self, key: str, upload: bool) -> dict[str, Any]:
        target = {"uploadUrl": f"{self.url}/put/manifest/{key}", "uploadHeaders": []}
        return {"artifactManifest": {"id": key, "file": {"id": key, **(target if upload else {})}}}

    def _artifact_file(self, artifactID: str, name: str, **_: object) -> dict[str, Any]:
        return {
            "storagePath": f"wandb_artifacts/{hashlib.md5(name.encode()).hexdigest()}",
            "uploadUrl": f"{self.url}/put/artifact/{artifactID}/{name}",
            "uploadHeaders": [],
            "uploadMultipartUrls": None,
            "artifact": {"id": artifactID},
        }


def samples(run: Run) -> list[int]:
    """The samples at which metrics of a run arrived; pictures come in rows of their own."""
    return [row["samples"] for row in run.history if not any(k.startswith("media/") for k in row)]


def _tail(run: Run) -> dict[str, Any]:
    """What a client that resumes asks for: how much is there, and the last lines."""
    streams = {"history": "wandb-history.jsonl", "events": "wandb-events.jsonl"}
    tails = {f"{k}Tail": json.dumps(run.lines(v)[-1:]) for k, v in streams.items()}
    counts = {f"{k}LineCount": len(run.lines(v)) for k, v in streams.items()}
    return {
        "id": run.id,
        "name": run.name,
        "displayName": run.meta.get("displayName"),
        "summaryMetrics": json.dumps(run.summary),
        "logLineCount": 0,
        "config": json.dumps(run.config),
        "tags": run.meta.get("tags") or [],
        "notes": run.meta.get("notes"),
        "wandbConfig": json.dumps({"t": 1}),
        **tails,
        **counts,
    }


def _edges(artifacts: list[Artifact]) -> dict[str, Any]:
    nodes = [{"digest": a.digest, "state": a.state} for a in artifacts]
    return {"edges": [{"node": node} for node in nodes]}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, fake: FakeWandb) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fake = fake

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that are killed break their connections."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None: ...

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        fake = self.server.fake
        self._record(fake, body)
        if fake.fault == "hang":
            fake.wait_until_healed()
        if fake.fault == "drop":
            self.close_connection = True
            self.connection.close()
            return
        if fake.fault.isdigit():
            self._reply(int(fake.fault), {"error": "injected"})
        else:
            self._reply(*fake.answer(self.command, self.path, body))

    def _record(self, fake: FakeWandb, body: bytes) -> None:
        headers = [f"{k}: {v}" for k, v in self.headers.items() if k.lower() != "authorization"]
        fake.wire.append("\n".join([self.path, *headers]).encode() + b"\n" + body)

    def _reply(self, code: int, answer: Any) -> None:
        payload = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = _serve
