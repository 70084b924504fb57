"""CTC against the sum over all paths, written out."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.sequence import ctc_beam_search, ctc_greedy, ctc_loss, frames_needed


def reading(path, blank: int) -> tuple[int, ...]:
    """What a path reads: repeats away, then blanks."""
    labels, before = [], None
    for label in path:
        if label != before and label != blank:
            labels.append(label)
        before = label
    return tuple(labels)


def enumerated(logits: torch.Tensor, blank: int) -> dict[tuple[int, ...], float]:
    """The probability of each labeling, over all paths through logits [T, C]."""
    probabilities = logits.double().softmax(-1).tolist()
    found: defaultdict[tuple[int, ...], float] = defaultdict(float)
    for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
        found[reading(path, blank)] += math.prod(
            frame[label] for frame, label in zip(probabilities, path, strict=True)
        )
    assert math.isclose(sum(found.values()), 1)
    return dict(found)


def random_logits(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(*shape, generator=generator, dtype=torch.float64)


LENGTHS = torch.tensor([5, 3, 4])


@pytest.mark.parametrize("blank", [0, 2])
def test_the_loss_is_the_sum_over_all_paths(blank) -> None:
    logits = random_logits(3, 5, 3)
    first, second = (label for label in range(3) if label != blank)
    for target in [(first,), (first, second), (first, first), (second, first, second)]:
        targets = torch.tensor([[*target, first]] * 3)  # one more label, which does not count
        found = ctc_loss(logits, LENGTHS, targets, torch.tensor([len(target)] * 3), blank)
        for row, length in enumerate(LENGTHS.tolist()):
            truth = enumerated(logits[row, :length], blank).get(target, 0.0)
            expected = -math.log(truth) if truth else math.inf
            assert float(found[row]) == pytest.approx(expected)


def test_the_gradient_of_the_loss_is_that_of_the_sum_over_all_paths() -> None:
    logits = random_logits(1, 4, 3).requires_grad_()
    ctc_loss(logits, torch.tensor([4]), torch.tensor([[1, 2]]), torch.tensor([2])).sum().backward()
    again = logits.detach().clone().requires_grad_()
    scores = again[0].log_softmax(-1)
    paths = [
        scores[torch.arange(4), torch.tensor(path)].sum()
        for path in itertools.product(range(3), repeat=4)
        if reading(path, 0) == (1, 2)
    ]
    (-torch.stack(paths).logsumexp(0)).backward()
    torch.testing.assert_close(logits.grad, again.grad)


@pytest.mark.parametrize("target", [(1,), (1, 1), (1, 2, 2), (1, 1, 1), (2, 1, 2, 1)])
def test_frames_needed_is_the_length_of_the_shortest_path(target) -> None:
    shortest = next(
        length
        for length in range(1, 8)
        if any(reading(path, 0) == target for path in itertools.product(range(3), repeat=length))
    )
    targets = torch.tensor([[*target, target[-1], target[-1]]])
    assert frames_needed(targets, torch.tensor([len(target)])).tolist() == [shortest]


def test_greedy_reads_the_likeliest_path() -> None:
    paths = [[1, 1, 0, 1, 2], [0, 2, 2, 1, 1], [2, 2, 2, 2, 0]]
    logits = torch.nn.functional.one_hot(torch.tensor(paths), 3).float()
    assert ctc_greedy(logits, LENGTHS) == [[1, 1, 2], [2], [2]]
    assert ctc_greedy(logits, LENGTHS, blank=2) == [[1, 0, 1], [0], []]


@pytest.mark.parametrize("blank", [0, 1, 2])
@pytest.mark.parametrize("seed", range(3))
def test_a_beam_that_drops_nothing_has_every_labeling_with_its_probability(seed, blank) -> None:
    logits = random_logits(3, 5, 3, seed=seed)
    found = ctc_beam_search(logits, LENGTHS, beam_width=1_000, blank=blank)
    for row, length in enumerate(LENGTHS.tolist()):
        truth = enumerated(logits[row, :length], blank)
        assert {tuple(one.labels): one.log_probability for one in found[row]} == pytest.approx(
            {labels: math.log(value) for labels, value in truth.items()}
        )
        scores = [one.score for one in found[row]]
        assert scores == sorted(scores, reverse=True)


def test_a_beam_finds_labels_that_the_likeliest_path_misses() -> None:
    """Blanks are likelier at each frame, a label over both."""
    logits = torch.tensor([[[0.6, 0.4], [0.6, 0.4]]]).log()
    lengths = torch.tensor([2])
    assert ctc_greedy(logits, lengths) == [[]]
    ((best, *_),) = ctc_beam_search(logits, lengths, beam_width=5)
    assert best.labels == [1]
    assert best.log_probability == pytest.approx(math.log(1 - 0.6**2))


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), width=st.integers(1, 6))
def test_a_narrow_beam_never_counts_a_path_twice(seed, width) -> None:
    logits = random_logits(1, 5, 3, seed=seed)
    truth = enumerated(logits[0], 0)
    (found,) = ctc_beam_search(logits, torch.tensor([5]), beam_width=width)
    assert len(found) <= width
    for one in found:
        assert one.log_probability <= math.log(truth[tuple(one.labels)]) + 1e-9


def test_a_bonus_is_added_for_each_label_that_a_prefix_grows_by() -> None:
    """As a language model to a power and a term for each word of Hannun et al. (2014)."""
    model = {(): {1: -0.1, 2: -3.0}, (1,): {1: -2.0, 2: -0.5}}

    def bonus(labels, label):
        return model.get(labels, {}).get(label, -1.0) + 0.3

    logits = random_logits(1, 4, 3, seed=4)
    (found,) = ctc_beam_search(logits, torch.tensor([4]), beam_width=1_000, bonus=bonus)
    scores = {
        labels: math.log(value)
        + sum(bonus(labels[:place], label) for place, label in enumerate(labels))
        for labels, value in enumerated(logits[0], 0).items()
    }
    assert [one.labels for one in found] == [
        list(labels) for labels in sorted(scores, key=scores.__getitem__, reverse=True)
    ]
    for one in found:
        assert one.score == pytest.approx(scores[tuple(one.labels)])


def test_what_has_probability_0_is_not_read() -> None:
    logits = torch.tensor([[[0.0, 0.0, -math.inf]] * 3])
    (found,) = ctc_beam_search(logits, torch.tensor([3]), beam_width=100)
    assert {tuple(one.labels) for one in found} == {(), (1,), (1, 1)}
    assert sum(math.exp(one.log_probability) for one in found) == pytest.approx(1)


def test_a_beam_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="beam_width"):
        ctc_beam_search(torch.zeros(1, 1, 2), torch.tensor([1]), beam_width=0)
