"""Join an encoder and a decoder of any kind.

Sutskever et al., "Sequence to sequence learning with neural networks" (2014); attention: Bahdanau
et al. (2015), Luong et al. (2015); the Transformer: Vaswani et al. (2017).
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lab import DatasetInfo
from lab.sequence import (
    BlockConfig,
    StepInputs,
    initialize_transformer,
    make_alignment,
    make_positions,
)
from lab.sequence.states import State
from lab_seq2seq.config import Config
from lab_seq2seq.decoders import RecurrentDecoder, TransformerDecoder
from lab_seq2seq.encoders import Encoding, RecurrentEncoder, TransformerEncoder

Transformer = TypeVar("Transformer", TransformerEncoder, TransformerDecoder)
CAPACITY = 512  # learned positions, at least


class EncoderDecoder(nn.Module):
    """Prepared inputs of a source and the tokens of a target so far -> logits of those that follow.

    context: "attention", or "vector", where the decoder knows the summary of the source alone.
    """

    def __init__(
        self,
        inputs: StepInputs,
        encoder: RecurrentEncoder | TransformerEncoder,
        decoder: RecurrentDecoder | TransformerDecoder,
        *,
        context: str = "attention",
    ) -> None:
        super().__init__()
        self.inputs, self.encoder, self.decoder = inputs, encoder, decoder
        self.context = context

    @property
    def bos(self) -> int:
        """The token that begins a sentence."""
        return self.decoder.words

    def forward(
        self, inputs: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return logits [B, U, V] of what follows each of the tokens [B, U]; of what begins a
        sentence where no tokens are given. mask: [B, T], the steps of the inputs that there are."""
        if tokens is None:
            tokens = torch.full_like(inputs[:, :1].flatten(1)[:, :1], self.bos, dtype=torch.long)
        return self.decoder(tokens, self.encode(inputs, mask))  # type: ignore[no-any-return]

    def encode(self, inputs: Tensor, mask: Tensor | None = None) -> Encoding:
        """Return what the decoder may know of the inputs [B, ...]."""
        steps, lengths = self.inputs(inputs, mask)
        encoding: Encoding = self.encoder(steps, lengths)
        return encoding if self.context == "attention" else encoding.as_vector()

    def start(self, inputs: Tensor, mask: Tensor | None, capacity: int) -> dict[str, Any]:
        """Return the state of decoding before the first of `capacity` tokens."""
        return self.decoder.start(self.encode(inputs, mask), capacity)

    def step(self, tokens: Tensor, state: State) -> tuple[Tensor, dict[str, Any]]:
        """Read one token a row [B]; return logits [B, V] of the next, and the state."""
        return self.decoder.step(tokens, state)


def build(config: Config, info: DatasetInfo) -> EncoderDecoder:
    """Return the network that the config asks for, with its initial weights."""
    scaled = config.encoder == "transformer" and config.positions == "sinusoidal"
    inputs = StepInputs(info, config.hidden_size, scan=config.scan, scaled=scaled)
    encoder = _encoder(config, inputs.steps or CAPACITY)
    decoder = _decoder(config, info.outputs)
    return EncoderDecoder(inputs, encoder, decoder, context=config.context)


def _encoder(config: Config, steps: int) -> RecurrentEncoder | TransformerEncoder:
    width, layers = config.hidden_size, config.layers
    if config.encoder == "transformer":
        positions = make_positions(config.positions, width, max(steps, CAPACITY))
        return _initialized(TransformerEncoder(layers, _block(config), positions))
    return RecurrentEncoder(
        config.encoder,
        width,
        layers,
        bidirectional=config.bidirectional,
        dropout=config.dropout,
    )


def _decoder(config: Config, words: int) -> RecurrentDecoder | TransformerDecoder:
    width, layers = config.hidden_size, config.layers
    if config.decoder == "transformer":
        return _initialized(
            TransformerDecoder(
                words,
                layers,
                _block(config),
                positions=config.positions,
                capacity=max(CAPACITY, config.max_tokens or 0),
            )
        )
    attends = config.context == "attention"
    alignment = make_alignment(config.alignment, width, width, width) if attends else None
    return RecurrentDecoder(
        config.decoder, words, width, layers, alignment=alignment, dropout=config.dropout
    )


def _block(config: Config) -> BlockConfig:
    return BlockConfig(
        config.hidden_size,
        config.heads,
        dropout=config.dropout,
        pre_norm=True,
        rotary=config.positions == "rotary",
    )


def _initialized(module: Transformer) -> Transformer:
    initialize_transformer(module, "xavier")
    return module
