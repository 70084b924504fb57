"""A decoder of tokens reads in one piece, in several, or token by token, and scores the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.sequence import POSITIONS, BlockConfig, TokenDecoder, keep_mask

SMALL = BlockConfig(8, 2, pre_norm=True)
TOKENS = torch.tensor([[1, 2, 3, 4, 0], [5, 5, 1, 0, 2]])
MEMORY_KEEP = keep_mask(torch.tensor([3, 1]), 3)


def made(positions: str, *, cross: bool = False, tied: bool = False) -> TokenDecoder:
    block = replace(SMALL, rotary=positions == "rotary")
    torch.manual_seed(0)
    return TokenDecoder(
        5, 2, block, positions=positions, capacity=6, extra=1, cross=cross, tied=tied
    ).eval()


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("pieces", [(5,), (2, 3), (1, 1, 3)])
@torch.no_grad()
def test_pieces_are_read_as_the_whole(positions: str, pieces: tuple[int, ...]) -> None:
    decoder = made(positions)
    state, logits = decoder.start(2, capacity=5), []
    for piece in TOKENS.split(pieces, 1):
        some, state = decoder.read(piece, state)
        logits.append(some)
    close(torch.cat(logits, 1), decoder(TOKENS))
    assert state["position"].tolist() == [5, 5]


@torch.no_grad()
def test_a_memory_is_seen_as_far_as_there_is_one() -> None:
    decoder, memory = made("learned", cross=True), torch.randn(2, 3, 8)
    expected = decoder(TOKENS, memory, MEMORY_KEEP)
    state = decoder.start(2, 5, memory, MEMORY_KEEP)
    for place in range(5):
        logits, state = decoder.step(TOKENS[:, place], state)
        close(logits, expected[:, place])
    close(decoder(TOKENS[1:], memory[1:, :1]), expected[1:])


@torch.no_grad()
def test_what_comes_later_changes_nothing() -> None:
    decoder, other = made("sinusoidal"), TOKENS.clone()
    other[:, 3:] = 1
    close(decoder(TOKENS)[:, :3], decoder(other)[:, :3])


@torch.no_grad()
def test_tied_scores_are_products_with_the_embeddings_of_words() -> None:
    tied: Any = made("learned", tied=True)
    untied = made("learned")
    assert tied.head is None
    assert tied(TOKENS).shape == untied(TOKENS).shape == (2, 5, 5)
    outputs = tied.blocks(tied.embed(TOKENS) + tied.pos_embed.weight[:5])
    close(tied(TOKENS), outputs @ tied.embed.weight[:5].T)
