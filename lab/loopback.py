"""Serve pages to this machine alone: every path begins with a token that only the printed URL
has."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lab.errors import LabError, UsageError

HOST = "127.0.0.1"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",  # the address holds the token
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def guarded(token: str) -> Any:
    """Return a WSGI application (a bottle.Bottle) to which routes are added. It answers 404 to
    paths without the token, and to names of this machine that are not its own."""
    import bottle

    app = bottle.Bottle()

    def refuse(error: Any) -> str:
        bottle.response.content_type = "text/plain"
        return f"{error.status_line}\n"

    app.default_error_handler = refuse

    @app.hook("before_request")  # type: ignore[untyped-decorator]
    def admit() -> None:
        url_token, host = bottle.request.path.split("/")[1], bottle.request.get_header("Host", "")
        # A name that somebody else's server resolves to this machine is not ours.
        ours = host.rpartition(":")[0] in (HOST, "localhost")
        if not ours or not hmac.compare_digest(url_token.encode(), token.encode()):
            raise bottle.HTTPError(404)

    @app.hook("after_request")  # type: ignore[untyped-decorator]
    def protect() -> None:
        bottle.response.headers.update(HEADERS)

    return app


def answer(content: bytes | str, kind: str, **headers: str) -> Any:
    import bottle

    return bottle.HTTPResponse(content, 200, {"Content-Type": kind, **headers})


@contextmanager
def listening(
    command: str, application: Callable[[str], Any], port: int = 0
) -> Iterator[tuple[str, Any]]:
    """Yield the URL of `application(token)` and the server, whose `run()` serves until it is
    closed.

    Raises UsageError where what `command` needs is not installed, LabError where the port is taken.
    """
    try:
        from waitress import create_server
    except ImportError as error:
        raise UsageError(
            f"`{command}` needs bottle and waitress. Install them: pip install 'rl-gen-lab[ui]'"
        ) from error
    token = secrets.token_urlsafe(24)
    try:
        server = create_server(application(token), host=HOST, port=port, threads=4)
    except OSError as error:
        raise LabError(f"port {port} cannot be used: {error.strerror}") from error
    try:
        yield f"http://{HOST}:{server.effective_port}/{token}/", server
    finally:
        server.task_dispatcher.shutdown(timeout=1)
        server.close()
