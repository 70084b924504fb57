"""Serve what a trained run predicts: a page, and POST predict for programs.

What is sent is kept in a folder of its own while it is answered. No path is ever taken from a
request, so nothing else is read from the disk.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from lab.errors import InputWarning, LabError, UsageError
from lab.loopback import answer, guarded, listening

Predict = Callable[..., Sequence[Mapping[str, Any]]]  # of `inputs`, words as `lab predict` takes
ROWS = "rows.csv"
UNSAFE = re.compile(r"[^\w. -]")  # in the name of a file
LONGEST = 100  # characters of a name
PARTS = {"page.css": "text/css", "page.js": "text/javascript"}


class Predictor:
    """Answers one request after the other: a network computes with all cores."""

    def __init__(self, predict: Predict) -> None:
        self._predict, self._lock = predict, threading.Lock()

    def __call__(self, name: str, content: bytes) -> dict[str, Any]:
        """Return the answers to a file that is called `name`, and what to warn of.

        Raises UsageError where it cannot be read.
        """
        with tempfile.TemporaryDirectory() as folder, self._lock:
            path = Path(folder) / (UNSAFE.sub("_", name)[-LONGEST:].lstrip(".") or ROWS)
            path.write_bytes(content)
            try:
                rows, warned = self._answers(str(path))
            except LabError as error:
                raise UsageError(str(error).replace(f"{folder}/", "")) from error
            named = [{**row, "input": row["input"].replace(f"{folder}/", "")} for row in rows]
            return {"answers": named, "warnings": warned}

    def _answers(self, word: str) -> tuple[Sequence[Mapping[str, Any]], list[str]]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", InputWarning)
            rows = self._predict(inputs=(word,))
        warned = [w for w in caught if issubclass(w.category, InputWarning)]
        return rows, [str(warning.message) for warning in warned]


def as_csv(content: bytes) -> bytes:
    """Return JSON, {"rows": [{"age": 35, "city": "Paris"}, ...]}, as the csv file that it is."""
    try:
        rows = json.loads(content)["rows"]
        names = list(dict.fromkeys(name for row in rows for name in row))
        text = StringIO()
        writer = csv.writer(text)
        writer.writerow(names)
        writer.writerows([_cell(row.get(name)) for name in names] for row in rows)
        return text.getvalue().encode()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError('JSON is to be {"rows": [{"column": value, ...}, ...]}') from error


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def application(token: str, title: str, predict: Predict) -> Any:
    """Return the WSGI application: the page under `/TOKEN/`, and `/TOKEN/predict`."""
    import bottle

    app = guarded(token)
    predictor = Predictor(predict)

    @app.get(f"/{token}/")  # type: ignore[untyped-decorator]
    def index() -> Any:
        page = _part("page.html").replace("{{title}}", bottle.html_escape(title))
        return answer(page, "text/html; charset=utf-8")

    @app.get(f"/{token}/<name:re:page\\.(js|css)>")  # type: ignore[untyped-decorator]
    def parts(name: str) -> Any:
        return answer(_part(name), f"{PARTS[name]}; charset=utf-8")

    @app.post(f"/{token}/predict")  # type: ignore[untyped-decorator]
    def respond() -> Any:
        content = bottle.request.body.read()
        try:
            if bottle.request.content_type.partition(";")[0] == "application/json":
                reply = predictor(ROWS, as_csv(content))
            else:
                reply = predictor(bottle.request.query.getunicode("name") or ROWS, content)
        except UsageError as error:
            return bottle.HTTPResponse(
                json.dumps({"error": str(error)}), 400, {"Content-Type": "application/json"}
            )
        return answer(json.dumps(reply), "application/json")

    return app


def _part(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def serving(title: str, predict: Predict, port: int = 0) -> AbstractContextManager[tuple[str, Any]]:
    """Yield the page's URL and the server, as `lab.loopback.listening` does."""
    return listening("lab serve", lambda token: application(token, title, predict), port)
