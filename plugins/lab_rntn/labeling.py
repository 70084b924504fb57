"""Learn the class of every node of given trees (Socher et al., 2013)."""

from __future__ import annotations

from typing import Any
from warnings import warn

import numpy as np
import torch
from torch import Tensor

import lab
from lab.data.batches import IGNORED
from lab.data.dataset import Array
from lab.data.tokens import END
from lab.data.trees import SENTIMENT, chain, packed
from lab.metrics import NodeClassification
from lab.nn import CrossEntropy
from lab_rntn.config import Config
from lab_rntn.trees import EVALUATED, TreeTask

NEGATING = (
    "not", "n't", "never", "no", "nothing", "neither", "nor", "without", "hardly", "scarcely",
    "nobody",
)  # fmt: skip


class Labeling(TreeTask):
    """The loss is over all nodes that have a class. Shapes: B trees of 2T - 1 nodes, K classes."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.criterion = CrossEntropy(config.label_smoothing, ignore=IGNORED)
        words = self.info.vocabulary
        self._negating = [words.index(word) for word in NEGATING if word in words]

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        """Return the training loss, and the fraction of right nodes."""
        logits, targets = model(batch["inputs"], batch["trees"]).logits, batch["targets"]
        right = logits.detach().argmax(1) == targets  # which IGNORED never is
        accuracy = right.sum() / (targets != IGNORED).sum().clamp(min=1)
        return self.criterion(logits, targets), {"node_accuracy": accuracy}

    def weight(self, batch: lab.Batch) -> Tensor:
        return self.criterion.weight(batch["targets"])

    def measure(self, model: Any, split: str) -> dict[str, float]:
        """Return the metrics of a split."""
        metrics = NodeClassification(neutral=2 if self.info.classes == SENTIMENT else None)
        for raw in self.data.part(split).batches(EVALUATED):
            batch = self.prepared(raw)
            with self.ctx.autocast():
                logits = model(batch["inputs"], batch["trees"]).logits
            roots = self.roots(batch["inputs"])
            metrics.add(logits, batch["targets"], roots, self._negated(batch["inputs"]))
        return metrics.compute(split)

    def _negated(self, tokens: Tensor) -> Tensor | None:
        """Tell which sentences [B] have a word that negates; None where that says nothing."""
        if self.info.classes != SENTIMENT or not self._negating:
            return None
        return torch.isin(tokens, tokens.new_tensor(self._negating)).any(1)

    # -- predicting

    def find(self, model: Any, tokens: Tensor, search: str) -> Tensor:
        """Return trees that branch to the right, and warn: who was not taught to parse knows no
        others."""
        warn("texts without brackets branch to the right", lab.InputWarning, stacklevel=2)
        lengths = (tokens != END).sum(1).tolist()
        trees = packed([chain(length) for length in lengths], tokens.shape[1])
        return torch.from_numpy(trees).long()

    def predict(self, model: Any, texts: Any) -> Array:
        """Return the probabilities of the root's class [B, K] of texts, or trees in brackets."""
        return np.stack([answer.root.numpy() for answer in self.read(model, list(texts), None)])
