"""What docs/cnn.md shows works, and its counts are those of the networks."""

from __future__ import annotations

import re
import sys

import helpers
import pytest
import torch
from PIL import Image

from lab.nn import summarize, totals
from lab_cnn.model import build, names

PAGE = (helpers.ROOT / "docs" / "cnn.md").read_text()
ROW = re.compile(r"^\| (`\w+`(?:, `\w+`)*) \| ([\d x]+), (\d+) \| ([\d,]+) \| ([\d,.]+) \|$", re.M)
TABLE = {
    arch: (tuple(map(int, shape.split(" x "))), int(classes), parameters, millions)
    for group, shape, classes, parameters, millions in ROW.findall(PAGE)
    for arch in re.findall(r"\w+", group)
}
COMMANDS = re.findall(r"^\$ lab (.+)$", PAGE, re.MULTILINE)
QUICK = ["--wandb", "disabled", "--no-media"]


def test_every_architecture_stands_in_the_table() -> None:
    assert set(TABLE) == set(names())


@pytest.mark.parametrize("arch", names())
def test_the_figures_of_the_table_are_those_of_the_network(arch) -> None:
    shape, classes, parameters, millions = TABLE[arch]
    with torch.device("meta"):
        net = build(arch, channels=shape[0], size=(shape[1], shape[2]), classes=classes)
    counts = totals(summarize(net, shape))
    assert (f"{counts[0]:,}", f"{counts[1] / 1e6:,.1f}") == (parameters, millions)


@pytest.mark.timeout(600)
def test_the_commands_of_the_page_work_one_after_another(cli, tmp_path) -> None:
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert code is not None
    (tmp_path / "my_file.py").write_text(code[1])
    (tmp_path / "pictures").mkdir()
    for place in ("picture.png", "pictures/one.png"):
        Image.new("L", (30, 30), 90).save(tmp_path / place)
    before = list(sys.path)
    assert len(COMMANDS) > 15
    try:
        for line in COMMANDS:
            words = line.split()
            if words[0] == "run":
                words += ["--budget", "16", "--eval-every", "16", "--batch-size", "16", *QUICK]
            if "shapes" in words:
                words += ["--data-args", "n=120"]
            result = cli(*words)
            assert result.exit_code == 0, f"{line}\n{result.output}"
    finally:
        sys.path[:] = before
        sys.modules.pop("my_file", None)
