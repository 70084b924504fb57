"""Hand out pieces of a stream, a long text or series: lanes that go on, or windows anywhere.

Both predict each step from those before it: `targets` are the inputs one step later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from lab.compute.rng import derive_seed
from lab.data.batches import Batch
from lab.errors import UsageError


class StreamBatches:
    """An endless run through a stream in order, for networks that carry a state on.

    The stream is cut into `size` lanes of equal length, and each batch is the next `steps` steps of
    every lane: row i goes on where row i of the batch before stopped. Each step but the first is a
    target exactly once an epoch; `mask` [size, steps] is False where a lane ends before a batch
    does. `begins` [] says that no state is carried into this batch. The position is the state.
    """

    def __init__(self, stream: Tensor, size: int, steps: int) -> None:
        """stream: [L, ...], two steps or more."""
        check_length(stream, 1)
        self.stream, self.steps = stream, steps
        self.size = min(size, len(stream) - 1)
        self.lane = -(-(len(stream) - 1) // self.size)  # targets of each, the last with fewer
        self.seen = 0  # batches

    @property
    def batches(self) -> int:
        """How many batches an epoch has."""
        return -(-self.lane // self.steps)

    @property
    def epoch(self) -> float:
        """How often the stream was gone through."""
        return self.seen / self.batches

    def next(self) -> Batch:
        batch = self.take(self.seen % self.batches)
        self.seen += 1
        return batch

    def take(self, number: int) -> Batch:
        """Return a batch of an epoch, by its number."""
        device, last = self.stream.device, len(self.stream) - 1
        within = number * self.steps + torch.arange(self.steps, device=device)
        places = self.lane * torch.arange(self.size, device=device)[:, None] + within
        mask = (within < self.lane) & (places < last)
        places = places.clamp(max=last - 1)
        return {
            "inputs": self.stream[places],
            "targets": self.stream[places + 1],
            "mask": mask,
            "begins": torch.tensor(number == 0, device=device),
        }

    def once(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        yield from map(self.take, range(self.batches))

    def state_dict(self) -> dict[str, int]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.seen = state["seen"]


class WindowBatches:
    """An endless supply of windows that begin anywhere in a stream, for networks without a state.

    Where they begin depends on the seed and on how many batches there were: that is the state.
    """

    def __init__(self, stream: Tensor, size: int, steps: int, seed: int) -> None:
        """stream: [L, ...], more than `steps` steps."""
        check_length(stream, steps)
        self.stream, self.size, self.steps = stream, size, steps
        self.seen = 0  # batches
        self._seed = seed

    @property
    def epoch(self) -> float:
        """How many steps were handed out, for each of the stream's."""
        return self.seen * self.size * self.steps / (len(self.stream) - 1)

    def next(self) -> Batch:
        generator = torch.Generator().manual_seed(derive_seed(self._seed, "windows", self.seen))
        self.seen += 1
        first = torch.randint(len(self.stream) - self.steps, (self.size, 1), generator=generator)
        places = (first + torch.arange(self.steps)).to(self.stream.device)
        return {"inputs": self.stream[places], "targets": self.stream[places + 1]}

    def state_dict(self) -> dict[str, int]:
        return {"seen": self.seen}

    def load_state_dict(self, state: Mapping[str, int]) -> None:
        self.seen = state["seen"]


def windows(stream: Tensor, size: int, steps: int) -> Iterator[Batch]:
    """Yield all of a stream once, `size` windows of `steps` steps at a time, one where the other
    ends: each step but the first is a target exactly once. `mask` is False behind the end."""
    check_length(stream, 1)
    last = len(stream) - 1
    begins = torch.arange(0, last, steps, device=stream.device)
    within = torch.arange(min(steps, last), device=stream.device)
    for first in begins.split(size):
        places = first[:, None] + within
        inside = places.clamp(max=last - 1)
        yield {
            "inputs": stream[inside],
            "targets": stream[inside + 1],
            "mask": places < last,
        }


def check_length(stream: Tensor, steps: int) -> None:
    """Raise UsageError where a stream has no window of `steps` steps and the one after it."""
    if len(stream) <= steps:
        raise UsageError(
            f"a stream of {len(stream):,} steps is too short to predict after {steps:,}: it needs "
            f"{steps + 1:,}"
        )
