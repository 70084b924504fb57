"""What docs/capsnet.md shows works."""

from __future__ import annotations

import re

import helpers
from PIL import Image

PAGE = (helpers.ROOT / "docs" / "capsnet.md").read_text()
COMMANDS = [
    line
    for line in re.findall(r"^\$ lab (.+)$", PAGE, re.MULTILINE)
    if "mnist5k" not in line  # which needs a package that may not be there
]
QUICK = ["--budget", "32", "--eval-every", "32", "--batch-size", "32", "--no-media"]
SMALL = ["--channels", "8", "--kernel", "15", "--data-args", "n=120"]


def test_the_commands_of_the_page_work_one_after_another(cli, tmp_path) -> None:
    Image.new("L", (30, 30), 90).save(tmp_path / "picture.png")
    assert len(COMMANDS) > 6
    for line in COMMANDS:
        words = line.split()
        if words[0] == "run":
            words += [*QUICK, "--wandb", "disabled", *(SMALL if "shapes" in words else [])]
        if words[0] == "export":
            words[-1] = "first.safetensors"
            words += ["--to", "safetensors"]
        result = cli(*words)
        assert result.exit_code == 0, f"{line}\n{result.output}"
