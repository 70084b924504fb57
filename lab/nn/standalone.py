"""Make of a network a model that stands alone: from inputs as the source has them to answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from lab.data.dataset_info import DatasetInfo
from lab.data.encoding import UNKNOWN, TableColumn

Meaning = Literal[
    "probabilities", "values", "logits", "codes", "reconstructions", "velocity", "noise", "v"
]

# inputs as the source has them; words are numbers of the vocabulary
DTYPES = {
    "image": torch.uint8,
    "video": torch.uint8,
    "table": torch.float64,
    "tokens": torch.int64,
    "sequence": torch.float32,
}
BATCH = 3  # not 1, so that an example cannot be taken for the only size


class Standalone(nn.Module):
    """Inputs [B, *info.source_shape] as the source has them -> answers [B, ...].

    Images are bytes; rows of a table float64, of which NaN is missing, a category is its number and
    a date days since 1970. Preparing them (filling, one-hot, standardizing) is part of the model,
    as is what makes probabilities, or values in their own unit, of what the network gives.
    """

    def __init__(
        self,
        net: nn.Module,
        info: DatasetInfo,
        meaning: Meaning,
        prepare: Callable[[Tensor], Tensor] | None = None,
        answer: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.net = net
        self.info, self.meaning = info, meaning
        self.prepare = prepare or info.prepare_inputs
        self.answer = answer or _as_it_is

    def forward(self, inputs: Tensor) -> Tensor:
        return self.answer(self.net(self.prepare(inputs)))

    def on_cpu(self) -> Self:
        """Return a copy to export: the experiment keeps its own where it is."""
        model = copy.copy(self)
        model._modules = {**self._modules, "net": copy.deepcopy(self.net).cpu().eval()}
        return model

    def examples(self) -> dict[str, Tensor]:
        """Return what the model might be called with [B, ...], by the names of its arguments."""
        return {"inputs": random_inputs(self.info)}


class Continuation(Standalone):
    """Inputs as the source has them, and the tokens of a target so far, int64 [B, steps] -> logits
    [B, steps, V] of those that follow each.

    A sentence begins with the token V. What stands behind a token changes nothing before it, so
    that shorter ones may be filled up with anything.
    """

    def __init__(self, net: nn.Module, info: DatasetInfo, steps: int) -> None:
        super().__init__(net, info, "logits")
        self.steps = steps

    def forward(self, inputs: Tensor, tokens: Tensor | None = None) -> Tensor:
        logits: Tensor = self.net(self.prepare(inputs), tokens)
        return logits

    def examples(self) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(0)
        tokens = torch.randint(self.info.outputs, (BATCH, self.steps), generator=generator)
        tokens[:, 0] = self.info.outputs
        return {**super().examples(), "tokens": tokens}


def answering(net: nn.Module, info: DatasetInfo) -> Standalone:
    """Return the model of a network that tells classes apart, or predicts values."""
    if info.classes:
        return Standalone(net, info, "probabilities", answer=partial(torch.softmax, dim=1))
    return Standalone(net, info, "values", answer=info.restore_targets)


def _as_it_is(outputs: Tensor) -> Tensor:
    return outputs


def dtype_of(info: DatasetInfo) -> torch.dtype:
    """Return the type of the inputs of a model; of images that no bytes stand for, float32."""
    return torch.float32 if info.floats else DTYPES[info.kind]


def random_inputs(info: DatasetInfo) -> Tensor:
    """Return inputs as the source might have them [B, ...]; of a table with missing values and
    unknown categories, where it may have them."""
    generator = torch.Generator().manual_seed(0)
    if info.kind == "tokens":
        return torch.randint(len(info.vocabulary), (BATCH, *info.shape), generator=generator)
    inputs = info.restore_inputs(torch.randn(BATCH, *info.shape, generator=generator))
    dtype = dtype_of(info)
    if dtype == torch.uint8:
        return (255 * inputs).clamp(0, 255).to(dtype)
    inputs = inputs.to(dtype)
    if info.encoding is not None:
        inputs[1] = torch.nan
        for number, column in enumerate(info.encoding.columns):
            if column.type == "category":
                inputs[2, number] = UNKNOWN
    return inputs


def metadata(model: Standalone) -> dict[str, str]:
    """Return what stands beside the model in its file: JSON texts by name."""
    info, example = model.info, next(iter(model.examples().values()))
    facts: dict[str, Any] = {
        "source": info.name,
        "kind": info.kind,
        "task": info.task,
        "inputs": {
            "shape": ["batch", *example.shape[1:]],
            "dtype": str(example.dtype).removeprefix("torch."),
        },
        "outputs": model.meaning,
        "classes": info.classes,
        "target": info.target,
        "columns": _columns(info),
        "vocabulary": info.vocabulary,
        "target_vocabulary": info.target_vocabulary,
        "text": info.text.facts() if info.text else {},
        "written": dict(info.written),
        # what the network itself takes, for who has its weights alone
        "preparation": {
            "mean": info.mean,
            "std": info.std,
            "fill": info.encoding.fill if info.encoding else (),
            "indicators": info.encoding.indicators if info.encoding else (),
            "target_mean": info.target_mean,
            "target_std": info.target_std,
        },
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}


def _columns(info: DatasetInfo) -> list[dict[str, Any]]:
    if info.encoding is not None:
        return info.encoding.as_plain()["columns"]  # type: ignore[no-any-return]
    return [asdict(TableColumn(name)) for name in info.features]
