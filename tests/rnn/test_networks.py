"""Networks compute what torch's own layers do, and padding reaches nothing."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import lab
from lab.sequence import keep_mask

TORCH = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.mark.parametrize("cell", TORCH)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_class_is_told_by_torchs_own_layers_over_the_steps_there_are(
    make_net, cell, bidirectional
) -> None:
    net = make_net("sequence", (6, 4), cell=cell, bidirectional=bidirectional, layers=2)
    steps, lengths = torch.randn(3, 6, 4), torch.tensor([6, 1, 4])
    logits = net(steps, keep_mask(lengths, 6))
    theirs = TORCH[cell](4, 5, 2, batch_first=True, bidirectional=bidirectional)
    theirs.load_state_dict(net.reader.layers.state_dict())
    for row, length in enumerate(lengths.tolist()):
        _, state = theirs(steps[row : row + 1, :length])
        hidden = state[0] if cell == "lstm" else state  # [layers * directions, 1, H]
        last = torch.cat(list(hidden[-2:] if bidirectional else hidden[-1:]), 1)
        assert torch.allclose(logits[row], net.head(last)[0], atol=1e-6)


def test_each_step_is_told_by_its_own_output(make_net) -> None:
    net = make_net("sequence", (6, 4), per_step=True)
    steps = torch.randn(2, 6, 4)
    theirs = nn.GRU(4, 5, batch_first=True)
    theirs.load_state_dict(net.reader.layers.state_dict())
    expected = net.head(theirs(steps)[0])
    logits = net(steps)
    assert logits.shape == (2, 3, 6)
    assert torch.allclose(logits.mT, expected, atol=1e-6)


def test_a_forecast_moves_and_grows_with_the_past(make_net) -> None:
    """Of a past times 3 plus 7 it is times 3 plus 7: no level and no unit is learned."""
    net = make_net("series", (2,), "forecast", context=9, horizon=4)
    past = torch.randn(3, 9, 2)
    assert net(past).shape == (3, 4, 2)
    assert torch.allclose(net(3 * past + 7), 3 * net(past) + 7, atol=1e-4)


def test_the_columns_that_are_named_are_forecast_of_all(make_net) -> None:
    facts = {"features": ("x", "y", "z"), "target": ("y",), "context": 9, "horizon": 4}
    net = make_net("series", (3,), "forecast", **facts)
    past = torch.randn(3, 9, 3)
    changed = past + torch.tensor([1.0, 0, 0]) * torch.randn(9, 1)
    assert net(past).shape == (3, 4, 1)
    assert not torch.allclose(net(past), net(changed))
    moved = past + torch.tensor([0.0, 5, 0])
    assert torch.allclose(net(moved), net(past) + 5, atol=1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_a_caption_is_scored_alike_at_once_and_token_by_token(make_net, cell) -> None:
    words = {"target_vocabulary": ("", "a", "b", "c")}
    net = make_net("image", (3, 12, 8), "translate", cell=cell, layers=2, **words)
    pictures, tokens = torch.rand(2, 3, 12, 8), torch.tensor([[4, 1, 3], [4, 2, 2]])
    logits = net(pictures, tokens)
    assert logits.shape == (2, 3, 4)
    state = net.start(pictures)
    for step in range(3):
        alone, state = net.step(tokens[:, step], state)
        assert torch.allclose(alone, logits[:, step], atol=1e-6)


def test_different_pictures_begin_otherwise(make_net) -> None:
    net = make_net("image", (3, 12, 8), "translate", target_vocabulary=("", "a"))
    first, second = net.start(torch.rand(2, 3, 12, 8))["hidden"]
    assert not torch.allclose(first, second)


@pytest.mark.parametrize(
    ("kind", "shape", "task", "message"),
    [
        ("table", (4,), "classify", "is table data, which has no steps"),
        ("image", (1, 4, 4), "segment", "is image data to segment"),
        ("tokens", (4,), "translate", "are texts to translate: lab run seq2seq"),
    ],
)
def test_what_has_no_steps_is_refused_plainly(make_net, kind, shape, task, message) -> None:
    with pytest.raises(lab.UsageError, match=message):
        make_net(kind, shape, task, vocabulary=("", "a"))
