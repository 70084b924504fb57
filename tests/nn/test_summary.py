"""Counts are the published ones, and cost neither memory nor time."""

from __future__ import annotations

import copy

import pytest
import torch
from helpers import difference
from torch import nn

from lab.nn import summarize, totals

VGG16: tuple[int | str, ...] = (
    64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M",
)  # fmt: skip


def vgg16() -> nn.Sequential:
    parts: list[nn.Module] = []
    planes = 3
    for width in VGG16:
        if isinstance(width, str):
            parts.append(nn.MaxPool2d(2))
        else:
            parts += [nn.Conv2d(planes, width, 3, padding=1), nn.ReLU()]
            planes = width
    head = [nn.Flatten(), nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*parts, *head, nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))


def alexnet() -> nn.Sequential:
    """One tower (Krizhevsky, 2014)."""
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Flatten(), nn.Linear(256 * 36, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(),
        nn.Linear(4096, 1000),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("make", "parameters", "millions"),
    [(vgg16, 138_357_544, 15_470), (alexnet, 61_100_840, 714)],
)
def test_totals_are_the_published_ones(make, parameters, millions) -> None:
    with torch.device("meta"):
        net = make()
    counts = totals(summarize(net, (3, 224, 224)))
    assert counts[0] == parameters
    assert round(counts[1] / 1e6) == millions


@pytest.mark.parametrize(
    ("layer", "shape", "output", "multiply_adds"),
    [
        (nn.Linear(5, 7), (5,), (7,), 35),
        (nn.Linear(5, 7), (3, 5), (3, 7), 105),
        (nn.Conv2d(4, 6, 3), (4, 8, 9), (6, 6, 7), 6 * 6 * 7 * 4 * 9),
        (nn.Conv2d(4, 6, 3, groups=2, stride=2), (4, 9, 9), (6, 4, 4), 6 * 16 * 2 * 9),
        (nn.Conv2d(4, 4, 3, groups=4, padding=1), (4, 5, 5), (4, 5, 5), 4 * 25 * 9),
        (nn.Conv1d(2, 3, 5, dilation=2), (2, 20), (3, 12), 3 * 12 * 2 * 5),
        (nn.Conv3d(1, 2, 2), (1, 3, 3, 3), (2, 2, 2, 2), 16 * 8),
        (nn.ConvTranspose2d(4, 6, 4, 2, 1), (4, 5, 5), (6, 10, 10), 4 * 25 * 6 * 16),
        (nn.ConvTranspose2d(4, 6, 4, 2, 1, groups=2), (4, 5, 5), (6, 10, 10), 4 * 25 * 3 * 16),
        (nn.ReLU(), (3, 2), (3, 2), 0),
        (nn.BatchNorm1d(3), (3,), (3,), 0),
    ],
)
def test_one_layer_is_counted_by_its_closed_form(layer, shape, output, multiply_adds) -> None:
    (row,) = summarize(layer, shape)
    assert (row.output_shape, row.multiply_adds) == (output, multiply_adds)
    assert row.parameters == sum(p.numel() for p in layer.parameters())
    assert row.type == type(layer).__name__


class Shared(nn.Module):
    """A layer called twice, a tied weight, a parameter of its own, and a head that is not used."""

    def __init__(self) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.zeros(1, 4))
        self.twice = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.twice.weight
        self.spare = nn.Linear(4, 9)
        self.norm = nn.BatchNorm1d(4)
        self.register_buffer("scale", torch.ones(4))

    def forward(self, x):
        return self.norm(self.tied(self.twice(self.twice(x + self.token)))) * self.scale


def test_shared_own_and_unused_parameters_add_up() -> None:
    module = Shared()
    rows = {row.name: row for row in summarize(module, (4,))}
    assert list(rows) == ["", "twice", "tied", "spare", "norm"]
    assert rows["twice"].multiply_adds == 32
    assert rows["tied"].parameters == 4
    assert rows["spare"].output_shape is None
    assert rows[""].type == "Shared"
    assert totals(list(rows.values()))[0] == sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize("fails", [False, True])
def test_the_module_stays_as_it_is(fails) -> None:
    module = Shared().train()
    module.twice.eval()
    modes = [part.training for part in module.modules()]
    state, rng = copy.deepcopy(dict(module.state_dict())), torch.get_rng_state()
    if fails:
        with pytest.raises(RuntimeError):
            summarize(module, (5, 3))
    else:
        summarize(module, (4,))
    assert difference(dict(module.state_dict()), state) is None
    assert [part.training for part in module.modules()] == modes
    assert not any(part._forward_hooks for part in module.modules())
    assert torch.equal(torch.get_rng_state(), rng)


def test_tokens_recurrence_and_attention_are_listed() -> None:
    words = nn.Sequential(nn.Embedding(10, 4), nn.LSTM(4, 3, batch_first=True))
    rows = summarize(words, (6,), torch.long)
    assert [row.output_shape for row in rows] == [(6, 4), (6, 3)]
    encoder = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    rows = summarize(encoder, (5, 8))
    counts = totals(rows)
    assert counts == (sum(p.numel() for p in encoder.parameters()), 5 * 8 * 16 * 2)
