"""Time routing, and measure its memory, beside the form that makes a tensor of all votes.

Sizes are those of the paper: 1,152 capsules of 8 dimensions to 10 of 16, 100 pictures, 3 routings,
forward and backward.
"""

from __future__ import annotations

import multiprocessing
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import alternate
from lab_capsnet.routing import route, squash

BATCH, INPUTS, DIM, OUTPUTS, CLASS_DIM, ROUTINGS = 100, 1152, 8, 10, 16, 3
Form = Callable[[Tensor, Tensor], Tensor]


def broadcast(u: Tensor, weight: Tensor) -> Tensor:
    """Route as it is usually written: votes [B, I, J, E] by a broadcast product of matrices."""
    matrices = weight.permute(2, 0, 3, 1)[None]  # [1, I, J, E, D]
    votes = (matrices @ u.transpose(1, 2)[:, :, None, :, None]).squeeze(-1)
    logits = u.new_zeros(votes.shape[:3])
    for number in range(ROUTINGS):
        v = squash((logits.softmax(2)[..., None] * votes).sum(1, keepdim=True))
        if number < ROUTINGS - 1:
            logits = logits + (votes * v).sum(-1)
    return v[:, 0]


def einsum(u: Tensor, weight: Tensor) -> Tensor:
    """The same, with votes and sums by einsum."""
    votes = torch.einsum("bdi,jdie->bjie", u, weight)
    logits = u.new_zeros(votes.shape[:3])
    for number in range(ROUTINGS):
        v = squash(torch.einsum("bji,bjie->bje", logits.softmax(1), votes))
        if number < ROUTINGS - 1:
            logits = logits + torch.einsum("bjie,bje->bji", votes, v)
    return v


def ours(u: Tensor, weight: Tensor) -> Tensor:
    return route(u, weight, ROUTINGS)[0]


def detached(u: Tensor, weight: Tensor) -> Tensor:
    return route(u, weight, ROUTINGS, detach=True)[0]


FORMS: Mapping[str, Form] = {
    "broadcast product of matrices": broadcast,
    "einsum": einsum,
    "without a tensor of votes": ours,
    "the same, --detach-routing": detached,
}


def arguments() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    u = 0.1 * torch.randn(BATCH, DIM, INPUTS)
    weight = 0.1 * torch.randn(OUTPUTS, DIM, INPUTS, CLASS_DIM)
    return u.requires_grad_(), weight.requires_grad_()


def learn(form: Form, u: Tensor, weight: Tensor) -> Tensor:
    """Go forward and backward; return the capsules."""
    u.grad = weight.grad = None
    v = form(u, weight)
    v.square().sum().backward()
    return v.detach()


def memory(name: str) -> float:
    """Return the megabytes that a pass needs at most beside its arguments, of this process."""
    torch.set_num_threads(1)
    u, weight = arguments()
    (torch.randn(64, 64) @ torch.randn(64, 64)).sum()  # what libraries keep is none of it
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = status("VmRSS")
    learn(FORMS[name], u, weight)
    return (status("VmHWM") - before) / 1024


def status(name: str) -> int:
    """Return a figure of this process, in KiB, as Linux tells it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def measure(rounds: int) -> list[dict[str, Any]]:
    """Return CPU seconds and megabytes of each form, and how far its capsules differ."""
    torch.set_num_threads(1)
    u, weight = arguments()
    expected = learn(broadcast, u, weight)
    contestants = {name: _round(form, u, weight) for name, form in FORMS.items()}
    seconds = alternate(contestants, rounds)
    rows = []
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for name, form in FORMS.items():
            row = {
                "label": name,
                "seconds": statistics.median(seconds[name]),
                "megabytes": pool.apply(memory, (name,)),
                "difference": float((learn(form, u, weight) - expected).abs().max()),
            }
            print(
                f"{name:32}{row['seconds']:8.3f} s{row['megabytes']:8.0f} MB   differs by "
                f"{row['difference']:.1g}",
                flush=True,
            )
            rows.append(row)
    return rows


def _round(form: Form, u: Tensor, weight: Tensor) -> Callable[[], None]:
    def once() -> None:
        learn(form, u, weight)

    return once
