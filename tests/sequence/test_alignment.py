"""The attention of recurrent decoders is the formulas of Bahdanau et al. and Luong et al."""

from __future__ import annotations

import math

import pytest
import torch

from lab.sequence import ALIGNMENTS, Alignment, keep_mask, make_alignment
from lab.sequence.alignment import Additive, General

LENGTHS = [2, 5]


def score(name: str, module: Alignment, q: torch.Tensor, m: torch.Tensor) -> float:
    if name == "dot":
        return sum(a * b for a, b in zip(q.tolist(), m.tolist(), strict=True))
    if name == "general":
        assert isinstance(module, General)
        return (q @ (module.memory.weight @ m)).item()
    assert isinstance(module, Additive)
    hidden = torch.tanh(module.query.weight @ q + module.memory.weight @ m)
    return (module.score.weight[0] @ hidden).item()


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_contexts_are_means_by_the_scores_of_the_papers(name) -> None:
    sizes = (4, 4) if name == "dot" else (4, 3)
    module = make_alignment(name, *sizes, 6)
    queries, memory = torch.randn(2, 3, 4), torch.randn(2, 5, sizes[1])
    contexts, weights = module(queries, memory, keep_mask(torch.tensor(LENGTHS), 5))
    for b, length in enumerate(LENGTHS):
        for t in range(3):
            scores = [score(name, module, queries[b, t], memory[b, s]) for s in range(length)]
            total = sum(math.exp(value) for value in scores)
            expected = [math.exp(value) / total for value in scores] + [0.0] * (5 - length)
            assert weights[b, t].tolist() == pytest.approx(expected, abs=1e-5)
            mean = sum(w * m for w, m in zip(expected, memory[b], strict=True))
            torch.testing.assert_close(contexts[b, t], mean, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", ALIGNMENTS)
def test_keys_may_be_had_once_for_all_steps(name) -> None:
    module = make_alignment(name, 4, 4, 6)
    queries, memory = torch.randn(2, 3, 4), torch.randn(2, 5, 4)
    keys = module.keys(memory)
    steps = [module(queries[:, t : t + 1], memory, keys=keys)[0] for t in range(3)]
    torch.testing.assert_close(torch.cat(steps, 1), module(queries, memory)[0], atol=1e-5, rtol=0)


def test_a_memory_without_steps_gives_zeros_and_finite_gradients() -> None:
    module = make_alignment("additive", 4, 3, 6)
    memory = torch.randn(2, 5, 3, requires_grad=True)
    contexts, _ = module(torch.randn(2, 1, 4), memory, torch.zeros(2, 5, dtype=torch.bool))
    (gradient,) = torch.autograd.grad(contexts.sum(), memory)
    assert not contexts.any()
    assert gradient.isfinite().all()


def test_names_and_sizes_are_told() -> None:
    with pytest.raises(ValueError, match="no alignment 'concat'; there is: additive, dot, general"):
        make_alignment("concat", 4, 4, 6)
    with pytest.raises(ValueError, match="needs equal sizes, not 4 and 3: take general"):
        make_alignment("dot", 4, 3, 6)
