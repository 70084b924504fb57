"""Learn to find trees: the right one should score higher than any other, by a margin for each wrong
span (Socher et al., 2011, section 4), and each of its nodes get its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

import lab
from lab.data.batches import IGNORED
from lab.data.brackets import written
from lab.data.dataset import Array
from lab.data.tokens import END
from lab.metrics import Brackets
from lab_rntn.config import Config
from lab_rntn.search import SEARCHES
from lab_rntn.trees import EVALUATED, TreeTask, inner_nodes, spans

LABELED = "labeled_"
LONG = 100  # words, from which on charts take minutes
Bracket = tuple[int, ...]


class Parsing(TreeTask):
    """Shapes: B sentences of T tokens, 2T - 1 nodes, K classes."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        (longest,) = self.info.shape
        if config.search == "chart" and longest > LONG:
            ctx.warn(
                f"A chart over {longest} words takes {longest**3 // 6:,} merges, and all sentences "
                f"of a batch as many as its longest; --search greedy takes {3 * longest:,}"
            )

    def loss(self, model: Any, batch: lab.Batch) -> tuple[Tensor, Any]:
        """Return the margin loss and the cross-entropy of the classes, for each node."""
        tokens, trees = batch["inputs"], batch["trees"]
        wrong = self.wrong_spans(tokens, trees)
        with torch.no_grad():
            found = SEARCHES[self.config.search](model, tokens, self.config.margin * wrong)
        read = model(tokens.repeat(2, 1), torch.cat([trees, found]))
        right, other = read.scores.sum(1).chunk(2)
        cost = self.config.margin * taken(wrong, tokens, found).sum(1)
        margins = functional.relu(other + cost - right)
        loss = margins.sum()
        nodes = self.weight(batch)
        extra = {"violations": (margins > 0).float().mean()}
        if "targets" in batch:
            logits, targets = read.logits[: len(tokens)], batch["targets"]
            loss = loss + functional.cross_entropy(
                logits,
                targets,
                ignore_index=IGNORED,
                reduction="sum",
                label_smoothing=self.config.label_smoothing,
            )
            right_classes = (logits.detach().argmax(1) == targets).sum()
            extra["node_accuracy"] = right_classes / (targets != IGNORED).sum().clamp(min=1)
        return loss / nodes, extra

    def weight(self, batch: lab.Batch) -> Tensor:
        """Return the number of nodes, which the loss is a mean over."""
        return (2 * (batch["inputs"] != END).sum(1) - 1).sum().float()

    def wrong_spans(self, tokens: Tensor, trees: Tensor) -> Tensor:
        """Return 1 for each span [start, end) that no inner node of the trees covers, else 0,
        [B, T, T + 1]."""
        batch, steps = tokens.shape
        wrong = torch.ones(batch, steps, steps + 1, device=tokens.device)
        row, node = inner_nodes(tokens).nonzero().T
        start, end = spans(tokens, trees)[row, node].T
        wrong[row, start, end] = 0
        return wrong

    def measure(self, model: Any, split: str) -> dict[str, float]:
        """Return the figures of brackets, without and with their classes."""
        plain, labeled = Brackets(), Brackets(LABELED)
        for raw in self.data.part(split).batches(EVALUATED):
            batch = self.prepared(raw)
            tokens, trees, targets = batch["inputs"], batch["trees"], batch.get("targets")
            found = SEARCHES[self.config.search](model, tokens, None)
            ours, theirs = brackets(tokens, found), brackets(tokens, trees)
            plain.add(ours, theirs)
            if targets is not None:
                with self.ctx.autocast():
                    classes = model(tokens, found).logits.argmax(1)
                named = brackets(tokens, trees, targets)
                labeled.add(without_unnamed(brackets(tokens, found, classes), named), kept(named))
        metrics = plain.compute(split)
        return metrics if targets is None else {**labeled.compute(split), **metrics}

    # -- predicting

    def find(self, model: Any, tokens: Tensor, search: str) -> Tensor:
        return SEARCHES[search](model, tokens, None)

    def predict(self, model: Any, texts: Any) -> Array:
        """Return the trees of texts [B], in brackets, each node with its class."""
        return np.array([written(answer.tree) for answer in self.read(model, list(texts), None)])


def taken(values: Tensor, tokens: Tensor, trees: Tensor) -> Tensor:
    """Return the values [B, T, T + 1] of the spans of each inner node [B, 2T - 1], else 0."""
    start, end = spans(tokens, trees).unbind(2)
    row = torch.arange(len(tokens), device=tokens.device)[:, None]
    return values[row, start, end] * inner_nodes(tokens)


def brackets(tokens: Tensor, trees: Tensor, classes: Tensor | None = None) -> list[list[Bracket]]:
    """Return the brackets of each tree: the spans of its inner nodes, with a class where there are
    classes [B, 2T - 1]."""
    covered = spans(tokens, trees)
    if classes is not None:
        covered = torch.cat([covered, classes[..., None]], 2)
    inner = inner_nodes(tokens).cpu()
    return [
        [tuple(bracket) for bracket in some[there].tolist()]
        for some, there in zip(covered.cpu(), inner, strict=True)
    ]


def kept(right: list[list[Bracket]]) -> list[list[Bracket]]:
    """Return the brackets that have a class: those which made a tree binary have none."""
    return [[bracket for bracket in some if bracket[2] != IGNORED] for some in right]


def without_unnamed(found: list[list[Bracket]], right: list[list[Bracket]]) -> list[list[Bracket]]:
    """Return the brackets that were found, but for spans that have no class in the right tree."""
    return list(_without_unnamed(found, right))


def _without_unnamed(
    found: list[list[Bracket]], right: list[list[Bracket]]
) -> Iterator[list[Bracket]]:
    for ours, theirs in zip(found, right, strict=True):
        unnamed = {bracket[:2] for bracket in theirs if bracket[2] == IGNORED}
        yield [bracket for bracket in ours if bracket[:2] not in unnamed]
