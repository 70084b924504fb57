"""Predict text token by token, from the tokens before in a window (Radford et al., 2019)."""

from __future__ import annotations

from torch import nn

import lab
from lab.capabilities import Predict
from lab.sequence import attention_maps
from lab.supervised.language import LanguageTask
from lab.supervised.options import refuse_unused
from lab_transformer import pictures
from lab_transformer.config import Config
from lab_transformer.networks.language import LanguageNet


class Language(LanguageTask):
    """Batches are windows of `context` tokens from anywhere in the text."""

    asked, answers = Predict, "probabilities of a text"

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        refuse_unused(
            config, "tokens are predicted of those before", "class_weights", "augment", "loss"
        )
        super().__init__(config, ctx, carried=False)

    @staticmethod
    def network(config: Config, info: lab.DatasetInfo) -> nn.Module:
        return LanguageNet(config, info)

    def draw(self, model: nn.Module) -> None:
        """Draw where the network looks, in the beginning of the test split."""
        tokens = self.part("test").ids[None, : pictures.LABELED]
        tokens = tokens[:, : self.config.context]
        with attention_maps(model) as maps:
            model(tokens)
        labels = [repr(self.info.vocabulary[token])[1:-1] for token in tokens[0].tolist()]
        weights = [layer[0].float().cpu() for layer in maps.values()]
        self.ctx.media("attention", pictures.over_steps(weights, labels, labels))
