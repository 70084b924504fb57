"""Score how real examples are, and where configured predict their class and latent code."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from lab import DatasetInfo
from lab_gan.config import Config
from lab_gan.latent import LatentSpec


class DiscriminatorOutput(NamedTuple):
    """score [B]: a logit or a critic's value, above the loss's threshold for what seems real.
    classes [B, K], category [B, C]: logits. continuous [B, N]. None without such a head."""

    score: Tensor
    classes: Tensor | None = None
    category: Tensor | None = None
    continuous: Tensor | None = None


class Discriminator(nn.Module):
    """A body and its heads.

    concat: the class is part of the input (Mirza and Osindero, 2014). projection: the score gains
    the product of features and an embedding of the class (Miyato and Koyama, 2018, figure 1d).
    auxiliary: a head names the class (Odena et al., 2017, section 3). Semi-supervised: classes have
    logits l, and an example is real with odds sum(exp(l)) (Salimans et al., 2016, section 5).
    InfoGAN: a head reads the code from fakes (Chen et al., 2016, section 6). Pack: examples are
    scored several at a time, so that the samples' lack of variety shows (Lin et al., 2018).
    """

    def __init__(
        self, body: nn.Module, count: int, config: Config, info: DatasetInfo, codes: LatentSpec
    ) -> None:
        super().__init__()
        classes = len(info.classes)
        self.body, self.pack = body, config.packing
        self.lipschitz = config.lipschitz
        self.flat = config.architecture(info.kind) == "mlp"
        self.joins = config.conditional == "concat"
        self.semi = config.n_labeled_per_class is not None
        self.score = None if self.semi else nn.Linear(count, 1)
        self.names = nn.Linear(count, classes) if config.names_classes else None
        projects = config.conditional == "projection"
        self.embedding = nn.Linear(classes, count, bias=False) if projects else None
        self.categories, self.continuous = codes.categories, codes.continuous
        read = codes.categories + codes.continuous
        self.reads = nn.Linear(count, read) if read else None

    def forward(self, examples: Tensor, labels: Tensor | None = None) -> DiscriminatorOutput:
        """Score examples [B * pack, ...], with labels [B * pack, K] if conditional; a row
        for each pack [B]."""
        if self.flat:
            examples = examples.flatten(1)
        if self.joins:
            assert labels is not None
            examples = concat_labels(examples, labels)
        features = self.body(pack_examples(examples, self.pack))
        classes = None if self.names is None else self.names(features)
        if self.score is None:
            assert classes is not None
            score = classes.logsumexp(1)
        else:
            score = self.score(features).squeeze(1)
        if self.embedding is not None:
            score = score + (self.embedding(labels) * features).sum(1)
        if self.lipschitz != 1:
            score = self.lipschitz * score
        return DiscriminatorOutput(score, classes, *self.read(features))

    def read(self, features: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Return the categorical and the continuous code predicted from features [B, F]."""
        if self.reads is None:
            return None, None
        category, continuous = self.reads(features).split([self.categories, self.continuous], 1)
        return category if self.categories else None, continuous if self.continuous else None


def concat_labels(examples: Tensor, labels: Tensor) -> Tensor:
    """Return examples with their labels: as more channels of images [B, C + K, H, W], at each step
    of sequences [B, T, F + K], as columns of tables [B, F + K]."""
    if examples.ndim == 4:
        planes = labels[:, :, None, None].expand(-1, -1, *examples.shape[2:])
        return torch.cat([examples, planes], 1)
    if examples.ndim == 3:
        return torch.cat([examples, labels[:, None].expand(-1, examples.shape[1], -1)], 2)
    return torch.cat([examples, labels], 1)


def pack_examples(examples: Tensor, pack: int) -> Tensor:
    """Return each `pack` examples as one: images side by side as channels, sequences and tables as
    features."""
    if pack == 1:
        return examples
    count = len(examples) // pack
    if examples.ndim == 3:
        _, steps, features = examples.shape
        packed = examples.view(count, pack, steps, features).transpose(1, 2)
        return packed.reshape(count, steps, pack * features)
    return examples.reshape(count, pack * examples.shape[1], *examples.shape[2:])
