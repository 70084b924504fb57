"""Fixtures: run folders as runs leave them, and a browser."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Write = Callable[..., Path]

BROWSER_NEEDED = "CI" in os.environ  # there, a missing browser is a failure


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a run folder as a finished run leaves it."""
    monkeypatch.chdir(tmp_path)

    def make(name: str, test: float, *, curve: tuple[float, ...] = (0.0, 1.0, 2.0), **changes: Any):
        config = {"lr": changes.pop("lr", 0.1), "env": "A", "seed": changes.pop("seed", 0)}
        direction = changes.pop("direction", "max")
        began = changes.pop("began", 1.7e9)
        summary = {
            "name": name, "state": "finished", "group": "g", "experiment": "dqn", "target": "A",
            "seed": config["seed"], "clock": {"name": "env_steps", "value": 200, "budget": 200},
            "objective": {"metric": "eval/return", "direction": direction, "last": curve[-1]},
            "test": {"test/return": test}, "seconds": 10.0, "config": config,
        } | changes  # fmt: skip
        folder = tmp_path / "runs" / name
        folder.mkdir(parents=True)
        (folder / "config.yaml").write_text("experiment: dqn\n")
        (folder / "summary.json").write_text(json.dumps(summary))
        rows = [
            {
                "clock": 100 * i,
                "eval/return": value,
                "perf/seconds": 5.0 * i,
                "perf/time": began + 5.0 * i,
            }
            for i, value in enumerate(curve)
        ]
        rows.insert(1, {"clock": 50, "train/loss": 1.0, "perf/seconds": 2.5})
        (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        return folder

    return make


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    """A headless Chromium, Debian's or any other's, driven by Selenium."""
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not (binary and driver):
        assert not BROWSER_NEEDED, "CI needs chromium and chromedriver"
        pytest.skip("needs chromium and chromedriver (Debian: chromium, chromium-driver)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(executable_path=driver)
    with webdriver.Chrome(options=options, service=service) as browser:
        yield browser


@pytest.fixture
def browser(chrome: Any) -> Iterator[Any]:
    """The browser on an empty page; whatever it complained of fails the test."""
    chrome.get("about:blank")
    chrome.get_log("browser")
    yield chrome
    assert [entry["message"] for entry in chrome.get_log("browser")] == []
