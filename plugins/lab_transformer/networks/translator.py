"""Join an encoder and a decoder, as Vaswani et al. (2017, section 3) do: theirs is `--norm post
--activation relu --positions sinusoidal`; pre-norm: Xiong et al. (2020)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

import lab
from lab.sequence import TokenDecoder, initialize_transformer
from lab.sequence.states import State
from lab_transformer.config import Config
from lab_transformer.networks.blocks import block_config
from lab_transformer.networks.reader import Reader

LONGEST = 512  # words of a sentence that have learned positions


class Translator(nn.Module):
    """Prepared inputs [B, ...] and the words of a sentence so far [B, U] -> logits [B, U, V] of
    the word that follows each. Behind the V words stands the one that begins a sentence, `bos`."""

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.bos = info.outputs
        self.reader = Reader(config, info, class_token=False)
        self.decoder = TokenDecoder(
            info.outputs,
            config.layers,
            block_config(config),
            positions=config.positions,
            capacity=max(LONGEST, config.max_tokens or 0),
            extra=1,
            cross=True,
            tied=config.tie_weights,
        )
        initialize_transformer(self, config.init)

    def forward(
        self, inputs: Tensor, words: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return logits [B, U, V]; without words, of what begins a sentence. mask: [B, T], the
        steps of the inputs that there are."""
        if words is None:
            words = torch.full((inputs.shape[0], 1), self.bos, device=inputs.device)
        logits: Tensor = self.decoder(words, *self.reader(inputs, mask))
        return logits

    def start(self, inputs: Tensor, mask: Tensor | None, capacity: int) -> dict[str, Any]:
        """Return the state before the first of `capacity` words."""
        memory, keep = self.reader(inputs, mask)
        return self.decoder.start(len(inputs), capacity, memory, keep)

    def step(self, words: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read one word a row [B]; return logits [B, V] of the next, and the state."""
        return self.decoder.step(words, state)
