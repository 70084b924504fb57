"""`lab ui` follows runs live, on this machine alone, and gives away nothing else."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import helpers
import pytest

from lab.comparison.report import Reader, gather
from lab.comparison.selection import select
from lab.comparison.server import serving
from lab.comparison.tables import ComparisonQuery

Write = Callable[..., Path]


class Site:
    """What a browser, or an attacker, can ask of the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port = urlsplit(url).port
        self.token = urlsplit(url).path.strip("/")

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
        """Send `path` as it stands: a client library would tidy up its dots."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=helpers.LONG)
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer, answer.read()

    def page(self, path: str = "", **headers: str) -> tuple[HTTPResponse, bytes]:
        return self.ask(f"/{self.token}/{path}", **headers)

    def data(self) -> dict[str, Any]:
        return json.loads(self.page("data.json")[1])


@pytest.fixture
def site(write: Write) -> Iterator[Site]:
    write("a", 1.0)
    media = Path("runs/a/media")
    media.mkdir()
    (media / "000000001-grid.png").write_bytes(b"picture")
    Path("secret.png").write_bytes(b"treasure")
    Path("runs/a/secret.png").write_bytes(b"treasure")
    reader = Reader()
    with serving(
        lambda: select([], Path("runs")), lambda runs: gather(runs, ComparisonQuery(), reader)
    ) as (url, server):
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        yield Site(url)


def test_the_page_its_parts_and_its_data_are_served(site: Site) -> None:
    for path, kind in (
        ("", "text/html"),
        ("page.css", "text/css"),
        ("page.js", "text/javascript"),
        ("plotly.js", "text/javascript"),
        ("data.json", "application/json"),
    ):
        answer, body = site.page(path)
        assert (answer.status, answer.getheader("Content-Type", "").split(";")[0]) == (200, kind), (
            path
        )
        assert body
    assert [run["name"] for run in site.data()["runs"]] == ["a"]


def test_media_of_chosen_runs_are_served(site: Site) -> None:
    answer, body = site.page("media/a/000000001-grid.png")
    assert (answer.status, answer.getheader("Content-Type"), body) == (200, "image/png", b"picture")


@pytest.mark.parametrize(
    "path",
    [
        "media/a/../secret.png",
        "media/a/..%2fsecret.png",
        "media/a/%2e%2e/secret.png",
        "media/a/%2e%2e%2fsecret.png",
        "media/a/..%5csecret.png",
        "media/../../secret.png",
        "media/..%2f..%2fsecret.png",
        "media/%2e%2e/secret.png",
        "media/../secret.png",
        "media/a//etc/passwd",
        "media/a/%2fetc%2fpasswd",
        "media/a/%00",
        "media/a/metrics.jsonl",
        "media/a/..%2fconfig.yaml",
        "../a/config.yaml",
        "%2e%2e/%2e%2e/secret.png",
        "page.py",
        "__init__.py",
        "media/nobody/000000001-grid.png",
    ],
)
def test_no_path_leads_out_of_the_media_of_a_run(site: Site, path: str) -> None:
    answer, body = site.page(path)
    assert answer.status in (400, 404)
    assert b"treasure" not in body
    assert b"root:" not in body


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_out_of_the_folder_is_not_followed(site: Site, what: str) -> None:
    media = Path("runs/a/media")
    if what == "file":
        (media / "000000002-link.png").symlink_to(Path("secret.png").resolve())
    else:
        (media / "000000001-grid.png").unlink()
        media.rmdir()
        Path("elsewhere").mkdir()
        Path("elsewhere/000000002-link.png").write_bytes(b"treasure")
        media.symlink_to(Path("elsewhere").resolve())
    answer, body = site.page("media/a/000000002-link.png")
    assert (answer.status, b"treasure" in body) == (404, False)


def test_without_the_token_nothing_is_said(site: Site) -> None:
    for path in ("/", "/data.json", f"/{site.token[:-1]}/", f"/{site.token}x/data.json", "//"):
        answer, body = site.ask(path)
        assert answer.status == 404
        assert b"runs" not in body


def test_a_foreign_name_for_this_machine_is_refused(site: Site) -> None:
    assert site.page("data.json", Host=f"evil.example:{site.port}")[0].status == 404
    assert site.page("data.json", Host=f"localhost:{site.port}")[0].status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_can_be_written(site: Site, method: str) -> None:
    for path in ("", "data.json", "media/a/000000001-grid.png"):
        answer, _ = site.ask(f"/{site.token}/{path}", method, Content_Length="0")
        assert answer.status in (404, 405)
    assert Path("runs/a/media/000000001-grid.png").read_bytes() == b"picture"


def test_answers_keep_the_token_to_themselves(site: Site) -> None:
    answer, _ = site.page()
    assert answer.getheader("Referrer-Policy") == "no-referrer"
    assert "default-src 'none'" in answer.getheader("Content-Security-Policy", "")
    assert site.ask("/")[0].getheader("Referrer-Policy") == "no-referrer"


def test_only_this_machine_is_listened_to(site: Site) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in others - {"127.0.0.1"}:
        with socket.socket() as attempt:
            attempt.settimeout(5)
            assert attempt.connect_ex((address, site.port)) != 0


def test_what_has_not_changed_is_not_sent_again(site: Site, write: Write) -> None:
    answer, _ = site.page("data.json")
    tag = answer.getheader("ETag")
    assert tag is not None
    again, body = site.page("data.json", If_None_Match=tag)
    assert (again.status, body) == (304, b"")
    with Path("runs/a/metrics.jsonl").open("a") as file:
        file.write('{"clock": 300, "eval/return": 5.0, "perf/seconds": 15, "perf/time": 1.7e9}\n')
    answer, body = site.page("data.json", If_None_Match=tag)
    assert answer.status == 200
    assert json.loads(body)["runs"][0]["curves"]["eval/return"][1][-1] == 5
    write("b", 2.0)
    assert [run["name"] for run in site.data()["runs"]] == ["a", "b"]


def test_the_open_page_gets_new_points_by_itself(site: Site, browser: Any) -> None:
    def points() -> int:
        script = "return document.querySelector('.chart')?.data?.[0]?.x.length ?? 0"
        return browser.execute_script(script)

    def wait(count: int) -> None:
        end = time.monotonic() + helpers.LONG
        while points() != count:
            assert time.monotonic() < end, f"{points()} points, not {count}"
            time.sleep(0.1)

    browser.get(site.url)
    wait(3)
    image = "return document.querySelector('#media-grid img')?.src"
    assert browser.execute_script(image).endswith("media/a/000000001-grid.png")
    with Path("runs/a/metrics.jsonl").open("a") as file:
        file.write('{"clock": 300, "eval/return": 5.0, "perf/seconds": 15, "perf/time": 1.7e9}\n')
    wait(4)


def begin(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lab", "ui", "--no-open", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell starts what runs in its background deaf to interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def test_the_command_says_where_and_ends_with_an_interrupt(write: Write) -> None:
    write("a", 1.0)
    process = begin()
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", url)
        assert site_names(url) == ["a"]
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(helpers.LONG) == 0


def site_names(url: str) -> list[str]:
    return [run["name"] for run in Site(url).data()["runs"]]


def test_mistakes_are_said_on_the_command_line(write: Write) -> None:
    write("a", 1.0)
    for words, message in (
        (["nobody"], "There is no run 'nobody'"),
        (["--group", "h"], "There is no group 'h'"),
        (["--where", "lr~1"], "is no condition"),
    ):
        process = begin(*words)
        _, output = process.communicate(timeout=helpers.LONG)
        assert process.returncode == 2
        assert message in output


def test_a_taken_port_is_a_plain_mistake(write: Write) -> None:
    write("a", 1.0)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = begin("--port", str(taken.getsockname()[1]))
        _, output = process.communicate(timeout=helpers.LONG)
    assert process.returncode == 1
    assert "cannot be used" in output
