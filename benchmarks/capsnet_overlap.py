"""Read two digits that lie over each other, and reconstruct each apart.

Sabour et al. (2017), section 6: ten capsules, a margin loss that wants two of them long, and a
decoder that is asked for one digit at a time. The pair is right where it is the two longest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

import lab
from lab_capsnet.board import Board
from lab_capsnet.config import Config
from lab_capsnet.losses import MarginLoss
from lab_capsnet.model import Capsules, build
from lab_sources.digits import overlapping_digits

NUMBER, SIDE = 8_000, 12  # of canvases, and of one in pixels
SAMPLES, BATCH, RATE, WEIGHT = 40_000, 64, 3e-3, 0.005
SIZE: dict[str, Any] = {"kernel": 3, "primary_kernel": 5, "decoder": (256, 512)}
SHOWN = 8
INFO = lab.DatasetInfo(
    "pairs", "image", "classify", (1, SIDE, SIDE), tuple("0123456789"), 10, (0.0,), (1.0,)
)
Network = TypeVar("Network", bound=nn.Module)


class Pairs:
    """Canvases [N, 1, H, W], their digits alone [N, 2, H, W] and classes [N, 2]."""

    def __init__(self) -> None:
        data = overlapping_digits(NUMBER, SIDE, 2, 0)
        self.canvas = torch.from_numpy(data.inputs).float() / 255
        self.parts = torch.from_numpy(data.factors["parts"]).float() / 255
        classes = np.stack([data.factors["first"], data.factors["second"]], 1)
        self.classes = torch.from_numpy(classes)
        self.test = torch.from_numpy(data.test)

    def memberships(self, rows: Tensor) -> Tensor:
        return torch.zeros(len(rows), 10).scatter_(1, self.classes[rows], 1.0)

    def read(self, scores: Tensor) -> Tensor:
        """Return which test pairs are the two highest of their scores [N, 10]."""
        found = scores.topk(2).indices.sort(1).values
        right: Tensor = (found == self.classes[self.test].sort(1).values).all(1)
        return right


def learned(pairs: Pairs, seed: int) -> Capsules:
    """Return a network that was trained on the pairs that are not for testing."""
    torch.manual_seed(seed)
    net, loss = build(Config(**SIZE), INFO), MarginLoss()

    def loss_of(rows: Tensor, step: int) -> Tensor:
        which = step % 2  # one digit is asked for, then the other
        asked = torch.nn.functional.one_hot(pairs.classes[rows, which], 10).float()
        answer: Any = net(pairs.canvas[rows], asked)
        error = (answer.reconstruction[:, 0] - pairs.parts[rows, which]).square().sum((1, 2))
        value: Tensor = loss(answer.logits, pairs.memberships(rows)) + WEIGHT * error.mean()
        return value

    return train(net, loss_of, pairs, RATE)


def train(
    net: Network, loss_of: Callable[[Tensor, int], Tensor], pairs: Pairs, rate: float
) -> Network:
    """Train a network by the loss of rows of the pairs, and the number of the step."""
    rows = (~pairs.test).nonzero()[:, 0]
    steps = SAMPLES // BATCH
    optimizer = torch.optim.Adam(net.parameters(), rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for step in range(steps):
        value = loss_of(rows[torch.randint(len(rows), (BATCH,))], step)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
    return net.eval()


def measure_cnn(network: Callable[[], nn.Module], seed: int, rate: float) -> dict[str, float]:
    """Return the fraction of test pairs that are the two likeliest of ten outputs, each trained to
    say by itself whether its digit is there."""
    began = time.process_time()
    pairs = Pairs()
    torch.manual_seed(seed)
    net, loss = network(), torch.nn.BCEWithLogitsLoss()

    def loss_of(rows: Tensor, step: int) -> Tensor:
        value: Tensor = loss(net(pairs.canvas[rows]), pairs.memberships(rows))
        return value

    train(net, loss_of, pairs, rate)
    with torch.no_grad():
        right = pairs.read(net(pairs.canvas[pairs.test]))
    return {"accuracy": float(right.float().mean()), "seconds": time.process_time() - began}


@torch.no_grad()
def measure(seed: int, picture: Path | None = None) -> dict[str, float]:
    """Return the fraction of test pairs that are read right, and the error of a pixel where each
    digit of these is reconstructed apart; beside it that of the canvas in the place of both."""
    began = time.process_time()
    pairs = Pairs()
    with torch.enable_grad():
        net = learned(pairs, seed)
    rows = pairs.test.nonzero()[:, 0]
    capsules, _ = net.capsules(pairs.canvas[rows])
    scores = net(pairs.canvas[rows])
    found, right = scores.topk(2).indices.sort(1).values, pairs.read(scores)
    again = torch.stack(
        [
            net.decode(capsules, torch.nn.functional.one_hot(pairs.classes[rows, i], 10).float())
            for i in (0, 1)
        ],
        1,
    )[:, :, 0]  # [N, 2, H, W]
    parts = pairs.parts[rows]
    if picture is not None:
        draw(pairs.canvas[rows], parts, again, found, picture)
    return {
        "accuracy": float(right.float().mean()),
        "error": float((again - parts)[right].square().mean()),
        "canvas_error": float((pairs.canvas[rows] - parts)[right].square().mean()),
        "seconds": time.process_time() - began,
    }


def draw(canvas: Tensor, parts: Tensor, again: Tensor, found: Tensor, path: Path) -> None:
    """Draw canvases, the two digits of each, and what is reconstructed of their capsules."""
    board = Board(5, SHOWN, "two digits, each alone, and each as it is reconstructed")
    for column, row in enumerate(range(0, len(canvas), len(canvas) // SHOWN)[:SHOWN]):
        board.show(0, column, canvas[row], "read: {} and {}".format(*found[row].tolist()))
        for side in (0, 1):
            board.show(1 + side, column, parts[row, side][None], "alone")
            board.show(3 + side, column, again[row, side][None], "reconstructed")
    board.figure.savefig(path, dpi=120)
