"""Put the page about runs together: one file that opens from disk, or parts for a server."""

from __future__ import annotations

import base64
import json
import mimetypes
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lab.errors import LabError, UsageError
from lab.storage.store import Run, write_atomically

MEDIA_BYTES = 32 * 2**20  # a page larger than this opens slowly on a phone
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; media-src data:"
)


def plotly() -> Path:
    """Return the path of plotly.js. Raises UsageError where it is not installed."""
    spec = find_spec("plotly")  # not imported: only its script is needed
    for folder in (spec.submodule_search_locations or []) if spec else []:
        script = Path(folder) / "package_data" / "plotly.min.js"
        if script.is_file():
            return script
    raise UsageError("The page needs plotly. Install it: pip install 'rl-gen-lab[ui]'")


def part(name: str) -> str:
    """Return page.html, page.css or page.js."""
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def served() -> str:
    """Return the page that loads its parts and data from a server."""
    head = '<link rel="stylesheet" href="page.css">'
    end = '<script src="plotly.js"></script>\n<script src="page.js"></script>'
    return _filled(head, end)


def write(path: Path, data: Mapping[str, Any], runs: Sequence[Run]) -> None:
    """Write one self-contained file. Media over 32 MiB in all are left out, the oldest first.

    Raises LabError where the file cannot be written.
    """
    script = plotly().read_text(encoding="utf-8")
    media, omitted = _embedded(data["media"], {run.name: run.dir for run in runs})
    payload = {**data, "media": media, "omitted": omitted}
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        f"<style>{part('page.css')}</style>"
    )
    end = (
        f'<script type="application/json" id="data">{_json_in_html(payload)}</script>\n'
        f"<script>{script}</script>\n<script>{part('page.js')}</script>"
    )
    try:
        write_atomically(path, _filled(head, end).encode())
    except OSError as error:
        raise LabError(f"cannot write {path}: {error.strerror}") from error


def _filled(head: str, end: str) -> str:
    before, _, rest = part("page.html").partition("<!--HEAD-->")
    middle, _, after = rest.partition("<!--END-->")
    return before + head + middle + end + after


def _json_in_html(data: Any) -> str:
    """Return JSON that no name of a run can break out of."""
    return json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _embedded(
    media: Sequence[Mapping[str, Any]], folders: Mapping[str, Path]
) -> tuple[list[dict[str, Any]], int]:
    """Return the media with their content, and how many were left out: the oldest."""
    embedded, size = [], 0
    paths = [folders[item["run"]] / "media" / item["file"] for item in media]
    for item, path in sorted(zip(media, paths, strict=True), key=lambda pair: -_written(pair[1])):
        try:
            content = path.read_bytes()
        except OSError:  # it was removed since
            continue
        size += len(content)
        if size > MEDIA_BYTES:
            break
        if item["kind"] == "text":
            embedded.append({**item, "text": content.decode(errors="replace")})
        else:
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
            embedded.append({**item, "source": source})
    return embedded, len(media) - len(embedded)
