"""What docs/building-blocks.md shows works, and every block stands in it."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import helpers
import pytest
import torch
from torch import nn

import lab
from lab import metrics, optim, sequence, supervised
from lab import nn as blocks
from lab.testing import check_plugin

PAGE = (helpers.ROOT / "docs" / "building-blocks.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EVERYTHING = {
    "ema": 0.9, "grad_accum_steps": 3, "schedule": "one-cycle", "clip_norm": 1.0,
    "weight_decay": 0.01, "class_weights": "balanced", "label_smoothing": 0.1,
    "init": "he", "patience": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The plugin of the page, and the same with every option in its tiny preset."""
    folder = tmp_path_factory.mktemp("plugin")
    code = next(block for block in BLOCKS if "lab_experiments" in block)
    (folder / "digit_net.py").write_text(code)
    code = code.replace("digit-net", "digit-all").replace("digit_net", "digit_all")
    tiny = '{"budget": 12_800'
    assert tiny in code
    (folder / "digit_all.py").write_text(code.replace(tiny, f"{tiny}, **{EVERYTHING}"))
    for name in ("digit-net", "digit-all"):
        points = {name: name.replace("-", "_")}
        helpers.distribution(folder, name, points, requires="rl-gen-lab")
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    for name in ("digit_net", "digit_all"):
        sys.modules.pop(name, None)


def train(folder: Path, name: str, **options: object) -> lab.RunResult:
    return lab.run(
        "digit-net", runs_dir=folder, wandb="disabled", media=False, name=name, **options
    )


def test_the_plugin_of_the_page_learns(plugin, tmp_path) -> None:
    result = train(tmp_path, "plain")
    assert result.objective > 0.9
    test = result.summary["test"]
    assert test["test/accuracy_low"] < test["test/accuracy"] < test["test/accuracy_high"]


def test_with_every_option_it_learns_and_keeps_all_that_it_needs(plugin, tmp_path) -> None:
    result = train(tmp_path, "everything", budget=12_800, lr=0.01, **EVERYTHING)
    assert result.objective > 0.85
    state = helpers.last_state(result.dir)["experiment"]
    assert set(state) == {
        "model", "weights", "optimizer", "averaged", "stop", "updates"
    }  # fmt: skip


def test_patience_ends_it_early(plugin, tmp_path) -> None:
    result = train(tmp_path, "early", patience=1, lr=1e-9)
    assert result.summary["ended"] == "complete"
    assert result.summary["clock"]["value"] < 20_000


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digit-net", "digit-all"])
def test_the_plugin_of_the_page_keeps_the_contract(plugin, name) -> None:
    why = "one file, for the page: it imports torch"
    report = check_plugin(name, expected_failures={"imports_are_light": why})
    assert report.passed, [result.message for result in report.failures]


def test_the_other_snippets_of_the_page_run_in_turn(ctx) -> None:
    names = {"torch": torch, "nn": nn, "ctx": ctx}
    for code in BLOCKS:
        if "lab_experiments" not in code:
            exec(compile(code, "building-blocks.md", "exec"), names)


NAMES = {
    name for package in (blocks, metrics, optim, sequence, supervised) for name in package.__all__
}


@pytest.mark.parametrize("name", sorted(NAMES - {"ACTIVATIONS"}))
def test_every_block_stands_on_the_page(name) -> None:
    if name not in ("LayerStatistics", "LayerSummary", "RangeTest"):  # what functions return
        assert re.search(rf"\b{name}\b", PAGE)
