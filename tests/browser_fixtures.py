"""Fixtures: a browser for the pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

BROWSER_NEEDED = "CI" in os.environ  # there, a missing browser is a failure


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
