"""Refuse, in plain words, what adversarial networks cannot learn from."""

from __future__ import annotations

import torch
from torch import Tensor

import lab
from lab import Data, DatasetInfo
from lab.data import splits
from lab.generative import check_size, check_variety
from lab_gan.config import ARCHITECTURES, Config


def fits(config: Config, info: DatasetInfo) -> None:
    """Raise UsageError where the data lack what the options need."""
    if info.kind not in ARCHITECTURES:
        raise lab.UsageError(
            f"{info.name} is {info.kind} data; these networks make images, tables, sequences and "
            "sentences of a vocabulary"
        )
    arch, own = config.architecture(info.kind), ARCHITECTURES[info.kind]
    if arch not in (own, "mlp") or (arch == "mlp" and own == "rnn"):
        raise lab.UsageError(f"--arch {arch} cannot make {info.name}; leave it to {own}")
    _does_something(config, info, arch)
    needs_classes = {
        f"--conditional {config.conditional}": config.conditional != "none",
        "--n-labeled-per-class": config.n_labeled_per_class is not None,
    }
    for option, is_set in needs_classes.items():
        if is_set and info.task != "classify":
            raise lab.UsageError(f"{option} needs classes; {info.name} has none")
    if config.diffaug and info.kind != "image":
        raise lab.UsageError(f"--diffaug varies images; {info.name} is of the kind {info.kind}")
    if config.normalizes and own == "rnn":
        raise lab.UsageError(
            "recurrent layers have no spectral norm: take --spectral-norm off with --r1 1, or "
            "another --loss"
        )


def _does_something(config: Config, info: DatasetInfo, arch: str) -> None:
    """Raise UsageError where an option is set that the networks have no use for."""
    for name, used in (
        ("hidden", arch == "mlp"),
        ("width", arch != "mlp"),
        ("norm", arch != "rnn"),
        ("temperature", info.kind == "tokens"),
    ):
        if not used and getattr(config, name) != type(config).model_fields[name].default:
            raise lab.UsageError(f"--{name} does nothing for {info.name}, which {arch} makes")


def examples(data: Data, config: Config) -> None:
    """Raise UsageError where the examples themselves do not allow the options."""
    check_variety(data)
    check_size(data, config.eval_samples)
    targets = data.train.targets
    if targets is not None and targets.ndim > 1 and data.info.classes:
        for option, is_set in (
            ("--conditional", config.conditional != "none"),
            ("--n-labeled-per-class", config.n_labeled_per_class is not None),
        ):
            if is_set:
                raise lab.UsageError(
                    f"{option} needs a class for each example; {data.info.name} has one for each "
                    "of its steps"
                )
    size, least = min(config.batch_size, len(data.train)), min(len(data.eval), len(data.test))
    if config.packing > 1 and (size % config.packing or least < config.packing):
        raise lab.UsageError(
            f"--packing {config.packing} does not fit {data.info.name}: batches of {size} and "
            f"{least} examples to measure by"
        )


def few_of_each(data: Data, config: Config) -> Tensor:
    """Return rows of the training split: `labeled` examples of each class."""
    assert config.n_labeled_per_class is not None
    rows = data.parts["train"]
    fewest = int(torch.bincount(_classes(data)).min())
    if config.n_labeled_per_class >= fewest:
        raise lab.UsageError(
            f"--n-labeled-per-class {config.n_labeled_per_class}: a class of "
            f"{config.data} has {fewest} examples in all; some are to be left without a label"
        )
    chosen = splits.few(
        data.dataset, config.data, rows, config.n_labeled_per_class, config.split_seed
    )
    within = torch.isin(torch.from_numpy(rows), torch.from_numpy(chosen))
    return within.nonzero().flatten().to(data.train.device)


def _classes(data: Data) -> Tensor:
    assert data.train.targets is not None
    return data.train.targets.long()
