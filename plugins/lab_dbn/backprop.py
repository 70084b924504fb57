"""Fine-tune the unrolled network by backpropagation: as a classifier or as an autoencoder.

Hinton and Salakhutdinov, "Reducing the dimensionality of data with neural networks" (2006).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

import lab
from lab.optim import OptimizerOptions, Updater
from lab_dbn.config import Config

RATE = 1e-3  # of Adam, by default


class Backprop:
    """Minimizes cross-entropy of classes, or of intensities; of gaussian units half the squared
    error. A reconstruction's loss is the sum over units, the mean over examples."""

    def __init__(
        self,
        net: nn.Module,
        config: Config,
        gaussian: bool,
        ctx: lab.Context,
        progress: Callable[[], float],
    ) -> None:
        options = OptimizerOptions.model_validate(
            {
                "optimizer": "adamw" if config.finetune_decay else "adam",
                "lr": config.finetune_lr or RATE,
                "weight_decay": config.finetune_decay,
                "schedule": config.lr_schedule,
            }
        )
        self.gaussian = gaussian
        loss = self.classify if config.finetune == "classify" else self.autoencode
        self.updater = Updater(ctx, net, options, loss, progress=progress)

    def update(self, batch: lab.Batch) -> tuple[Tensor, Tensor | None]:
        """Train on visible states `visible` [B, V], and on `targets` [B] to classify. Returns the
        loss, and the accuracy."""
        return self.updater(batch)

    @property
    def lr(self) -> float:
        return self.updater.lr

    def classify(self, net: Any, batch: lab.Batch) -> tuple[Tensor, Tensor]:
        logits, targets = net(batch["visible"]), batch["targets"]
        accuracy = (logits.detach().argmax(1) == targets).float().mean()
        return cross_entropy(logits, targets), accuracy

    def autoencode(self, net: Any, batch: lab.Batch) -> tuple[Tensor, None]:
        visible = batch["visible"]
        outputs = net(visible)
        if self.gaussian:
            return (outputs - visible).square().sum() / (2 * len(visible)), None
        total = binary_cross_entropy_with_logits(outputs, visible, reduction="sum")
        return total / len(visible), None

    def state_dict(self) -> dict[str, Any]:
        return {"optimizer": self.updater.state_dict()["optimizer"]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        model = self.updater.module.state_dict()  # loaded before, with the rest of the network
        self.updater.load_state_dict({"model": model, **state})
