"""Sequences of a person's own are taken as they are, each with steps of its own number."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.io import wavfile
from torch import nn

import lab
from lab.data import sources
from lab.data.sound_files import SoundDecoder
from lab.plugins import discover
from lab.supervised.command_inputs import read_inputs
from lab.supervised.sequence_files import read_sequences
from lab.supervised.sequence_inputs import Unfilled, as_steps, filled, present_steps

CPU = torch.device("cpu")


def info(kind: str, shape: tuple[int, ...], **facts) -> lab.DatasetInfo:
    return lab.DatasetInfo("it", kind, "classify", shape, ("a", "b"), 2, (0.0,), (1.0,), **facts)


NUMBERS = info("sequence", (4, 2), features=("x", "y"))
WORDS = info("tokens", (4,), vocabulary=("", "p", "q", "r"))


@pytest.mark.parametrize("form", [np.asarray, torch.tensor, np.ndarray.tolist])
def test_an_array_a_tensor_and_lists_are_alike(form) -> None:
    values = np.arange(16, dtype=np.float32).reshape(2, 4, 2)
    batch = as_steps(form(values), NUMBERS, CPU)
    assert set(batch) == {"inputs"}
    np.testing.assert_array_equal(batch["inputs"], values)


def test_shorter_sequences_are_filled_up_and_masked() -> None:
    batch = as_steps([np.ones((3, 2)), [[5.0, 6.0]]], NUMBERS, CPU)
    assert batch["inputs"].shape == (2, 3, 2)
    assert batch["mask"].tolist() == [[True, True, True], [True, False, False]]
    assert batch["inputs"][1, 0].tolist() == [5, 6]


def test_steps_that_are_nan_at_the_end_are_none_and_come_back_so() -> None:
    values = np.ones((2, 4, 2), np.float32)
    values[1, 2:] = np.nan
    batch = as_steps(values, NUMBERS, CPU)
    assert batch["mask"].sum(1).tolist() == [4, 2]
    np.testing.assert_array_equal(filled(batch), values)
    assert present_steps(filled(batch), NUMBERS) == [4, 2]


def test_tokens_end_in_their_end() -> None:
    batch = as_steps([[1, 2], [3]], WORDS, CPU)
    assert batch["inputs"].tolist() == [[1, 2], [3, 0]]
    assert "mask" not in batch
    assert present_steps(batch["inputs"], WORDS) == [2, 1]


def test_a_series_keeps_its_digits() -> None:
    batch = as_steps([[[1.7e9 + 0.25]]], info("series", (1,)), CPU)
    assert batch["inputs"].dtype == torch.float64
    assert float(batch["inputs"]) == 1.7e9 + 0.25


def test_a_network_with_a_mask_takes_nan_for_no_step() -> None:
    class Sums(nn.Module):
        def forward(self, inputs: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            return (inputs * mask[..., None]).sum(1)

    values = torch.ones(1, 3, 2)
    values[:, 1:] = torch.nan
    assert Unfilled(Sums())(values).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("values", "about", "message"),
    [
        ([], NUMBERS, "there is no sequence"),
        ([[[1.0, 2, 3]]], NUMBERS, r"it has sequences \[T, 2\]; one is \[1, 3\]"),
        ([[1.0, 2]], NUMBERS, r"it has sequences \[T, 2\]; one is \[2\]"),
        ([[[1.0, np.nan]]], NUMBERS, "no finite number"),
        ([[[np.nan, np.nan], [1.0, 2.0]]], NUMBERS, "no finite number"),
        ([[[np.nan, np.nan]]], NUMBERS, "without a step says nothing"),
        ([[["p", "q"]]], NUMBERS, "no array of numbers"),
        ([[[1.0, 2], [3]]], NUMBERS, "no array of numbers"),
        ([[1, 4]], WORDS, "tokens are whole numbers from 0 to 3"),
        ([[1.5]], WORDS, "tokens are whole numbers from 0 to 3"),
        (np.full((1, 2, 1, 3, 3), 256), info("video", (2, 1, 3, 3)), "from 0 to 255"),
    ],
)
def test_what_is_no_sequence_of_the_source_is_a_plain_line(values, about, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        as_steps(values, about, CPU)


# -- words of the command line


def test_words_are_numbers_csv_files_and_arrays(tmp_path) -> None:
    (tmp_path / "named.csv").write_text("y,other,x\n2,0,1\n4,0,3\n")
    (tmp_path / "bare.csv").write_text("a;b\n1,5;2\n")
    np.save(tmp_path / "one.npy", [[7.0, 8.0]])
    np.savez(tmp_path / "many.npz", other=[0], x=np.arange(8.0).reshape(2, 2, 2))
    files = [str(tmp_path / name) for name in ("named.csv", "bare.csv", "one.npy", "many.npz")]
    names, values = read_sequences(["1, 2,3,4", *files], NUMBERS)
    assert names == ["1, 2,3,4", *files[:3], f"{files[3]}:0", f"{files[3]}:1"]
    assert [steps.tolist() for steps in values] == [
        [[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1.5, 2]], [[7, 8]], [[0, 1], [2, 3]],
        [[4, 5], [6, 7]],
    ]  # fmt: skip


def test_what_is_typed_and_read_keeps_its_digits(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "past.csv").write_text("v\n1700000000.25\n1700000001.5\n")
    series = info("series", (1,))
    for word in ("1700000000.25,1700000001.5", "past.csv"):
        values = read_inputs([word], series).values
        assert values.flatten().tolist() == [1700000000.25, 1700000001.5]


def test_what_a_series_lacks_is_interpolated_as_in_training(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "past.csv").write_text("v,w\n1,5\n,6\n4,7\n")
    with pytest.warns(lab.InputWarning, match=r"past.csv: 1 missing value interpolated"):
        (values,) = read_inputs(["past.csv"], info("series", (2,), features=("v", "w"))).values
    assert values.tolist() == [[1, 5], [2.5, 6], [4, 7]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "Nothing to predict"),
        (["none.csv"], "There is no file none.csv"),
        (["none.npy"], "There is no file none.npy"),
        (["1,2,3"], "3 numbers are no steps of 2 numbers"),
        (["one,two"], "neither a file nor numbers"),
        (["three.csv"], "three.csv has 3 columns; a step has 2 numbers"),
        (["words.csv"], "words.csv holds what is no number"),
        (["flat.npy"], r"flat.npy holds an array \[3\]"),
        (["broken.npy"], "broken.npy cannot be read as arrays"),
        (["empty.npz"], "empty.npz cannot be read as arrays"),
    ],
)
def test_what_cannot_be_read_is_a_plain_line(words, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "words.csv").write_text("x,y\n1,two\n")
    np.save("flat.npy", [1.0, 2, 3])
    (tmp_path / "broken.npy").write_bytes(b"no numbers")
    np.savez("empty.npz")
    with pytest.raises(lab.UsageError, match=message):
        read_sequences(words, NUMBERS)


def tones(folder, rate: int = 8_000) -> None:
    """Write two high sounds and two low ones, of several lengths, in a folder for each class."""
    for name, frequency in (("high", 2_000), ("low", 300)):
        (folder / name).mkdir(parents=True)
        for number in range(2):
            time = np.arange(round((0.2 + 0.1 * number) * rate)) / rate
            wave = np.sin(2 * np.pi * frequency * time)
            wavfile.write(folder / name / f"{number}.wav", rate, wave.astype(np.float32))


def test_a_sound_is_heard_as_those_of_the_source_were(tmp_path) -> None:
    """At their rate, cut where they are cut, in the same bands; a folder is its sounds."""
    tones(tmp_path / "sounds")
    spec, argument = sources.find(f"audiofolder:{tmp_path / 'sounds'}", discover().sources())
    asked = {"rate": 4_000, "mels": 20, "seconds": 0.25}
    dataset = sources.load(spec, argument, asked)
    described = info("sequence", dataset.shape, written=dict(dataset.written))
    names, values = read_sequences([str(tmp_path / "sounds")], described)
    assert [name[-10:] for name in names] == [
        "high/0.wav", "high/1.wav", "/low/0.wav", "/low/1.wav"
    ]  # fmt: skip
    assert dataset.mask is not None
    for row, steps in enumerate(values):
        np.testing.assert_array_equal(steps, dataset.inputs[row][dataset.mask[row]])
    [name], [steps] = read_sequences([names[0]], described)
    assert name == names[0]
    np.testing.assert_array_equal(steps, values[0])
    typed = ",".join("0" for _ in range(20))
    assert read_sequences([typed], described)[1][0].shape == (1, 20)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("none.wav", "There is no file none.wav"),
        ("broken.wav", "broken.wav is no WAV file that can be read"),
        ("empty", "empty holds no WAV files"),
    ],
)
def test_a_sound_that_cannot_be_read_is_a_plain_line(word, message, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    (tmp_path / "empty").mkdir()
    heard = info("sequence", (4, 2), written=SoundDecoder(8_000, 2).as_written())
    with pytest.raises(lab.UsageError, match=message):
        read_sequences([word], heard)
    with pytest.raises(lab.UsageError, match=r"broken.wav' is a file of another kind than csv"):
        read_sequences(["broken.wav"], NUMBERS)
