"""Begin with somebody's weights, and choose what goes on learning.

Yosinski et al., "How transferable are features in deep neural networks?" (NeurIPS 2014). All layers
learn, the last ones, a new head alone, or a layer behind the old head. A segmentation network also
begins with a classifier's weights, as Long et al. (2015, section 4.1) have it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from torch import Tensor, nn

import lab
from lab.nn import freeze, unfreeze
from lab.nn.pretrained import Weights, copy_weights, load_weights
from lab_cnn.config import Config
from lab_cnn.model import FCN, Classifier, DilatedFCN, head_name, last_stages

Build = Callable[[int], nn.Module]
BACKBONE = "backbone."  # of a segmentation network


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
    checkpoint has what it has learnt since, and the file may be gone.

    fitting: the heads that the weights have in the same shape. outputs: of their own last layer.
    """

    def __init__(self, config: Config, ctx: lab.Context, network: nn.Module) -> None:
        self._config, self._runs_dir = config, ctx.dir.parent
        self._weights: Weights | None = None
        facts: dict[str, Any] = ctx.fact("weights to begin with", lambda: self._read(network))
        self.fitting, self.outputs = facts["fitting"], facts["outputs"]

    def _read(self, network: nn.Module) -> dict[str, Any]:
        assert self._config.init_from is not None
        weights = load_weights(self._config.init_from, self._runs_dir)
        if _backbone(network) and not any(name.startswith(BACKBONE) for name in weights):
            weights = {BACKBONE + name: value for name, value in weights.items()}
        self._weights = weights
        heads = heads_of(network)
        last = weights.get(f"{heads[0]}.weight")
        return {
            "fitting": [head for head in heads if _fits(network, head, weights)],
            "outputs": 0 if last is None else len(last),
        }

    def copy_into(self, network: nn.Module, except_for: Collection[str] = ()) -> None:
        """Copy the weights, but for these heads, and for those that the network does without."""
        if self._weights is None:
            return
        inner = _backbone(network) or network
        prefix = BACKBONE if inner is not network else ""
        parts = inner.HEAD if isinstance(inner, Classifier) else ()
        unused = [prefix + part for part in parts if getattr(inner, part, None) is None]
        if isinstance(network, DilatedFCN) and network.aux_classifier is None:
            unused.append("aux_classifier")
        copy_weights(network, self._weights, tuple(f"{part}." for part in (*except_for, *unused)))


def begin(build: Build, classes: int, config: Config, ctx: lab.Context) -> nn.Module:
    """Return the network of `build(classes)` with the weights and the frozen layers asked for."""
    network = build(classes)
    if config.init_from is None:
        return network
    if _backbone(network) and config.transfer not in ("all", "new-head"):
        raise lab.UsageError(
            f"--transfer {config.transfer} is for classifiers; a segmentation has all and new-head"
        )
    origin = Origin(config, ctx, network)
    if config.transfer == "append-head":
        return _append_head(build, classes, origin)
    new_head = config.transfer == "new-head"
    anew = [head for head in heads_of(network) if new_head or head not in origin.fitting]
    origin.copy_into(network, anew)
    if config.transfer != "all":
        last = [] if new_head else _last(network, int(config.transfer.removeprefix("last-")))
        _freeze_all_but(network, {*last, *anew})
    return network


def heads_of(network: nn.Module) -> list[str]:
    """Return the names of the last layer and of auxiliary heads; in a segmentation of all that
    turns features into scores."""
    if _backbone(network):
        return [name for name, _ in network.named_children() if name != "backbone"]
    try:
        head = head_name(network)
    except ValueError as error:
        raise lab.UsageError(f"--init-from: {error}") from error
    beside = network.OFF_PATH if isinstance(network, Classifier) else ()
    return [head, *(name for name in beside if getattr(network, name) is not None)]


def _append_head(build: Build, classes: int, origin: Origin) -> Appended:
    if not origin.outputs:
        raise lab.UsageError("--transfer append-head: the weights have no head to stand behind")
    network = build(origin.outputs)
    for name in network.OFF_PATH if isinstance(network, Classifier) else ():
        setattr(network, name, None)  # nothing frozen needs a loss of its own
    origin.copy_into(network)
    freeze(network)
    return Appended(network, origin.outputs, classes)


def _last(network: nn.Module, count: int) -> list[str]:
    try:
        return [name for name, _ in last_stages(network, count)]
    except ValueError as error:
        raise lab.UsageError(f"--transfer last-{count}: {error}") from error


def _freeze_all_but(network: nn.Module, names: Collection[str]) -> None:
    layers = dict(network.named_modules())
    # the bilinear upsampling of an FCN does not learn in any case
    able = [n for n in names if any(p.requires_grad for p in layers[n].parameters())]
    freeze(network)
    unfreeze(network, *able)


def _fits(network: nn.Module, head: str, weights: Weights) -> bool:
    own = {n: v for n, v in network.state_dict().items() if n.startswith(f"{head}.")}
    return all(n in weights and weights[n].shape == value.shape for n, value in own.items())


def _backbone(network: nn.Module) -> Classifier | None:
    """Return what gives a segmentation network its features; None for a classifier."""
    return network.backbone if isinstance(network, FCN | DilatedFCN) else None
