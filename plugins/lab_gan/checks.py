"""Refuse, in plain words, what adversarial networks cannot learn from."""

from __future__ import annotations

import torch
from torch import Tensor

import lab
from lab import About, Data
from lab.data import splits
from lab_gan.config import ARCHITECTURES, Config


def fits(config: Config, about: About) -> None:
    """Raise UsageError where the data do not have what was asked for."""
    if about.kind not in ARCHITECTURES:
        raise lab.UsageError(
            f"{about.name} is {about.kind}; these networks make images, tables, sequences and "
            "sentences of a vocabulary"
        )
    arch, own = config.architecture(about.kind), ARCHITECTURES[about.kind]
    if arch not in (own, "mlp") or (arch == "mlp" and own == "rnn"):
        raise lab.UsageError(f"--arch {arch} cannot make {about.kind}s; leave it to {own}")
    wanted = {
        f"--conditional {config.conditional}": config.conditional != "none",
        "--labelled": config.labelled is not None,
    }
    for option, given in wanted.items():
        if given and about.task != "classify":
            raise lab.UsageError(f"{option} needs classes; {about.name} has none")
    if config.diffaug and about.kind != "image":
        raise lab.UsageError(f"--diffaug varies images; {about.name} is of the kind {about.kind}")
    if config.normalizes and own == "rnn":
        raise lab.UsageError(
            "recurrent layers have no spectral norm: take --spectral-norm off with --r1 1, or "
            "another --loss"
        )


def few_of_each(data: Data, config: Config) -> Tensor:
    """Return rows of the training split: `labelled` examples of each class."""
    assert config.labelled is not None
    rows = data.parts["train"]
    chosen = splits.few(data.dataset, config.data, rows, config.labelled, config.split_seed)
    within = torch.isin(torch.from_numpy(rows), torch.from_numpy(chosen))
    return within.nonzero().flatten().to(data.train.device)
