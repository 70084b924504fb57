"""What is written: paths without an alignment, and captions token by token."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from rnn.made import WORDS, described, spoken

import lab
from lab.supervised.translation import Search
from lab_rnn.writing import Transcripts, log_probabilities


@pytest.fixture(scope="module")
def spoken_run(tmp_path_factory):
    """A run that writes down what is said, and its data."""
    folder = tmp_path_factory.mktemp("spoken")
    data = spoken()
    result = lab.run(
        "rnn", data=data, preset="none", cell="gru", hidden_size=16, bidirectional=True,
        batch_size=16, lr=2e-2, budget=4_000, eval_every=4_000, wandb="disabled", media=False,
        runs_dir=folder / "runs", name="spoken",
    )  # fmt: skip
    return result, data


def test_what_is_said_is_written_down(spoken_run) -> None:
    result, data = spoken_run
    assert result.summary["test"]["test/error_rate"] < 0.05
    loaded = lab.load(result.dir, data=data)
    lengths = data.mask[:9].sum(1)
    rows = [row[:length] for row, length in zip(data.inputs[:9], lengths, strict=True)]
    written = loaded.predict(rows)
    assert (written[:, :4] == data.targets[:9]).all(1).mean() > 0.8
    alone = np.concatenate([loaded.predict([row]) for row in rows])
    np.testing.assert_array_equal(written, alone)


def test_it_says_how_likely_that_is_by_a_beam_too(spoken_run, cli, tmp_path) -> None:
    result, data = spoken_run
    length = int(data.mask[0].sum())
    np.save(tmp_path / "one.npy", data.inputs[0, :length])
    said = {}
    for beam in (1, 4):
        done = cli("predict", result.dir, tmp_path / "one.npy", "--json", "--beam", beam)
        assert done.exit_code == 0, done.output
        (said[beam],) = json.loads(done.stdout)
    expected = "".join(WORDS[token] for token in data.targets[0] if token)
    assert said[1]["output"] == said[4]["output"] == expected
    # a beam may drop a path, but adds up all that it keeps
    assert said[4]["log_probability"] == pytest.approx(said[1]["log_probability"], abs=0.05)
    assert said[1]["log_probability"] < 0


def test_the_probability_of_words_is_that_of_all_paths_that_read_them() -> None:
    logits = torch.randn(2, 4, 3)
    lengths, words = torch.tensor([4, 3]), [[1, 2], []]
    found = log_probabilities(logits, lengths, words)
    scores = logits.log_softmax(-1)
    for row, (length, label) in enumerate(zip(lengths.tolist(), words, strict=True)):
        total = -np.inf
        for path in itertools.product(range(3), repeat=length):
            read = [k for k, _ in itertools.groupby(path) if k]
            if read == label:
                total = np.logaddexp(
                    total, sum(float(scores[row, t, k]) for t, k in enumerate(path))
                )
        assert found[row] == pytest.approx(total, rel=1e-4)


def stub() -> Transcripts:
    """The task without data: what its loss needs alone."""
    return Transcripts.__new__(Transcripts)


def test_the_loss_is_torchs_over_examples_with_enough_frames() -> None:
    logits = torch.randn(3, 4, 5, requires_grad=True)  # [B, V, T]
    batch = {
        "inputs": torch.zeros(3, 5, 1),
        "targets": torch.tensor([[1, 2, 0], [3, 0, 0], [1, 1, 1]]),
        "words": torch.tensor([2, 1, 0]),
        "fits": torch.tensor([True, True, False]),
    }
    task = stub()
    loss, _ = task.loss(lambda inputs: logits, batch)
    scores = logits.mT.log_softmax(-1).transpose(0, 1)[:, :2]
    expected = torch.nn.functional.ctc_loss(
        scores, batch["targets"][:2], torch.tensor([5, 5]), torch.tensor([2, 1]), reduction="none"
    ).mean()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    (gradient,) = torch.autograd.grad(loss, logits)
    assert torch.isfinite(gradient).all()
    assert not gradient[2].any()
    assert task.weight(batch) == 2


def test_examples_with_too_few_frames_count_for_nothing(train) -> None:
    data = spoken(60)
    assert data.mask is not None
    data.mask[:20] = np.arange(10) < 1  # one frame, for up to three words
    result = train(data, budget=160, eval_every=160, lr=1e-2)
    task = lab.load(result.dir, data=data).task
    batch = task.next()
    words = (batch["targets"] != 0).sum(1)
    few = batch["mask"].sum(1) < words
    assert few.any()
    assert not batch["fits"][few].any()
    assert not batch["words"][few].any()
    assert batch["fits"][~few].float().mean() > 0.9


def test_the_best_path_is_written_without_repeats_and_blanks() -> None:
    paths = torch.tensor([[1, 1, 0, 1, 2], [0, 3, 3, 0, 0]])
    logits = 9.0 * torch.nn.functional.one_hot(paths, 4)
    batch = {"inputs": torch.zeros(2, 5, 1)}
    for beam in (1, 8):
        search = Search(beam=beam, length_penalty=0.0, max_tokens=5, bos=4)
        found = stub().decode(lambda inputs: logits.mT, batch, search)
        assert [best.tokens for best in found] == [[1, 1, 2], [3]]


def test_pictures_are_described(train, cli, tmp_path) -> None:
    from PIL import Image

    data = described()
    assert data.targets is not None
    result = train(data, lr=1e-2, budget=2_400, eval_every=2_400, cell="lstm", name="it")
    assert result.summary["test"]["test/exact_match"] == 1
    assert result.summary["test"]["test/loss"] < 0.1
    loaded = lab.load(result.dir, data=data)
    written = loaded.predict(data.inputs[:6])
    np.testing.assert_array_equal(written[:, :2], data.targets[:6])
    Image.fromarray(data.inputs[0, 0]).save(tmp_path / "it.png")
    for beam in (1, 3):
        done = cli("predict", "it", tmp_path / "it.png", "--json", "--beam", beam)
        (row,) = json.loads(done.stdout)
        assert row["output"] == "".join(WORDS[token] for token in data.targets[0])
    done = cli("export", "it", "--to", "torchexport")
    assert done.exit_code == 2
    assert "goes token by token" in done.stderr


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ("spoken", {"label_smoothing": 0.1}, "--label-smoothing is for classes and tokens"),
        ("spoken", {"class_weights": "balanced"}, "--class-weights has no use here: sentences"),
        ("spoken", {"max_tokens": 3}, "--max-tokens has no use here: a path"),
        ("spoken", {"length_penalty": 0.5}, "--length-penalty has no use here: a path"),
        ("reverse", {}, "are texts to translate: lab run seq2seq"),
        ("iris", {}, "has no steps"),
    ],
)
def test_what_cannot_be_written_is_a_plain_line(train, data, options, message) -> None:
    given = spoken(60) if data == "spoken" else data
    with pytest.raises(lab.UsageError, match=message):
        train(given, budget=32, **options)
