"""`lab serve` answers as `lab predict` does, on this machine alone, and reads no other file."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import helpers
import pytest
from click.testing import CliRunner

import lab
from lab import trained
from lab.cli import main
from lab.serving.server import serving

pytest.importorskip("bottle")
pytest.importorskip("waitress")

TABLE = "age,city,grade\n" + "".join(
    f"{20 + n},{('Paris', 'Lyon')[n % 2]},{'ab'[n > 30]}\n" for n in range(60)
)
JSON = "application/json"


class Site:
    """What a browser, or a program, asks of the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.port, self.token = urlsplit(url).port, urlsplit(url).path.strip("/")

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=helpers.LONG)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()

    def predict(self, body: str, name: str = "", kind: str = "text/csv") -> tuple[int, Any]:
        path = f"/{self.token}/predict" + (f"?name={quote(name)}" if name else "")
        answer, content = self.ask("POST", path, body.encode(), **{"Content-Type": kind})
        return answer.status, json.loads(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("serving")
    (folder / "table.csv").write_text(TABLE)
    fixed = {"runs_dir": folder / "runs", "wandb": "disabled", "media": False}
    lab.run("mlp", name="it", data=f"csv:{folder / 'table.csv'}", budget=640, **fixed)
    return folder


@pytest.fixture
def site(folder) -> Iterator[Site]:
    with (
        trained.using(folder / "runs" / "it", "predict") as predict,
        serving("it", predict) as (url, server),
    ):
        threading.Thread(target=server.run, daemon=True).start()
        yield Site(url)


def test_answers_are_those_of_the_command(site, folder) -> None:
    words = ["predict", str(folder / "runs" / "it"), str(folder / "table.csv"), "--json"]
    expected = json.loads(CliRunner().invoke(main, words).stdout)
    status, reply = site.predict(TABLE, "../table.csv")
    assert status == 200
    assert reply["warnings"] == []
    assert [row["classes"] for row in reply["answers"]] == [
        pytest.approx(row["classes"]) for row in expected
    ]
    assert reply["answers"][1]["input"].endswith("table.csv:1")
    assert str(folder) not in json.dumps(reply)


def test_rows_come_as_json(site) -> None:
    rows = [{"age": 25, "city": "Paris"}, {"city": "Rome", "age": None}]
    status, reply = site.predict(json.dumps({"rows": rows}), kind=JSON)
    assert status == 200
    assert [row["input"] for row in reply["answers"]] == ["rows.csv:0", "rows.csv:1"]
    assert reply["warnings"] == ["1 of 2 values of city are none that training saw"]
    same = site.predict("age,city\n25,Paris\n,Rome\n")[1]
    assert same == reply


@pytest.mark.parametrize(
    ("body", "name", "kind", "message"),
    [
        ("age\n1\n", "", "text/csv", "rows.csv lacks columns that the run learned from: city"),
        ("age,city\nold,Rome\n", "x.csv", "text/csv", "age holds numbers, but 'old' in row 0"),
        ("no pixels", "a.png", "image/png", "a.png is no table"),
        ("", "", "text/csv", "rows.csv is empty"),
        ("[1]", "", JSON, 'JSON is to be {"rows": '),
        ("{", "", JSON, 'JSON is to be {"rows": '),
        ("age,city\n1,Rome\n", "..", "text/csv", ""),
        ("age,city\n1,Rome\n", "/etc/passwd", "text/csv", "passwd is no table"),
    ],
)
def test_a_mistake_is_a_plain_line(site, body, name, kind, message) -> None:
    status, reply = site.predict(body, name, kind)
    assert status == (400 if message else 200)
    assert message in reply.get("error", "")
    assert "Traceback" not in json.dumps(reply)


def test_the_page_and_its_parts_are_served(site) -> None:
    for path, kind in (("", "text/html"), ("page.js", "text/javascript"), ("page.css", "text/css")):
        answer, body = site.ask("GET", f"/{site.token}/{path}")
        assert (answer.status, answer.getheader("Content-Type").split(";")[0]) == (200, kind)
        assert body
        assert "default-src 'none'" in answer.getheader("Content-Security-Policy")


def test_the_page_shows_answers_and_warnings(site, browser, tmp_path) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    def wait_for(css: str, text: str) -> None:
        found = lambda page: text in page.find_element("css selector", css).text  # noqa: E731
        WebDriverWait(browser, helpers.LONG).until(found)

    browser.get(site.url)
    rows, send = (browser.find_element("css selector", css) for css in ("#rows", "button"))
    rows.send_keys("age,city\n25,Paris\n55,<b>Rome</b>\n")
    send.click()
    wait_for("#answers", "rows.csv:1")
    wait_for("#status", "1 of 2 values of city are none that training saw")
    (tmp_path / "<i>new.csv").write_text("age,city\n25,Paris\n")
    browser.find_element("css selector", "#file").send_keys(str(tmp_path / "<i>new.csv"))
    wait_for("#answers", "new.csv:0")
    assert not browser.find_elements("css selector", "td i")


def test_nobody_else_gets_an_answer(site) -> None:
    path = f"/{site.token}/predict"
    for method, where, headers in (
        ("POST", "/predict", {}),
        ("POST", f"/{site.token[:-1]}/predict", {}),
        ("POST", path, {"Host": f"evil.example:{site.port}"}),
        ("GET", f"/{site.token}/server.py", {}),
        ("GET", f"/{site.token}/..%2fapi.py", {}),
    ):
        answer, body = site.ask(method, where, b"age,city\n1,Paris\n", **headers)
        assert answer.status == 404
        assert b"answers" not in body


def test_the_command_says_where_and_ends_with_an_interrupt(folder) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "serve", str(folder / "runs" / "it"), "--no-open"],
        stdout=subprocess.PIPE,
        text=True,
        # a shell starts what runs in its background deaf to interrupts
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", url)
        assert Site(url).predict("age,city\n25,Paris\n")[0] == 200
    finally:
        process.send_signal(signal.SIGINT)
    assert process.wait(helpers.LONG) == 0
