"""Begin with somebody's weights, and choose what goes on learning.

Yosinski et al., "How transferable are features in deep neural networks?" (NeurIPS 2014). All layers
learn, the last ones, a new head alone, or a layer behind the old head.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

import lab
from lab.kit import freeze, unfreeze
from lab.kit.pretrained import Weights, copy_weights, load_weights
from lab_cnn.config import Config
from lab_cnn.model import head_name, last_stages

Build = Callable[[int], nn.Module]


class Appended(nn.Module):
    """A network that stays as it is, its head included, and one layer behind it."""

    def __init__(self, network: nn.Module, outputs: int, classes: int) -> None:
        super().__init__()
        self.network = network
        self.appended = nn.Linear(outputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.network(images)
        main = logits[0] if isinstance(logits, tuple) else logits
        found: Tensor = self.appended(main)
        return found


class Origin:
    """The weights that a run begins with: read once, at its start. When it goes on, its own
    checkpoint has what it has learnt since, and the file may be gone."""

    def __init__(self, config: Config, ctx: lab.Context, head: str) -> None:
        self._config, self._runs_dir, self._head = config, ctx.dir.parent, head
        self.weights: Weights | None = None
        self.outputs = int(ctx.fact("outputs of the weights to begin with", self._read))

    def _read(self) -> int:
        """Read the weights, and return how many outputs their network has."""
        assert self._config.init_from is not None
        self.weights = load_weights(self._config.init_from, self._runs_dir)
        name = f"{self._head}.weight"
        if name not in self.weights:
            raise lab.UsageError(
                f"--init-from: the weights have no {name!r}: another architecture?"
            )
        return len(self.weights[name])


def begin(build: Build, classes: int, config: Config, ctx: lab.Context) -> nn.Module:
    """Return the network of `build(classes)` with the weights and the frozen layers asked for."""
    network = build(classes)
    if config.init_from is None:
        return network
    head = head_name(network)
    origin = Origin(config, ctx, head)
    if config.transfer == "append-head":
        return _append_head(build(origin.outputs), classes, origin)
    keeps_head = origin.outputs == classes and config.transfer != "new-head"
    if origin.weights is not None:
        copy_weights(network, origin.weights, () if keeps_head else (f"{head}.",))
    if config.transfer != "all":
        last = 1 if config.transfer == "new-head" else int(config.transfer.removeprefix("last-"))
        freeze(network)
        unfreeze(network, *(name for name, _ in last_stages(network, last)))
    return network


def _append_head(network: nn.Module, classes: int, origin: Origin) -> nn.Module:
    if origin.weights is not None:
        copy_weights(network, origin.weights)
    freeze(network)
    return Appended(network, origin.outputs, classes)
