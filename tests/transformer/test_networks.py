"""Networks answer by what there is: not by padding, nor by how many are read together."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformer.info import info

import lab
from lab.sequence import ATTENTION, POSITIONS
from lab_transformer.config import Config
from lab_transformer.networks.answers import Labeler, SpanFinder, best_spans
from lab_transformer.networks.guesser import Guesser
from lab_transformer.networks.translator import Translator

TOKENS = torch.tensor([[1, 2, 3, 4, 5, 6], [3, 2, 0, 0, 0, 0]])


def small(**options: Any) -> Config:
    return Config(**{"layers": 2, "width": 8, "heads": 2, "data": "sentences", **options})


def close(one: torch.Tensor, other: torch.Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("pool", ["class", "mean"])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("attention", ATTENTION)
def test_padding_changes_no_answer(pool: str, positions: str, attention: str) -> None:
    config = small(pool=pool, positions=positions, attention=attention, qk_norm=True)
    network = Labeler(config, info("tokens", (6,)))
    with torch.no_grad():
        together = network(TOKENS)
        close(together[1:], network(TOKENS[1:, :2]))
        close(together[:1], network(TOKENS[:1]))


def test_steps_that_a_mask_leaves_out_change_no_answer() -> None:
    network = Labeler(small(pool="mean"), info("sequence", (5, 2)))
    numbers = torch.randn(2, 5, 2)
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    other = numbers.clone()
    other[1, 3:] = 9.0
    with torch.no_grad():
        close(network(numbers, mask), network(other, mask))
        close(network(numbers, mask)[1:], network(numbers[1:, :3]))


def test_the_mean_is_that_of_the_steps_there_are() -> None:
    network = Labeler(small(pool="mean"), info("tokens", (6,)))
    with torch.no_grad():
        outputs, keep = network.reader(TOKENS)
        assert outputs.shape == (2, 6, 8)
        close(network.reader.of_all(outputs, keep)[1], outputs[1, :2].mean(0))


def test_each_step_gets_an_answer_where_each_has_a_class() -> None:
    network = Labeler(small(), info("tokens", (6,), per_step=True))
    whole = Labeler(small(), info("tokens", (6,)))
    assert network(TOKENS).shape == (2, 3, 6)
    assert whole(TOKENS).shape == (2, 3)
    whole.load_state_dict(network.state_dict())  # the same layers
    with torch.no_grad():
        outputs, _ = network.reader(TOKENS)
        close(network(TOKENS)[0, :, 4], network.head(outputs[0, 5]))  # the class token is before


@pytest.mark.parametrize("kind", ["video", "image"])
def test_pictures_and_clips_are_read(kind: str) -> None:
    shape = (3, 1, 8, 8) if kind == "video" else (1, 8, 8)
    network = Labeler(small(), info(kind, shape))
    assert network(torch.randn(2, *shape)).shape == (2, 3)


def test_patches_that_do_not_tile_a_picture_are_refused() -> None:
    with pytest.raises(lab.UsageError, match="--patch 5 does not divide .* what does: 2, 4"):
        Labeler(small(patch=5), info("image", (1, 8, 8)))


def test_no_answer_begins_or_ends_behind_the_text() -> None:
    network = SpanFinder(small(), info("tokens", (6,)))
    logits = network(TOKENS)
    assert logits.shape == (2, 2, 6)
    assert logits[1].softmax(-1)[:, 2:].sum() == 0
    assert (logits[0] > -100).all()


@pytest.mark.parametrize("longest", [1, 2, 5])
def test_the_best_span_is_that_of_trying_all(longest: int, generator: torch.Generator) -> None:
    logits = torch.randn(20, 2, 5, generator=generator)
    spans, probabilities = best_spans(logits, longest)
    for row, (first, last) in enumerate(spans.tolist()):
        scores = {
            (i, j): float(logits[row, 0, i] + logits[row, 1, j])
            for i in range(5)
            for j in range(i, min(i + longest, 5))
        }
        assert (first, last) == max(scores, key=scores.__getitem__)
        values = torch.tensor(list(scores.values()))
        assert float(probabilities[row]) == pytest.approx(float(values.softmax(0).max()), rel=1e-4)


def test_guesses_are_scores_of_words_by_their_own_vectors() -> None:
    network: Any = Guesser(small(), info("tokens", (6,)))
    with torch.no_grad():
        network.head.bias.normal_()
        outputs, _ = network.reader(TOKENS)
        head = network.head
        hidden = head.norm(nn.functional.gelu(head.dense(outputs[:, 1:])))
        words = network.reader.embed.read.weight
        assert words.shape == (9, 8)  # 8 words and the mask
        close(network(TOKENS), hidden @ words[:8].T + head.bias)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("tied", [True, False])
def test_word_by_word_is_as_all_at_once(positions: str, tied: bool) -> None:
    facts = info("tokens", (6,), outputs=4, task="translate", classes=())
    network = Translator(small(positions=positions, tie_weights=tied), facts)
    words = torch.tensor([[4, 1, 2, 3], [4, 3, 3, 1]])
    with torch.no_grad():
        expected = network(TOKENS, words)
        state = network.start(TOKENS, None, capacity=4)
        for place in range(4):
            logits, state = network.step(words[:, place], state)
            close(logits, expected[:, place])


def test_weights_are_tied_unless_they_are_not() -> None:
    facts = info("tokens", (6,), outputs=4, task="translate", classes=())
    assert Translator(small(), facts).decoder.head is None
    untied = Translator(small(tie_weights=False), facts).decoder.head
    assert untied is not None
    assert untied.weight.shape == (4, 8)
