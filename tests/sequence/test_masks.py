"""Masks are True where something is kept, as written out by hand."""

from __future__ import annotations

import torch

from lab.sequence import causal_mask, keep_mask, key_mask
from lab.sequence.masks import past_mask


def test_masks_are_as_written_out() -> None:
    keep = keep_mask(torch.tensor([1, 3]), 3)
    assert keep.int().tolist() == [[1, 0, 0], [1, 1, 1]]
    assert key_mask(keep).shape == (2, 1, 1, 3)
    assert torch.equal(key_mask(keep)[:, 0, 0], keep)
    assert causal_mask(3).int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    past = past_mask(torch.tensor([[0, 1], [2, 3]]), 4)
    assert past[:, 0].int().tolist() == [[[1, 0, 0, 0], [1, 1, 0, 0]], [[1, 1, 1, 0], [1, 1, 1, 1]]]
