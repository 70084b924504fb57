"""Serve the page about runs on this machine alone, live.

Nothing can be written. Every path begins with a token that only the printed URL has, and nothing
but the page's own parts and the media of the chosen runs is ever read from the disk.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from lab.comparison import page
from lab.errors import LabError
from lab.loopback import answer, guarded, listening
from lab.storage.store import Run

Select = Callable[[], Sequence[Run]]
Gather = Callable[[Sequence[Run]], dict[str, Any]]


class Feed:
    """The chosen runs and the page's data about them, gathered anew only after a run changed."""

    def __init__(self, select: Select, gather: Gather) -> None:
        self._select, self._gather = select, gather
        self._lock = threading.Lock()
        self._runs: Sequence[Run] = ()
        self._stamp: Any = None
        self._body = b""

    def body(self) -> tuple[bytes, str]:
        """Return the data as JSON, and the tag that changes with it."""
        from lab.comparison.report import fingerprint

        with self._lock:
            self._runs = self._select()
            stamp = fingerprint(self._runs)
            if stamp != self._stamp:
                data = self._gather(self._runs)
                self._body = json.dumps(data, separators=(",", ":"), allow_nan=False).encode()
                self._stamp = stamp
            return self._body, f'"{hashlib.sha256(repr(stamp).encode()).hexdigest()}"'

    def medium(self, run: str, name: str) -> Path | None:
        """Return a file of a chosen run's media, or None where there is none: a link that leads
        out of the run's folder is none."""
        from lab.comparison.report import KINDS

        match = next((match for match in self._runs or self._select() if match.name == run), None)
        if match is None or "\0" in name:
            return None
        folder = (match.dir / "media").resolve()
        path = (folder / name).resolve()
        inside = path.parent == folder and folder.parent == match.dir.resolve()
        return path if inside and path.suffix.lower() in KINDS and path.is_file() else None


def application(token: str, select: Select, gather: Gather) -> Any:
    """Return the WSGI application. It answers GET and HEAD under `/TOKEN/`, and 404 elsewhere."""
    import bottle

    app = guarded(token)
    feed = Feed(select, gather)
    script = page.plotly()

    @app.get(f"/{token}/")  # type: ignore[untyped-decorator]
    def index() -> Any:
        return answer(page.served(), "text/html; charset=utf-8")

    @app.get(f"/{token}/<name:re:page\\.(js|css)>")  # type: ignore[untyped-decorator]
    def parts(name: str) -> Any:
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        return answer(page.part(name), f"{kind}; charset=utf-8")

    @app.get(f"/{token}/plotly.js")  # type: ignore[untyped-decorator]
    def library() -> Any:
        return answer(script.read_bytes(), "text/javascript; charset=utf-8")

    @app.get(f"/{token}/data.json")  # type: ignore[untyped-decorator]
    def data() -> Any:
        try:
            body, tag = feed.body()
        except LabError as error:  # a run was removed, say
            return bottle.HTTPResponse(str(error), 503, {"Content-Type": "text/plain"})
        if bottle.request.get_header("If-None-Match") == tag:
            return bottle.HTTPResponse("", 304, {"ETag": tag})
        return answer(body, "application/json", ETag=tag)

    @app.get(f"/{token}/media/<run>/<name>")  # type: ignore[untyped-decorator]
    def media(run: str, name: str) -> Any:
        path = feed.medium(run, name)
        if path is None:
            raise bottle.HTTPError(404)
        return answer(path.read_bytes(), mimetypes.guess_type(name)[0] or "text/plain")

    return app


def serving(
    select: Select, gather: Gather, port: int = 0
) -> AbstractContextManager[tuple[str, Any]]:
    """Yield the page's URL and the server, as `lab.loopback.listening` does."""
    return listening("lab ui", lambda token: application(token, select, gather), port)
