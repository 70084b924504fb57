"""Decoding with a cache gives what reading everything anew gives, wherever each row stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from lab.sequence import ATTENTION, BlockConfig, Decoder, keep_mask
from lab.sequence.cache import past

SMALL = BlockConfig(8, 2, feedforward=20)
KINDS = {
    "plain": SMALL,
    "modern": replace(SMALL, pre_norm=True, qk_norm=True, rotary=True),
}
LENGTHS = torch.tensor([2, 6, 4])
MEMORY_KEEP = keep_mask(torch.tensor([5, 1, 3]), 5)


@pytest.fixture(params=KINDS)
def kind(request) -> BlockConfig:
    return KINDS[request.param]


def close(one: Tensor, other: Tensor) -> None:
    torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


def reordered(state: Mapping[str, Any], rows: Tensor) -> dict[str, Any]:
    return {
        key: value.index_select(0, rows) if isinstance(value, Tensor) else reordered(value, rows)
        for key, value in state.items()
    }


@pytest.mark.parametrize("implementation", ATTENTION)
@torch.no_grad()
def test_prompts_of_different_lengths_go_on_as_if_each_were_alone(kind, implementation) -> None:
    """Padding at the end of a prompt is overwritten, step by step, before anything sees it."""
    decoder = Decoder(2, replace(kind, implementation=implementation), cross=True).eval()
    prompts, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    steps = torch.randn(3, 4, 8)
    cache = decoder.start(3, 10, memory)
    prompts.masked_fill_(~keep_mask(LENGTHS, 6)[:, :, None], 1e3)
    outputs = [decoder(prompts, memory_keep=MEMORY_KEEP, cache=cache)]
    for step in range(4):
        new, positions = steps[:, step : step + 1], LENGTHS[:, None] + step
        outputs.append(decoder(new, memory_keep=MEMORY_KEEP, positions=positions, cache=cache))
    for row, length in enumerate(LENGTHS.tolist()):
        whole = torch.cat([prompts[row, :length], steps[row]])[None]
        keep = MEMORY_KEEP[row : row + 1]
        expected = decoder(whole, memory[row : row + 1], memory_keep=keep)[0]
        close(outputs[0][row, :length], expected[:length])
        close(torch.cat(outputs[1:], 1)[row], expected[length:])


@torch.no_grad()
def test_rows_are_chosen_anew_as_beams_are(kind) -> None:
    """All tensors of a cache have the batch first, those of the memory too."""
    decoder = Decoder(2, kind, cross=True).eval()
    x, memory = torch.randn(3, 6, 8), torch.randn(3, 5, 8)
    cache = decoder.start(3, 8, memory)
    decoder(x, cache=cache)
    rows = torch.tensor([2, 2, 0, 1])
    chosen = reordered(cache, rows)
    new = torch.randn(4, 1, 8)
    step = decoder(new, positions=torch.full((4, 1), 6), cache=chosen)
    whole = decoder(torch.cat([x[rows], new], 1), memory[rows])
    close(step, whole[:, -1:])


@torch.no_grad()
def test_a_prompt_may_be_read_in_pieces(kind) -> None:
    decoder = Decoder(2, kind).eval()
    x = torch.randn(2, 7, 8)
    cache = decoder.start(2, 7)
    pieces = [
        decoder(x[:, at], positions=torch.arange(7)[None, at], cache=cache)
        for at in (slice(0, 3), slice(3, 4), slice(4, 7))
    ]
    close(torch.cat(pieces, 1), decoder(x))


def test_places_that_nothing_has_reached_are_not_looked_at() -> None:
    assert past(torch.tensor([[3], [3]]), 8) == (4, None)
    places, mask = past(torch.tensor([[1], [3]]), 8)
    assert places == 4
    assert mask is not None
    assert mask[:, 0, 0].int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


@torch.no_grad()
def test_a_mask_of_all_places_holds_for_those_that_were_reached(kind) -> None:
    """A row's first steps may be hidden for good, whatever comes after."""
    decoder = Decoder(2, kind).eval()
    x, keep = torch.randn(2, 5, 8), torch.ones(2, 9, dtype=torch.bool)
    keep[1, :2] = False
    cache = decoder.start(2, 9)
    steps = [
        decoder(x[:, at : at + 1], keep=keep, positions=torch.tensor([[at]]), cache=cache)
        for at in range(5)
    ]
    close(torch.cat(steps, 1)[:, 2:], decoder(x, keep=keep[:, :5])[:, 2:])


@torch.no_grad()
def test_more_than_a_cache_holds_is_told() -> None:
    decoder = Decoder(1, SMALL).eval()
    with pytest.raises(ValueError, match="6 steps do not fit a cache of 5: make it larger"):
        decoder(torch.randn(2, 6, 8), cache=decoder.start(2, 5))
