"""A run of a language model writes on the command line and in Python, and goes on where it was."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import helpers
import numpy as np
import pytest
from click.testing import CliRunner

import lab
from lab.cli import main
from lab.engine import checkpoint
from lab.tracking.terminal import Silent

FAMILIES: dict[str, dict[str, object]] = {
    "rnn": {"cell": "gru", "hidden_size": 32},
    "transformer": {"layers": 2, "width": 32, "heads": 2},
}
TEXT = "狗咬人不是新聞。\n人咬狗才是新聞。\nthe man bit the dog.\n" * 30


def words(family: str, folder: Path, name: str) -> list[object]:
    """The command line that trains a family on the text of a folder."""
    options = {"context": 10, "batch_size": 8, "budget": 3_200, "lr": 1e-2, **FAMILIES[family]}
    given = [w for key, v in options.items() for w in (f"--{key.replace('_', '-')}", v)]
    place = ["--data", f"text:{folder / 'text.txt'}", "--runs-dir", folder / "runs"]
    return ["run", family, *place, "--name", name, "--wandb", "disabled", "--no-media", *given]


@pytest.fixture(scope="module", params=FAMILIES)
def run(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "text.txt").write_text(TEXT, encoding="utf-8")
    trained = CliRunner().invoke(main, list(map(str, words(request.param, folder, "mine"))))
    assert trained.exit_code == 0, trained.output
    return folder / "runs" / "mine"


def test_a_run_writes_what_it_has_read(run) -> None:
    (text,) = lab.sample(run, prompt="人咬", temperature=0, max_tokens=7)
    assert text == "人咬狗才是新聞。\n"
    assert lab.sample(run, prompt=["the man", ""], n=2, max_tokens=3) == lab.sample(
        run, prompt=["the man", ""], n=2, max_tokens=3
    )
    many = lab.sample(run, prompt=["the man", ""], n=2, max_tokens=3)
    assert [len(text) for text in many] == [10, 10, 3, 3]
    assert lab.sample(run, n=8, seed=1) != lab.sample(run, n=8, seed=2)


def test_the_command_prints_the_text_once_and_nothing_else(run, cli) -> None:
    result = cli("sample", run, "--prompt", "人咬", "--temperature", 0, "--max-tokens", 7)
    assert (result.exit_code, result.stdout) == (0, "人咬狗才是新聞。\n\n")
    result = cli("sample", run, "--prompt", "人咬", "--beam", 3, "-n", 2, "--max-tokens", 7)
    first, _, second = result.stdout.partition("\n" + "-" * 20 + "\n")
    assert first == "人咬狗才是新聞。\n"
    assert second.startswith("人咬")


class Interrupted(Silent):
    """A person who has read enough."""

    def __init__(self) -> None:
        self.pieces: list[str] = []

    def show(self, text: str) -> None:
        self.pieces.append(text)
        if len(self.pieces) == 4:  # long before the last
            raise KeyboardInterrupt


def test_text_is_shown_while_it_is_written(run) -> None:
    person = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        lab.use(run, "sample", terminal=person, prompt="the man", max_tokens=100_000)
    assert person.pieces[0] == "the man"
    assert [len(piece) for piece in person.pieces[1:]] == [1, 1, 1]


def test_a_network_is_shown_by_the_tokens_of_its_text(cli, tmp_path) -> None:
    (tmp_path / "text.txt").write_text("abcd\n" * 100)
    options = ["--layers", 1, "--width", 8, "--heads", 2, "--context", 16, "--preset", "none"]
    result = cli("model", "transformer", "--data", "text:text.txt", "--json", *options)
    shown = json.loads(result.stdout)
    assert (shown["input_shape"], shown["outputs"]) == ([16], 4 + len("abcd\n"))
    block = 12 * 8 * 8 + 13 * 8  # four matrices of attention, 8 of the layers behind; biases, norms
    assert shown["parameters"] == (9 + 16) * 8 + block + 2 * 8


def test_a_text_may_be_written_to_a_file(run, cli, tmp_path) -> None:
    result = cli("sample", run, "--out", "mine.txt", "--json", "--max-tokens", 5)
    assert json.loads(result.stdout)["file"] == "mine.txt"
    assert len((tmp_path / "mine.txt").read_text(encoding="utf-8")) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--prompt", "zebra"], "the prompt 'zebra': character 'z' at position 0 is none"),
        (["--beam", 2, "--top-k", 3], "--beam draws nothing: it has no --top-k"),
        (["--max-tokens", 0], "--max-tokens"),
    ],
)
def test_mistakes_are_plain_lines(run, cli, options, message) -> None:
    result = cli("sample", run, *options)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_likely_texts_have_few_bits_a_character(run) -> None:
    model = lab.load(run)
    known, unknown = model.predict(["人咬狗才是新聞。", "聞新是才狗咬人。"])
    assert known < 1 < unknown
    assert isinstance(model.predict(["the"]), np.ndarray)


def test_the_command_says_how_likely_texts_are(run, cli, tmp_path) -> None:
    (tmp_path / "mine.txt").write_text("the man bit the dog.", encoding="utf-8")
    result = cli("predict", run, "mine.txt", "the man bit the dog.", "--json")
    (file, word) = json.loads(result.stdout)
    assert (file["input"], word["input"]) == ("mine.txt", "the man bit the dog.")
    assert file["values"] == word["values"]
    assert set(word["values"]) == {"bits_per_character", "log_probability"}
    bits = -word["values"]["log_probability"] / np.log(2) / 20
    assert word["values"]["bits_per_character"] == pytest.approx(bits)


@pytest.mark.parametrize("run", ["rnn"], indirect=True)
def test_a_text_killed_in_the_middle_goes_on_with_the_state_it_carried(run) -> None:
    """To the bit: the same weights, and the same state, as a run that nothing stopped."""
    whole = checkpoint.load(run / "checkpoints" / "last.pt")["experiment"]
    killed = run.with_name("killed")
    command = helpers.lab_command(
        *words("rnn", run.parents[1], "killed"), "--checkpoint-every", 640
    )
    env = helpers.child_environment()
    with helpers.start_warm(command, env=env, cwd=run) as child:
        last, until = killed / "checkpoints" / "last.pt", time.monotonic() + helpers.LONG
        while not last.exists() and time.monotonic() < until:
            time.sleep(0.01)
        os.kill(child.pid, signal.SIGKILL)
    lab.resume(killed)
    resumed = checkpoint.load(last)["experiment"]
    assert resumed["carried"].keys() == whole["carried"].keys() == {"hidden"}
    for part in ("model", "carried"):
        for name, value in whole[part].items():
            assert bool((resumed[part][name] == value).all()), name
