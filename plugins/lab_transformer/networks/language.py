"""Predict each token from those before it (Radford et al., 2019): a decoder without a memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import lab
from lab.sequence import TokenDecoder, initialize_transformer
from lab.sequence.states import State
from lab_transformer.config import Config
from lab_transformer.networks.blocks import block_config


class LanguageNet(nn.Module):
    """Tokens [B, T] -> logits [B, T, V] of the one after each, and the state behind them.

    At most `context` tokens are seen. What is read within them is computed once, and kept; beyond,
    what is seen slides: each token is then predicted from the last `context` ones, which are read
    anew, as they stand at other positions.
    """

    def __init__(self, config: Config, info: lab.DatasetInfo) -> None:
        super().__init__()
        self.context = info.shape[0]
        self.decoder = TokenDecoder(
            info.outputs,
            config.layers,
            block_config(config),
            positions=config.positions,
            capacity=self.context,
            tied=config.tie_weights,
        )
        initialize_transformer(self, config.init)

    def start(self, batch: int) -> State:
        state = self.decoder.start(batch, self.context)
        return {**state, "seen": state["position"].new_zeros(batch, self.context)}

    def forward(self, tokens: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Without a state, tokens are the first, at most `context`, and none is returned."""
        if state is None:
            return self.decoder(tokens), {}
        seen = torch.cat([state["seen"], tokens], 1)[:, -self.context :]  # the last, at the right
        if int(state["position"].max()) + tokens.shape[1] <= self.context:
            logits, after = self.decoder.read(tokens, state)
            return logits, {**after, "seen": seen}
        if tokens.shape[1] > 1:
            return self._one_by_one(tokens, state)
        return self.decoder(seen)[:, -1:], {**state, "seen": seen}

    def _one_by_one(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        scores = []
        for token in tokens.split(1, 1):
            logits, state = self(token, state)
            scores.append(logits)
        return torch.cat(scores, 1), state
