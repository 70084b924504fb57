"""Measure classes of the nodes of trees, as sentiment treebanks are (Socher et al., 2013)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from lab.data.batches import IGNORED
from lab.metrics.metrics import fetch, widest
from lab.statistics import bounds, wilson


class NodeClassification:
    """The fraction of right classes, of roots (`accuracy`) and of all nodes (`node_accuracy`).

    neutral: of classes in an order, the one in the middle. `binary_accuracy` then tells on which
    side of it a root is, by the summed probabilities of either side; neutral roots do not count.
    """

    def __init__(self, neutral: int | None = None) -> None:
        self.neutral = neutral
        self._sums: Tensor | None = None

    @torch.no_grad()
    def add(
        self, logits: Tensor, targets: Tensor, roots: Tensor, negated: Tensor | None = None
    ) -> None:
        """Add trees: logits [B, K, M] and classes [B, M] of nodes, IGNORED for those without one;
        roots [B], which node is the root; negated bool [B], whose roots `negation_accuracy` is of.
        Raises ValueError where the shapes do not belong together."""
        if logits.movedim(1, -1).shape[:-1] != targets.shape or roots.shape != targets.shape[:1]:
            raise ValueError(
                f"logits [B, K, M] are for nodes [B, M] and roots [B]; these are "
                f"{list(logits.shape)} for {list(targets.shape)} and {list(roots.shape)}"
            )
        logits = logits.float()
        right = logits.argmax(1) == targets  # which IGNORED never is
        loss = functional.cross_entropy(logits, targets, ignore_index=IGNORED, reduction="sum")
        place = roots[:, None]
        goal, hit = targets.gather(1, place)[:, 0], right.gather(1, place)[:, 0]
        rooted = goal != IGNORED
        some = rooted if negated is None else rooted & negated
        sums = [
            loss, right.sum(), (targets != IGNORED).sum(), hit.sum(), rooted.sum(),
            (hit & some).sum(), (some if negated is not None else some & False).sum(),
            *self._sides(logits.gather(2, place[:, None].expand(-1, logits.shape[1], 1)), goal),
        ]  # fmt: skip
        added = torch.stack([value.to(widest(logits)) for value in sums])
        self._sums = added if self._sums is None else self._sums + added

    def _sides(self, logits: Tensor, goal: Tensor) -> tuple[Tensor, Tensor]:
        """Return how many roots are on the right side of neutral, and how many on any."""
        if self.neutral is None:
            return goal.new_zeros(()), goal.new_zeros(())
        likely = logits[..., 0].softmax(1)
        above = likely[:, self.neutral + 1 :].sum(1) > likely[:, : self.neutral].sum(1)
        counted = (goal != IGNORED) & (goal != self.neutral)
        return ((above == (goal > self.neutral)) & counted).sum(), counted.sum()

    def compute(self, split: str = "eval") -> dict[str, float]:
        """Return `loss` of a node, the accuracies that there are, and on "test" Wilson's intervals
        of those of roots, and n, the number of roots. Raises ValueError where nothing was added."""
        (sums,) = fetch(self._sums)
        loss, right, nodes, hits, roots, negated_hits, negated, side_hits, sides = map(float, sums)
        if not nodes:
            raise ValueError("no node that was added has a class: there is nothing to measure")
        metrics = {"loss": loss / nodes, "node_accuracy": right / nodes}
        for name, number, of in (
            ("accuracy", hits, roots),
            ("binary_accuracy", side_hits, sides),
            ("negation_accuracy", negated_hits, negated),
        ):
            if of:
                metrics[name] = number / of
                if split == "test":
                    metrics |= bounds(name, wilson(number / of, of))
        if split == "test":
            metrics["n"] = roots
        return metrics
