"""Read the weights that a run begins with, and copy them to where they fit.

The weights of a classifier also fit the backbone of a segmentation network, as Long et al. (2015,
section 4.1) have it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from torch import nn

import lab
from lab.nn.pretrained import Weights, copy_weights, load_weights
from lab_cnn.config import Config
from lab_cnn.model import FCN, Classifier, DilatedFCN, head_name

BACKBONE = "backbone"  # what a segmentation network calls the classifier in it


class Origin:
    """Weights to begin with: read once, at a run's start. When it goes on, its own checkpoint has
    what it has learned since, and the file may be gone.

    unfit_heads: the heads of the network that the weights lack, or have in another shape.
    outputs: how many the last layer of the weights has; 0 where they have no such layer.
    """

    def __init__(self, config: Config, ctx: lab.Context, network: nn.Module) -> None:
        self._config, self._runs_dir = config, ctx.dir.parent
        self._weights: Weights | None = None
        facts: dict[str, Any] = ctx.run_constant(
            "weights to begin with", lambda: self._read(network)
        )
        self.unfit_heads, self.outputs = facts["unfit heads"], facts["outputs"]

    def _read(self, network: nn.Module) -> dict[str, Any]:
        assert self._config.init_from is not None
        weights = load_weights(self._config.init_from, self._runs_dir)
        if segments(network) and not any(name.startswith(f"{BACKBONE}.") for name in weights):
            weights = {f"{BACKBONE}.{name}": value for name, value in weights.items()}
        self._weights = weights
        heads = heads_of(network)
        last = weights.get(f"{heads[0]}.weight")
        return {
            "unfit heads": [head for head in heads if not _fits(network, head, weights)],
            "outputs": 0 if last is None else len(last),
        }

    def copy_into(self, network: nn.Module, except_for: Collection[str] = ()) -> None:
        """Copy the weights, but for these heads, and for those that the network does without."""
        if self._weights is not None:
            layers = (*except_for, *_heads_left_out(network))
            copy_weights(network, self._weights, tuple(f"{layer}." for layer in layers))


def segments(network: nn.Module) -> bool:
    return isinstance(network, FCN | DilatedFCN)


def heads_of(network: nn.Module) -> list[str]:
    """Return the names of the last layer and of auxiliary heads; in a segmentation of all that
    turns features into scores."""
    if segments(network):
        return [name for name, _ in network.named_children() if name != BACKBONE]
    try:
        head = head_name(network)
    except ValueError as error:
        raise lab.UsageError(f"--init-from: {error}") from error
    auxiliary = network.OFF_PATH if isinstance(network, Classifier) else ()
    return [head, *(name for name in auxiliary if getattr(network, name) is not None)]


def _heads_left_out(network: nn.Module) -> list[str]:
    """Return the names of heads that weights may have and this network does not."""
    if not isinstance(network, FCN | DilatedFCN):
        return _absent(network) if isinstance(network, Classifier) else []
    names = [f"{BACKBONE}.{name}" for name in _absent(network.backbone)]
    if isinstance(network, DilatedFCN) and network.aux_classifier is None:
        names.append("aux_classifier")
    return names


def _absent(classifier: Classifier) -> list[str]:
    return [name for name in classifier.HEAD if getattr(classifier, name, None) is None]


def _fits(network: nn.Module, head: str, weights: Weights) -> bool:
    own = {n: v for n, v in network.state_dict().items() if n.startswith(f"{head}.")}
    return all(n in weights and weights[n].shape == value.shape for n, value in own.items())
