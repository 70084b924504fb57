"""Predict text token by token, from a state that goes through all of it (Mikolov et al., 2010)."""

from __future__ import annotations

import lab
from lab.supervised.language import LanguageTask
from lab.supervised.options import refuse_unused
from lab_rnn.config import Config


class Language(LanguageTask):
    """Batches go on where the ones before stopped; errors flow back through `context` tokens of
    them, no further (truncated backpropagation through time, Williams & Peng, 1990)."""

    def __init__(self, config: Config, ctx: lab.Context) -> None:
        refuse_unused(
            config, "tokens are predicted of those before", "class_weights", "augment", "loss"
        )
        super().__init__(config, ctx, carried=True)
