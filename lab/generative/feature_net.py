"""Train a small network on a source once; its embeddings are the features of the source.

Features of a network that knows the domain tell more of gray 8 x 8 digits than those of ImageNet's
Inception, and need no download. The network is the same for every run: its weights depend on the
data and on this file alone, not on the run's seed, threads, precision or device.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from lab.data.dataset_info import DatasetInfo
from lab.errors import UsageError

VERSION = 1  # of all below: another one makes other features
FEATURES = 64
UPDATES, BATCH, RATE = 400, 64, 2e-3
MEASURED = ("image", "table", "sequence")
SIDES = (8, 16, 32, 64)  # of the square that images are brought to
PART = 1_024  # examples that go through the network at a time


@dataclass(frozen=True)
class TrainingSet:
    """Training data of the network: raw inputs [N, ...] of the source, and targets."""

    info: DatasetInfo
    inputs: Tensor
    targets: Tensor | None

    @property
    def digest(self) -> str:
        """A content address of the features: it changes with all that decides them."""
        info = self.info.as_plain() | {"name": ""}
        del info["vocabulary"]  # what has features has none
        facts = [VERSION, torch.__version__, info]
        digest = hashlib.blake2b(json.dumps(facts).encode(), digest_size=16)
        for column in (self.inputs, self.targets):
            if column is not None:
                digest.update(column.cpu().contiguous().numpy().data)
        return digest.hexdigest()


class FeatureNet(nn.Module):
    """Convolutions for images, a linear layer for tables and sequences (flattened to rows); then
    the features; then a head for the task."""

    def __init__(self, info: DatasetInfo) -> None:
        super().__init__()
        if info.kind not in MEASURED:
            raise UsageError(f"{info.name}: there are no features of {info.kind}")
        body, width = _convolutions(info) if info.kind == "image" else _layers(info)
        self.body, self.embed = body, nn.Linear(width, FEATURES)
        self.head = nn.Linear(FEATURES, _outputs(info))
        self.mean: Tensor
        self.scale: Tensor
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(()))

    def raw(self, prepared: Tensor) -> Tensor:
        """Return features [B, 64], not yet scaled, of inputs as `DatasetInfo.prepare` has them."""
        features: Tensor = self.embed(self.body(_square(prepared)))
        return features

    def features(self, prepared: Tensor) -> Tensor:
        """Return features [B, 64] whose mean is 0 and whose mean variance is 1 on the training
        data. One factor for all: which of them vary most is information."""
        return (self.raw(prepared) - self.mean) / self.scale

    def forward(self, prepared: Tensor) -> Tensor:
        """Return what the network predicts: logits of classes, values, or the input."""
        output: Tensor = self.head(F.relu(self.raw(prepared)))
        return output


def train(data: TrainingSet) -> dict[str, Any]:
    """Return the state of a trained network. Only a generator of its own is used."""
    with _quietly():
        generator = Generator().manual_seed(0)
        net = make(data.info)
        _initialize(net, generator)
        x, y = data.inputs.cpu(), data.targets
        y = None if y is None else y.cpu()
        optimizer = torch.optim.Adam(net.parameters(), RATE)
        for update, chosen in enumerate(_orders(len(x), generator)):
            optimizer.param_groups[0]["lr"] = RATE * (1 - update / UPDATES)
            optimizer.zero_grad()
            _loss(net, data.info, x[chosen], None if y is None else y[chosen]).backward()
            optimizer.step()
        _scale(net, data.info, x)
    return {name: value.detach().clone() for name, value in net.state_dict().items()}


def make(info: DatasetInfo) -> FeatureNet:
    """Return a network on the CPU without values: to construct layers would draw random ones."""
    with torch.device("meta"):
        net = FeatureNet(info)
    return net.float().to_empty(device="cpu").eval()


def load(info: DatasetInfo, state: Mapping[str, Any], device: torch.device) -> FeatureNet:
    """Return the network of a state, for no more training."""
    net = make(info)
    net.load_state_dict(state)
    return net.to(device).requires_grad_(False)


def in_parts(function: Callable[[Tensor], Tensor], examples: Tensor) -> Tensor:
    """Return a function's outputs for examples [N, ...], computed part by part."""
    return torch.cat([function(part) for part in torch.split(examples, PART)])


def _loss(net: FeatureNet, info: DatasetInfo, x: Tensor, y: Tensor | None) -> Tensor:
    prepared = info.prepare_inputs(x)
    if y is not None and info.task == "classify":
        return F.cross_entropy(net(prepared), y.long())
    if y is not None and info.task == "regress":
        return F.mse_loss(net(prepared), info.prepare_targets(y).flatten(1))
    return F.mse_loss(net(prepared), _square(prepared).flatten(1))


def _outputs(info: DatasetInfo) -> int:
    """Return the number of outputs; that of the input where there is no class or value."""
    if info.task in ("classify", "regress"):
        return info.outputs
    return _square(torch.empty(1, *info.shape, device="meta")).numel()


def _square(images: Tensor) -> Tensor:
    """Return images [B, C, S, S], averaged down or spread out to the next side; tables and
    sequences as rows [B, D]."""
    if images.ndim < 4:
        return images.flatten(1)
    longest = max(images.shape[2:])
    side = next((side for side in SIDES if side >= longest), SIDES[-1])
    if tuple(images.shape[2:]) == (side, side):
        return images
    return F.adaptive_avg_pool2d(images, side)


def _convolutions(info: DatasetInfo) -> tuple[nn.Module, int]:
    """Go down to 4 x 4 places by steps of two pixels; a large image begins with steps of four."""
    _, channels, _, side = _square(torch.empty(1, *info.shape, device="meta")).shape
    layers: list[nn.Module] = []
    while side > 4:
        step = 4 if side > 16 else 2
        width = 32 if not layers else 64
        layers += [nn.Conv2d(channels, width, 4, step, 0 if step == 4 else 1), nn.ReLU()]
        channels, side = width, side // step
    return nn.Sequential(*layers, nn.Flatten()), channels * 16


def _layers(info: DatasetInfo) -> tuple[nn.Module, int]:
    return nn.Sequential(nn.Linear(math.prod(info.shape), 128), nn.ReLU()), 128


def _initialize(net: FeatureNet, generator: Generator) -> None:
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    net.mean.zero_()
    net.scale.fill_(1.0)


def _orders(count: int, generator: Generator) -> Iterator[Tensor]:
    """Yield the rows of each update: batches of one size, whatever the number of examples."""
    size, order = min(BATCH, count), torch.empty(0, dtype=torch.long)
    for _ in range(UPDATES):
        if len(order) < size:
            order = torch.cat([order, torch.randperm(count, generator=generator)])
        yield order[:size]
        order = order[size:]


@torch.no_grad()
def _scale(net: FeatureNet, info: DatasetInfo, x: Tensor) -> None:
    raw = in_parts(lambda part: net.raw(info.prepare_inputs(part)), x).double()
    net.mean.copy_(raw.mean(0))
    net.scale.copy_(raw.var(0, correction=0).mean().sqrt().clamp(min=1e-12))


@contextmanager
def _quietly() -> Iterator[None]:
    """Compute whatever modes the caller set: with gradients, in full precision, and on one thread,
    so that sums do not depend on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast("cpu", enabled=False),
        ):
            yield
    finally:
        torch.set_num_threads(threads)
