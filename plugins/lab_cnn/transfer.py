"""Begin with somebody's weights, and choose what goes on learning.

Yosinski et al., "How transferable are features in deep neural networks?" (NeurIPS 2014), copy the
first n layers of a network that learned task A into one for task B. These stay as they are (AnB) or
learn on (AnB+); a network that begins at random (baseB) is the reference of both.

    no --init-from           from scratch: baseB
    --transfer all           fine-tuned: everything is copied and learns on, AnB+
    --transfer last-K        first layers frozen: everything is copied, the last K layers learn on
    --transfer new-head      frozen features: everything but the head is copied, AnB
    --transfer append-head   frozen network: everything is copied, and a layer behind it learns

A head that is copied must have as many outputs as there are classes; else it begins at random.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from torch import Tensor, nn

import lab
from lab.nn import freeze, unfreeze
from lab_cnn.config import Config
from lab_cnn.model import Classifier, last_stages
from lab_cnn.origin import Origin, heads_of, segments

Build = Callable[[int], nn.Module]


def begin(build: Build, classes: int, config: Config, ctx: lab.Context) -> nn.Module:
    """Return the network of `build(classes)` with its initial weights and frozen layers."""
    network = build(classes)
    if config.init_from is None:
        return network
    if segments(network) and config.transfer not in ("all", "new-head"):
        raise lab.UsageError(
            f"--transfer {config.transfer} is for classifiers; a segmentation has all and new-head"
        )
    origin = Origin(config, ctx, network)
    match config.transfer:
        case "all":
            return fine_tuned(network, origin)
        case "new-head":
            return with_frozen_features(network, origin)
        case "append-head":
            return with_appended_layer(build, classes, origin)
        case _:
            return with_first_layers_frozen(network, config.learning_stages, origin)


def fine_tuned(network: nn.Module, origin: Origin) -> nn.Module:
    """Let everything learn on."""
    origin.copy_into(network, except_for=origin.unfit_heads)
    return network


def with_first_layers_frozen(network: nn.Module, learning: int, origin: Origin) -> nn.Module:
    """Let the last stages learn on, `learning` of them, and a head that begins at random."""
    origin.copy_into(network, except_for=origin.unfit_heads)
    try:
        last = [name for name, _ in last_stages(network, learning)]
    except ValueError as error:
        raise lab.UsageError(f"--transfer last-{learning}: {error}") from error
    _freeze_all_but(network, {*last, *origin.unfit_heads})
    return network


def with_frozen_features(network: nn.Module, origin: Origin) -> nn.Module:
    """Train a new head on the features of the layers before it."""
    heads = heads_of(network)
    origin.copy_into(network, except_for=heads)
    _freeze_all_but(network, heads)
    return network


def with_appended_layer(build: Build, classes: int, origin: Origin) -> nn.Module:
    """Train a new layer on the old logits: its network has the classes of the weights."""
    if not origin.outputs:
        raise lab.UsageError("--transfer append-head: the weights have no head to stand behind")
    network = build(origin.outputs)
    for name in network.OFF_PATH if isinstance(network, Classifier) else ():
        setattr(network, name, None)  # nothing frozen needs a loss of its own
    origin.copy_into(network)
    freeze(network)
    return Appended(network, origin.outputs, classes)


class Appended(nn.Module):
    """A network that stays as it is, its head included, and one layer behind it."""

    def __init__(self, network: nn.Module, outputs: int, classes: int) -> None:
        super().__init__()
        self.network = network
        self.appended = nn.Linear(outputs, classes)

    def forward(self, images: Tensor) -> Tensor:
        outputs = self.network(images)
        main = outputs[0] if isinstance(outputs, tuple) else outputs
        logits: Tensor = self.appended(main)
        return logits


def _freeze_all_but(network: nn.Module, names: Collection[str]) -> None:
    layers = dict(network.named_modules())
    # the bilinear upsampling of an FCN does not learn in any case
    able = [n for n in names if any(p.requires_grad for p in layers[n].parameters())]
    freeze(network)
    unfreeze(network, *able)
