"""An epoch visits each example once, in an order that the seed alone decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.data.batches import Batch, Batches, ShuffledBatches, make_split

CPU = torch.device("cpu")


def counting(count: int, resident: bool = True):
    """A split whose examples are 100, 101, ... in a dataset that also holds others."""
    values = np.arange(100 + count, dtype=np.float32)[:, None]
    return make_split(values, values[:, 0] * 2, np.arange(100, 100 + count), CPU, resident)


def drawn(batches: Batches, count: int) -> list[int]:
    return [int(value) for _ in range(count) for value in batches.next()["inputs"][:, 0]]


@settings(max_examples=25)
@given(st.integers(1, 25), st.integers(1, 30), st.integers(0, 10**6))
def test_each_example_comes_once_an_epoch_and_batches_are_of_one_size(count, size, seed) -> None:
    batches = ShuffledBatches(counting(count), size, seed)
    size = min(size, count)
    order = drawn(batches, 3 * count)
    assert len(order) == 3 * count * size
    for start in range(0, len(order), count):
        assert sorted(order[start : start + count]) == list(range(100, 100 + count))
    assert batches.epoch == batches.seen / count == 3 * size


def test_inputs_targets_and_rows_belong_together() -> None:
    for resident in (True, False):
        batch = ShuffledBatches(counting(20, resident), 8, 0).next()
        torch.testing.assert_close(batch["targets"], 2 * batch["inputs"][:, 0])
        torch.testing.assert_close(batch["rows"] + 100.0, batch["inputs"][:, 0])


def test_epochs_are_shuffled_anew() -> None:
    order = drawn(ShuffledBatches(counting(40), 40, 0), 3)
    assert len({tuple(order[i : i + 40]) for i in (0, 40, 80)}) == 3


def test_the_order_depends_on_the_seed_alone() -> None:
    torch.manual_seed(1)
    first = drawn(ShuffledBatches(counting(30), 7, 5), 20)
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert drawn(ShuffledBatches(counting(30), 7, 5), 20) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert drawn(ShuffledBatches(counting(30), 7, 6), 20) != first
    assert drawn(ShuffledBatches(counting(30), 3, 5), 40)[:120] == first[:120]  # whatever the batch


@pytest.mark.parametrize("stop", [0, 1, 4, 5, 13])
def test_a_resumed_order_goes_on_in_the_middle_of_an_epoch(stop) -> None:
    original = ShuffledBatches(counting(30), 7, 0)
    drawn(original, stop)
    state = original.state_dict()
    resumed = ShuffledBatches(counting(30), 7, 0)
    drawn(resumed, 3)  # whatever it did before
    resumed.load_state_dict(state)
    assert drawn(resumed, 10) == drawn(original, 10)


def test_to_measure_is_to_see_all_once_in_order() -> None:
    split = counting(10)
    sizes = [len(batch["inputs"]) for batch in split.batches(4)]
    assert sizes == [4, 4, 2]
    seen = torch.cat([batch["inputs"][:, 0] for batch in split.batches(4)])
    assert seen.tolist() == list(range(100, 110))


def test_what_is_read_by_batch_equals_what_is_resident(lazy) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (50, 3, 4, 4), dtype=np.uint8)
    targets = rng.integers(0, 5, 50)
    rows = np.sort(rng.permutation(50)[:30])
    column = lazy(images)
    resident = ShuffledBatches(make_split(images, targets, rows, CPU, True), 8, 0)
    by_batch = ShuffledBatches(make_split(column, targets, rows, CPU, False), 8, 0)
    assert column.read == 0
    for _ in range(12):
        a, b = resident.next(), by_batch.next()
        assert a.keys() == b.keys() == {"inputs", "targets", "rows"}
        for name in a:
            assert a[name].dtype == b[name].dtype
            assert torch.equal(a[name], b[name])
    assert column.read == 12 * 8


def test_without_targets_batches_have_none() -> None:
    split = make_split(np.zeros((4, 2), np.float32), None, np.arange(4), CPU, True)
    assert set(ShuffledBatches(split, 2, 0).next()) == {"inputs", "rows"}


class Stream:
    """Batches of one long column in its own order: what comes next is the position alone."""

    def __init__(self, column: torch.Tensor, size: int) -> None:
        self.column, self.size, self.position = column, size, 0

    @property
    def epoch(self) -> float:
        return self.position / len(self.column)

    def next(self) -> Batch:
        rows = torch.arange(self.position, self.position + self.size) % len(self.column)
        self.position += self.size
        return {"inputs": self.column[rows], "rows": rows}

    def state_dict(self) -> dict[str, int]:
        return {"position": self.position}

    def load_state_dict(self, state) -> None:
        self.position = state["position"]


@pytest.mark.parametrize("make", [
    lambda: ShuffledBatches(counting(10), 4, 0), lambda: Stream(torch.arange(10.0)[:, None], 4),
])  # fmt: skip
def test_batches_of_any_kind_go_on_from_their_state(make) -> None:
    batches: Batches = make()
    for _ in range(3):
        batches.next()
    assert batches.epoch == pytest.approx(1.2)
    resumed: Batches = make()
    resumed.load_state_dict(batches.state_dict())
    assert resumed.epoch == batches.epoch
    for _ in range(5):
        assert torch.equal(resumed.next()["rows"], batches.next()["rows"])
