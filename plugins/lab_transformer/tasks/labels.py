"""Classes and values: of pictures (ViT), of sentences and sequences, or of each of their steps."""

from __future__ import annotations

from torch import nn

import lab
from lab.capabilities import Predict
from lab.supervised.label_task import LabelTask
from lab_transformer import pictures
from lab_transformer.config import Config
from lab_transformer.networks.answers import Labeler


class Labels(LabelTask):
    """What an encoder says of all steps, or of each."""

    asked, answers = Predict, "labels"

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return Labeler(config, info)

    def draw(self, model: nn.Module) -> None:
        """Draw where the network looks, in an example of the test split."""
        for name, figure in pictures.looks(model, self.data.test.first(1), self.info):
            self.ctx.media(name, figure)
