"""The page about W&B names what there is."""

from __future__ import annotations

import re

import helpers
from click.testing import CliRunner

from lab.cli import main

PAGE = (helpers.ROOT / "docs" / "wandb.md").read_text()


def help_of(*words: str) -> str:
    return CliRunner().invoke(main, [*words, "--help"]).output


def test_the_commands_of_the_page_exist_with_their_options() -> None:
    commands = re.findall(r"^\$ lab ([^#\n]+)", PAGE, re.MULTILINE)
    assert len(commands) >= 5
    for words in map(str.split, commands):
        depth = 1 if words[0] == "sync" else 2
        text = help_of(*words[:depth])
        for option in (word for word in words if word.startswith("--")):
            assert f"{option} " in text, words


def test_the_options_that_the_page_names_exist() -> None:
    commands: tuple[list[str], ...] = (
        [],
        ["run", "dqn"],
        ["sync"],
        ["wandb", "view"],
        ["wandb", "report"],
    )
    texts = "\n".join(help_of(*words) for words in commands)
    for option in re.findall(r"`(?:[a-z ]*)(--[a-z-]+)", PAGE):
        assert f"{option}" in texts, option
