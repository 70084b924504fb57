"""The page shows the comparison in a real browser: from disk, at any width, by day and night."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import helpers
import pytest
from click.testing import CliRunner
from PIL import Image

from lab.cli import main
from lab.comparison.report import gather
from lab.comparison.selection import select
from lab.comparison.tables import ComparisonQuery
from lab.storage.store import Run

SHOTS = helpers.ROOT / "build" / "screenshots"  # kept by CI, not by git
EVIL = "</script><script>document.title='broken'</script>"


def page(*words: str) -> str:
    done = CliRunner().invoke(main, ["compare", "--html", "out.html", *words], prog_name="lab")
    assert done.exit_code == 0, done.output
    return Path("out.html").resolve().as_uri()


def ask(browser: Any, script: str) -> Any:
    return browser.execute_script(f"return {script}")


def until(browser: Any, script: str, seconds: float = helpers.LONG) -> None:
    end = time.monotonic() + seconds
    while not ask(browser, script):
        assert time.monotonic() < end, f"not within {seconds} s: {script}"
        time.sleep(0.05)


def click(browser: Any, selector: str) -> None:
    browser.execute_script("document.querySelector(arguments[0]).click()", selector)


def column(browser: Any, table: str, number: int) -> list[str]:
    script = (
        f"[...document.querySelectorAll('{table} tbody tr')].map(r => r.cells[{number}].innerText)"
    )
    return ask(browser, script)


def lines(browser: Any) -> dict[str, Any]:
    """Return what the chart draws by name of the group."""
    traces = ask(browser, "document.querySelector('.chart').data.filter(t => t.showlegend)")
    return {trace["name"]: trace for trace in traces}


def resize(browser: Any, width: int, height: int, theme: str = "light") -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    scheme = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})


def test_a_single_run_has_neither_interval_nor_band(write: Any) -> None:
    for name, value in (("a", 1.0), ("b", 2.0)):
        write(name, value, group=f"g{name}")
    runs = select([], Path("runs"))
    data = gather(runs, ComparisonQuery())
    (section,) = data["sections"]
    assert [(g["n"], g["low"], g["high"]) for g in section["groups"]] == [(1, None, None)] * 2
    assert section["differences"] == []
    for axis in ("clock", "seconds"):
        assert section["bands"]["ga"]["eval/return"][axis][2:] == [None, None]


def test_the_page_shows_a_single_run_as_a_value_and_a_line(browser: Any, write: Any) -> None:
    write("a", 7.0, group="ga")
    for seed in range(2):
        write(f"b{seed}", 2.0 + seed, group="gb", seed=seed)
    browser.get(page())
    assert column(browser, "table.groups", 3) == ["–", "[-3.853, 8.853]"]
    assert ask(browser, "document.querySelector('.task .hint').innerText") == ""
    filled = ask(
        browser, "document.querySelector('.chart').data.filter(t => t.fill === 'tonexty').length"
    )
    assert filled == 1


@pytest.fixture
def two_groups(write: Callable[..., Path]) -> None:
    for seed, value in enumerate((10.0, 12.0, 14.0)):
        write(f"a{seed}", value, group="ga", seed=seed, lr=0.1, curve=(0.0, 3.0, value))
    for seed, value in enumerate((1.0, 2.0, 12.0)):
        write(f"b{seed}", value, group="gb", seed=seed, lr=0.2, curve=(0.0, 5.0, value))
    links = {"wandb": "https://wandb.example/b3", "evil": "javascript:alert(1)"}
    write("b3", 9.0, group="gb", seed=3, state="failed", error="it broke", links=links)
    for clock in (100, 200):
        folder = Path("runs/a0/media")
        folder.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (clock, 0, 0)).save(folder / f"{clock:09d}-grid.png")
    (folder / "000000200-note.txt").write_text("<b>not bold</b>")


@pytest.mark.usefixtures("two_groups")
def test_the_page_opens_from_disk_and_answers_clicks(browser: Any) -> None:
    resize(browser, 1280, 1400)
    browser.get(page("--threshold", "5"))
    assert column(browser, "table.groups", 0) == ["ga", "gb"]
    assert column(browser, "table.groups", 2) == ["12", "5"]
    click(browser, "summary")
    assert column(browser, "table.options", 1) == ["0.1", "0.2"]
    assert "it broke" in browser.find_element("id", "left-list").text

    drawn = lines(browser)
    assert set(drawn) == {"ga", "gb"}
    assert drawn["ga"]["x"] == [0, 100, 200]
    assert drawn["ga"]["y"] == [0, 3, 12]
    dotted = ask(
        browser, "document.querySelector('.chart').data.filter(t => t.line.dash === 'dot')"
    )
    assert [trace["legendgroup"] for trace in dotted] == ["gb"]

    click(browser, "input[value=seconds]")
    assert lines(browser)["ga"]["x"][-1] == 10
    click(browser, "input[value=time]")
    first = "document.querySelector('.chart').data[0].x[0].getTime()"
    assert ask(browser, first) == 1.7e12
    click(browser, "input[value=clock]")

    browser.execute_script(
        "const s = document.getElementById('smoothing'); s.value = 0.5;"
        "s.dispatchEvent(new Event('input'))"
    )
    # exponential moving averages of 0, 3, 12 with weight 1/2, freed of their bias
    assert lines(browser)["ga"]["y"] == [0, pytest.approx(1.5 / 0.75), pytest.approx(6.75 / 0.875)]

    faint = "document.querySelector('.chart').data.filter(t => t.opacity === 0.25).length"
    assert ask(browser, faint) == 6
    click(browser, "#seeds")
    assert ask(browser, faint) == 0


@pytest.mark.usefixtures("two_groups")
def test_a_click_in_the_legend_hides_a_group(browser: Any) -> None:
    resize(browser, 1280, 900)
    browser.get(page())
    hidden = "document.querySelector('.chart').data.filter(t => t.visible === 'legendonly')"
    assert ask(browser, f"{hidden}.length") == 0
    toggles = browser.find_elements("css selector", ".legendtoggle")
    assert len(toggles) == 2
    toggles[0].click()
    until(browser, f"{hidden}.length > 0")
    assert ask(browser, f"[...new Set({hidden}.map(t => t.legendgroup))]") == ["ga"]


@pytest.mark.usefixtures("two_groups")
def test_runs_are_sorted_filtered_and_continued(browser: Any) -> None:
    resize(browser, 1280, 900)
    browser.get(page())
    names = column(browser, "#run-table", 0)
    assert names == ["a0", "a1", "a2", "b0", "b1", "b2", "b3"]
    last = "//table[@id='run-table']//button[text()='test/return']"
    for expected in (["b0", "b1", "b3"], ["a2", "a1", "b2"]):
        browser.find_element("xpath", last).click()
        assert column(browser, "#run-table", 0)[:3] == expected
    browser.find_element("id", "filter").send_keys("failed")
    assert column(browser, "#run-table", 0) == ["b3"]
    assert browser.find_element("css selector", "#run-table code").text == "lab resume runs/b3"
    (link,) = browser.find_elements("css selector", "#run-table a")
    assert link.get_attribute("href") == "https://wandb.example/b3"


@pytest.mark.usefixtures("two_groups")
def test_media_follow_the_clock(browser: Any) -> None:
    browser.get(page())
    image = "document.querySelector('#media-grid img')"
    until(browser, f"{image} && {image}.naturalWidth === 8")
    newest = ask(browser, f"{image}.src")
    browser.execute_script(
        "const s = document.getElementById('media-clock'); s.value = 0;"
        "s.dispatchEvent(new Event('input'))"
    )
    assert ask(browser, f"{image}.src") != newest
    assert ask(browser, "document.querySelector('#media-grid figcaption').textContent") == (
        "a0, clock 100"
    )
    browser.execute_script(
        "const s = document.getElementById('media-name'); s.value = 'note';"
        "s.dispatchEvent(new Event('change'))"
    )
    text = "document.querySelector('#media-grid pre').textContent"
    assert ask(browser, text) == "<b>not bold</b>"


@pytest.mark.usefixtures("two_groups")
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("device", "width"), [("laptop", 1280), ("phone", 390)])
def test_nothing_is_cut_off_at_any_width(browser: Any, device: str, width: int, theme: str) -> None:
    resize(browser, width, 1800, theme)
    browser.get(page())
    assert ask(browser, "document.documentElement.scrollWidth") <= width
    assert ask(browser, "document.querySelector('.chart').getBoundingClientRect().right") <= width
    ink, paper = (
        ask(browser, f"getComputedStyle(document.body).{what}")
        for what in ("color", "backgroundColor")
    )
    brightness = [sum(map(int, rgb[4:-1].split(","))) for rgb in (ink, paper)]
    assert (brightness[0] > brightness[1]) == (theme == "dark")
    SHOTS.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(SHOTS / f"compare-{device}-{theme}.png"))


def test_no_name_breaks_out_of_the_page(browser: Any, write: Callable[..., Path]) -> None:
    write("a", 1.0, group=EVIL, lr=EVIL)
    write("b", 2.0, group="<img src=x onerror=alert(1)>", state="failed", error=EVIL)
    write("c", 2.0, group="gc", lr=float("inf"))
    browser.get(page())
    assert browser.title == "lab: runs compared"
    assert EVIL in column(browser, "table.groups", 0)
    assert ask(browser, "document.querySelectorAll('img').length") == 0


def test_two_hundred_runs_are_drawn(browser: Any, write: Callable[..., Path]) -> None:
    for run in range(200):
        curve = tuple(float(run + i) for i in range(30))
        write(f"run-{run:03d}", float(run), group=f"g{run // 5}", seed=run % 5, curve=curve)
    address = page()
    assert Path("out.html").stat().st_size < 12e6
    browser.get(address)
    until(browser, "document.querySelectorAll('#run-table tbody tr').length === 200")
    assert len(lines(browser)) == 40


@pytest.fixture
def mixed(write: Callable[..., Path]) -> None:
    """Two environments and a data set, two objectives; one run failed, one was fitted at once."""
    for seed in range(2):
        write(f"a{seed}", 2.0 + seed, group="ga", seed=seed, curve=(0.0, 3.0, 5.0))
        write(f"b{seed}", 4.0 + seed, group="gb", seed=seed, env="B")
        own = {"experiment": "mlp", "data": "d", "metric": "accuracy"}
        write(f"c{seed}", 0.5, group="gc", seed=seed, **own, curve=(0.1, 0.4, 0.5))
    write("k", 0.7, group="gk", **{**own, "experiment": "baseline"}, ended="complete",
          curve=(0.1, 0.7))  # fmt: skip
    write("f", 0.1, group="gb", seed=5, env="B", state="failed")


@pytest.mark.usefixtures("mixed")
def test_each_task_and_objective_has_a_section(browser: Any) -> None:
    resize(browser, 1280, 2000)
    browser.get(page())
    titles = "[...document.querySelectorAll('.task h2 span:first-child')].map(s => s.textContent)"
    assert ask(browser, titles) == ["A", "B", "d"]
    compared = "[...document.querySelectorAll('.task h2 small')].map(s => s.textContent)"
    assert ask(browser, compared)[2] == "test/accuracy, higher is better"
    charts = "[...document.querySelectorAll('.chart')]"
    for chart in ask(browser, f"{charts}.map(c => c.data.map(t => t.line.color))"):
        assert chart
    shown = f"{charts}.map(c => c.data.filter(t => t.showlegend).map(t => [t.name, t.line.color]))"
    for legend in ask(browser, shown):
        assert len({color for _, color in legend}) == len(legend)
    dotted = (
        f"{charts}.flatMap(c => c.data.filter(t => t.line.dash === 'dot').map(t => t.legendgroup))"
    )
    assert ask(browser, dotted) == ["gb"]
    level = f"{charts}[2].data.find(t => t.name === 'gk')"
    assert ask(browser, f"[{level}.x, {level}.y, {level}.line.dash]") == [
        [0, 200], [0.7, 0.7], "dash",
    ]  # fmt: skip
    assert ask(browser, "document.getElementById('dotted').hidden") is False


@pytest.mark.usefixtures("mixed")
def test_the_filter_holds_for_the_whole_page(browser: Any) -> None:
    resize(browser, 1280, 2000)
    browser.get(page())
    browser.find_element("id", "filter").send_keys("mlp")
    shown = "[...document.querySelectorAll('.task')].filter(s => !s.hidden).length"
    assert ask(browser, shown) == 1
    assert column(browser, "#run-table", 0) == ["c0", "c1"]
    assert column(browser, ".task:not([hidden]) table.groups", 0) == ["gc"]
    browser.find_element("id", "filter").clear()
    browser.find_element("id", "filter").send_keys(" ")
    browser.find_element("id", "filter").send_keys("\b")
    until(browser, f"{shown} === 3")


def test_nothing_unfinished_is_said_where_all_have_finished(browser: Any, write: Any) -> None:
    write("a", 1.0)
    browser.get(page())
    assert ask(browser, "document.getElementById('dotted').hidden") is True
    assert ask(browser, "document.getElementById('level').hidden") is True


def test_runs_that_cannot_be_compared_are_still_shown(write: Callable[..., Path]) -> None:
    write("a", 1.0, state="interrupted")
    data = gather(select([], Path("runs")), ComparisonQuery())
    assert "No finished run" in data["note"]
    assert [run["state"] for run in data["runs"]] == ["interrupted"]
    (section,) = data["sections"]
    assert section["metrics"] == ["eval/return", "train/loss"]
    assert section["groups"] == []


def test_a_damaged_run_is_listed(write: Callable[..., Path]) -> None:
    write("a", 1.0)
    folder = write("b", 1.0)
    (folder / "summary.json").write_text("{")
    data = gather(select([], Path("runs")), ComparisonQuery())
    assert [run["state"] for run in data["runs"]] == ["finished", "damaged"]
    json.dumps(data, allow_nan=False)


def test_media_beyond_the_limit_are_left_out_and_counted(write, monkeypatch) -> None:
    from lab.comparison import page as parts

    folder = write("a", 1.0)
    (folder / "media").mkdir()
    for clock in (1, 2):
        (folder / "media" / f"{clock:09d}-x.png").write_bytes(b"\0" * 100)
    monkeypatch.setattr(parts, "MEDIA_BYTES", 150)
    runs = [Run(folder)]
    parts.write(Path("out.html"), gather(runs, ComparisonQuery()), runs)
    assert '"omitted":1' in Path("out.html").read_text()
