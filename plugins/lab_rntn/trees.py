"""Learn from trees: what labeling and parsing have in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import lab
from lab.data import trees as tree_data
from lab.data.brackets import Tree, from_arrays, written
from lab.data.tokens import END
from lab.supervised.data_task import DataTask
from lab.supervised.text_inputs import read_texts
from lab_rntn.config import Config, Predict
from lab_rntn.texts import read

EVALUATED = 128  # trees in a batch that is only measured
AT_ONCE = 64  # texts that are predicted from at a time


class Answer(NamedTuple):
    """tree: with the class of each node. root: [K], the probabilities of the root's class."""

    tree: Tree
    root: Tensor

    def described(self, classes: Sequence[str]) -> dict[str, Any]:
        """Return the answer as plain data."""
        best = {classes[number]: float(self.root[number]) for number in self.root.argsort()[-1:]}
        return {**({"classes": best} if best else {}), "tree": written(self.tree)}


class TreeTask(DataTask):
    """Batches of tokens [B, T], trees [B, T - 1, 2] and, where there are classes, targets of nodes
    [B, 2T - 1]; cut to the longest of them."""

    config: Config

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        super().__init__(config, ctx)
        self.config = config

    def next(self) -> lab.Batch:
        """Return the next training batch, prepared."""
        return self.prepared(self.batches.next())

    def prepared(self, batch: lab.Batch) -> lab.Batch:
        """Return a batch of the source as networks and losses take it, without steps that no
        sentence has."""
        batch = self.info.prepare(batch)
        longest = int((batch["inputs"] != END).sum(1).max())
        batch["inputs"] = batch["inputs"][:, :longest]
        batch["trees"] = batch["trees"][:, : longest - 1].long()
        if "targets" in batch:
            batch["targets"] = batch["targets"][:, : 2 * longest - 1]
        return batch

    def roots(self, tokens: Tensor) -> Tensor:
        """Return the number of each tree's root [B]."""
        return 2 * (tokens != END).sum(1) - 2

    # -- predicting

    def find(self, model: Any, tokens: Tensor, search: str) -> Tensor:
        """Return trees [B, T - 1, 2] over texts that came without."""
        raise NotImplementedError

    def read(self, model: Any, texts: Sequence[str], search: str | None) -> Iterator[Answer]:
        """Yield an answer for each text, or tree in brackets. Raises UsageError where there is
        none, and for what `texts.read` refuses."""
        if not texts:
            raise lab.UsageError("there is no text to predict from")

        def find(tokens: Tensor) -> Tensor:
            found = self.find(model, tokens.to(self.ctx.device), search or self.config.search)
            return found.cpu()

        for start in range(0, len(texts), AT_ONCE):
            given = read(texts[start : start + AT_ONCE], self.info)
            tokens = given.tokens.to(self.ctx.device)
            trees = given.trees(find).to(tokens.device)
            likely = model(tokens, trees).logits.float().softmax(1).cpu()
            for row, root in enumerate(self.roots(tokens).tolist()):
                classes = likely[row].argmax(0) if self.info.classes else None
                yield Answer(self.tree(tokens[row], trees[row], classes), likely[row, :, root])

    def texts(self, split: str, number: int) -> list[str]:
        """Return the first examples of a split as `read` takes them: trees in brackets, or texts
        where these are to be parsed."""
        batch = self.data.part(split).first(number)
        rows = zip(batch["inputs"], batch["trees"], strict=True)
        trees = [self.tree(tokens, trees, None) for tokens, trees in rows]
        parsing = self.info.task == "parse"
        return [" ".join(tree.words) if parsing else written(tree) for tree in trees]

    def example(self, number: int) -> Any:
        """Return what `predict` takes, of the first examples of the eval split [number]."""
        return np.array(self.texts("eval", number))

    def predict_command(self, model: Any, options: Predict) -> list[dict[str, Any]]:
        """Return of each text its tree in brackets, every node with its class, and the class of the
        root."""
        called, texts = read_texts(options.inputs, self.info)
        answers = self.read(model, texts, options.search)
        return [
            {"input": name, **answer.described(self.info.classes)}
            for name, answer in zip(called, answers, strict=True)
        ]

    def tree(self, tokens: Tensor, trees: Tensor, classes: Tensor | None) -> Tree:
        """Return one tree by its words and its classes' names."""
        numbers = None if classes is None else classes.cpu().numpy()
        return from_arrays(
            tokens.tolist(), trees.cpu().numpy(), numbers, self.info.vocabulary, self.info.classes
        )


def inner_nodes(tokens: Tensor) -> Tensor:
    """Tell which of the nodes [B, 2T - 1] are inner ones."""
    lengths = (tokens != END).sum(1, keepdim=True)
    number = torch.arange(2 * tokens.shape[1] - 1, device=tokens.device)
    return (number >= lengths) & (number < 2 * lengths - 1)


def spans(tokens: Tensor, trees: Tensor) -> Tensor:
    """Return the tokens that each node covers, [start, end) int [B, 2T - 1, 2]."""
    found: Any = tree_data.spans(tokens.cpu().numpy(), trees.cpu().numpy())
    return torch.from_numpy(found).to(tokens.device)
